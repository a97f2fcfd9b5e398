'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const { PROMISES, Database, cleanup, connect, open, ours, tempFile, typeError } = require('../support')

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
  connectTimeout: ['connectionTimeout', 'connect_timeout'],
  requestTimeout: ['requestTimeOut', 'requestimeout'],
  readonly: ['read_only', 'ReadOnly'],
  fileMustExist: ['filemustexist', 'file_must_exist'],
  readYourWrites: ['readyourwrites'],
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
    await typeError(() => connect(file, { url }), /^Unknown option "url": a server is the first argument/)
    await typeError(() => connect(file, { databaseUrl: url }), /"syncUrl" option for a replica$/)
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
  for (const options of [{ syncPeriod: 5 }, { readYourWrites: true }, { resync: true }, { syncUrl: undefined, authToken: 'x' }]) {
    await typeError(() => connect(file, options), /and the "syncUrl" option is not$/)
  }
  assert.equal(fs.existsSync(file), false)
  // As @libsql/client gives them.
  const names = ['authToken', 'syncUrl', 'syncPeriod', 'readYourWrites', 'offline', 'timeout']
  const none = Object.fromEntries(names.map(name => [name, undefined]))
  assert.equal(open(t, file, none).open, true)
})
