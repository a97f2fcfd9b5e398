/** What `Deno.openKv()` gives. */
interface DenoKv {
  get (key: any, options?: any): Promise<any>
  getMany (keys: any, options?: any): Promise<any>
  set (key: any, value: unknown): Promise<any>
  atomic (): any
  list (selector: any, options?: any): AsyncIterable<any>
}

/** A store in Deno KV; its methods return promises. */
export interface DenoKvStore {
  limits: { maxKeys: number, maxReadKeys: number, maxValueBytes: number, maxBatchBytes: number }
  get (key: Uint8Array): Promise<Uint8Array | null>
  getBatch (keys: Uint8Array[]): Promise<Array<Uint8Array | null>>
  put (key: Uint8Array, value: Uint8Array): Promise<void>
  putBatch (entries: Array<[Uint8Array, Uint8Array]>): Promise<void>
  deleteBatch (keys: Uint8Array[]): Promise<void>
  putIfAbsent (key: Uint8Array, value: Uint8Array): Promise<boolean>
  list (prefix: Uint8Array): Promise<Uint8Array[]>
}

/**
 * A store in Deno KV.
 *
 * @param prefix the first parts of all keys, default: `['ferrolite']`.
 * @throws {TypeError} if `kv` does not come from `Deno.openKv()`.
 */
export declare function denoKvStore (kv: DenoKv, prefix?: string[]): DenoKvStore
