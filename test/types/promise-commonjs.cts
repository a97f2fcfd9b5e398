// The promise API in TypeScript: what a CommonJS program may write, and what it may not.

import Sync = require('ferrolite')
import promise = require('ferrolite/promise')

const { Authorization, Database, SqliteError, connect, constants } = promise

type Is<A> = <T>() => T extends A ? 1 : 2
type Equal<A, B> = Is<A> extends Is<B> ? true : false
function same<A, B> (_: Equal<A, B>): void {}

interface User { id: number, name: string }

const required: promise = new promise('app.db')
same<typeof required, InstanceType<typeof Database>>(true)

class Store extends Database {
  async count (): Promise<number> {
    const counting = await this.prepare<[], number>('SELECT 1')
    return await counting.pluck().get() ?? 0
  }
}

// @ts-expect-error a database cannot be opened without new
Database(':memory:')
new Database(3, { journalFd: 4 })
// @ts-expect-error a misspelt option
new Database('app.db', { reader: 1 })
// @ts-expect-error an option of the wrong type
new Database('app.db', { leaseTimeout: '1000' })

async function main (): Promise<void> {
  const db = await connect('app.db', {
    timeout: 1000,
    defaultQueryTimeout: 500,
    leaseTimeout: 1000,
    readers: 2,
    limits: { sqlLength: 1000 },
    verbose: null
  })
  const tls: promise.TlsOptions = { rejectUnauthorized: true }
  await connect('libsql://db.example', { authToken: 'token', requestTimeout: 5000, tls })
  same<typeof db, promise.Database>(true)
  const annotated: promise.Database = new Store(Buffer.alloc(0))
  same<typeof annotated.inTransaction, boolean>(true)
  // @ts-expect-error getters cannot be assigned
  db.open = false
  // @ts-expect-error limits are an option only
  same<typeof db.limits, unknown>(true)

  // Statements
  const { signal } = new AbortController()
  const byId = await db.prepare<[number], User>('SELECT * FROM user WHERE id = ?', { signal })
  const typed: promise.Statement<[number], User> = byId
  same<Awaited<ReturnType<typeof typed.get>>, User | undefined>(true)
  same<Awaited<ReturnType<typeof byId.all>>, User[]>(true)
  for await (const user of typed.iterate(1)) same<typeof user, User>(true)
  await byId.get(1, { queryTimeout: 10 })
  await byId.with({ signal, timeout: 10 }).pluck().raw(true).safeIntegers().timeout(5).get(1)
  same<ReturnType<typeof byId.with>, typeof byId>(true)
  same<ReturnType<typeof byId.toString>, string>(true)
  same<ReturnType<typeof byId.columns>, Sync.ColumnDefinition[]>(true)
  // @ts-expect-error a parameter of the wrong type
  await byId.get('1')
  // @ts-expect-error too few parameters
  await byId.all()
  // @ts-expect-error a row is no promise of a row
  same<ReturnType<typeof byId.get>, User | undefined>(true)
  byId.with({ queryTimeout: 10 })
  const plucked = await (await db.prepare('SELECT 1')).pluck().get()
  same<typeof plucked, Sync.Value | undefined>(true)
  const column = await byId.pluck().all(1)
  same<typeof column, Array<number | string>>(true)
  for await (const row of byId.raw().iterate(1)) same<typeof row, Array<number | string>>(true)
  const tuple = await byId.raw<[number, string]>().get(1)
  same<typeof tuple, [number, string] | undefined>(true)
  const whole = await byId.raw(false).get(1)
  same<typeof whole, User | undefined>(true)
  const rowOf: promise.Raw<User> = [1, 'Ada']
  same<typeof rowOf, Array<number | string>>(true)
  same<InstanceType<promise.SqliteError>, Sync.SqliteError>(true)
  await byId.get(1, { timeout: 10, signal })
  // @ts-expect-error an unknown call option
  byId.with({ querytimeout: 10 })
  // @ts-expect-error a variable that may not be set
  await promise.connect(process.env.DATABASE_URL)
  // @ts-expect-error whether it is being iterated is not known here
  same<typeof byId.busy, boolean>(true)

  const byName = await db.prepare<{ name: string }, User>('SELECT * FROM user WHERE name = :name')
  await byName.get({ name: 'Ada' })
  // @ts-expect-error a missing name
  await byName.get({})

  const iterator = byId.iterate(1)
  same<typeof iterator.statement.source, string>(true)
  const { value, done } = await iterator.next()
  same<typeof value, User | undefined>(true)
  same<typeof done, boolean | undefined>(true)
  await iterator.return()
  await iterator[Symbol.asyncDispose]()

  // SQL without a statement
  const { changes, lastInsertRowid } = await db.run('INSERT INTO user VALUES (?, ?)', [1, 'Ada'])
  same<typeof changes, number>(true)
  same<typeof lastInsertRowid, number | bigint>(true)
  const named: User = { id: 1, name: 'Ada' }
  await db.run('INSERT INTO user VALUES (:id, :name)', named, { timeout: 100 })
  const row = await db.get('SELECT * FROM user WHERE id = ?', 1n)
  same<typeof row, Record<string, Sync.Value> | undefined>(true)
  const users = await db.all<User>('SELECT * FROM user', undefined, { signal })
  same<typeof users, User[]>(true)
  for await (const user of db.iterate<User>('SELECT * FROM user')) same<typeof user, User>(true)
  // @ts-expect-error a boolean cannot be bound
  await db.get('SELECT ?', true)
  await db.get('SELECT ?, ?', 1, 2, { timeout: 10 })

  // Transactions
  const add = db.transaction(async (name: string, age: number) => `${name} ${age}`)
  same<ReturnType<typeof add>, Promise<string>>(true)
  const alsoAdd: promise.Transaction<(name: string, age: number) => Promise<string>> = add
  await alsoAdd.immediate('Ada', 36)
  await add.deferred('Ada', 36)
  await add.exclusive('Ada', 36)
  await add.default('Ada', 36)
  same<typeof add.database, promise.Database>(true)
  const plain = db.transaction((n: number) => n)
  same<ReturnType<typeof plain>, Promise<number>>(true)
  // @ts-expect-error missing arguments
  await add('Ada')
  const method = db.transaction(async function (this: Store) { return await this.count() })
  // @ts-expect-error the wrong this
  method.call(1)

  // Everything that answers with the connection
  const store = new Store()
  const chained: Store[] = [
    await store.exec('SELECT 1', { queryTimeout: 10, signal }),
    await store.function('twice', (x: number) => x * 2),
    await store.function('twice', { deterministic: true }, (x: number) => x * 2),
    await store.function('log', (x: string) => { console.log(x) }),
    await store.aggregate('total', { start: 0, step: (sum: number, x: number) => sum + x }),
    await store.table('one', { columns: ['value'], rows: function * () { yield [1] } }),
    await store.loadExtension('./ext', 'sqlite3_ext_init'),
    await store.unsafeMode(false),
    await store.authorizer({ user: Authorization.ALLOW }),
    await store.authorizer(null),
    store.defaultSafeIntegers(),
    store.interrupt(),
    await store.close()
  ]
  await chained[0]?.[Symbol.asyncDispose]()
  // @ts-expect-error a function cannot be async
  await db.function('later', async (x: number) => x)

  same<ReturnType<typeof db.pragma>, Promise<unknown>>(true)
  await db.pragma('user_version', { simple: true })
  const [plan] = await db.explain<{ detail: string }>('QUERY PLAN SELECT 1')
  same<typeof plan, { detail: string }>(true)
  const results = await db.batch(['SELECT 1', ['SELECT ?', [1]]], 'immediate')
  same<typeof results, Sync.BatchResult[]>(true)
  const copied = await db.backup('copy.db', { signal, progress: () => 10 })
  same<typeof copied, Sync.BackupMetadata>(true)
  const bytes: Buffer = await db.serialize({ attached: 'main' })

  const session: promise.Session = await db.createSession({ table: 'user' })
  const changeset: Buffer = await session.changeset()
  await session.close()
  const applied: boolean = await db.applyChangeset(changeset, {
    filter: (table) => table === 'user',
    onConflict: () => constants.SQLITE_CHANGESET_OMIT
  })
  db.on('update', ({ operation, rowid }) => {
    same<typeof operation, 'insert' | 'update' | 'delete'>(true)
    same<typeof rowid, number | bigint>(true)
  }).off('update', () => {})
  // @ts-expect-error an unknown event
  db.on('commit', () => {})
  console.log(bytes, applied)
}

main().catch((error: unknown) => {
  if (error instanceof SqliteError) {
    same<typeof error, promise.SqliteError>(true)
    same<typeof error, Sync.SqliteError>(true)
    same<typeof error.code, string>(true)
  }
})
