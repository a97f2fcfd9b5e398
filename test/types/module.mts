// What an ES module in TypeScript may write.

import Ferrolite, { Action, Authorization, constants, Database, SqliteError } from 'ferrolite'
import Linux from 'ferrolite/linux-x64-gnu'
import type { Options, QueryEvent, RunResult, Statement, Transaction } from 'ferrolite'

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
