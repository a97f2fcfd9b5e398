'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')
const { child, exited, ours } = require('../support')

const ROOT = JSON.stringify(path.join(__dirname, '..', '..'))

// What the engine walks by recursion, as deep as it takes it and far beyond. Functions, not their
// results: they go to the process, and to its worker, as text.
const CASES = {
  'nested queries': () => [`${'SELECT * FROM ('.repeat(20000)}SELECT 1${')'.repeat(20000)}`],
  'nested scalar queries': () => [`SELECT ${'(SELECT '.repeat(20000)}1${')'.repeat(20000)}`],
  'a chain of common table expressions, each nested': () => [
    `WITH ${Array.from({ length: 1900 }, (_, i) => `c${i} AS (${'SELECT * FROM ('.repeat(50)}SELECT ${i ? `* FROM c${i - 1}` : '1'}${')'.repeat(50)})`).join()} SELECT * FROM c1899`
  ],
  'the same that ends at no column': () => [
    `WITH ${Array.from({ length: 1900 }, (_, i) => `c${i} AS (${'SELECT * FROM ('.repeat(50)}SELECT ${i ? `* FROM c${i - 1}` : 'no'}${')'.repeat(50)})`).join()} SELECT * FROM c1899`
  ],
  'a long chain of common table expressions': () => [
    `WITH ${Array.from({ length: 12000 }, (_, i) => `c${i} AS (SELECT ${i ? `* FROM c${i - 1}` : '1'})`).join()} SELECT * FROM c11999`
  ],
  'UNION terms times depth': () => [
    `WITH ${Array.from({ length: 1000 }, (_, i) => `c${i} AS (SELECT ${i ? `* FROM c${i - 1}` : '1'}${' UNION ALL SELECT 1'.repeat(20)})`).join()} SELECT * FROM c999`
  ],
  'a nested query in a trigger': () => ['CREATE TABLE d (a)', `CREATE TRIGGER g AFTER INSERT ON d BEGIN SELECT * FROM ${'(SELECT * FROM '.repeat(20000)}d${')'.repeat(20000)}; END`],
  'a chain of triggers': () => [
    ...Array.from({ length: 700 }, (_, i) => `CREATE TABLE t${i} (a)`),
    ...Array.from({ length: 699 }, (_, i) => `CREATE TRIGGER g${i} AFTER INSERT ON t${i} BEGIN INSERT INTO t${i + 1} VALUES (new.a); END`),
    'INSERT INTO t0 VALUES (1)'
  ],
  'a chain of foreign keys': () => [
    ...Array.from({ length: 700 }, (_, i) => `CREATE TABLE k${i} (a INTEGER PRIMARY KEY${i ? ` REFERENCES k${i - 1} ON DELETE CASCADE` : ''})`),
    'DELETE FROM k0'
  ],
  'a LIKE pattern': () => ['SELECT ? LIKE ?', 'a'.repeat(25000), '%a'.repeat(25000)],
  'a GLOB pattern': () => ['SELECT ? GLOB ?', 'a'.repeat(25000), '*a'.repeat(25000)],
  'a LIKE pattern, after a pragma': () => ['PRAGMA case_sensitive_like = 1', 'PRAGMA main."case_sensitive_like"(0)', 'SELECT ? LIKE ?', 'a'.repeat(25000), '%a'.repeat(25000)],
  'like() by its name, after a pragma': () => ['EXPLAIN PRAGMA case_sensitive_like = 1', "SELECT like(?, ?, '!')", '%a'.repeat(25000), 'a'.repeat(25000)],
  'like() by its name': () => ["SELECT like(?, ?, '!')", '%a'.repeat(25000), 'a'.repeat(25000)],
  'a path of keys': () => ["SELECT json_set('{}', ?, 1)", `$${'.a'.repeat(30000)}`],
  'a path of indexes': () => ["SELECT json_insert('[]', '$' || ?, 1)", '[0]'.repeat(30000)],
  'a path of jsonb_set()': () => ["SELECT jsonb_set('[]', ?, 1)", `$${'[#]'.repeat(30000)}`]
}
for (const call of ['json(?)', 'jsonb(?)', "json_extract(?, '$[0]')", '? -> 0', 'json_pretty(?)', "json_patch('{}', ?)",
  "json_set('{}', '$.a', ?)", "json_remove(?, '$[0]')", 'json_array(?)', "json_object('a', ?)", 'json_group_array(?)',
  '(SELECT count(*) FROM json_tree(?))', "(SELECT count(*) FROM json_each(?, '$[0][0]'))"]) {
  CASES[`JSONB in ${call}`] = `() => [${JSON.stringify(`SELECT ${call}`)}, nested(60000)]`
}

