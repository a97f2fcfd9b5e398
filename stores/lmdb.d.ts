import type { StoreMethods } from '..'

/** What a database of the package lmdb has of use here. */
interface LmdbDatabase {
  doesExist(key: any): boolean
  getBinary(key: any): Uint8Array | undefined
  putSync(key: any, value: any): boolean | void
  removeSync(key: any): boolean | void
  transactionSync<T>(action: () => T): T
}

/**
 * A store in LMDB, by the package lmdb 3. Several processes may open databases in it.
 *
 * @param db what lmdb's `open({ path, keyEncoding: 'binary', encoding: 'binary' })` returns.
 * @throws {TypeError} if it is something else, or was opened with other encodings or with `noSync`.
 */
export declare function lmdbStore (db: LmdbDatabase): Required<StoreMethods>
