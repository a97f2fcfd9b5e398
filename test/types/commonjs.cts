// What a CommonJS program in TypeScript may write, and what it may not.

import Database = require('ferrolite')

type Is<A> = <T>() => T extends A ? 1 : 2
type Equal<A, B> = Is<A> extends Is<B> ? true : false
function same<A, B> (_: Equal<A, B>): void {}

interface User { id: number, name: string }

const db = new Database('app.db', {
  readonly: false,
  fileMustExist: true,
  timeout: 1000,
  verbose: console.log,
  nativeBinding: null,
  defaultQueryTimeout: 500,
  limits: { sqlLength: 1000 },
  vfs: 'unix'
})
new Database('libsql://db.example', {
  authToken: 'token',
  connectTimeout: 1000,
  requestTimeout: 5000,
  headers: { 'x-mine': 'yes' },
  namespace: 'one',
  tls: { ca: Buffer.alloc(0), cert: '', key: '', rejectUnauthorized: false },
  allowInsecure: true
})
Database()
Database(':memory:', null)
new Database(Buffer.alloc(0), { verbose: null, nativeBinding: {} })
// @ts-expect-error a misspelt option
new Database('app.db', { readOnly: true })
new Database(3, { journalFd: 4 })
// @ts-expect-error a descriptor that is no number
new Database(3, { journalFd: '4' })
// @ts-expect-error a header that is no string
new Database('https://db.example', { headers: { a: 1 } })
// @ts-expect-error a misspelt option of TLS
new Database('https://db.example', { tls: { rejectUnauthorised: false } })
// @ts-expect-error an option of the wrong type
new Database('app.db', { timeout: '1000' })

class Store extends Database {
  count (): number { return this.prepare<[], number>('SELECT 1').pluck().get() ?? 0 }
}
same<ReturnType<Store['count']>, number>(true)
same<ReturnType<Store['exec']>, Store>(true)

const annotated: Database = db
const alsoAnnotated: Database.Database = annotated
same<typeof alsoAnnotated.inTransaction, boolean>(true)
// @ts-expect-error getters cannot be assigned
db.open = false

// Statements
const byId = db.prepare<[number], User>('SELECT * FROM user WHERE id = ?')
const typed: Database.Statement<[number], User> = byId
same<ReturnType<typeof byId.get>, User | undefined>(true)
same<ReturnType<typeof byId.all>, User[]>(true)
for (const user of typed.iterate(1)) same<typeof user, User>(true)
byId.get(1, { queryTimeout: 10 })
byId.pluck().expand(false).raw(true).safeIntegers().timeout(5).interrupt().get(1)
same<ReturnType<typeof byId.toString>, string>(true)
same<typeof byId.database, Database.Database>(true)
// @ts-expect-error a parameter of the wrong type
byId.get('1')
// @ts-expect-error too few parameters
byId.all()
// @ts-expect-error a statement has no second class to construct
new byId.constructor()()

// The shape of rows
same<ReturnType<typeof db.prepare>, Database.PreparedStatement<unknown[]>>(true)
const value = db.prepare('SELECT 1').pluck().get()
same<typeof value, Database.Value | undefined>(true)
const array = db.prepare('SELECT 1, 2').raw().all()
same<typeof array, Database.Value[][]>(true)
const column = byId.pluck().all(1)
same<typeof column, Array<number | string>>(true)
const rows = byId.raw().all(1)
same<typeof rows, Array<Array<number | string>>>(true)
const said = db.prepare('SELECT 1').pluck<number>().get()
same<typeof said, number | undefined>(true)
const tuples = byId.raw<[number, string]>()
for (const row of tuples.iterate(1)) same<typeof row, [number, string]>(true)
const first = tuples.pluck().get(1)
same<typeof first, number | undefined>(true)
const tables = db.prepare('SELECT 1').expand().all()
same<typeof tables, Array<Record<string, Record<string, Database.Value>>>>(true)
const counting: Database.Statement<[], number> = db.prepare<[]>('SELECT 1').pluck<number>()
same<ReturnType<typeof counting.all>, number[]>(true)
const nullable = db.prepare<[], string | null>('SELECT NULL').raw().all()
same<typeof nullable, Array<Array<string | null>>>(true)
const untyped = db.prepare<any[], any>('SELECT 1').pluck().get()
same<typeof untyped, any>(true)
const whole = byId.pluck(false).get(1)
same<typeof whole, User | undefined>(true)
// @ts-expect-error a number or a text, not only a number
const onlyNumber: number | undefined = byId.pluck().get(1)

