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
export interface UnstorageStore {
  limits: { maxKeys: number, maxReadKeys: number, maxValueBytes: number, maxBatchBytes: number }
  get (key: Uint8Array): Promise<Uint8Array | null>
  getBatch (keys: Uint8Array[]): Promise<Array<Uint8Array | null>>
  put (key: Uint8Array, value: Uint8Array): Promise<void>
  putBatch (entries: Array<[Uint8Array, Uint8Array]>): Promise<void>
  deleteBatch (keys: Uint8Array[]): Promise<void>
  list (prefix: Uint8Array): Promise<Uint8Array[]>
}

/**
 * A store in unstorage. Its drivers have no conditional writes: the option `singleWriter` of the
 * connection says that there is never more than one writer.
 *
 * @throws {TypeError} if it is no storage, for wrong options, and for a driver that cannot hold a
 *   database, such as one that is eventually consistent.
 */
export declare function unstorageStore (storage: Storage, options?: UnstorageOptions): UnstorageStore
