'use strict'

// The type definitions, checked by the compiler: *.cts and *.mts in this folder.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const test = require('node:test')

const TSC = require.resolve('typescript/bin/tsc')

function compile (...options) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [TSC, '--noEmit', '--project', __dirname, ...options],
    { encoding: 'utf8' }
  )
  assert.equal(stdout + stderr, '')
  assert.equal(status, 0)
}

test('what the types allow and refuse is what the type tests say', () => {
  compile()
})

test('the types hold under the strictest options', () => {
  compile(
    '--skipLibCheck',
    'false',
    '--exactOptionalPropertyTypes',
    '--noPropertyAccessFromIndexSignature'
  )
})
