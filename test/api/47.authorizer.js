'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, IN_TIME, Database, open, ours, oursSyncOnly, series, sqliteError, typeError
} = require('../support')

const { Action, Authorization: { ALLOW, DENY, IGNORE } } = Database

function setup (t) {
  return open(t).exec(`
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
    CREATE TABLE secrets (id INTEGER PRIMARY KEY, value TEXT);
    CREATE TABLE logs_a (msg TEXT); CREATE TABLE logs_b (msg TEXT); CREATE TABLE logs_ab (msg TEXT);
    INSERT INTO users VALUES (1, 'Ada', 'ada@example.org'), (2, 'Bob', 'bob@example.org');
    INSERT INTO secrets VALUES (1, 'hidden');
    INSERT INTO logs_a VALUES ('x');
  `)
}

const READ_ALL = [{ action: Action.READ, policy: ALLOW }, { action: Action.SELECT, policy: ALLOW }]
const denied = fn => sqliteError(fn, 'SQLITE_AUTH')

ours('the constants are those of libsql', () => {
  assert.deepEqual(Database.Authorization, { ALLOW: 0, DENY: 1, IGNORE: 2 })
  assert.deepEqual(Object.values(Action), Array.from({ length: 33 }, (_, i) => i + 1))
  const { CREATE_INDEX, DELETE, PRAGMA, READ, ATTACH, FUNCTION, RECURSIVE } = Action
  const some = [CREATE_INDEX, DELETE, PRAGMA, READ, ATTACH, FUNCTION, RECURSIVE]
  assert.deepEqual(some, [1, 9, 19, 20, 24, 31, 33])
})

ours('authorizer() returns the database', async t => {
  const db = await setup(t)
  assert.equal(await db.authorizer({ users: ALLOW }), db)
  assert.equal(await db.authorizer(null), db)
})

ours('a map of tables allows those it allows', async t => {
  const db = await (await setup(t)).authorizer({ users: ALLOW, secrets: DENY })
  assert.deepEqual(await (await db.prepare('SELECT name FROM users ORDER BY id')).pluck().all(), ['Ada', 'Bob'])
})

ours('a map of tables denies those it denies and those it does not name', async t => {
  const db = await (await setup(t)).authorizer({ users: ALLOW, secrets: DENY })
  await denied(() => db.prepare('SELECT * FROM secrets'))
  await denied(() => db.prepare('SELECT * FROM logs_a'))
  await denied(() => db.prepare('SELECT * FROM users, secrets'))
  await denied(() => db.prepare('SELECT (SELECT value FROM secrets) FROM users'))
  await denied(() => db.exec('DELETE FROM secrets'))
})

ours('the error says what is not authorized', async t => {
  const db = await (await setup(t)).authorizer({ users: ALLOW })
  await sqliteError(() => db.prepare('SELECT value FROM secrets'), 'SQLITE_AUTH', /^access to secrets\.(id|value) is prohibited$/)
})

ours('null removes the authorizer', async t => {
  const db = await (await setup(t)).authorizer({ users: DENY })
  await denied(() => db.prepare('SELECT * FROM users'))
  await db.authorizer(null)
  assert.equal(await (await db.prepare('SELECT value FROM secrets')).pluck().get(), 'hidden')
})

ours('the next authorizer takes the place of the one before', async t => {
  const db = await (await setup(t)).authorizer({ users: ALLOW })
  await db.authorizer({ secrets: ALLOW })
  await denied(() => db.prepare('SELECT * FROM users'))
  assert.equal(await (await db.prepare('SELECT value FROM secrets')).pluck().get(), 'hidden')
})

ours('statements that were prepared before obey it at their next execution, or keep to what was allowed', async t => {
  const db = await setup(t)
  const stmt = (await db.prepare('SELECT value FROM secrets')).pluck()
  assert.equal(await stmt.get(), 'hidden')
  await db.authorizer({ users: ALLOW })
  await denied(() => stmt.get())
  await denied(() => db.prepare('SELECT value FROM secrets'))
})

ours('rules: those that allow', async t => {
  const db = await setup(t)
  await db.authorizer({
    rules: [{ action: Action.READ, table: 'users', policy: ALLOW }, { action: Action.SELECT, policy: ALLOW }],
    defaultPolicy: DENY
  })
  assert.equal((await (await db.prepare('SELECT * FROM users')).all()).length, 2)
  await denied(() => db.prepare('SELECT * FROM secrets'))
})

ours('rules: the default is to deny', async t => {
  for (const defaultPolicy of [{}, { defaultPolicy: DENY }]) {
    await denied(async () => (await (await setup(t)).authorizer({ rules: [], ...defaultPolicy })).prepare('SELECT * FROM users'))
  }
  const db = await (await setup(t)).authorizer({ rules: [], defaultPolicy: ALLOW })
  assert.equal((await (await db.prepare('SELECT * FROM users')).all()).length, 2)
})

