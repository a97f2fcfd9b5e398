'use strict'

// Every ```js block of the documentation runs by itself, and prints what its `// ->` comments say.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const test = require('node:test')
const { promisify } = require('node:util')
const Database = require('ferrolite')
const promise = require('ferrolite/promise')
const { startSqld, unavailable } = require('../servers/sqld')

const ROOT = path.join(__dirname, '..', '..')
const PAGES = [
  'README.md', 'docs/api.md', 'docs/promise.md', 'docs/migrating.md', 'docs/threads.md',
  'docs/remote.md', 'docs/replicas.md', 'docs/observability.md', 'docs/vector.md', 'docs/kv.md',
  'docs/testing.md',
  ...fs.readdirSync(path.join(ROOT, 'docs', 'guides')).map((name) => `docs/guides/${name}`)
]
// Blocks that name it run with a server of their own.
const SERVED = /process\.env\.DATABASE_URL/
// Blocks that are tests themselves end well, whatever they print.
const TESTS = /require\('node:test'\)/
const run = promisify(execFile)

function read (name) {
  return fs.readFileSync(path.join(ROOT, name), 'utf8').replaceAll('\r\n', '\n')
}

function blocks (name) {
  const text = read(name)
  return [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(({ 1: code, index }) => ({
    code,
    line: text.slice(0, index).split('\n').length
  }))
}

// An output is what follows `// ->`; comments below it that are as deep go on with it.
function expectedOutput (code) {
  let output = ''
  let within = false
  for (const line of code.split('\n')) {
    const first = /\/\/ -> (.*)$/.exec(line)
    const next = within && /^\s*\/\/ {4}(.*)$/.exec(line)
    within = Boolean(first || next)
    if (within) output += `${(first || next)[1]}\n`
  }
  return output
}

// A folder in which `ferrolite` is installed, and what else examples use.
function project (t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  fs.mkdirSync(path.join(folder, 'node_modules'))
  const link = (name, place) => fs.symlinkSync(place, path.join(folder, 'node_modules', name), 'junction')
  link('ferrolite', ROOT)
  link('lmdb', path.join(ROOT, 'node_modules', 'lmdb'))
  link('@opentelemetry', path.join(ROOT, 'node_modules', '@opentelemetry'))
  return folder
}

async function runBlock (t, code) {
  const folder = project(t)
  const file = path.join(folder, /^import /m.test(code) ? 'example.mjs' : 'example.js')
  fs.writeFileSync(file, code)
  const env = { ...process.env, NO_COLOR: '1', AUTH_TOKEN: '' }
  if (SERVED.test(code)) env.DATABASE_URL = (await startSqld(t)).url
  return await run(process.execPath, [file], { cwd: folder, env })
}

for (const page of PAGES) {
  for (const { code, line } of blocks(page)) {
    const skip = (SERVED.test(code) && unavailable()) ?? false
    test(`${page}:${line} prints what it says`, { skip }, async (t) => {
      const { stdout, stderr } = await runBlock(t, code)
      if (TESTS.test(code)) return
      assert.equal(stdout, expectedOutput(code))
      assert.equal(stderr, '')
    })
  }
}

test("examples/readme.js is the README's example", () => {
  const [, example] = read('examples/readme.js').split('// The example.\n')
  assert.equal(blocks('README.md')[0].code, `'use strict'\n${example}`)
})

test('every page is filled in, figures of benches above all', () => {
  const pages = fs.readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
  for (const page of ['README.md', 'CONTRIBUTING.md', ...pages.map((name) => `docs/${name}`)]) {
    const text = read(page)
    assert.doesNotMatch(text, /fill (this|it|them) in|\b(TODO|TBD|FIXME|XXX)\b|lorem ipsum|coming soon/i, page)
    for (const [, name] of text.matchAll(/^<!-- end of (.+) -->$/gm)) {
      const [, filled] = text.split(`<!-- ${name} -->\n`)
      const [figures] = filled.split(`<!-- end of ${name} -->`)
      assert.match(figures, /^\|.*(\d|\| yes \|).*\|$|^ {0,4}\S.*\d|^!\[/m, `${page}: ${name}`)
    }
  }
})

// Own names of a prototype, less what belongs to every class or to the inspector.
function methods ({ prototype }) {
  return Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor')
}

test('the reference and the types name every method and property', () => {
  const db = new Database(':memory:')
  const statement = db.prepare('SELECT 1')
  const session = db.createSession()
  const names = {
    db: [...methods(Database), ...Object.keys(db)],
    stmt: [...methods(statement.constructor), ...Object.keys(statement)],
    session: methods(session.constructor),
    Database: Object.keys(Database).filter((name) => !['Database', 'default'].includes(name))
  }
  db.close()
  requireNames(names, 'docs/api.md', 'index.d.ts')
})

test('the manual of promises and its types name every method and property', async () => {
  const db = await promise.connect(':memory:')
  const statement = await db.prepare('SELECT 1')
  const session = await db.createSession()
  const iterator = statement.iterate()
  const names = {
    // The class that `Database` extends has them.
    db: methods(Object.getPrototypeOf(promise.Database)),
    stmt: [...methods(statement.constructor), ...Object.keys(statement)],
    iterator: [...methods(iterator.constructor), ...Object.keys(iterator)],
    session: methods(session.constructor)
  }
  await db.close()
  requireNames(names, 'docs/promise.md', 'promise.d.ts')
  for (const name of Object.keys(promise)) {
    // The same as `Database`, for transpilers.
    if (name === 'default') continue
    assert.match(read('docs/promise.md'), new RegExp(`\\b${name}\\b`))
    assert.match(read('promise.d.ts'), new RegExp(`^  export \\{[^}]*\\b${name}\\b`, 'm'))
  }
})

function requireNames (names, page, file) {
  const reference = read(page)
  const types = read(file)
  for (const [owner, list] of Object.entries(names)) {
    assert.notEqual(list.length, 0)
    for (const name of list) {
      assert.match(reference, new RegExp(`^#+ .*\\b${owner}\\.${name}\\b`, 'm'), `${owner}.${name}`)
      assert.match(types, new RegExp(`\\b${name}\\b[?]? ?[:(<]`), `${owner}.${name}`)
    }
  }
}