const byName = db.prepare<{ name: string }, User>('SELECT * FROM user WHERE name = :name')
byName.get({ name: 'Ada' })
byName.get({ name: 'Ada' }, { queryTimeout: 10 })
byName.get({ name: 'Ada' }, { timeout: 10 })
// @ts-expect-error a missing name
byName.get({})
// @ts-expect-error an unknown query option
byName.get({ name: 'Ada' }, { timeuot: 10 })

const any = db.prepare('SELECT ?')
same<ReturnType<typeof any.get>, unknown>(true)
any.run(1, 'a', null, Buffer.alloc(1), [2], { a: 3n })
const { changes, lastInsertRowid } = any.run()
same<typeof changes, number>(true)
same<typeof lastInsertRowid, number | bigint>(true)
const iterator = any.iterate()
iterator.return()
// @ts-expect-error the iterator has no throw()
iterator.throw()
same<ReturnType<typeof any.columns>, Database.ColumnDefinition[]>(true)

// Transactions
const add = db.transaction((name: string, age: number) => `${name} ${age}`)
same<ReturnType<typeof add>, string>(true)
const alsoAdd: Database.Transaction<(name: string, age: number) => string> = add
alsoAdd.immediate('Ada', 36)
add.deferred('Ada', 36)
add.exclusive('Ada', 36)
add.default('Ada', 36)
same<typeof add.database, Database.Database>(true)
// @ts-expect-error missing arguments
add('Ada')
// @ts-expect-error wrong argument
add.immediate('Ada', '36')
const method = db.transaction(function (this: Store) { return this.count() })
// @ts-expect-error the wrong this
method.call(1)

// Everything on a connection that answers with itself
const chained: Store = new Store()
  .exec('SELECT 1', { queryTimeout: 10 })
  .function('twice', (x: number) => x * 2)
  .function('twice', { deterministic: true, varargs: false }, (x: number) => x * 2)
  .aggregate('total', { start: 0, step: (sum: number, x: number) => sum + x })
  .aggregate<number[]>('median', {
    start: () => [],
    step: (seen, x: number) => { seen.push(x) },
    inverse: (seen) => seen.slice(1),
    result: (seen) => seen[seen.length >> 1]
  })
  .loadExtension('./ext')
  .loadExtension('./ext', 'sqlite3_ext_init')
  .defaultSafeIntegers()
  .unsafeMode(false)
  .authorizer({ user: Database.Authorization.ALLOW })
  .authorizer({
    rules: [{ action: [20], table: { glob: 'u*' }, column: 'name', policy: 1 }],
    defaultPolicy: Database.Authorization.DENY
  })
  .authorizer(null)
  .interrupt()
  .close()
chained[Symbol.dispose]()

db.table('series', {
  columns: ['value'],
  parameters: ['start', 'stop'],
  * rows (start: number, stop: number) { for (let i = start; i <= stop; i++) yield [i] }
})
db.table('csv', function (file, ...options) {
  same<typeof file, string>(true)
  same<typeof this.table, string>(true)
  return { columns: options, rows: function * () { yield { a: 1 } } }
})
// @ts-expect-error rows must be a generator function
db.table('series', { columns: ['value'], rows: () => [[1]] })
// @ts-expect-error columns are missing
db.table('series', { rows: function * () { yield [1] } })
// @ts-expect-error an unknown option
db.function('twice', { pure: true }, (x: number) => x * 2)
// @ts-expect-error step is missing
db.aggregate('total', { start: 0 })

