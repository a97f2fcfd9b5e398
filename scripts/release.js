'use strict'

// Publishes what was built for all platforms, in an order in which no package asks for one that is
// not there yet: the platforms, WASM, the main package, the stand-ins, the shell. Before, it checks
// each tarball and writes the list of what is in them; `--prepare` ends there, so that a workflow
// can attest them. `npm run release:dry` does all that with what this machine has, and publishes
// nothing.

const path = require('node:path')
const { checkTarballs } = require('./check-package')
const { pack, packCli, packStandIn, packWasm } = require('./pack')
const { ROOT, main, npm, output, run, say, ScriptError } = require('./run')
const { writeSbom } = require('./sbom')
const { STAND_INS } = require('./stand-ins')
const { TARGETS } = require('./targets')
const { version } = require('../package.json')

const isDry = process.argv.includes('--dry-run')

async function command () {
  if (isDry) await require('./prepare').prepare()
  const [main, ...platforms] = pack(isDry ? undefined : Object.keys(TARGETS))
  const standIns = Object.keys(STAND_INS).flatMap((name) => packStandIn(name))
  const wasm = packWasm(!isDry)
  const tarballs = [...platforms, ...(wasm === null ? [] : [wasm]), main, ...standIns, packCli()]
  await checkTarballs(tarballs)
  say(`\nWhat is in them: ${path.relative(ROOT, writeSbom())}`)
  if (process.argv.includes('--prepare')) return
  for (const one of tarballs) await publish(one)
  if (isDry) say(`npm would publish ferrolite ${version}; of ${Object.keys(TARGETS).length} platforms, this machine has ${platforms.length}`)
}

async function publish ({ path: file }) {
  if (!isDry) return run(...npm('publish', file, '--provenance', '--access', 'public'))
  const [tool, args] = npm('publish', file, '--dry-run', '--access', 'public', '--json', '--ignore-scripts', '--provenance=false')
  if (output(tool, args, { cwd: ROOT }) === null) throw new ScriptError(`npm would not publish ${file}`)
}

main(command)
