'use strict'

// The binary of the package sqlite3, which npm does not carry: compiled once into target/tools.

const fs = require('node:fs')
const path = require('node:path')
const { ScriptError, TOOLS, find, run, say } = require('./run')

const NAME = 'node_sqlite3.node'

/** Puts the binary into an installed package; compiles it when it is not there yet, two minutes. */
async function build (folder) {
  const { version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
  const release = path.join(folder, 'build', 'Release')
  const kept = path.join(TOOLS, `sqlite3-${version}`, NAME)
  if (!fs.existsSync(kept)) {
    say(`Compiling sqlite3 ${version}`)
    await compile(folder)
    fs.mkdirSync(path.dirname(kept), { recursive: true })
    fs.copyFileSync(path.join(release, NAME), kept)
  }
  fs.mkdirSync(release, { recursive: true })
  fs.copyFileSync(kept, path.join(release, NAME))
}

async function compile (folder) {
  const npm = find('npm')
  if (npm === null) throw new ScriptError('npm is missing: it carries node-gyp')
  const gyp = path.join(path.dirname(fs.realpathSync(npm)), '..', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  // Headers come from the installed Node.js, if it has them: else node-gyp fetches them.
  const prefix = path.join(path.dirname(fs.realpathSync(process.execPath)), '..')
  const headers = fs.existsSync(path.join(prefix, 'include', 'node')) ? [`--nodedir=${prefix}`] : []
  await run(process.execPath, [gyp, 'rebuild', '--release', ...headers], { cwd: folder })
}

module.exports = { build }