same<ReturnType<typeof db.pragma>, unknown>(true)
db.pragma('user_version', { simple: true })
const [instruction] = db.explain('SELECT 1')
same<typeof instruction, Record<string, Database.Value>>(true)
const [plan] = db.explain<{ detail: string }>('QUERY PLAN SELECT 1')
same<typeof plan, { detail: string }>(true)

const results = db.batch([
  'CREATE TABLE user (id, name)',
  { sql: 'INSERT INTO user VALUES (?, ?)', args: [1, 'Ada'] },
  { sql: 'INSERT INTO user VALUES (:id, :name)', args: { id: 2, name: 'Bob' } },
  ['SELECT * FROM user WHERE id = ?', [1]]
], 'immediate')
same<typeof results, Database.BatchResult[]>(true)
const [users] = db.batch<User>(['SELECT * FROM user'], 'read')
same<typeof users.rows, User[]>(true)
// @ts-expect-error an unknown mode
db.batch([], 'concurrent')

async function backup (): Promise<Database.BackupMetadata> {
  await db.backup('copy.db')
  await db.backup('copy.db', { progress: ({ remainingPages }) => { console.log(remainingPages) } })
  return await db.backup('copy.db', { attached: 'other', progress: () => Infinity })
}
same<ReturnType<typeof backup>, Promise<Database.BackupMetadata>>(true)
const bytes: Buffer = db.serialize({ attached: 'main' })

db.limits.variableNumber = 100
same<typeof db.limits.length, number>(true)
// @ts-expect-error an unknown limit
db.limits.rows = 1

const session = db.createSession({ table: 'user', db: 'main' })
const changeset: Buffer = session.changeset()
const patchset: Buffer = session.patchset()
session.close()
session[Symbol.dispose]()
const applied: boolean = db.applyChangeset(changeset, {
  filter: (table) => table === 'user',
  onConflict: (type) => type === Database.constants.SQLITE_CHANGESET_DATA
    ? Database.constants.SQLITE_CHANGESET_REPLACE
    : Database.constants.SQLITE_CHANGESET_ABORT
})

db.on('update', ({ operation, database, table, rowid }) => {
  same<typeof operation, 'insert' | 'update' | 'delete'>(true)
  same<typeof rowid, number | bigint>(true)
  return database + table
}).off('update', () => {})
// @ts-expect-error an unknown event
db.on('commit', () => {})

try {
  db.exec('nonsense')
} catch (error) {
  if (error instanceof Database.SqliteError) {
    same<typeof error, Database.SqliteError>(true)
    same<typeof error, InstanceType<Database.SqliteError>>(true)
    same<typeof error, InstanceType<typeof Database.SqliteError>>(true)
    same<typeof error.code, string>(true)
    same<typeof error.rawCode, number | undefined>(true)
    same<typeof error.status, number | undefined>(true)
  }
}
new Database.SqliteError('message', 'SQLITE_ERROR')
// @ts-expect-error a code is a string
new Database.SqliteError('message', 1)

const replica = new Database('replica.db', {
  syncUrl: 'libsql://db.example', syncPeriod: 0.5, readYourWrites: false, resync: true
})
const stats: Database.Stats = db.stats()
same<typeof stats.cacheHit, number | undefined>(true)
same<typeof stats.cachedStatements, number>(true)
const synced: Database.SyncResult = replica.sync()
same<typeof synced.frame_no, number>(true)
same<typeof synced.frames_synced, number>(true)
const reached: Database.SyncResult = replica.syncUntil(replica.maxWriteReplicationIndex() ?? 0)
replica.resync()
const since: Date | null = replica.lastSync
same<typeof replica.lag, number | null>(true)
replica.on('sync', ({ reason, frames, error }: Database.SyncEvent) => console.log(reason, frames, error?.message, since))
// @ts-expect-error seconds are a number
new Database('replica.db', { syncUrl: 'libsql://db.example', syncPeriod: '1s' })

export { applied, bytes, onlyNumber, patchset, reached }
