'use strict'

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const {
  BUSY, cleanup, open, sqliteError, syncOnly, tempDir, test, thrown, throws, typeError
} = require('../support')

const SUFFIX = { darwin: '.dylib', win32: '.dll' }[process.platform] || '.so'
const SOURCE = path.join(__dirname, '..', 'fixtures', 'extension.c')

// The header comes with the engine's sources, which cargo has fetched for the build.
function headers () {
  const run = (command, ...args) => execFileSync(command, args, {
    cwd: path.join(__dirname, '..', '..'), encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore']
  })
  const [, host] = /^host: (.+)$/m.exec(run('rustc', '-vV'))
  const metadata = run('cargo', 'metadata', '--format-version', '1', '--locked', '--offline', '--filter-platform', host)
  const engine = JSON.parse(metadata).packages.find(({ name }) => name === 'libsql-ffi')
  return path.join(path.dirname(engine.manifest_path), 'bundled', 'src')
}

let built

function build () {
  if (built) return built
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-extension-'))
  process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }))
  const file = path.join(dir, `extension${SUFFIX}`)
  try {
    const flags = process.platform === 'darwin' ? ['-dynamiclib'] : ['-shared', '-fPIC']
    execFileSync('cc', [...flags, `-I${headers()}`, SOURCE, '-o', file], { stdio: ['ignore', 'ignore', 'pipe'] })
    built = { file }
  } catch (error) {
    built = { skip: `no C compiler or header: ${error.message.split('\n')[0]}` }
  }
  return built
}

function withExtension (name, fn, run = test) {
  run(name, t => {
    const { file, skip } = build()
    if (skip) return t.skip(skip)
    return fn(t, file)
  })
}

test('loadExtension() of anything but a string is a TypeError', async t => {
  const db = open(t)
  for (const args of [[], [undefined], [null], [123], [['x']], [Buffer.from('x')]]) {
    await typeError(() => db.loadExtension(...args), 'Expected first argument to be a string')
  }
  await typeError(() => db.loadExtension(new String('x')), 'Expected first argument to be a string') // eslint-disable-line no-new-wrappers
})

test('an entry point that is not a string is a TypeError', async t => {
  for (const entry of [123, {}, true]) {
    await typeError(() => open(t).loadExtension('x', entry), 'Expected second argument to be a string')
  }
})

test('an extension that does not exist is an SqliteError that says so', async t => {
  const file = path.join(tempDir(t), 'missing')
  const { error } = await thrown(() => open(t).loadExtension(file))
  assert.deepEqual([error.name, error.code], ['SqliteError', 'SQLITE_ERROR'])
  assert.match(error.message, /missing/)
})

test('a file that is no extension is an SqliteError', async t => {
  const file = path.join(tempDir(t), `junk${SUFFIX}`)
  fs.writeFileSync(file, 'junk')
  const { error } = await thrown(() => open(t).loadExtension(file))
  assert.deepEqual([error.name, error.code], ['SqliteError', 'SQLITE_ERROR'])
})

withExtension('loadExtension() returns the database and adds the functions', async (t, file) => {
  const db = open(t)
  assert.equal(await db.loadExtension(file), db)
  assert.equal(await (await db.prepare('SELECT argument_count(NULL, 123, 99, 2)')).pluck().get(), 4)
  assert.equal(await (await db.prepare('SELECT argument_count()')).pluck().get(), 0)
})

withExtension('the entry point can be chosen', async (t, file) => {
  const db = open(t)
  assert.equal(await db.loadExtension(file, 'other_entry'), db)
  assert.equal(await (await db.prepare("SELECT first_argument('x')")).pluck().get(), 'x')
  await sqliteError(() => db.prepare('SELECT argument_count()'), 'SQLITE_ERROR', 'no such function: argument_count')
})

withExtension('an entry point that does not exist is an SqliteError that names it', async (t, file) => {
  const { error } = await thrown(() => open(t).loadExtension(file, 'nowhere'))
  assert.deepEqual([error.name, error.code], ['SqliteError', 'SQLITE_ERROR'])
  assert.match(error.message, /nowhere/)
})

withExtension('an extension that fails gives its own message', async (t, file) => {
  const { error } = await thrown(() => open(t).loadExtension(file, 'failing_entry'))
  assert.equal(error.code, 'SQLITE_ERROR')
  assert.match(error.message, /the extension refuses/)
})

withExtension('a relative path is of the folder that it was given in', async (t, file) => {
  const before = process.cwd()
  cleanup(t, () => process.chdir(before))
  process.chdir(path.dirname(file))
  const db = open(t)
  const loading = db.loadExtension(`./${path.basename(file)}`)
  process.chdir(before)
  await loading
  assert.equal(await (await db.prepare('SELECT argument_count(1)')).pluck().get(), 1)
})

withExtension('an extension is of its connection alone', async (t, file) => {
  await open(t).loadExtension(file)
  await sqliteError(() => open(t).prepare('SELECT argument_count()'), 'SQLITE_ERROR')
})

withExtension('load_extension() of SQL stays an error, before, after and when loading failed', async (t, file) => {
  const db = open(t)
  const fromSql = () => sqliteError(async () => (await db.prepare('SELECT load_extension(?)')).get(file), 'SQLITE_ERROR')
  await fromSql()
  await db.loadExtension(file)
  await fromSql()
  await thrown(() => db.loadExtension(`${file}x`))
  await fromSql()
})

withExtension('loadExtension() is blocked while iterating and inside a user function', (t, file) => {
  const db = open(t)
  for (const value of db.prepare('SELECT 555').pluck().iterate()) {
    assert.equal(value, 555)
    typeError(() => db.loadExtension(file), BUSY)
  }
  db.function('f', () => { typeError(() => db.loadExtension(file), BUSY) })
  db.exec('SELECT f()')
}, syncOnly)

withExtension('an extension is unloaded with its connection, many times', async (t, file) => {
  for (let i = 0; i < 50; ++i) {
    const db = open(t)
    await db.loadExtension(file)
    assert.equal(await (await db.prepare('SELECT argument_count(1, 2)')).pluck().get(), 2)
    await db.close()
  }
})

withExtension('a path that is not ASCII loads that file', async (t, file) => {
  const copy = path.join(tempDir(t), `na\u00efve \u6570${SUFFIX}`)
  fs.copyFileSync(file, copy)
  const db = open(t)
  cleanup(t, () => db.close())
  await db.loadExtension(copy, 'sqlite3_extension_init')
  assert.equal(await (await db.prepare('SELECT argument_count(1)')).pluck().get(), 1)
})

test('a path with NUL in it loads nothing', async t => {
  await throws(() => open(t).loadExtension('x\0y'))
})
