/** A client of ioredis. */
interface IoRedis {
  callBuffer (command: string, ...args: any[]): Promise<any>
}

/** A client of node-redis, version 5 or newer. */
interface NodeRedis {
  withTypeMapping (mapping: any): { sendCommand (args: any[]): Promise<any> }
}

/** A store in Redis; its methods return promises. */
export interface RedisStore {
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
 * A store in Redis. Redis must keep what it has acknowledged: `appendonly yes`, `appendfsync always`.
 *
 * @throws {TypeError} if it is not a client of ioredis or node-redis.
 */
export declare function redisStore (client: IoRedis | NodeRedis): RedisStore
