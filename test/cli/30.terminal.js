'use strict'

// The shell at a terminal: typing, completion, history, Ctrl-C, colours.

const assert = require('node:assert/strict')
const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { stripVTControlCharacters } = require('node:util')
const { BIN, env } = require('./shell')
const { cleanup, tempDir, until } = require('../support')
const { colour } = require('../../packages/cli/lib/terminal/highlight')

const PYTHON = ['python3', 'python'].map((name) => {
  return spawnSync(name, ['-c', 'import pty, termios, sys; print(sys.executable)'], { encoding: 'utf8' })
}).find(({ status }) => status === 0)?.stdout.trim()
const skip = PYTHON === undefined && 'no terminal here: that needs Python'
const WAIT = 30_000
const ENDLESS = 'WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c;\r'

class Terminal {
  shown = ''
  code = null
  #child
  #from = 0

  constructor (t, args, folder, more) {
    this.#child = spawn(PYTHON, [path.join(__dirname, 'terminal.py'), process.execPath, BIN, ...args], {
      cwd: folder, env: env(folder, { TERM: 'xterm-256color', FERROLITE_HISTORY: path.join(folder, 'history'), ...more })
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text) => { this.shown += text })
    this.#child.stderr.setEncoding('utf8').on('data', (text) => { this.shown += text })
    this.#child.stdin.on('error', () => {})
    this.#child.on('close', (code) => { this.code = code })
    cleanup(t, () => this.#child.kill())
  }

  type (text) {
    this.#from = this.shown.length
    this.#child.stdin.write(text)
  }

  /** Waits until this was shown since the last keys; returns what was shown since then. */
  async see (expected) {
    const since = () => stripVTControlCharacters(this.shown.slice(this.#from)).replace(/\r+\n/g, '\r\n')
    try {
      await until(() => since().includes(expected) || this.code !== null, expected, WAIT)
    } catch {
      assert.fail(`"${expected}" is not in ${JSON.stringify(since())}`)
    }
    assert.ok(since().includes(expected), since())
    return since()
  }

  async ended () {
    await until(() => this.code !== null, 'the end', WAIT)
    return this.code
  }
}

test('a user types, completes, stops a query, and finds it all in the history', { skip }, async (t) => {
  const folder = tempDir(t)
  const one = new Terminal(t, ['app.db'], folder)
  await one.see('connected to app.db.\r\nEnter ".help" for usage hints.\r\nferrolite> ')
  one.type('CREATE TABLE planets (name TEXT, radius REAL);\r')
  await one.see('ferrolite> ')
  one.type("INSERT INTO planets VALUES ('Mars', 3389.5), ('Venus', 6051.8);\r")
  await one.see('\r\nferrolite> ')
  one.type('selec\t')
  await one.see('select ')
  one.type('nam\t')
  await one.see('name ')
  one.type('from pla\t')
  await one.see('planets ')
  one.type('\r')
  await one.see('      ...> ')
  one.type('where rad\t')
  await one.see('radius ')
  one.type('> 4000;\r')
  await one.see('┌───────┐\r\n│ name  │\r\n├───────┤\r\n│ Venus │\r\n└───────┘\r\nferrolite> ')
  // A statement of several lines comes back as one.
  one.type('\x1b[A')
  await one.see('select name from planets where radius > 4000;')
  one.type('\x03')
  await one.see('^C\r\nferrolite> ')
  one.type('.mod\t')
  await one.see('.mode ')
  one.type('mark\t')
  await one.see('markdown ')
  one.type('\r')
  await one.see('ferrolite> ')
  one.type('SELECT p.ra')
  await one.see('p.ra')
  one.type('\x03')
  await one.see('^C\r\nferrolite> ')

  one.type(ENDLESS)
  await one.see('FROM c;\r\n')
  one.type('\x03')
  await one.see('Interrupted\r\nferrolite> ')
  one.type('SELECT * FROM planets LIMIT 1;\r')
  await one.see('| Mars | 3389.5 |')
  one.type('SELECT * form planets;\r')
  await one.see('Parse error: near "form": syntax error\r\n  SELECT * form planets;\r\n           ^--- error here\r\nferrolite> ')
  one.type('BEGIN; DELETE FROM planets;\r')
  await one.see('ferrolite*> ')
  one.type("SELECT 'not ended\r")
  await one.see('...> ')
  one.type('\x04')
  await one.see('rolled back')
  assert.equal(await one.ended(), 0)

  const two = new Terminal(t, ['app.db'], folder)
  await two.see('ferrolite> ')
  two.type('\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A')
  await two.see('SELECT max(n) FROM c;')
  two.type('\x15SELECT count(*) AS n FROM planets;\r')
  await two.see('│ 2 │')
  two.type('.open --key secret other.db\r')
  await two.see('\r\nferrolite> ')
  two.type('.exit 3\r')
  assert.equal(await two.ended(), 3)
  const kept = fs.readFileSync(path.join(folder, 'history'), 'utf8')
  assert.match(kept, /^select name from planets where radius > 4000;$/m)
  assert.doesNotMatch(kept, /secret/)
})

test('what does not fit on the terminal is shown line by line, and nothing reaches it raw', { skip }, async (t) => {
  const terminal = new Terminal(t, [], tempDir(t))
  await terminal.see('a database in memory')
  await terminal.see('ferrolite> ')
  terminal.type("SELECT printf('%.50c', 'a') AS one, printf('%.50c', 'b') AS two;\r")
  await terminal.see(`  one = ${'a'.repeat(50)}\r\n  two = ${'b'.repeat(50)}\r\nferrolite> `)
  terminal.type("SELECT 'a' || char(27) || '[31mred' AS x;\r")
  await terminal.see('│ a^[[31mred │')
  assert.doesNotMatch(terminal.shown, new RegExp(`${String.fromCharCode(27)}\\[31m`))
  // A paste runs line by line, and a query that is stopped takes the rest of it along.
  terminal.type(`SELECT 1 AS a;\rSELECT 2 AS b;\r${ENDLESS}SELECT 3 AS c;\r`)
  await terminal.see('│ 2 │')
  terminal.type('\x03')
  await terminal.see('Interrupted\r\nferrolite> ')
  terminal.type('SELECT 4 AS d;\r')
  assert.doesNotMatch(await terminal.see('│ 4 │'), /│ 3 │/)
  terminal.type('\x03\x03')
  await terminal.see('Ctrl-D or .quit ends the shell.')
  terminal.type('exit\r')
  assert.equal(await terminal.ended(), 0)
})

test('SQL is shown in colours, of the same characters', () => {
  for (const [line, before] of [['SELECT \'a\', 1 FROM "t" -- x', ''], ["b' FROM t", "SELECT 'a"], ['.mode box', ''], ["SELECT 'open", '']]) {
    assert.equal(stripVTControlCharacters(colour(line, before)), line)
  }
  const code = (number, text) => `\x1b[${number}m${text}\x1b[39m`
  assert.equal(colour("SELECT 'a', 1"), `${code(34, 'SELECT')} ${code(32, "'a'")}, ${code(33, '1')}`)
  // A text that began in a line above goes on.
  assert.equal(colour("b' FROM t", "SELECT 'a"), `${code(32, "b'")} ${code(34, 'FROM')} t`)
})

test('Ctrl-C ends a script that runs, with 130', { skip: process.platform === 'win32' && 'no signals' }, async (t) => {
  const child = spawn(process.execPath, [BIN, ':memory:'], { env: env(tempDir(t)) })
  cleanup(t, () => child.kill('SIGKILL'))
  let [out, error] = ['', '']
  child.stdout.on('data', (data) => { out += data })
  child.stderr.on('data', (data) => { error += data })
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })))
  child.stdin.end(`SELECT 'begun';\n${ENDLESS}SELECT 'never';\n`)
  await until(() => out.includes('begun'), 'the first row', WAIT)
  child.kill('SIGINT')
  assert.deepEqual(await ended, { code: 130, signal: null })
  assert.deepEqual([out, error], ['begun\n', 'Interrupted\n'])
})
