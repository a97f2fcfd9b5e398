import type { PromisedStore } from '..'

/** A database of abstract-level, such as classic-level. */
interface Level {
  get (key: any, options: any): Promise<any>
  getMany (keys: any[], options: any): Promise<any[]>
  put (key: any, value: any, options: any): Promise<void>
  batch (operations: any[], options: any): any
  keys (options: any): { all (): Promise<any[]> }
}

/** A store in Level; its methods return promises. */
export type LevelStore = Omit<PromisedStore, 'limits'>

/**
 * A store in Level, which writes with `sync: true`. One process at a time can open it.
 *
 * @throws {TypeError} if it is not a database of abstract-level.
 */
export declare function levelStore (db: Level): LevelStore
