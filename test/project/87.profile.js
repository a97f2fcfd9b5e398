'use strict'

// The profiles by which the engine is compiled are of the engine that is compiled.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { FOLDER, SOURCES, engineSources } = require('../../scripts/profile')

test('the profiles are of this engine and its flags', () => {
  const taken = JSON.parse(fs.readFileSync(SOURCES, 'utf8'))
  assert.deepEqual(taken, engineSources(), 'run npm run profile')
})

test('each profile is of the compiler that it is named by', () => {
  const profiles = fs.readdirSync(FOLDER).filter(name => name.endsWith('.gcda'))
  assert.notEqual(profiles.length, 0)
  for (const name of profiles) {
    const [, major, minor] = /^gcc-(\d+)\.(\d+)\.gcda$/.exec(name)
    // The magic number, and the version as GCC writes it: 12.2 is `B22*`.
    const head = fs.readFileSync(path.join(FOLDER, name)).subarray(0, 8).reverse().toString('latin1')
    const version = String.fromCharCode(65 + Math.floor(major / 10)) + (major % 10) + minor
    assert.equal(head, `${version}*gcda`, name)
  }
})
