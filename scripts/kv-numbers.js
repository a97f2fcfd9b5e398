'use strict'

// `npm run kv-numbers`: how many random histories of databases in hostile stores are bad, and how
// often a database calls its store. KV_ROUNDS says how many histories of each kind, KV_ENGINE how
// many under the engine, KV_SEED where they begin, MIB how large the large database is.

const { main, run, say } = require('./run')
const { toolchain } = require('./toolchain')

const CRATE = ['--release', '--locked', '--package', 'ferrolite-kv']
const TELLING = /histories|crash points|without \w+:/

async function numbers () {
  const env = await toolchain()
  const engine = process.env.KV_ENGINE ?? process.env.KV_ROUNDS
  await test('model', env)
  await test('workload', engine === undefined ? env : { ...env, KV_ROUNDS: engine })
  await test('crash_points', env)
  for (const page of [4096, 8192, 16384]) {
    await run('cargo', ['run', ...CRATE, '--example', 'calls'], { env: { ...env, PAGE: String(page) } })
  }
  await run('cargo', ['run', ...CRATE, '--example', 'large'], { env })
}

async function test (name, env) {
  say(`\n${name}`)
  await run('cargo', ['test', ...CRATE, '--test', 'suite', `${name}::`, '--', '--nocapture'], {
    env,
    filter: (line) => TELLING.test(line) && say(line)
  })
}

main(numbers)
