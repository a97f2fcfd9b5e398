'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')

const { CURRENT_NODE } = require('../../scripts/runtimes')
const { KNOWN } = require('./known')
const { Session, peers } = require('./session')

// In full: `node test/differential/run.js --seeds 200`. Each Node takes its own part of them.
const SEEDS = Number(process.env.FERROLITE_SEEDS ?? 40)
const FIRST = Number(process.env.FERROLITE_SEED ?? (CURRENT_NODE % 5) * 40 + 1)
const OPERATIONS = 500

test('random programs see on Ferrolite what they see on better-sqlite3', async (t) => {
  t.diagnostic(`FERROLITE_SEED=${FIRST} FERROLITE_SEEDS=${SEEDS}`)
  const session = new Session(await peers())
  t.after(() => session.close())
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const failure = await session.seed(seed, OPERATIONS)
    assert.equal(failure, null, failure && `seed ${seed} differs${failure.text}`)
  }
})

test('the manual explains every difference that is meant', () => {
  const file = path.join(__dirname, '..', '..', 'docs', 'differences.md')
  const headings = fs.readFileSync(file, 'utf8').match(/^### .*/gm)
  for (const { heading } of KNOWN) assert.ok(headings.includes(`### ${heading}`), heading)
})
