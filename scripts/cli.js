'use strict'

// The package of the shell: what `npm run packages` writes of it, and `npm run shell -- ...`, which
// runs it on the Ferrolite of this clone.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { ROOT } = require('./run')

const FOLDER = path.join(ROOT, 'packages', 'cli')
const BIN = path.join(FOLDER, 'bin', 'ferrolite.js')

/** The generated files of the package. */
function cliFiles () {
  const { LEGAL } = require('./pack')
  const { version, license, author, homepage, repository, bugs, engines } =
    JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const manifest = {
    name: '@ferrolite/cli',
    version,
    description: 'A shell for SQLite files, libSQL servers and replicas, with the commands of sqlite3',
    license,
    author,
    homepage,
    repository: { ...repository, directory: 'packages/cli' },
    bugs,
    keywords: ['sqlite', 'sqlite3', 'libsql', 'cli', 'shell'],
    type: 'commonjs',
    bin: { ferrolite: './bin/ferrolite.js' },
    files: ['bin', 'lib', ...LEGAL],
    engines,
    dependencies: { ferrolite: version },
    publishConfig: { access: 'public', provenance: true }
  }
  return { 'packages/cli/package.json': `${JSON.stringify(manifest, null, 2)}\n` }
}

/** A folder for NODE_PATH in which `ferrolite` is this clone. */
function modules () {
  const folder = path.join(ROOT, 'target', 'shell')
  const link = path.join(folder, 'ferrolite')
  fs.mkdirSync(folder, { recursive: true })
  try {
    fs.symlinkSync(ROOT, link, 'junction')
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  return folder
}

/** The environment in which the shell finds this clone. */
function cliEnv (env = process.env) {
  const list = [modules(), path.join(ROOT, 'node_modules'), env.NODE_PATH].filter(Boolean)
  return { ...env, NODE_PATH: list.join(path.delimiter) }
}

if (require.main === module) {
  const { status } = spawnSync(process.execPath, [BIN, ...process.argv.slice(2)], { stdio: 'inherit', env: cliEnv() })
  process.exitCode = status ?? 1
}

module.exports = { BIN, cliEnv, cliFiles }