ours('rules: the first that matches wins', async t => {
  const rules = [{ action: Action.READ, table: 'users', policy: DENY }, ...READ_ALL]
  const strict = await (await setup(t)).authorizer({ rules, defaultPolicy: ALLOW })
  await denied(() => strict.prepare('SELECT * FROM users'))
  const allowing = { rules: [...READ_ALL, ...rules], defaultPolicy: DENY }
  const db = await (await setup(t)).authorizer(allowing)
  assert.equal((await (await db.prepare('SELECT * FROM users')).all()).length, 2)
})

ours('rules: one action', async t => {
  const db = await (await setup(t)).authorizer({
    rules: [{ action: Action.PRAGMA, policy: DENY }],
    defaultPolicy: ALLOW
  })
  await denied(() => db.pragma('table_info(users)'))
  assert.equal((await (await db.prepare('SELECT * FROM users')).all()).length, 2)
})

ours('rules: several actions', async t => {
  const db = await (await setup(t)).authorizer({
    rules: [{ action: [Action.INSERT, Action.UPDATE, Action.DELETE], table: 'users', policy: DENY }],
    defaultPolicy: ALLOW
  })
  for (const sql of ['INSERT INTO users VALUES (3, 1, 1)', 'UPDATE users SET name = 1', 'DELETE FROM users']) {
    await denied(() => db.prepare(sql))
  }
  await db.exec('DELETE FROM secrets')
  assert.equal((await (await db.prepare('SELECT * FROM users')).all()).length, 2)
})

ours('rules: no action matches every action', async t => {
  const db = await (await setup(t)).authorizer({ rules: [{ table: 'secrets', policy: DENY }], defaultPolicy: ALLOW })
  for (const sql of ['SELECT * FROM secrets', 'DELETE FROM secrets', 'DROP TABLE secrets']) await denied(() => db.prepare(sql))
})

ours('rules: { glob } with * and ?', async t => {
  const glob = async pattern => (await setup(t)).authorizer({
    rules: [{ action: Action.READ, table: { glob: pattern }, policy: ALLOW },
      { action: Action.SELECT, policy: ALLOW }],
    defaultPolicy: DENY
  })
  const tables = async db => {
    const readable = []
    for (const table of ['users', 'secrets', 'logs_a', 'logs_b', 'logs_ab']) {
      try {
        await db.prepare(`SELECT * FROM ${table}`)
        readable.push(table)
      } catch (error) {
        assert.equal(error.code, 'SQLITE_AUTH')
      }
    }
    return readable
  }
  const patterns = ['logs_*', 'logs_?', '*s', '*o*', '*', 'users', 'user', '?????', '']
  assert.deepEqual(await series(patterns, async pattern => tables(await glob(pattern))), [
    ['logs_a', 'logs_b', 'logs_ab'], ['logs_a', 'logs_b'], ['users', 'secrets'], ['logs_a', 'logs_b', 'logs_ab'],
    ['users', 'secrets', 'logs_a', 'logs_b', 'logs_ab'], ['users'], [], ['users'], []
  ])
})

ours('rules: a plain string is exact, whatever is in it', async t => {
  const db = await (await setup(t)).exec('CREATE TABLE "logs_*" (x)')
  await db.authorizer({ rules: [{ table: 'logs_*', policy: DENY }], defaultPolicy: ALLOW })
  await db.prepare('SELECT * FROM logs_a')
  await denied(() => db.prepare('SELECT * FROM "logs_*"'))
})

ours('rules: IGNORE makes a column NULL', async t => {
  const db = await (await setup(t)).authorizer({
    rules: [{ action: Action.READ, table: 'users', column: 'email', policy: IGNORE }, ...READ_ALL],
    defaultPolicy: DENY
  })
  assert.deepEqual(await (await db.prepare('SELECT * FROM users WHERE id = 1')).get(), { id: 1, name: 'Ada', email: null })
})

ours('rules: columns can be globs', async t => {
  const db = await (await setup(t)).authorizer({
    rules: [{ action: Action.READ, table: 'users', column: { glob: 'e*' }, policy: DENY }, ...READ_ALL],
    defaultPolicy: DENY
  })
  assert.deepEqual(await (await db.prepare('SELECT id, name FROM users WHERE id = 1')).get(), { id: 1, name: 'Ada' })
  await denied(() => db.prepare('SELECT email FROM users'))
})

ours('rules: entity names functions and pragmas', async t => {
  const db = await (await setup(t)).authorizer({
    rules: [{ action: Action.FUNCTION, entity: 'upper', policy: ALLOW }, { action: Action.PRAGMA, entity: { glob: 'table_*' }, policy: ALLOW }, ...READ_ALL],
    defaultPolicy: DENY
  })
  assert.equal(await (await db.prepare('SELECT upper(name) FROM users')).pluck().get(), 'ADA')
  await sqliteError(() => db.prepare('SELECT lower(name) FROM users'), 'SQLITE_ERROR',
    'not authorized to use function: lower')
  assert.equal((await db.pragma('table_info(users)')).length, 3)
  await denied(() => db.pragma('user_version'))
})

