'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { PROMISES, Database, cleanup, connect, open, ours, tempDir, tempFile, typeError } = require('../support')

// What each may be called by mistake.
const MISTAKES = {
  encryptionKey: ['encryptionkey', 'EncryptionKey', 'encryption_key', 'encryptonKey', 'encrytpionKey', 'encryptionKeys',
    'key', 'password', 'passphrase'],
  encryptionCipher: ['encryptioncipher', 'cipher', 'encryptionCypher'],
  authToken: ['authtoken', 'auth_token', 'autToken', 'token', 'jwt', 'authTokens'],
  syncUrl: ['syncURL', 'sync_url', 'syncUrI', 'SyncUrl'],
  syncPeriod: ['syncperiod', 'syncInterval', 'sync_period'],
  timeout: ['timeOut', 'timout', 'tiemout', 'busyTimeout', 'busy_timeout'],
  defaultQueryTimeout: ['queryTimeout', 'defaultQuerytimeout', 'statementTimeout'],
  hideParameters: ['hideparameters', 'hide_parameters', 'hideParams', 'logQueryParameters'],
  connectTimeout: ['connectionTimeout', 'connect_timeout'],
  requestTimeout: ['requestTimeOut', 'requestimeout'],
  readonly: ['read_only', 'ReadOnly', 'readonyl', 'isReadonly', 'redonly'],
  fileMustExist: ['filemustexist', 'file_must_exist', 'fileMustExists', 'fileMusExist', 'mustExist'],
  readYourWrites: ['readyourwrites', 'readYourWrite'],
  waitForUncertain: ['waitForUncertian'],
  detachReplica: ['detachReplca'],
  resync: ['resyc'],
  verbose: ['verbos', 'verbsoe'],
  headers: ['headrs', 'header'],
  namespace: ['namspace'],
  limits: ['limit'],
  readers: ['reader'],
  vfs: ['vsf'],
  tls: ['tsl'],
  nativeBinding: ['nativebinding', 'natveBinding'],
  allowInsecure: ['allowInsecured'],
  leaseTimeout: ['leaseTimeOut', 'transactionTimeout']
}

ours('options of a connection that are misspelt are a TypeError that names the right one', async t => {
  const file = tempFile(t)
  for (const [right, list] of Object.entries(MISTAKES)) {
    for (const name of list) {
      for (const value of ['x', 5, undefined]) {
        await typeError(() => connect(file, { [name]: value }), `Misspelled option "${name}" should be "${right}"`)
      }
    }
  }
  for (const url of ['libsql://a.example', 'http://localhost:1']) {
    await typeError(() => connect(file, { url }), /^Unknown option "url": give the URL of a server as the first argument/)
    await typeError(() => connect(file, { databaseUrl: url }), /for a replica as the "syncUrl" option$/)
  }
  assert.equal(fs.existsSync(file), false)
})

ours('options that others have are passed over', async t => {
  const options = {
    driver: null,
    url: 'app.db',
    pool: { acquireTimeout: 5 },
    idleTimeout: 5,
    time: 1,
    timezone: 'Z',
    foreignKeys: true,
    strict: true,
    create: true,
    safeIntegers: false,
    enableForeignKeyConstraints: true,
    logger: undefined,
    schema: {},
    mode: 'rw',
    cache: 'shared',
    fs: null,
    ssl: true,
    online: true,
    session: 1,
    memoize: 1,
    journalMode: 'wal',
    host: undefined,
    user: undefined
  }
  assert.equal(open(t, tempFile(t), options).open, true)
})

ours('options of TLS and of URLs are checked too', async () => {
  await typeError(() => connect('https://a.example', { tls: { rejectUnauthorised: false } }), /^Unknown option "tls\.rejectUnauthorised"/)
  await typeError(() => connect('libsql://a.example?authtoken=x'), 'Misspelled option "authtoken" should be "authToken"')
  await typeError(() => connect('libsql://a.example?token=x'), 'Misspelled option "token" should be "authToken"')
})

ours('a name that is missing is no temporary database where options tell of a server or a file', async () => {
  const options = {
    authToken: ['x', undefined],
    syncUrl: ['http://localhost:1', undefined],
    encryptionKey: ['x', undefined, null],
    syncPeriod: [5],
    readYourWrites: [true],
    connectTimeout: [5],
    requestTimeout: [5],
    headers: [{}],
    namespace: ['x'],
    tls: [{}],
    fileMustExist: [true],
    vfs: ['x']
  }
  for (const [name, values] of Object.entries(options)) {
    for (const value of values) {
      for (const file of [undefined, null]) {
        await typeError(() => connect(file, { [name]: value }), /^Expected first argument to be a string.*\(is a variable not set\?\)$/)
      }
    }
  }
  for (const option of [{ authToken: 'x' }, { namespace: 'x' }, { headers: { a: 'b' } }, { syncUrl: 'http://localhost:1' }, { encryptionKey: 'x' }]) {
    await typeError(() => connect('', option))
    await typeError(() => connect('  ', option))
  }
})

