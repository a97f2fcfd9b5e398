'use strict'

// Every ```console block of docs/shell.md prints what it says: one after the other, in one folder.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { BIN, env } = require('./shell')
const { startSqld, unavailable } = require('../servers/sqld')
const { tempDir } = require('../support')
const { COMMANDS, find } = require('../../packages/cli/lib/dot')
const { HELP } = require('../../packages/cli/lib/options')

const PAGE = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'shell.md'), 'utf8').replaceAll('\r\n', '\n')
const BLOCKS = [...PAGE.matchAll(/^```console\n([^]*?)^```$/gm)].map(([, block]) => block)
const SERVED = /\$DATABASE_URL/
const skip = process.platform === 'win32' && 'the examples are for a POSIX shell'

// Commands, each with what it prints.
function commands (block) {
  return block.split(/^\$ /m).slice(1).map((text) => {
    const [command, ...printed] = text.split('\n')
    return { command, printed: printed.join('\n') }
  })
}

test('the examples of the manual print what they say', { skip }, async (t) => {
  const folder = tempDir(t)
  const bin = path.join(folder, 'bin')
  fs.mkdirSync(bin)
  fs.writeFileSync(path.join(bin, 'ferrolite'), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`, { mode: 0o755 })
  const url = unavailable() === null ? (await startSqld(t)).url : null
  const more = { PATH: `${bin}${path.delimiter}${process.env.PATH}`, DATABASE_URL: url ?? '' }
  assert.ok(BLOCKS.length > 6)
  for (const block of BLOCKS) {
    if (url === null && SERVED.test(block)) continue
    for (const { command, printed } of commands(block)) {
      const { stdout, stderr } = spawnSync('sh', ['-c', command], {
        cwd: folder, encoding: 'utf8', env: env(folder, more), timeout: 60_000
      })
      assert.equal((stdout + stderr).replaceAll('\r', ''), printed, command)
    }
  }
})

test('the manual and the help name every command and option, and no others', () => {
  const [, section] = PAGE.split(/^## Commands$/m)
  const table = section.split(/^## /m)[0]
  const rest = PAGE.split(/^## Differences/m)[0]
  for (const { name } of COMMANDS) {
    if (!['help', 'system'].includes(name)) assert.match(table + rest, new RegExp(`\`\\.${name}\\b`), name)
  }
  for (const [, name] of table.matchAll(/`\.([a-z]+)/g)) assert.equal(find(name)?.name, name)
  for (const name of ['key-file', 'token', 'sync', 'namespace', 'insecure', 'store']) {
    assert.ok(PAGE.includes(`--${name}`) && HELP.includes(`--${name}`), name)
  }
})