ours('rules: ATTACH and transactions can be denied', async t => {
  const db = await (await setup(t)).authorizer({
    rules: [{ action: [Action.ATTACH, Action.TRANSACTION], policy: DENY }], defaultPolicy: ALLOW
  })
  await denied(() => db.exec("ATTACH ':memory:' AS x"))
  await denied(() => db.exec('BEGIN'))
})

ours('what is not a map, rules or null is a TypeError, and what was set stays', async t => {
  const db = await (await setup(t)).authorizer({ users: ALLOW })
  const bad = [undefined, 5, 'x', true, () => {}, [], { users: 5 }, { users: 'ALLOW' }, { users: null }, { rules: 5 },
    { rules: [5] }, { rules: [null] }, { rules: [{}] }, { rules: [{ policy: 7 }] }, { rules: [{ policy: 'DENY' }] },
    { rules: [{ action: 'READ', policy: 0 }] }, { rules: [{ action: [1.5], policy: 0 }] }, { rules: [{ table: 5, policy: 0 }] },
    { rules: [{ table: {}, policy: 0 }] }, { rules: [{ table: { glob: 5 }, policy: 0 }] },
    { rules: [{ column: [], policy: 0 }] }, { rules: [], defaultPolicy: 9 }, { rules: [], defaultPolicy: 'x' }]
  for (const rules of bad) await typeError(() => db.authorizer(rules))
  await denied(() => db.prepare('SELECT * FROM secrets'))
  assert.equal((await (await db.prepare('SELECT * FROM users')).all()).length, 2)
})

ours('what a rule has beside its keys, or without a value, is a TypeError and not a wider rule', async t => {
  const db = await (await setup(t)).authorizer({ users: ALLOW })
  const select = { action: Action.SELECT, policy: ALLOW }
  for (const key of ['tabel', 'Table', 'tables', 'acton', 'actions', 'colum', 'entitiy', 'accesor', 'polcy', 'x']) {
    const rule = { action: Action.READ, policy: ALLOW, [key]: 'users' }
    await typeError(() => db.authorizer({ rules: [rule, select] }), new RegExp(`^Unknown key "${key}" of an authorizer rule`))
  }
  for (const key of ['action', 'table', 'column', 'entity', 'accessor']) {
    for (const value of [undefined, null]) {
      const rule = { action: Action.READ, policy: ALLOW, [key]: value }
      await typeError(() => db.authorizer({ rules: [rule, select] }), /^Expected the "\w+" of an authorizer rule .* \(is a variable not set\?\)$/)
    }
  }
  for (const key of ['defaultpolicy', 'policy', 'default']) {
    await typeError(() => db.authorizer({ rules: [select], [key]: ALLOW }), new RegExp(`^Unknown key "${key}" of an authorizer`))
  }
  await typeError(() => db.authorizer({ rules: [select], defaultPolicy: undefined }), /^Expected the "defaultPolicy" of an authorizer/)
  for (const rule of [
    { action: 99, policy: DENY }, { action: [], table: { golb: 'p*' }, policy: ALLOW },
    { table: { glob: 'p*', golb: 'q*' }, policy: ALLOW }, { action: [undefined], policy: ALLOW }
  ]) await typeError(() => db.authorizer({ rules: [rule, select] }))
  await denied(() => db.prepare('SELECT * FROM secrets'))
  assert.equal((await (await db.prepare('SELECT * FROM users')).all()).length, 2)
})

oursSyncOnly('authorizer() is allowed while iterating, and blocked inside a user function', t => {
  const db = setup(t)
  const seen = []
  for (const id of db.prepare('SELECT id FROM users ORDER BY id').pluck().iterate()) {
    seen.push(id)
    db.authorizer({ users: DENY })
  }
  assert.deepEqual(seen, [1, 2])
  denied(() => db.prepare('SELECT * FROM users'))
  db.authorizer(null)
  db.function('f', () => { typeError(() => db.authorizer(null), BUSY) })
  db.exec('SELECT f()')
})

ours('rules that are changed later do not matter', async t => {
  const map = { users: ALLOW }
  const db = await (await setup(t)).authorizer(map)
  map.users = DENY
  map.secrets = ALLOW
  assert.equal((await (await db.prepare('SELECT * FROM users')).all()).length, 2)
  await denied(() => db.prepare('SELECT * FROM secrets'))
})

ours('a thousand rules of patterns that backtrack are quick', async t => {
  const rules = Array.from({ length: 1000 }, () => ({ table: { glob: '*a*a*a*a*a*a*a*a*b' }, policy: DENY }))
  const db = await (await setup(t)).exec(`CREATE TABLE ${'a'.repeat(200)} (x)`)
  await db.authorizer({ rules, defaultPolicy: ALLOW })
  const start = Date.now()
  await db.prepare(`SELECT * FROM ${'a'.repeat(200)}`)
  assert.ok(Date.now() - start < IN_TIME)
})
