'use strict'

// `npm run test:vector`: the tests of vector tables in their long form. Each prints its seed;
// CONTRIBUTING.md says how to repeat one.

const path = require('node:path')
const { main, run } = require('./run')
const { toolchain } = require('./toolchain')

const LONG = {
  // Random programs on a vector table and on a plain one
  VECTOR_ROUNDS: '500',
  // Each operation of the disk fails once
  VECTOR_FAULTS: '1',
  VECTOR_MUTATIONS: '2000',
  VECTOR_INTERRUPTS: '200',
  FUZZ_ROUNDS: '2000000',
  TEST_SECONDS: '60',
  // Each call of a key-value store fails once.
  TEST_FAULTS: '1'
}

main(async () => {
  const env = { ...await toolchain(), ...LONG, ...process.env }
  const args = ['test', '--release', '--locked', '-p', 'ferrolite-vector', '--', '--nocapture']
  await run('cargo', args, { env })
  const files = [path.join('test', 'vector', '30.concurrency.js'), path.join('test', 'kv', '25.vector.js')]
  for (const file of files) await run(process.execPath, ['--test', file], { env })
})
