'use strict'

// What the packages say of code of others fits what is in the binary.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { crates, lockedCrates } = require('../../scripts/crates')
const { listed, listedCrates, notices } = require('../../scripts/notices')
const { LEGAL } = require('../../scripts/pack')

const ROOT = path.join(__dirname, '..', '..')
const linked = crates({ offline: true })
const skip = linked === null ? 'Cargo is missing here, or does not have the crates of all platforms' : false

function read (name) {
  return fs.readFileSync(path.join(ROOT, name), 'utf8').replaceAll('\r\n', '\n')
}

test('each crate of the notices is in Cargo.lock: npm run notices', () => {
  const locked = new Set(lockedCrates().map(({ name, version }) => `${name} ${version}`))
  const names = listedCrates().map((line) => line.replace(/ \(.+$/, ''))
  assert.ok(names.length > 90, `${names.length} crates`)
  assert.deepEqual(names.filter((name) => !locked.has(name)), [])
})

test('the notices list every crate that Cargo links: npm run notices', { skip }, () => {
  assert.deepEqual(listedCrates(), linked.map(listed))
})

test('the notices have the terms of every crate, and of the engine: npm run notices', { skip }, () => {
  assert.equal(read('THIRD-PARTY-NOTICES.txt'), notices(linked))
})

test('the list of parts names every crate with its checksum', { skip }, () => {
  const { components, dependencies } = require('../../scripts/sbom').sbom()
  const found = components.filter(({ purl }) => purl?.startsWith('pkg:cargo/'))
  const names = ({ name, version }) => `${name} ${version}`
  assert.deepEqual(found.map(names), linked.map(names))
  for (const { name, hashes } of found) assert.match(hashes[0].content, /^[0-9a-f]{64}$/, name)
  assert.equal(dependencies[0].dependsOn.length, components.length)
  assert.equal(new Set(components.map((one) => one['bom-ref'])).size, components.length)
})

test('every package has the licence and the notices', () => {
  for (const folder of ['.', ...fs.readdirSync(path.join(ROOT, 'packages')).map((name) => `packages/${name}`)]) {
    const { files } = JSON.parse(read(`${folder}/package.json`))
    for (const name of LEGAL) assert.ok(files.includes(name), `${folder} has no ${name}`)
  }
})
