'use strict'

// moto, a server that speaks S3, which the tests of backups start: from PyPI into target/tools.

const fs = require('node:fs')
const path = require('node:path')
const { fromPyPI } = require('./pip')
const { ScriptError, TOOLS, find, main, output, say } = require('./run')

const VERSION = '5.2.5'
const PYTHON_OLDEST = [3, 10]
// Its extra `server` is for all services, which is 180 MB more than these for S3.
const OTHERS = ['flask>=3,<4', 'flask-cors>=6,<7']
const IMPORTS = 'import moto.server, moto.s3.responses'

/** How to start it: `command`, `args` and `env`. It is fetched when missing. */
async function moto () {
  if (unavailable() !== null) throw new ScriptError(unavailable())
  const python = findPython()
  // Some of what it needs is compiled for one version of Python.
  const home = path.join(TOOLS, `moto-${VERSION}-python-${python.version.join('.')}`)
  if (!fs.existsSync(home)) await fetchInto(home, python.command)
  return { command: python.command, args: ['-m', 'moto.server'], env: environment(home) }
}

async function fetchInto (home, command) {
  say(`Fetching moto ${VERSION} into ${path.relative(process.cwd(), home)}`)
  const fresh = `${home}.${process.pid}.tmp`
  const runs = () => output(command, ['-c', IMPORTS], { env: environment(fresh) }) !== null
  try {
    await fromPyPI(`moto[s3]==${VERSION}`, fresh, runs, OTHERS)
    fs.renameSync(fresh, home)
  } catch (error) {
    // Another process can have been faster.
    if (!fs.existsSync(home)) throw error
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true })
  }
}

function environment (home) {
  return { ...process.env, PYTHONPATH: home, PYTHONNOUSERSITE: '1' }
}

function findPython () {
  const command = find('python3') ?? find('python')
  if (command === null) return null
  const version = output(command, ['--version'])?.match(/(\d+)\.(\d+)/)
  return version ? { command, version: [Number(version[1]), Number(version[2])] } : null
}

/** Why there can be no moto on this machine, or null. */
function unavailable () {
  const python = findPython()
  if (python === null) return 'moto needs Python, which is missing'
  const [major, minor] = python.version
  const [oldest, oldestMinor] = PYTHON_OLDEST
  if (major > oldest || (major === oldest && minor >= oldestMinor)) return null
  return `moto needs Python ${PYTHON_OLDEST.join('.')}, and this one is ${python.version.join('.')}`
}

if (require.main === module) {
  main(async () => {
    const { args, command, env } = await moto()
    say(`PYTHONPATH=${env.PYTHONPATH} ${command} ${args.join(' ')}`)
  })
}

module.exports = { moto, unavailable }
