'use strict'

// Values to bind and literals to write in SQL. Each value is a spec of ../values.js.

const num = (v) => ({ $: 'number', v })
const big = (v) => ({ $: 'bigint', v })
const hex = (bytes) => ({ $: 'buffer', hex: bytes })

const WORDS = ['', 'a', 'foo', 'Bar', 'zebra', '10', ' 7 ', '1e3', 'naïve', '日本語', 'O\'Neil', '"q"', '%a_']
const ODD_TEXTS = [
  'a\0b', '\0', '\ud800', 'x\udc00y', '\ud83d\ude00', '\ufeffbom', '\uffff', 'é'.repeat(50),
  { $: 'repeat', text: 'x', times: 33 },
  { $: 'repeat', text: 'ab', times: 2500 },
  { $: 'repeat', text: '\u20ac', times: 5000 },
  { $: 'repeat', text: 'long \ud83d\ude00 ', times: 25_000 }
]
const ODD_NUMBERS = [
  num('-0'), num('NaN'), num('Infinity'), num('-Infinity'), num('1e308'), 0.1, 1e21, -1.5e-7,
  4294967296, 2147483648, -2147483649
]
// As text the engines write 15 and 17 digits of these, so they go only where they stay numbers.
const WIDE_NUMBERS = [
  2 ** 53, 2 ** 53 + 2, -(2 ** 53), num('9223372036854775807'), num('-9223372036854775808'),
  num('5e-324'), num('1.7976931348623157e308'), 0.1 + 0.2, Math.PI
]
const BIGINTS = ['0', '1', '-1', '42', '9007199254740993', '-9007199254740993', '2147483648',
  '9223372036854775807', '-9223372036854775808'].map(big)
const HUGE_BIGINTS = ['9223372036854775808', '-9223372036854775809', '18446744073709551616'].map(big)
const BLOBS = ['', '00', 'ff', 'dddddddd', '0001020304050607', '616263', 'ff'.repeat(40)].map(hex)
// No DataView: better-sqlite3 13.2 aborts the process when it gets one.
const ODD_BLOBS = [
  { $: 'typed', type: 'Uint8Array', hex: '0102' },
  { $: 'typed', type: 'Int8Array', hex: 'fffe' },
  { $: 'typed', type: 'Uint16Array', hex: '01020304' },
  { $: 'typed', type: 'Float64Array', hex: '000000000000f03f' },
  { $: 'typed', type: 'BigInt64Array', hex: '0100000000000000' },
  { $: 'typed', type: 'Uint8ClampedArray', hex: '0a0b' },
  { $: 'typed', type: 'Uint8Array', hex: '' },
  { $: 'shared', hex: '0a0b0c' },
  { $: 'detached', hex: '01020304' },
  { $: 'buffer', zeros: 5000 },
  { $: 'buffer', fill: 200_000, hex: 'deadbeef' }
]

// Nothing that SQLite has a type for.
const WRONG = [
  true, false, { $: 'date', v: 0 }, { $: 'boxed', v: 1 }, { $: 'boxed', v: 'x' },
  { $: 'boxed', v: true }, { $: 'boxed', v: big('1') }, { $: 'symbol', v: 's' },
  { $: 'fn', name: 'bound', ret: { how: 'nothing' } }, { $: 'arraybuffer', hex: '0102' },
  { $: 'regexp', v: 'a' }, { $: 'map' }, { $: 'instance', entries: [['a', 1]] },
  { $: 'inherit', entries: [['a', 1], ['b', 2]] }, { $: 'error', type: 'Error', message: 'bound' },
  { $: 'arguments', items: [1] }, { $: 'boxed', v: { $: 'symbol', v: 't' } }, ...HUGE_BIGINTS
]

// What user code throws: identity matters, and so does that nothing is wrapped.
const THROWN = [
  { $: 'error', type: 'Error', message: 'from user code' },
  { $: 'error', type: 'RangeError', message: 'user range' },
  null, { $: 'undefined' }, '', 'text', 0, 7, false,
  { $: 'obj', entries: [['custom', 1]] }, { $: 'symbol', v: 'thrown' }, { $: 'bigint', v: '5' }
]

function ordinary (r) {
  return r.weighted([
    [30, () => r.int(-3, 60)],
    [28, () => r.pick(WORDS)],
    [10, () => r.int(-1000, 1000) / 8],
    [8, () => r.pick(BIGINTS)],
    [9, () => r.pick(BLOBS)],
    [8, () => null],
    [2, () => ({ $: 'undefined' })]
  ])()
}

function odd (r) {
  return r.weighted([
    [4, () => r.pick(ODD_TEXTS)],
    [4, () => r.pick(ODD_NUMBERS)],
    [3, () => r.pick(ODD_BLOBS)]
  ])()
}

// Not the largest: after it SQLite gives random keys.
function keyFor (r) {
  const value = r.chance(0.05) ? ordinary(r) : r.int(0, r.pick([60, 5000]))
  if (value?.v === '9223372036854775807') return big('9223372036854770000')
  return r.chance(0.2) && typeof value === 'number' ? big(String(Math.trunc(value))) : value
}

// Mostly what a column of that type holds, sometimes anything that can be bound.
function valueFor (r, type) {
  if (type === 'key') return keyFor(r)
  if (type === 'any' && r.chance(0.2)) return r.pick(WIDE_NUMBERS)
  if (r.chance(0.13)) return odd(r)
  if (r.chance(0.2)) return ordinary(r)
  if (/INT/.test(type)) return r.chance(0.2) ? big(String(r.int(0, 60))) : r.int(0, 60)
  if (/REAL|NUM/.test(type)) return r.int(-400, 400) / 16
  if (/TEXT|CHAR/.test(type)) return r.pick(WORDS)
  if (/BLOB/.test(type)) return r.pick(BLOBS)
  return ordinary(r)
}

const SQL_LITERALS = [
  '1', '-1', '0', '1.5', '-0.0', '2e3', "'x'", "''", 'NULL', "x''", "x'00ff'", '9223372036854775807',
  '-9223372036854775808', '9007199254740993', '9007199254740992', '1e308', '-1e999', '9e999',
  "CAST(x'ff41fe' AS TEXT)", "CAST(x'c3' AS TEXT)", "CAST(x'eda080' AS TEXT)",
  "CAST(x'f09f9880' AS TEXT)", "CAST(x'410042' AS TEXT)", 'char(0)', "'a' || char(0) || 'b'",
  "'naïve 日本語'", 'char(128512)', 'zeroblob(5)', 'zeroblob(0)', 'zeroblob(5000)',
  'hex(zeroblob(2500))', 'zeroblob(200000)', "replace(hex(zeroblob(50000)), '00', 'é')", '0x7fffffff'
]

const COLUMN_NAMES = [
  'a', 'b', 'c', 'name', 'A', 'value', '1', '2', '10', '', ' ', 'a b', 'a.b', '"', "'", '`', '\n', '\\',
  'ü', '日本', '\u{1f600}', 'constructor', 'toString', 'hasOwnProperty', 'then', 'length', '$', '-1',
  'if', 'class', '\u2028', '[0]'
]

module.exports = {
  BLOBS,
  COLUMN_NAMES,
  SQL_LITERALS,
  THROWN,
  WORDS,
  WRONG,
  odd,
  ordinary,
  valueFor
}
