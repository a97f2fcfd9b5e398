'use strict'

// Every example runs to its end; each checks what it prints.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const test = require('node:test')
const { promisify } = require('node:util')
const { unavailable: noMoto } = require('../servers/moto')
const { unavailable: noRedis } = require('../servers/redis')
const { startSqld, unavailable } = require('../servers/sqld')

const EXAMPLES = path.join(__dirname, '..', '..', 'examples')
const run = promisify(execFile)

function tempDir (t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

// A rejection of execFile carries the exit code, the signal and what was printed.
function runExample (name, cwd, ...args) {
  const FERROLITE_WINK = cwd
  const env = { ...process.env, NO_COLOR: '1', DATABASE_URL: '', TMPDIR: cwd, TEMP: cwd, TMP: cwd, FERROLITE_WINK }
  return run(process.execPath, [path.join(EXAMPLES, name), ...args], { cwd, env })
}

// They have tests of their own below.
const APART = ['cities.js', 'demo.js', 'demo-replica.js', 'demo-vector.js', 'demo-kv.js', 'kv-counter.js', 'kv-function.js', 'remote.js', 'replica.js', 'scale.js']

for (const name of fs.readdirSync(EXAMPLES)) {
  if (!/\.m?js$/.test(name) || APART.includes(name)) continue
  test(`examples/${name} runs, prints, and leaves nothing behind`, async (t) => {
    const folder = tempDir(t)
    const { stdout, stderr } = await runExample(name, folder)
    assert.notEqual(stdout, '')
    assert.equal(stderr, '')
    assert.deepEqual(fs.readdirSync(folder), [])
  })
}

test('examples/cities.js imports the cities, answers, and answers more', async (t) => {
  const folder = tempDir(t)
  const file = path.join(folder, 'ferrolite-demo', 'cities.db')
  const { stdout, stderr } = await runExample('cities.js', folder)
  assert.equal(stderr, '')
  assert.equal(stdout.includes('\r'), false)
  assert.match(stdout, /^ {2}Shanghai +China +22,315,474$/m)
  assert.match(stdout, /^ {2}Perth +Australia +Adelaide +2,130$/m)
  assert.equal(stdout.match(/^ {2}5 rows in [\d.]+ ms$/gm).length, 5)
  assert.equal(stdout.includes(`The database is ${file}`), true)
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ['cities.db'])

  const sql = "SELECT count(*) AS cities FROM city WHERE code = 'IS'"
  const more = await runExample('cities.js', folder, sql)
  assert.match(more.stdout, /^ {2}cities\n {2}------\n {2} {4}\d\d\n {2}1 row in [\d.]+ ms\n$/)
})

