'use strict'

// `npm run matrix:bundlers`: every recipe of docs/bundlers.md, with the packed packages; prints a
// table. A word chooses recipes: `npm run matrix:bundlers -- Vite`.

const { spawnSync } = require('node:child_process')
const { ROOT, ScriptError, main, say } = require('./run')

const LINE = /^(not )?ok \d+ - the recipes for (.+) make what runs in an empty folder/gm

async function command () {
  await require('./prepare').prepare()
  const [word] = process.argv.slice(2)
  const only = word === undefined ? [] : [`--test-name-pattern=${word}`]
  const args = ['--test', '--test-reporter=tap', ...only, 'test/pack/02.bundlers.js']
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  say('| bundler | |\n|---|---|')
  for (const [, failed, title] of stdout.matchAll(LINE)) say(`| ${title} | ${failed ? 'FAILS' : 'works'} |`)
  if (status !== 0) throw new ScriptError(stdout)
}

main(command)
