'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const test = require('node:test')
const { pathToFileURL } = require('node:url')
const { target } = require('../../lib/binding')
const { generatedFiles } = require('../../scripts/packages')
const { ALIASES, EITHER, TARGETS } = require('../../scripts/targets')
const { STAND_INS } = require('../../scripts/stand-ins')

const ROOT = path.join(__dirname, '..', '..')
const TARGET = target()
const ENTRY = path.join(ROOT, 'lib', 'targets', `${TARGET}.js`)

// The platform's package as npm would install it, found through NODE_PATH.
function linkedPackage (t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-entry-'))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  fs.mkdirSync(path.join(dir, '@ferrolite'))
  fs.symlinkSync(path.join(ROOT, 'packages', TARGET), path.join(dir, '@ferrolite', TARGET), 'junction')
  return dir
}

// Runs a script that ends in a value, with the entry point of this platform as `Database`.
function withEntry (script, nodePath = '') {
  const body = `
    'use strict'
    const Database = require(${JSON.stringify(ENTRY)})
    const caught = (fn) => { try { return fn() } catch ({ name, message }) { return { name, message } } }
    console.log(JSON.stringify((() => { ${script} })()))`
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_PATH: nodePath }
  const result = spawnSync(process.execPath, ['-e', body], { encoding: 'utf8', env })
  assert.equal(result.signal, null)
  assert.equal(result.status, 0, result.stderr)
  return JSON.parse(result.stdout)
}

test('require() gives the class, and its parts by name', () => {
  const Database = require('../..')
  assert.equal(Database.name, 'Database')
  assert.equal(Database.Database, Database)
  assert.equal(Database.default, Database)
  assert.ok(Object.create(Database.SqliteError.prototype) instanceof Error)
})

test('import gives the class by default and by name', async () => {
  const Database = require('../..')
  const imported = await import(pathToFileURL(path.join(ROOT, 'index.js')))
  assert.equal(imported.default, Database)
  assert.equal(imported.Database, Database)
  assert.equal(imported.SqliteError, Database.SqliteError)
})

test('import gives the promise API by name, with the same errors and constants', async () => {
  const Database = require('../..')
  const promise = require('ferrolite/promise')
  const names = ['connect', 'Database', 'SqliteError', 'Authorization', 'Action', 'constants']
  assert.deepEqual(Object.keys(promise), [...names, 'default'])
  assert.equal(promise, promise.Database)
  for (const entry of ['ferrolite/promise', `ferrolite/${TARGET}/promise`]) {
    const imported = await import(entry)
    for (const name of names) {
      assert.equal(imported[name], imported.default[name], name)
      assert.equal(typeof imported[name], typeof promise[name], name)
    }
    for (const name of ['SqliteError', 'Authorization', 'Action', 'constants']) {
      assert.equal(imported[name], Database[name], name)
      assert.equal(imported.Database[name], Database[name], name)
    }
  }
})

test('what the promise entry gives can be constructed, extended and connected by', async () => {
  const Database = require('ferrolite/promise')
  class Own extends Database {}
  for (const db of [new Database(':memory:'), new Own(':memory:'), await Database.connect(':memory:')]) {
    assert.deepEqual(await db.get('SELECT 1 AS a'), { a: 1 })
    assert.ok(db instanceof Database)
    await db.close()
  }
})

test('what lists the platforms is as the table of platforms makes it', () => {
  for (const [file, text] of Object.entries(generatedFiles())) {
    const committed = fs.readFileSync(path.join(ROOT, file), 'utf8').replaceAll('\r\n', '\n')
    assert.equal(committed, text, `${file}: npm run packages`)
  }
  const packages = [...Object.keys({ ...TARGETS, ...STAND_INS }), 'cli', 'wasm'].sort()
  assert.deepEqual(fs.readdirSync(path.join(ROOT, 'packages')).sort(), packages)
  const entries = Object.keys({ ...TARGETS, ...EITHER, ...ALIASES }).map((name) => `${name}.js`).sort()
  const promise = path.join('promise', path.sep)
  const found = fs.readdirSync(path.join(ROOT, 'lib', 'targets'), { recursive: true }).sort()
  assert.deepEqual(found.filter((name) => name !== 'promise' && !name.startsWith(promise)), entries)
  const promises = found.filter((name) => name.startsWith(promise))
  assert.deepEqual(promises.map((name) => path.basename(name)), entries)
})

