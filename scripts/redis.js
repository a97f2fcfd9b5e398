'use strict'

// Redis, which the tests of its store start: the one that is installed, or Debian's package and the
// libraries that it needs, unpacked into target/tools.

const fs = require('node:fs')
const path = require('node:path')
const { ScriptError, TOOLS, find, main, output, say } = require('./run')

const HOME = path.join(TOOLS, 'redis-debian')
const PACKAGES = ['redis-server', 'redis-tools']
const ADVICE = 'Install redis-server, or set FERROLITE_REDIS to one'

/** How to start it: `command` and `env`. It is fetched when missing. */
async function redis () {
  const own = process.env.FERROLITE_REDIS ?? find('redis-server')
  if (own !== null) {
    if (runs(own, process.env)) return { command: own, env: process.env }
    throw new ScriptError(`${own} is not a redis-server that runs here`)
  }
  if (unavailable() !== null) throw new ScriptError(unavailable())
  if (!fs.existsSync(HOME)) fetchInto(HOME)
  return startOf(HOME)
}

function startOf (home) {
  const folders = fs.readdirSync(path.join(home, 'usr', 'lib'))
    .map((name) => path.join(home, 'usr', 'lib', name))
  const env = { ...process.env, LD_LIBRARY_PATH: folders.join(path.delimiter) }
  return { command: path.join(home, 'usr', 'bin', 'redis-server'), env }
}

function fetchInto (home) {
  say(`Fetching redis-server into ${path.relative(process.cwd(), home)}`)
  // In a folder of its own until it is whole: several test files may do this at the same time.
  const fresh = `${home}.${process.pid}.tmp`
  fs.mkdirSync(fresh, { recursive: true })
  try {
    if (output('apt-get', ['download', ...needed()], { cwd: fresh }) === null) {
      throw new ScriptError(`apt-get could not download redis-server. ${ADVICE}`)
    }
    for (const name of fs.readdirSync(fresh)) {
      if (name.endsWith('.deb')) output('dpkg', ['-x', name, '.'], { cwd: fresh })
    }
    const { command, env } = startOf(fresh)
    if (!runs(command, env)) throw new ScriptError(`Debian's redis-server does not run here. ${ADVICE}`)
    fs.renameSync(fresh, home)
  } catch (error) {
    if (!fs.existsSync(home)) throw error
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true })
  }
}

/** The packages and the libraries that they name. */
function needed () {
  const text = output('apt-cache', ['depends', '--important', ...PACKAGES]) ?? ''
  const names = Array.from(text.matchAll(/Depends: (lib[\w.+-]+)/g), ([, name]) => name)
  return [...PACKAGES, ...new Set(names)].filter((name) => name !== 'libc6')
}

function runs (command, env) {
  return output(command, ['--version'], { env })?.startsWith('Redis server') ?? false
}

/** Why there can be no Redis on this machine, or null. */
function unavailable () {
  if (process.env.FERROLITE_REDIS || find('redis-server') !== null || fs.existsSync(HOME)) return null
  if (find('apt-get') !== null && find('dpkg') !== null) return null
  return `redis-server is not installed, and this system has no apt-get to fetch it with. ${ADVICE}`
}

if (require.main === module) main(async () => say((await redis()).command))

module.exports = { redis, unavailable }
