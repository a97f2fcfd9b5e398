// The promise API from an ES module in TypeScript.

import { Action, Authorization, connect, constants, Database, SqliteError } from 'ferrolite/promise'
import promise from 'ferrolite/promise'
import * as all from 'ferrolite/promise'
import { connect as connectLinux } from 'ferrolite/linux-x64-gnu/promise'
import type {
  CallOptions, Moment, Options, ResidentDatabase, RunResult, Session, Statement, StatementIterator, Stats, SyncEvent, SyncResult, Transaction
} from 'ferrolite/promise'
import type { AsyncStore } from 'ferrolite'

const options: Options = { readers: 1, leaseTimeout: 10 }
const call: CallOptions = { timeout: 10, signal: AbortSignal.timeout(10) }
await using db: Database = await connect('app.db', options)
const fixed: promise.Database = await connectLinux()
const statement: Statement<[], { n: number }> = await db.prepare<[], { n: number }>('SELECT 1 AS n')
const n: number | undefined = (await statement.with(call).get())?.n
const iterator: StatementIterator<{ n: number }> = statement.iterate()
const transaction: Transaction<() => Promise<RunResult>> = db.transaction(async () => {
  return await statement.run()
})
const rekeyed: Database = await db.rekey(Buffer.from('key'))
const result: RunResult = await transaction.immediate()
await using session: Session = await new Database().createSession()
const caught: SqliteError = new SqliteError('message', 'SQLITE_ERROR', 1)
const read: 20 = Action.READ
const opened: Promise<Database> = Database.connect('app.db')
const byDefault: promise = new promise(':memory:')
const byItself: Database = new promise.Database(':memory:')
const byNamespace: all.Database = new all.default(':memory:')
const opening: Promise<promise> = promise.connect('app.db', options)
class Store extends promise {
  static async in (folder: string): Promise<Store> { return new Store(`${folder}/app.db`) }
}
const store: Promise<Store> = Store.in('.').then(async (opened) => await opened.close())
const column: string | undefined = statement.columns()[0]?.name
const deny: 1 = Authorization.DENY
const abort: 2 = constants.SQLITE_CHANGESET_ABORT
const replica: Database = await connect('replica.db', { syncUrl: 'libsql://db.example' })
const { cacheUsed = 0, queueLength }: Stats = await replica.stats(call)
const waiting: number = cacheUsed + queueLength + replica.queueLength
const synced: SyncResult = await replica.sync(call)
const reached: SyncResult = await replica.syncUntil(replica.maxWriteReplicationIndex() ?? 0)
await replica.resync()
replica.off('sync', (event: SyncEvent) => console.log(event.reason === 'period', replica.lastSync?.getTime(), replica.lag))
// @ts-expect-error not exported
import { PromiseDatabase } from 'ferrolite/promise'

const moments: Moment[] = await (await db.flush()).history({ timeout: 5 })
const restored: Database = await db.restore(moments[0].epoch)
const moved: boolean = await db.refresh()
const resident: ResidentDatabase = await connect('app', { store: {} as AsyncStore, mode: 'resident' })
const flushed: ResidentDatabase = await resident.flush()
const count: number = flushed.prepare('DELETE FROM t').run().changes
// @ts-expect-error there is no such mode
void connect('app', { store: {} as AsyncStore, mode: 'memory' })
export { count, moved, restored, abort, byDefault, byItself, byNamespace, caught, column, deny, fixed, iterator, n, opened, opening, read, reached, rekeyed, result, session, store, synced, waiting }