test("import finds the parts of each platform's entry points by name", async () => {
  const { exports } = require('../../package.json')
  const names = {
    sync: Object.keys(await import('ferrolite')),
    promise: Object.keys(await import('ferrolite/promise'))
  }
  for (const name of ['Action', 'Authorization', 'constants', 'SqliteError', 'Database']) {
    assert.ok(names.sync.includes(name), name)
    assert.ok(names.promise.includes(name), name)
  }
  assert.ok(names.promise.includes('connect'))
  for (const entry of Object.keys(exports).filter((name) => name !== './package.json')) {
    const imported = await import(`ferrolite${entry.slice(1)}`)
    if (!entry.startsWith('./stores/')) {
      const expected = entry.endsWith('/promise') ? names.promise : names.sync
      assert.deepEqual(Object.keys(imported), expected, entry)
    }
    for (const name of Object.keys(imported)) {
      // Node.js 24 gives the whole module by this name too.
      if (name === 'default' || name === 'module.exports') continue
      assert.equal(imported[name], imported.default[name], `${entry} ${name}`)
    }
  }
})

test('an entry point of better-sqlite3 without the C library uses the one that is there', (t) => {
  const name = Object.keys(EITHER).find((name) => EITHER[name].includes(TARGET))
  if (name === undefined) return t.skip('only on Linux')
  const script = (entry) => `
    const sync = new (require('ferrolite/${entry}'))(':memory:')
    console.log(sync.prepare('SELECT 6 * 7').pluck().get())
    require('ferrolite/${entry}/promise').connect(':memory:').then((db) => db.close())`
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_PATH: linkedPackage(t) }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script(name)], {
    cwd: ROOT, encoding: 'utf8', env
  })
  assert.equal(status, 0, stderr)
  assert.equal(stdout, '42\n')
})

test("a platform's entry point uses its package, and not the loader", (t) => {
  const [answer, loader] = withEntry(`
    const db = new Database(':memory:')
    const answer = db.prepare('SELECT 6 * 7').pluck().get()
    db.close()
    const files = Object.keys(require.cache)
    return [answer, files.some((file) => /binding\\.js$|neon-rs/.test(file))]`, linkedPackage(t))
  assert.equal(answer, 42)
  assert.equal(loader, false)
})

test("a platform's entry point has the same names", (t) => {
  const script = `
    return [Database.Database === Database, Database.default === Database, typeof Database.SqliteError]`
  assert.deepEqual(withEntry(script), [true, true, 'function'])
})

test("a platform's entry point refuses the option nativeBinding", (t) => {
  const error = withEntry("return caught(() => new Database(':memory:', { nativeBinding: {} }))", linkedPackage(t))
  assert.deepEqual(error, {
    name: 'TypeError',
    message: 'The "nativeBinding" option is only supported by the default ferrolite entrypoint'
  })
})

test("a platform's entry point without its package throws the reason", () => {
  const error = withEntry("return caught(() => new Database(':memory:'))")
  assert.match(error.message, new RegExp(`^Cannot find module '@ferrolite/${TARGET}'`))
})

test("a platform's promise entry point uses its package, and refuses nativeBinding", (t) => {
  const body = `
    const { connect } = require('ferrolite/${TARGET}/promise')
    async function main () {
      const refused = await connect(':memory:', { nativeBinding: {} }).catch(String)
      const db = await connect(':memory:')
      const { answer } = await db.get('SELECT 6 * 7 AS answer')
      await db.close()
      const files = Object.keys(require.cache)
      const loader = files.some((file) => /binding\\.js$|neon-rs/.test(file))
      console.log(JSON.stringify([refused, answer, loader]))
    }
    main()`
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_PATH: linkedPackage(t) }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', body], {
    cwd: ROOT, encoding: 'utf8', env
  })
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), [
    'TypeError: The "nativeBinding" option is only supported by the default ferrolite entrypoint',
    42,
    false
  ])
})

test("a platform's entry point refuses Node.js 18", (t) => {
  const error = withEntry(`
    Object.defineProperty(process, 'versions', { value: { node: '18.20.8', napi: '9' } })
    return caught(() => new Database(':memory:'))`, linkedPackage(t))
  assert.match(error.message, /^Ferrolite needs Node\.js 20 or newer/)
})
