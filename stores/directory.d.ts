import type { StoreMethods } from '..'

/**
 * A store in a directory of a local file system: a file for each key. Several processes may open
 * databases in it, without a server. Every write has reached the disk when its call returns.
 *
 * @param folder its path; it is made if it is not there.
 * @throws {TypeError} if it is not a non-empty string.
 * @throws {Error} of `node:fs` if the directory cannot be made.
 */
export declare function directoryStore (folder: string): Required<StoreMethods>