test('examples/demo.js measures a server five ways, and leaves nothing behind', async (t) => {
  const folder = tempDir(t)
  const { stdout, stderr } = await runExample('demo.js', folder, '0.05')
  assert.equal(stderr, '')
  assert.equal(stdout.includes('\x1b'), false)
  const measured = stdout.match(/^ {3}p99 +[\d.]+ m?s {3}event loop stalled +[\d.]+ m?s {3}[▁-█]*$/gm)
  const isOld = Number(process.versions.node.split('.')[0]) < 22
  const leftOut = [...(isOld ? ['better-sqlite3'] : []), ...(unavailable() ? ['sqld'] : [])]
  assert.equal(measured.length, 5 - leftOut.length)
  assert.deepEqual([...stdout.matchAll(/^ {3}Left out: (better-sqlite3|sqld)/gm)].map(([, name]) => name), leftOut)
  assert.match(stdout, /stopped: the process used \d+ %\s+of a core/)
  if (!unavailable()) assert.match(stdout.replaceAll(/\s+/g, ' '), /requests were answered and 0 failed, p99 .* had come by itself\./)
  assert.match(stdout, /^In short: p99 from [\d.]+ m?s to [\d.]+ m?s, the longest stall from [\d.]+ m?s to [\d.]+ m?s\.\n$/m)
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('the recording in the README is small, and of the demo that is there', () => {
  const picture = path.join(EXAMPLES, '..', 'docs', 'images', 'demo.svg')
  const text = fs.readFileSync(picture, 'utf8').replaceAll(/<[^>]*>/g, '')
  assert.ok(fs.statSync(picture).size < 150_000)
  const titles = fs.readFileSync(path.join(EXAMPLES, 'demo.js'), 'utf8').matchAll(/\btitle\((\d), '([^']*)'/g)
  const missing = [...titles].filter(([, n, title]) => !text.includes(`${n}. ${title}`))
  assert.deepEqual(missing.map(([, , title]) => title), [])
})

// A few words in the place of those that it fetches: each is a little further from the first.
function writeWords (folder, count) {
  const words = Array.from({ length: count }, (_, i) => ['coffee', 'tea', 'brewing'][i] ?? `word${i}`)
  const vectors = Float32Array.from({ length: count * 100 }, (_, i) => {
    return i % 100 === 0 ? 1 : i % 100 === 1 ? Math.floor(i / 100) / count : 0
  })
  fs.writeFileSync(path.join(folder, 'words.json'), JSON.stringify(words))
  fs.writeFileSync(path.join(folder, 'vectors.f32'), vectors)
}

test('examples/demo-vector.js finds what is near, and is asked more', async (t) => {
  const folder = tempDir(t)
  writeWords(folder, 600)
  const { stdout, stderr } = await runExample('demo-vector.js', folder)
  assert.equal(stderr, '')
  assert.match(stdout, /^What is near "coffee"\?\n {2}nearest .* tea 0\.00, brewing 0\.00, word3 0\.00, /m)
  assert.match(stdout, /^ {2}that end in "ing" .* {2}brewing 0\.00$/m)
  assert.match(stdout, /^ {2}the index .* recall 1\.000$/m)
  const more = await runExample('demo-vector.js', folder, 'tea', 'nothing')
  assert.match(more.stdout, /^\nWhat is near "tea"\?\n(.*\n){3}\n"nothing" is not among the words\n$/)
})

test('examples/demo-kv.js counts the writes of commits, and loses none to a kill', async (t) => {
  const folder = tempDir(t)
  const { stdout, stderr } = await runExample('demo-kv.js', folder)
  assert.equal(stderr, '')
  assert.match(stdout, / 240 commits, 1\.00 writes each\n/)
  assert.match(stdout, /^Opened again in \d+ ms: 300 rows, 300 commits had returned$/m)
  assert.match(stdout, /^Every value is sound: ok$/m)
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('examples/kv-counter.js counts on after kills', { skip: noRedis() ?? false }, async (t) => {
  const folder = tempDir(t)
  const { stdout, stderr } = await runExample('kv-counter.js', folder)
  assert.equal(stderr, '')
  assert.match(stdout, /^run 1: counted from 1 to \d+, then killed\nrun 2: .*\nrun 3: .* to 1\d\d, then killed$/m)
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('examples/kv-function.js keeps its database in a bucket', { skip: noMoto() ?? false }, async (t) => {
  const folder = tempDir(t)
  const { stdout } = await runExample('kv-function.js', folder)
  assert.match(stdout, /^bob visits \/: 2\n\[ \{ path: '\/', visits: 2 \}, \{ path: '\/about', visits: 1 \} \]$/m)
  assert.deepEqual(fs.readdirSync(folder), [])
})

const skip = unavailable() ?? false

for (const name of ['remote.js', 'replica.js']) {
  test(`examples/${name} runs on a server, and says what it needs`, { skip }, async (t) => {
    const folder = tempDir(t)
    const { url } = await startSqld(t)
    // Twice: what it makes does not stand in its way.
    for (let i = 0; i < 2; ++i) {
      const { stdout, stderr } = await runExample(name, folder, url)
      assert.notEqual(stdout, '')
      assert.equal(stderr, '')
    }
    assert.deepEqual(fs.readdirSync(folder), [])
    const alone = await runExample(name, folder).catch((error) => error)
    assert.equal(alone.code, 1)
    assert.match(alone.stderr, /^Usage: /)
  })
}

test('examples/demo-replica.js reads on without the server, and ends with the same rows', { skip }, async (t) => {
  const folder = tempDir(t)
  const { stdout, stderr } = await runExample('demo-replica.js', folder)
  assert.equal(stderr, '')
  assert.match(stdout, /^ {2}Fetched 1,000 orders in /m)
  assert.match(stdout, /^ {2}A write says what is wrong: REMOTE_UNREACHABLE: /m)
  assert.match(stdout, /SHA-256 (\w{16})\n {2}replica .* SHA-256 \1\n {2}The same, .*\n$/)
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('examples/scale.js compares a primary, read replicas and embedded replicas', { skip }, async (t) => {
  const folder = tempDir(t)
  const { stdout, stderr } = await runExample('scale.js', folder, '0.02')
  assert.equal(stderr, '')
  assert.match(stdout, /^over HTTP, the primary( +[\d,]+){3}$/m)
  assert.match(stdout, /^over HTTP, two read replicas( +[\d,]+){3}$/m)
  assert.match(stdout, /^embedded replicas( +[\d,]+){3}$/m)
  assert.match(stdout, /^All four have the same 1001 rows\.$/m)
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('the list of examples names every one of them', () => {
  const list = fs.readFileSync(path.join(EXAMPLES, 'README.md'), 'utf8')
  const listed = [...list.matchAll(/^\| \[[^\]]+\]\(([^)]+)\)/gm)].map(([, name]) => name)
  const files = fs.readdirSync(EXAMPLES).filter((name) => /\.m?js$/.test(name))
  assert.deepEqual(listed.sort(), files.sort())
})
