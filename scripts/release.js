'use strict'

// Publishes what `npm run pack -- --all` made, in an order in which no package asks for one that is
// not there yet: the platforms, the main package, the stand-ins. `npm run release:dry` packs what
// this machine has, and prints what would be published, with sizes.

const { ROOT, main, npm, output, run, say, ScriptError } = require('./run')
const { pack, packStandIn } = require('./pack')
const { STAND_INS } = require('./stand-ins')
const { TARGETS } = require('./targets')
const { version } = require('../package.json')

const isDry = process.argv.includes('--dry-run')

async function command () {
  if (isDry) await require('./prepare').prepare()
  const [main, ...platforms] = pack(isDry ? undefined : Object.keys(TARGETS))
  const standIns = Object.keys(STAND_INS).flatMap((name) => packStandIn(name))
  for (const one of [...platforms, main, ...standIns]) await publish(one)
  if (isDry) say(`\nferrolite ${version}: of ${Object.keys(TARGETS).length} platforms, this machine has ${platforms.length}`)
}

async function publish ({ path: file, id, size, unpackedSize, files }) {
  const line = `${id.padEnd(44)} ${(size / 1e6).toFixed(2).padStart(6)} MB, ${(unpackedSize / 1e6).toFixed(2).padStart(6)} MB unpacked, ${files.length} files`
  if (!isDry) {
    say(line)
    return run(...npm('publish', file, '--provenance', '--access', 'public'))
  }
  const [tool, args] = npm('publish', file, '--dry-run', '--access', 'public', '--json', '--ignore-scripts', '--provenance=false')
  if (output(tool, args, { cwd: ROOT }) === null) throw new ScriptError(`npm would not publish ${file}`)
  say(line)
}

main(command)