ours('a name that is undefined is a TypeError with promises', { skip: !PROMISES && 'better-sqlite3 takes it' }, async t => {
  for (const file of [undefined, null]) {
    await typeError(() => connect(file), /^Expected first argument to be a string/)
    await typeError(() => new Database(file), /^Expected first argument to be a string/)
  }
  for (const db of [await connect(), new Database()]) {
    cleanup(t, () => db.close())
    assert.deepEqual([db.memory, db.name], [true, ''])
  }
})

ours('what only replicas have needs the URL of the primary', async t => {
  const file = tempFile(t)
  for (const options of [
    { syncPeriod: 5 }, { readYourWrites: true }, { readYourWrites: false }, { resync: true },
    { waitForUncertain: true }, { authToken: 'x' }, { namespace: 'x' }, { headers: { a: 'b' } },
    { tls: { ca: 'x' } },
    { syncUrl: undefined, authToken: 'x' }]) {
    await typeError(() => connect(file, options), /and the "syncUrl" option is not( set)?$/)
  }
  assert.equal(fs.existsSync(file), false)
  // As @libsql/client gives them.
  const names = ['authToken', 'syncUrl', 'syncPeriod', 'readYourWrites', 'offline', 'timeout']
  const none = Object.fromEntries(names.map(name => [name, undefined]))
  assert.equal(open(t, file, none).open, true)
})

ours('what only replicas have is not for a server, and what ends one not for a replica', async t => {
  for (const options of [{ syncPeriod: 5 }, { readYourWrites: false }, { resync: true }, { waitForUncertain: 'x' }, { detachReplica: true }]) {
    const [name] = Object.keys(options)
    await typeError(() => connect('libsql://a.example', options), new RegExp(`^The "${name}" option is for replicas`))
  }
  const options = { syncUrl: 'libsql://a.example', detachReplica: true }
  await typeError(() => connect(tempFile(t), options), /^The "detachReplica" option makes a plain database of a replica/)
})

ours('an empty name is no temporary database where options tell of a server or a file', async t => {
  for (const options of [
    { authToken: undefined }, { authToken: '' }, { syncUrl: undefined }, { encryptionKey: undefined }, { namespace: undefined },
    { readYourWrites: false }, { connectTimeout: 5 }
  ]) {
    for (const name of ['', ' ']) await typeError(() => connect(name, options), /\(is a variable not set\?\)$/)
  }
  const db = await connect('', { fileMustExist: true, timeout: 5 })
  cleanup(t, () => db.close())
  assert.equal(db.memory, true)
  const memory = await connect(':memory:', { authToken: 'x' })
  cleanup(t, () => memory.close())
  assert.equal(memory.memory, true)
})

ours('a URL that lacks its slashes, or its scheme, is no file', async t => {
  const cwd = process.cwd()
  const folder = tempDir(t)
  process.chdir(folder)
  cleanup(t, () => process.chdir(cwd))
  for (const name of ['libsql:h.example', 'libsql:/h.example', 'libsql:', 'libsql://', 'https:h', 'http:/h', 'HTTP:/h', 'http://', 'libsql://a b', 'wss:h']) {
    for (const options of [{}, { authToken: 'x' }]) {
      await typeError(() => connect(name, options), /^(The URL of the database is not valid|The URL of the database must begin with)/)
      await typeError(() => connect('a.db', { ...options, syncUrl: name }), /^(The URL of the database is not valid|The URL of the database must begin with)/)
    }
  }
  for (const name of ['db.example:8080', 'h.example', './a.db']) {
    await typeError(() => connect(name, { authToken: 'x' }), /^The "authToken" option is for a server/)
  }
  const named = 'h.example?authToken=secret'
  await typeError(() => connect(named), /^The name of the database contains a token but is not a URL: a URL begins with libsql:\/\/$/)
  assert.deepEqual(fs.readdirSync(folder), [])
})

