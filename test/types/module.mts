// What an ES module in TypeScript may write.

import Ferrolite, { Action, Authorization, constants, Database, SqliteError } from 'ferrolite'
import Linux from 'ferrolite/linux-x64-gnu'
import type { AsyncStore, Options, QueryEvent, RunResult, Statement, SyncStore, Transaction } from 'ferrolite'
import { checkStore, StoreFault } from 'ferrolite/stores/check'
import { directoryStore } from 'ferrolite/stores/directory'
import { mapStore } from 'ferrolite/stores/map'
import { s3Store } from 'ferrolite/stores/s3'
import { unstorageStore } from 'ferrolite/stores/unstorage'

const options: Options = { timeout: 10 }
const encrypted: Options = { encryptionKey: new Uint8Array(32), encryptionCipher: 'aes256cbc' }
const unset: Options = { encryptionKey: undefined, encryptionCipher: undefined }
const db: Ferrolite.Database = new Ferrolite(':memory:', options)
const same: Database = new Database(':memory:')
const fixed: Ferrolite = new Linux()
const statement: Statement<[], { n: number }> = db.prepare<[], { n: number }>('SELECT 1 AS n')
const n: number | undefined = statement.get()?.n
const transaction: Transaction<() => RunResult> = same.transaction(() => statement.run())
const error = new SqliteError('message', 'SQLITE_ERROR', 1)
const caught: SqliteError = error
db.rekey('key').rekey(null)
// @ts-expect-error a key, or null
db.rekey()
const read: 20 = Action.READ
const deny: 1 = Authorization.DENY
const abort: 2 = constants.SQLITE_CHANGESET_ABORT
const slow = ({ run, waited }: QueryEvent) => (run ?? 0) + (waited ?? 0) > 100
// @ts-expect-error not exported
import { Connection } from 'ferrolite'

export { abort, caught, deny, encrypted, fixed, n, read, slow, transaction, unset }

// Databases in key-value stores
{
  const store = mapStore()
  const inStore = new Database('app', { store, pageSize: 4096, singleWriter: false })
  const moved: boolean = inStore.refresh()
  const moments: Array<{ epoch: number, time: Date, pages: number }> = inStore.flush().history()
  inStore.restore(moments[0].epoch).close()
  console.log(new Database('app', { store, keepEpochs: 5, maxQueuedBytes: 1 << 20 }), new Database('app', { store, epoch: 3 }))
  const withLimits: SyncStore = { ...store, limits: { maxKeys: 10 }, onError (error, { key }) { console.log(error, key) } }
  const later: AsyncStore = { ...directoryStore('data'), get: async () => null } as never
  const checked: Promise<{ fenced: boolean }> = checkStore(later, { rounds: 5 })
  const inBucket: AsyncStore = s3Store({} as Parameters<typeof s3Store>[0], { bucket: 'b', prefix: 'p/' })
  const inDriver: AsyncStore = unstorageStore({} as Parameters<typeof unstorageStore>[0])
  inStore.backup('copy', { store, singleWriter: true }).then(({ totalPages }: { totalPages: number }) => console.log(totalPages))
  // @ts-expect-error it is a store
  inStore.backup('copy', { store: 'store' })
  console.log(inBucket, inDriver, moved, withLimits, checked, StoreFault)
  // @ts-expect-error It returns a promise.
  console.log(new Database('app', { store: { ...store, get: async () => null } }))
}
