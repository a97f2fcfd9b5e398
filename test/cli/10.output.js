'use strict'

// What the shell prints: each mode, as the sqlite3 shell prints it.

const assert = require('node:assert/strict')
const test = require('node:test')
const { printedBySqlite3, shell } = require('./shell')
const { tempDir } = require('../support')
const { MODES } = require('../../packages/cli/lib/output/modes')
const { wrap, width, printable } = require('../../packages/cli/lib/output/text')
const { lineLiteral, realLiteral, realText } = require('../../packages/cli/lib/output/values')

// Those that sqlite3 has not.
const NAMES = Object.keys(MODES).filter((mode) => mode !== 'auto')
const ROWS = `
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, x REAL, "an ""odd"" one");
INSERT INTO t VALUES (1, 'Ada', 0.5, NULL), (2, 'it''s "q", ok', 1e100, 'a|b,c'), (-3, '', -1.0, 7),
  (9223372036854775807, '<b>&\\</b>', 0.25, x'616263'), (5, 'Zoë', 2.5e10, x'');
`
const LINES = "SELECT 1 AS a, 'one\ntwo' AS b, 'x' AS c UNION ALL SELECT 2, 'three', printf('%.70c', 'y')"

for (const headers of ['on', 'off']) {
  test(`every mode prints what sqlite3 prints, with headers ${headers}`, async (t) => {
    const folder = tempDir(t)
    const script = NAMES.map((mode) => `.print == ${mode}\n.mode ${mode}\n.headers ${headers}\nSELECT * FROM t;\nSELECT * FROM t WHERE 0;\n`)
    const input = `${ROWS}.nullvalue NULL?\n${script.join('')}`
    const { stdout, stderr, code } = await shell(folder, [], { input })
    assert.deepEqual([stderr, code], ['', 0])
    assert.equal(stdout, printedBySqlite3(`modes-${headers}`, folder, [], input))
  })
}

test('tables wrap, align and separate rows as those of sqlite3 do', async (t) => {
  const folder = tempDir(t)
  const script = ['box', 'column', 'table', 'markdown'].map((mode) => {
    return `.mode ${mode}\n${LINES};\n.width 5 -9 4\n${LINES};\n.width 0\n.mode ${mode} --wrap 20\n${LINES};\n`
  }).join('')
  const { stdout } = await shell(folder, [], { input: script })
  assert.equal(stdout, printedBySqlite3('tables', folder, [], script))
})

test('values that sqlite3 does not show whole are shown whole', async (t) => {
  const input = `.headers on
SELECT x'00ff' AS b, 9e999 AS inf, -9e999 AS less, 0.1 AS tenth;
.mode json
SELECT x'00ff' AS b, 9e999 AS inf, 0.1 AS tenth, 9007199254740993 AS big, 'a' || char(10) AS text, NULL AS none;
.mode csv
SELECT x'00ff' AS b;
.mode insert some table
SELECT x'00ff' AS b, 0.1 AS tenth, 'a' || char(10) || 'b' AS text, 1/3.0;
`
  const { stdout, stderr, code } = await shell(tempDir(t), [], { input })
  assert.deepEqual([stderr, code], ['', 0])
  assert.equal(stdout, `b|inf|less|tenth
X'00ff'|Inf|-Inf|0.1
[{"b":"00ff","inf":1e999,"tenth":0.1,"big":9007199254740993,"text":"a\\n","none":null}]
b\r\n"X'00ff'"\r
INSERT INTO some(b,tenth,text,"1/3.0") VALUES(X'00ff',0.1,replace('a\\nb','\\n',char(10)),0.3333333333333333);
`)
})

test('options of the command line set the mode', async (t) => {
  const folder = tempDir(t)
  const sql = 'SELECT 1 AS a, NULL AS b'
  for (const [args, expected] of [
    [['-json'], '[{"a":1,"b":null}]\n'],
    [['--csv', '-header'], 'a,b\r\n1,\r\n'],
    [['-list', '-separator', '\\t', '-nullvalue', '-'], '1\t-\n'],
    [['-noheader', '-column'], '1   \n'],
    [['-markdown'], '| a | b |\n|---|---|\n| 1 |   |\n']
  ]) {
    const { stdout, stderr, code } = await shell(folder, [...args, ':memory:', sql])
    assert.deepEqual([stdout, stderr, code], [expected, '', 0], args.join(' '))
  }
  // Options may stand behind the name, as those of sqlite3 may.
  assert.equal((await shell(folder, [':memory:', '-json', sql])).stdout, '[{"a":1,"b":null}]\n')
})

test('REALs are written as SQLite writes them, and read as they were', () => {
  for (const [value, text] of [
    [1, '1.0'], [0.1, '0.1'], [-0, '0.0'], [1e15, '1.0e+15'], [1e14, '100000000000000.0'],
    [1e-5, '1.0e-05'], [0.0001, '0.0001'], [1 / 3, '0.333333333333333'], [Infinity, 'Inf']
  ]) {
    assert.equal(realText(value), text)
  }
  const values = [1 / 3, 5e-324, 1.7976931348623157e308, 123456789012345680, 0.1 + 0.2, -1e21]
  for (const value of values) {
    assert.equal(Number(realLiteral(value)), value)
    assert.match(realLiteral(value), /[.e]/)
  }
})

test('text is as wide as a terminal shows it', () => {
  for (const [text, columns] of [['abc', 3], ['Zoë', 3], ['日本', 4], ['e\u0301', 1], ['😀', 2], ['', 0]]) {
    assert.equal(width(text), columns, text)
  }
  assert.deepEqual(wrap('日本語', 4), ['日本', '語'])
  assert.deepEqual(wrap('one two three', 8, true), ['one two', 'three'])
  assert.deepEqual(wrap('a\tb', 0), ['a       b'])
  assert.equal(printable('a\x1b[31m\x9b\r'), 'a^[[31m\\x9b^M')
})

test('text of several lines becomes one line of SQL, whatever it holds', () => {
  assert.equal(lineLiteral('a\nb'), "replace('a\\nb','\\n',char(10))")
  assert.equal(lineLiteral('\\n\n\\012'), "replace('\\n(\\n0)\\012','(\\n0)',char(10))")
  assert.equal(lineLiteral('a\0b'), "CAST(X'610062' AS TEXT)")
})
