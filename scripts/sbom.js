'use strict'

// Writes target/pack/ferrolite.cdx.json: what is in the packages, in CycloneDX, for
// those who look for known faults in it. `npm sbom` would not see what is in the binary.

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { crates, lockedCrates } = require('./crates')
const { ROOT, ScriptError, main, say } = require('./run')

// What crates compile beside Rust: the crate, a header of it, and how that says the version.
const ENGINE = [
  {
    name: 'sqlite',
    license: 'blessing',
    crate: 'libsql-ffi',
    header: 'bundled/src/sqlite3.h',
    pattern: /define SQLITE_VERSION +"(\d+\.\d+\.\d+)/,
    cpe: (version) => `cpe:2.3:a:sqlite:sqlite:${version}:*:*:*:*:*:*:*`
  },
  {
    name: 'sqlite3-multiple-ciphers',
    license: 'MIT',
    crate: 'libsql-ffi',
    header: 'bundled/SQLite3MultipleCiphers/src/sqlite3mc_version.h',
    pattern: /Multiple Ciphers (\d+\.\d+\.\d+)/
  },
  {
    name: 'mimalloc',
    license: 'MIT',
    crate: 'libmimalloc-sys',
    header: 'c_src/mimalloc/v2/include/mimalloc.h',
    pattern: /define MI_MALLOC_VERSION (\d)0?(\d+)0(\d)/
  }
]

function sbom () {
  const { name, version, license, dependencies } = readJson('package.json')
  const locked = readJson('package-lock.json').packages
  const checksums = new Map(lockedCrates().map((one) => [`${one.name} ${one.version}`, one.checksum]))
  const linked = crates()
  const components = [
    ...Object.keys(dependencies).map((one) => npmComponent(one, locked[`node_modules/${one}`])),
    ...linked.map((one) => crateComponent(one, checksums)),
    ...ENGINE.map((one) => engineComponent(one, linked))
  ]
  const root = `pkg:npm/${name}@${version}`
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: serialNumber(root, components),
    version: 1,
    metadata: {
      component: { type: 'library', 'bom-ref': root, name, version, purl: root, licenses: [{ license: { id: license } }] }
    },
    components,
    dependencies: [{ ref: root, dependsOn: components.map((one) => one['bom-ref']) }]
  }
}

// A UUID by what is in the list: the same list has the same.
function serialNumber (...content) {
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  const parts = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(hash).slice(1)
  return `urn:uuid:${parts[0]}-${parts[1]}-8${parts[2]}-8${parts[3]}-${parts[4]}`
}

function npmComponent (name, { version, license, integrity }) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    hashes: [{ alg: 'SHA-512', content }],
    ...(license && { licenses: [{ expression: license }] })
  }
}

function crateComponent ({ name, version, license }, checksums) {
  const purl = `pkg:cargo/${name}@${version}`
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    hashes: [{ alg: 'SHA-256', content: checksums.get(`${name} ${version}`) }],
    // Older manifests have a slash for OR.
    licenses: [{ expression: license.replaceAll(/\s*\/\s*/g, ' OR ') }]
  }
}

function engineComponent ({ name, license, crate, header, pattern, cpe }, linked) {
  const { folder } = linked.find((one) => one.name === crate)
  const found = pattern.exec(fs.readFileSync(path.join(folder, header), 'utf8'))
  if (found === null) throw new ScriptError(`${header} of ${crate} does not say its version`)
  const version = found.slice(1).join('.')
  return {
    type: 'library',
    'bom-ref': `engine/${name}@${version}`,
    name,
    version,
    licenses: [{ expression: license }],
    ...(cpe && { cpe: cpe(version) })
  }
}

function readJson (name) {
  return JSON.parse(fs.readFileSync(path.join(ROOT, name), 'utf8'))
}

/** Writes the file into a folder; returns its path. */
function writeSbom (folder = path.join(ROOT, 'target', 'pack')) {
  const file = path.join(folder, 'ferrolite.cdx.json')
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(file, `${JSON.stringify(sbom(), null, 2)}\n`)
  return file
}

async function command () {
  say(path.relative(ROOT, writeSbom()))
}

if (require.main === module) main(command)

module.exports = { sbom, writeSbom }
