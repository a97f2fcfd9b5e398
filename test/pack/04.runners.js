'use strict'

// Some of the test runners, environments and fakes; `npm run matrix:runners` runs them all.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const test = require('node:test')
const { unavailable } = require('../../scripts/runtimes')
const { CASES, name } = require('./runners/cases')
const { prepareRunners, runCase } = require('./runners/run')

const skip = unavailable() ?? false
const QUICK = [
  'jest in node: fakes', 'jest in jsdom: fakes by setting', 'jest in jsdom: legacy fakes by setting',
  'vitest in node, threads: fakes, then the package', 'vitest in jsdom, vmThreads: fakes',
  'node:test in node: fakes', 'node:test in node: fakes, then the package',
  '@sinonjs/fake-timers in node: fakes, then the package', 'bun test in bun: fakes'
]

let project

test.before(async () => {
  if (!skip) project = await prepareRunners()
})

test.after(() => {
  if (project) fs.rmSync(project.folder, { recursive: true, force: true })
})

for (const title of QUICK) {
  test(`both APIs work with ${title}`, { skip }, async () => {
    const found = CASES.filter((one) => name(one) === title)
    assert.equal(found.length, 1)
    assert.equal(await runCase(project, found[0]), null)
  })
}
