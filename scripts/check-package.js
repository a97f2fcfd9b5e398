'use strict'

// `npm run check:package`: what attw and publint say of the tarballs, and a table of their sizes.

const path = require('node:path')
const { ScriptError, main, output, say } = require('./run')
const { pack, packCli, packStandIn, packWasm } = require('./pack')
const { npmTools } = require('./runtimes')
const { STAND_INS } = require('./stand-ins')

const VERSIONS = { '@arethetypeswrong/cli': '0.18.5', publint: '0.3.25' }

/** Prints a table of tarballs; throws if one has a fault. */
async function checkTarballs (tarballs) {
  const bin = path.join(await npmTools('package-checks', VERSIONS), '.bin')
  const faults = []
  say('| package | packed | unpacked | files | attw | publint |\n|---|---:|---:|---:|---|---|')
  for (const tarball of tarballs) {
    const types = attwFaults(bin, tarball)
    const rules = publintFaults(bin, tarball)
    faults.push(...[...types, ...rules].map((fault) => `${tarball.id}: ${fault}`))
    const { id, size, unpackedSize, files } = tarball
    say(`| ${id} | ${kilobytes(size)} | ${kilobytes(unpackedSize)} | ${files.length} | ${verdict(types)} | ${verdict(rules)} |`)
  }
  if (faults.length > 0) throw new ScriptError(faults.join('\n'))
}

// All ways to resolve: node10 too.
function attwFaults (bin, tarball) {
  if (!tarball.files.some(({ path: file }) => file.endsWith('.d.ts'))) return []
  const text = output(path.join(bin, 'attw'), ['--format', 'json', tarball.path], { lenient: true })
  const { problems } = JSON.parse(text)
  return Object.entries(problems).flatMap(([kind, list]) => {
    return list.map(({ entrypoint, resolutionKind, missing }) => {
      return [kind, entrypoint, resolutionKind, missing?.join(' ')].filter(Boolean).join(' ')
    })
  })
}

function publintFaults (bin, tarball) {
  const text = output(path.join(bin, 'publint'), [tarball.path, '--strict'], { lenient: true })
  const found = /^(?:Suggestions|Warnings|Errors):\n[^]*/m.exec(text)
  return found === null ? [] : [found[0].trim()]
}

function verdict (faults) {
  return faults.length === 0 ? 'clean' : `${faults.length} faults`
}

function kilobytes (bytes) {
  return `${Math.round(bytes / 1000).toLocaleString('en')} kB`
}

async function command () {
  await require('./prepare').prepare()
  const standIns = Object.keys(STAND_INS).flatMap((name) => packStandIn(name))
  const wasm = packWasm()
  await checkTarballs([...pack(), ...(wasm === null ? [] : [wasm]), ...standIns, packCli()])
}

if (require.main === module) main(command)

module.exports = { checkTarballs }