// Arrays in arrays as JSONB.
function nested (depth) {
  const heads = []
  let size = 1
  for (let i = 0; i < depth; i++) {
    const head = Buffer.from([0xeb, 0, 0, 0, 0])
    head.writeUInt32BE(size, 1)
    heads.push(head)
    size += 5
  }
  return Buffer.concat([...heads.reverse(), Buffer.from([0])])
}

const SCRIPT = `
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
${nested}
const cases = { ${Object.entries(CASES).map(([name, make]) => `${JSON.stringify(name)}: ${make}`).join(',\n')} }
// The statements of a case; values go with the last one.
function split (list) {
  const last = list.findLastIndex((part) => typeof part === 'string' && /^[A-Z]+ /.test(part))
  return list.slice(0, last + 1).map((sql, i) => [sql, i === last ? list.slice(last + 1) : []])
}
function below (depth, fn) { return depth > 0 ? below(depth - 1, fn) : fn() }
function runAll (run) {
  const { Database } = require(${ROOT})
  const seen = {}
  for (const [name, make] of Object.entries(cases)) {
    const db = new Database(':memory:')
    db.exec('BEGIN')
    const list = split(make())
    for (const [at, [sql, values]] of list.entries()) {
      try {
        const start = at === list.length - 1 ? run : (fn) => fn()
        start(() => { const stmt = db.prepare(sql); return stmt.reader ? stmt.all(values) : stmt.run(values) })
        seen[name] = 'ok'
      } catch (error) { seen[name] = error.message }
    }
    seen[name] += db.prepare('SELECT 1').pluck().get() === 1 ? '' : ' and then nothing'
    db.close()
  }
  return seen
}
async function inPromises () {
  const { Database } = require(${ROOT} + '/promise')
  const seen = {}
  for (const [name, make] of Object.entries(cases)) {
    const db = new Database(':memory:')
    await db.exec('BEGIN')
    for (const [sql, values] of split(make())) {
      try {
        const stmt = await db.prepare(sql)
        await (stmt.reader ? stmt.all(values) : stmt.run(values))
        seen[name] = 'ok'
      } catch (error) { seen[name] = error.message }
    }
    await db.close()
  }
  return seen
}
// Almost all of the stack that JavaScript may have is in use.
function atTheEnd (fn) {
  let deepest = 0
  const probe = (depth) => { deepest = depth; probe(depth + 1) }
  try { probe(0) } catch {}
  for (let part = 0.9; ; part -= 0.1) {
    try { return below(Math.floor(deepest * part), fn) } catch (error) {
      if (!(error instanceof RangeError) || !/call stack/.test(error.message) || part < 0.2) throw error
    }
  }
}
async function main (kind) {
  if (kind === 'promise') return inPromises()
  return runAll(kind === 'deep' ? atTheEnd : (fn) => fn())
}
const done = (seen) => isMainThread ? console.log(JSON.stringify(seen)) : parentPort.postMessage(seen)
const kind = isMainThread ? process.env.KIND : workerData
if (isMainThread && kind !== 'main' && kind !== 'promise') {
  new Worker(__filename, { workerData: kind }).on('message', done)
} else {
  main(kind).then(done)
}
`

const DEEP = /^(ok|VIEWs and\/or subqueries nested too deep|parser stack overflow|too many levels of trigger recursion|LIKE or GLOB pattern too complex|JSON path too deep|JSON nested too deep)$/

for (const [kind, where] of [
  ['main', 'the main thread'], ['worker', 'a worker thread'], ['deep', 'a worker thread whose stack is almost used up'],
  ['promise', "a connection's own thread"]
]) {
  ours(`what the engine walks by recursion ends in an error, not the process, on ${where}`, async () => {
    const result = exited(await child(SCRIPT, { bare: true, env: { KIND: kind } }))
    const seen = JSON.parse(result.stdout)
    assert.deepEqual(Object.keys(seen), Object.keys(CASES))
    for (const [name, message] of Object.entries(seen)) {
      assert.match(message, DEEP, name)
      if (/JSONB|path/.test(name)) assert.match(message, /^JSON (path|nested) too deep$/, name)
      if (/LIKE|like/.test(name)) assert.match(message, /^(ok|LIKE or GLOB pattern too complex)$/, name)
      if (/chain of (triggers|foreign)/.test(name)) assert.match(message, /^(ok|too many levels of trigger recursion)$/, name)
      if (/nested quer/.test(name)) assert.equal(message, 'parser stack overflow', name)
    }
    if (kind !== 'deep') assert.equal(seen['a LIKE pattern'], 'ok')
  })
}
