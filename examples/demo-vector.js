'use strict'

// Puts words with their vectors into a vector table; shows what is near, with filters and joins,
// and how much of the truth a search finds. Words as arguments are asked of the table that is
// there: node examples/demo-vector.js coffee

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline/promises')
const Database = require('ferrolite')
const { wink } = require('../scripts/wink')

const COUNT = 60_000
const HELD_OUT = 50
const ASKED = ['coffee', 'python', 'january']
const file = path.join(os.tmpdir(), 'ferrolite-demo', 'words.db')

const NEAREST = `SELECT word, distance FROM near JOIN word ON word.id = near.rowid
  WHERE vector MATCH (SELECT vector FROM near WHERE rowid = :id)`
const SEARCHES = [
  ['nearest', `${NEAREST} AND k = 8 AND near.rowid <> :id ORDER BY distance`],
  ['of the 5,000 most frequent', `${NEAREST} AND k = 8 AND place <= 5000 AND near.rowid <> :id ORDER BY distance`],
  ['that end in "ing"', `${NEAREST} AND near.rowid <> :id AND word LIKE '%ing' ORDER BY distance LIMIT 8`]
]
const EXACT = 'SELECT rowid FROM near ORDER BY vector_distance_cos(vector, ?) LIMIT 10'
const FOUND = 'SELECT rowid FROM near WHERE vector MATCH ? AND k = 10'

async function main () {
  const words = process.argv.slice(2)
  if (words.length > 0 && fs.existsSync(file)) return await withDatabase((db) => askAll(db, words))
  const data = await wink()
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
  fs.mkdirSync(path.dirname(file), { recursive: true })
  await withDatabase(async (db) => {
    const held = load(db, data)
    askAll(db, words.length > 0 ? words : ASKED)
    analogy(db)
    compare(db, held)
    if (process.stdin.isTTY) await prompt(db)
  })
  console.log(`\nThe database is ${file}`)
  console.log('Ask it more, for example:\n  npm run demo:vector -- coffee tea')
}

async function withDatabase (work) {
  const db = new Database(file)
  try {
    db.pragma('journal_mode = WAL')
    await work(db)
  } finally {
    db.close()
  }
}

// All but a few words, which are what the search is tried with. Returns their vectors.
function load (db, { words, vectors, dimension }) {
  const count = Math.min(COUNT, words.length)
  const step = Math.ceil(count / HELD_OUT)
  const vectorOf = (i) => vectors.subarray(i * dimension, (i + 1) * dimension)
  const held = []
  say(`Loading ${number(count)} words, each with a vector of ${dimension} numbers, into ${file}`)
  db.exec(`CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT UNIQUE);
    CREATE VIRTUAL TABLE near USING diskann(dimension=${dimension}, place INTEGER)`)
  const insertWord = db.prepare('INSERT INTO word VALUES (?, ?)')
  const insert = db.prepare('INSERT INTO near(rowid, vector, place) VALUES (?, ?, ?)')
  const insertAll = db.transaction(() => {
    for (let i = 0; i < count; ++i) {
      if (i % step === step - 1) {
        held.push(vectorOf(i))
        continue
      }
      insertWord.run(i + 1, words[i])
      insert.run(i + 1, vectorOf(i), i + 1)
      if (i % 1000 === 0) progress('inserting', i / count)
    }
    progress('inserting', 1)
  })
  db.on('build', ({ done, total }) => progress('linking', done / total))
  const time = timed(insertAll.immediate)
  db.pragma('wal_checkpoint(TRUNCATE)')
  const [bytes, raw] = [fs.statSync(file).size, count * dimension * 4]
  say(`Inserted and linked in ${ms(time)}, in one transaction: ${megabytes(bytes)}, of which ${megabytes(raw)} are the numbers`)
  return held
}

function askAll (db, words) {
  for (const word of words) ask(db, word)
}

function ask (db, word) {
  const id = db.prepare('SELECT id FROM word WHERE word = ?').pluck().get(word.toLowerCase())
  if (id === undefined) return say(`\n"${word}" is not among the words`)
  say(`\nWhat is near "${word}"?`)
  for (const [title, sql] of SEARCHES) {
    const search = db.prepare(sql)
    search.all({ id })
    let rows
    const time = timed(() => { rows = search.all({ id }) })
    say(`  ${title.padEnd(27)} ${ms(time).padStart(7)}  ${list(rows)}`)
  }
}

const list = (rows) => rows.map(({ word, distance }) => `${word} ${distance.toFixed(2)}`).join(', ')

// Vectors can be added: a king, less a man, plus a woman.
function analogy (db) {
  const words = ['king', 'man', 'woman']
  const read = db.prepare('SELECT vector FROM near JOIN word ON word.id = near.rowid WHERE word = ?').pluck()
  const [king, man, woman] = words.map((word) => numbers(read.get(word)))
  if (king === undefined || man === undefined || woman === undefined) return
  const vector = king.map((value, i) => value - man[i] + woman[i])
  const rows = db.prepare(`SELECT word, distance FROM near JOIN word ON word.id = near.rowid
    WHERE vector MATCH ? AND word NOT IN (SELECT value FROM json_each(?)) ORDER BY distance LIMIT 5`)
  say(`\nWhat is to a woman as a king to a man?\n  ${list(rows.all(vector, JSON.stringify(words)))}`)
}

// A vector comes as a Buffer of its bytes.
function numbers (bytes) {
  return bytes && new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

function compare (db, held) {
  say(`\nHow many of the 10 nearest does a search find? Tried with ${held.length} words that are not in the table:`)
  const [exact, found] = [EXACT, FOUND].map((sql) => db.prepare(sql).pluck())
  let [truth, answers] = []
  const slow = timed(() => { truth = held.map((vector) => exact.all(vector)) })
  const fast = timed(() => { answers = held.map((vector) => found.all(vector)) })
  const hits = answers.flatMap((ids, i) => ids.filter((id) => truth[i].includes(id))).length
  const line = (name, recall, time) => {
    say(`  ${name.padEnd(27)} ${ms(time / held.length).padStart(7)}  recall ${recall}`)
  }
  line('each vector compared', '1.000', slow)
  line('the index', (hits / truth.flat().length).toFixed(3), fast)
}

async function prompt (db) {
  const lines = readline.createInterface({ input: process.stdin, output: process.stdout })
  for (;;) {
    const word = (await lines.question('\nA word, or nothing to end: ')).trim()
    if (word === '') break
    ask(db, word)
  }
  lines.close()
}

function progress (what, done) {
  if (!process.stdout.isTTY) return
  const filled = Math.round(done * 40)
  const bar = '#'.repeat(filled) + '-'.repeat(40 - filled)
  process.stdout.write(done < 1 ? `\r[${bar}] ${Math.floor(done * 100)}% ${what}\x1b[K` : '\r\x1b[K')
}

function timed (fn) {
  const start = performance.now()
  fn()
  return performance.now() - start
}

const say = (text) => console.log(text)
const number = (n) => n.toLocaleString('en')
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`

function ms (time) {
  if (time >= 10_000) return `${(time / 1000).toFixed(1)} s`
  return `${time < 10 ? time.toFixed(2) : Math.round(time)} ms`
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
