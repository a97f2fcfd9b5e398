'use strict'

// `npm run matrix:runners`: every test runner, environment and kind of fakes, with the packed
// packages; prints a table. Words choose runners: `npm run matrix:runners -- jest`.

const fs = require('node:fs')
const { main, say } = require('./run')

async function command () {
  await require('./prepare').prepare()
  const { CASES, name } = require('../test/pack/runners/cases')
  const { prepareRunners, runCase } = require('../test/pack/runners/run')
  const words = process.argv.slice(2)
  const cases = CASES.filter((one) => words.every((word) => name(one).includes(word)))
  const project = await prepareRunners()
  const failures = []
  say('| runner | environment | timers | |\n|---|---|---|---|')
  for (const one of cases) {
    const failure = await runCase(project, one)
    say(`| ${one.runner} | ${one.environment} | ${one.fakes} | ${failure === null ? 'works' : 'FAILS'} |`)
    if (failure !== null) failures.push(`${name(one)}: ${failure}`)
  }
  fs.rmSync(project.folder, { recursive: true, force: true })
  say(`\nNode.js ${process.versions.node}: ${cases.length - failures.length} of ${cases.length} work`)
  for (const failure of failures) say(`\n${failure}`)
  if (failures.length > 0) process.exitCode = 1
}

main(command)
