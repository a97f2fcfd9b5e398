import type { PromisedStore } from '..'

/** A client of ioredis. */
interface IoRedis {
  callBuffer (command: string, ...args: any[]): Promise<any>
}

/** A client of node-redis, version 5 or newer. */
interface NodeRedis {
  withTypeMapping (mapping: any): { sendCommand (args: any[]): Promise<any> }
}

/** A store in Redis; its methods return promises. */
export type RedisStore = PromisedStore

/**
 * A store in Redis. Redis must keep what it has acknowledged: `appendonly yes`, `appendfsync always`.
 *
 * @throws {TypeError} if it is not a client of ioredis or node-redis.
 */
export declare function redisStore (client: IoRedis | NodeRedis): RedisStore
