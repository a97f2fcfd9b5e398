/** The five functions that a store of `@rivetkit/sqlite-vfs` has; two of them are called. */
interface RivetStore {
  get (key: Uint8Array): Promise<Uint8Array | null>
  getBatch (keys: Uint8Array[]): Promise<Array<Uint8Array | null>>
}

/**
 * Copies a database that `@rivetkit/sqlite-vfs` 2 keeps in a store into a file. What a process was doing when it was
 * killed is rolled back, and every page is checked.
 *
 * @param store What was given to `new SqliteVfs().open(name, store)`. Nothing is written to it, and nobody else may
 *   write to it meanwhile.
 * @param file The path of a file that does not exist yet.
 * @throws {TypeError} if the store has no such database or the file exists.
 * @throws {Error} if the database is damaged, as after a batch of which the store has kept a part. There is no file
 *   then.
 */
export declare function importRivet (store: RivetStore, file: string): Promise<void>
