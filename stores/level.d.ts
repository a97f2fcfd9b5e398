/** A database of abstract-level, such as classic-level. */
interface Level {
  get (key: any, options: any): Promise<any>
  getMany (keys: any[], options: any): Promise<any[]>
  put (key: any, value: any, options: any): Promise<void>
  batch (operations: any[], options: any): any
  keys (options: any): { all (): Promise<any[]> }
}

/** A store in Level; its methods return promises. */
export interface LevelStore {
  get (key: Uint8Array): Promise<Uint8Array | undefined>
  getBatch (keys: Uint8Array[]): Promise<Array<Uint8Array | undefined>>
  put (key: Uint8Array, value: Uint8Array): Promise<void>
  putBatch (entries: Array<[Uint8Array, Uint8Array]>): Promise<void>
  deleteBatch (keys: Uint8Array[]): Promise<void>
  putIfAbsent (key: Uint8Array, value: Uint8Array): Promise<boolean>
  list (prefix: Uint8Array): Promise<Uint8Array[]>
}

/**
 * A store in Level, which writes with `sync: true`. One process at a time can open it.
 *
 * @throws {TypeError} if it is not a database of abstract-level.
 */
export declare function levelStore (db: Level): LevelStore
