import type { PromisedStore } from '..'

/** What `Deno.openKv()` gives. */
interface DenoKv {
  get (key: any, options?: any): Promise<any>
  getMany (keys: any, options?: any): Promise<any>
  set (key: any, value: unknown): Promise<any>
  atomic (): any
  list (selector: any, options?: any): AsyncIterable<any>
}

/** A store in Deno KV; its methods return promises. */
export type DenoKvStore = PromisedStore

/**
 * A store in Deno KV.
 *
 * @param prefix the first parts of all keys, default: `['ferrolite']`.
 * @throws {TypeError} if `kv` does not come from `Deno.openKv()`.
 */
export declare function denoKvStore (kv: DenoKv, prefix?: string[]): DenoKvStore
