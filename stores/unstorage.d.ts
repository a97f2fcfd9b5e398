import type { PromisedStore } from '..'

/** What `createStorage()` of unstorage gives. */
interface Storage {
  getItemRaw (key: string): Promise<any>
  setItemRaw (key: string, value: any): Promise<void>
  removeItem (key: string): Promise<void>
  getKeys (base?: string): Promise<string[]>
  getMount (key?: string): any
  getMounts (base?: string, options?: any): any
}

interface UnstorageOptions {
  /** What all keys begin with. Default: `'ferrolite'`. */
  prefix?: string
}

/** A store in unstorage, for databases with one writer; its methods return promises. */
export type UnstorageStore = Omit<PromisedStore, 'putIfAbsent'>

/**
 * A store in unstorage. Its drivers have no conditional writes: the option `singleWriter` of the
 * connection says that there is never more than one writer.
 *
 * @throws {TypeError} if it is no storage, for wrong options, and for a driver that cannot hold a
 *   database, such as one that is eventually consistent.
 */
export declare function unstorageStore (storage: Storage, options?: UnstorageOptions): UnstorageStore
