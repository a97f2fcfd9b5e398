'use strict'

// The type definitions, checked by the compiler: *.cts and *.mts in this folder, and in stand-ins.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const path = require('node:path')
const test = require('node:test')

const TSC = require.resolve('typescript/bin/tsc')

function compile (folder, ...options) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [TSC, '--noEmit', '--project', path.join(__dirname, folder), ...options],
    { encoding: 'utf8' }
  )
  assert.equal(stdout + stderr, '')
  assert.equal(status, 0)
}

test('what the types allow and refuse is what the type tests say', () => {
  compile('.')
})

test('the types hold under the strictest options', () => {
  compile(
    '.',
    '--skipLibCheck',
    'false',
    '--exactOptionalPropertyTypes',
    '--noPropertyAccessFromIndexSignature'
  )
})

test('the stand-ins have the types of the drivers in whose place they are', () => {
  compile('stand-ins')
})
