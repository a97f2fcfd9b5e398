'use strict'

// A test file as a table: a line for each of its tests that has the name in question.

const { spawnSync } = require('node:child_process')
const { ROOT, ScriptError, main, say } = require('./run')

/** Runs the tests of a file, those with a word if one is given; `name` finds the first column. */
function testTable (heading, file, name) {
  main(async () => {
    await require('./prepare').prepare()
    const [word] = process.argv.slice(2)
    const only = word === undefined ? [] : [`--test-name-pattern=${word}`]
    const args = ['--test', '--test-reporter=tap', ...only, file]
    const { stdout, status } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
    say(`| ${heading} | |\n|---|---|`)
    for (const [line, failed, title] of stdout.matchAll(/^(not )?ok \d+ - (.+)$/gm)) {
      const found = name.exec(title)
      if (found === null || line.includes('# SKIP')) continue
      say(`| ${found[1]} | ${failed ? 'FAILS' : 'works'} |`)
    }
    if (status !== 0) throw new ScriptError(stdout)
  })
}

module.exports = { testTable }