ours('parameters of a URL are known ones, and a token crosses no open network', async () => {
  for (const url of ['libsql://h.example?x=1', 'libsql://h.example?authToken=a&sslmode=require']) {
    await typeError(() => connect(url), /^Unknown parameter "\w+" of the URL/)
  }
  for (const tls of ['false', 'true', '', '2']) await typeError(() => connect(`libsql://h.example?tls=${tls}`), /^Expected the parameter "tls" of the URL/)
  for (const url of ['http://h.example?tls=1', 'https://h.example?tls=0']) await typeError(() => connect(url), /^The parameter "tls" is for URLs that begin with libsql:/)
  const open = 'http://h.example'
  for (const name of ['Authorization', 'authorization', 'Cookie']) {
    await typeError(() => connect(open, { headers: { [name]: 'x' } }), /^The secret header would cross the network unencrypted/)
  }
  await typeError(() => connect(`${open}?authToken=x`, { authToken: '' }), /^The token would cross the network unencrypted/)
})

ours('options of methods that are misspelt are a TypeError that names the right one', async t => {
  const db = await open(t).exec('CREATE TABLE t (a PRIMARY KEY)')
  const fn = () => 1
  const table = { rows: function * () {}, columns: ['a'] }
  const file = path.join(tempDir(t), 'copy.db')
  const calls = {
    deterministic: ['determinstic', options => db.function('f', options, fn)],
    directOnly: ['directonly', options => db.function('f', options, fn)],
    varargs: ['varArgs', options => db.function('f', options, fn)],
    safeIntegers: ['safeIntegres', options => db.aggregate('f', { start: 0, step: fn, ...options })],
    inverse: ['invers', options => db.aggregate('f', { start: 0, step: fn, ...options })],
    parameters: ['paramters', options => db.table('v', { ...table, ...options })],
    attached: ['atached', options => db.backup(file, options)],
    progress: ['progess', options => db.backup(file, options)],
    table: ['tabel', options => db.createSession(options)],
    simple: ['simpel', options => db.pragma('user_version', options)],
    mode: ['moed', options => db.batch([], options)],
    filter: ['fliter', options => db.applyChangeset(Buffer.alloc(0), options)],
    onConflict: ['onconflict', options => db.applyChangeset(Buffer.alloc(0), options)],
    timeout: ['timout', options => db.batch([], options)]
  }
  for (const [right, [wrong, call]] of Object.entries(calls)) {
    await typeError(async () => call({ [wrong]: undefined }), `Misspelled option "${wrong}" should be "${right}"`)
    // Others are passed over.
    await call({ strategy: 1, x: undefined })
  }
  await db.function('f', { get strategy () { return assert.fail('read') } }, fn)
  await typeError(async () => db.serialize({ atached: 'x' }), 'Misspelled option "atached" should be "attached"')
  await typeError(() => db.close({ timout: 5 }), 'Misspelled option "timout" should be "timeout"')
  if (PROMISES) return
  typeError(() => db.close({ interrupt: true }), 'The "interrupt" option of close() is for ferrolite/promise')
  assert.equal(db.open, true)
  assert.equal(fs.existsSync(file), true)
})

ours('a list or a map is no object of options', async t => {
  const db = open(t)
  const file = tempFile(t)
  for (const options of [['readonly'], new Map([['readonly', true]]), new Set(['readonly'])]) {
    await typeError(() => connect(file, options), /^Expected the options to be an object/)
    await typeError(async () => db.function('f', options, () => 1), /^Expected the options to be an object/)
    await typeError(async () => db.pragma('user_version', options), /object/)
    await typeError(async () => db.createSession(options), /object/)
  }
  assert.equal(fs.existsSync(file), false)
})

ours('what a batch is given is named where it is wrong', async t => {
  const db = open(t)
  await typeError(() => db.batch(['SELECT 1', { sq: 'SELECT 1' }]), 'Expected statements[1].sql to be a string')
  await typeError(() => db.batch(['SELECT 1', [5]]), 'Expected statements[1][0] to be a string')
  await typeError(() => db.batch([{ sql: 'SELECT 1', arg: [] }]), 'Misspelled option "arg" should be "args"')
  await typeError(() => db.batch([5]), /: statements\[0\] is not$/)
})

ours('the mode of a transaction as an argument is a TypeError', async t => {
  const db = open(t)
  for (const mode of ['immediate', 'IMMEDIATE', 'exclusive', 'deferred']) {
    const right = `The mode of a transaction is not an argument: call db.transaction(fn).${mode.toLowerCase()}()`
    await typeError(async () => db.transaction(() => {}, mode), right)
  }
  assert.equal(typeof db.transaction(() => {}, { an: 'option' }), 'function')
})
