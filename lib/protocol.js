'use strict'

// Every number that JavaScript shares with Rust. crates/worker/src/protocol.rs has the same names
// and values, crates/node/src/block_layout.rs has those of the block of rows, and crates/sqlite/src
// has those that are about SQLite. test/project/75.protocol.js compares the files.

// What a job does.
const OP = {
  // Compiles SQL as the statement of the given number.
  PREPARE: 0,
  // Finalizes a statement; has no reply.
  DROP: 1,
  // Executes a statement: rows changed, and the last inserted rowid.
  RUN: 2,
  // The first row of a statement.
  GET: 3,
  // All rows of a statement.
  ALL: 4,
  // Executes a script.
  EXEC: 5,
  // Opens an iteration of the given number on a statement.
  ITERATE: 6,
  // The next rows of an iteration.
  NEXT: 7,
  // Closes an iteration.
  RETURN: 8,
  // The database as the bytes of its file.
  SERIALIZE: 9,
  // Closes the connection.
  CLOSE: 10,
  // Sets a limit of the connection, or reads it.
  LIMIT: 11,
  // Switches the engine's defensive mode off, or on again.
  UNSAFE_MODE: 12,
  // Loads an extension.
  LOAD_EXTENSION: 13,
  // Begins to copy the database into another file.
  BACKUP: 14,
  // Copies pages of a backup.
  BACKUP_STEP: 15,
  // Ends a backup.
  BACKUP_CLOSE: 16,
  // Executes a script if a transaction is open.
  UNDO: 17,
  // Registers a function of the front end under a name.
  FUNCTION: 18,
  // Reports changed rows from now on, or no longer.
  WATCH: 19,
  // Takes over the authorizer that is left at the port.
  AUTHORIZER: 20,
  // Creates a session, which records changes.
  SESSION: 21,
  // What a session has recorded, as a changeset or a patchset.
  CHANGESET: 22,
  // Deletes a session.
  SESSION_CLOSE: 23,
  // Applies a changeset.
  APPLY: 24,
  // Registers a module for virtual tables.
  TABLE: 25,
  // Rows changed by the last statement, and the last inserted rowid.
  CHANGES: 26,
  // Encrypts the file with another key, or with none.
  REKEY: 27,
  // Executes statements in a transaction of their own, as one request to a server.
  BATCH: 28,
  // Brings a replica up to date.
  SYNC: 29,
  // Says what the statement of the given number is: the server need not be asked.
  INTRODUCE: 30,
  // What the connection holds in memory.
  STATS: 31,
  // Reports long work of tables from now on, or no longer.
  WATCH_WORK: 32,
  // Does what a database in a key-value store can do besides SQL: one of STORE_TASK.
  STORE: 33
}

// Flags of a job.
const FLAG = {
  // Integers are BigInts.
  INT64: 1,
  // The first column alone.
  PLUCK: 2,
  // The statement is a PRAGMA.
  PRAGMA: 4,
  // The statement is an EXPLAIN, which runs without its parameters.
  EXPLAIN: 8,
  // The function gives the same result for the same arguments.
  DETERMINISTIC: 16,
  // The function may not be used in triggers and views.
  DIRECT_ONLY: 32,
  // The function is an aggregate.
  AGGREGATE: 64,
  // The aggregate is a window function too.
  WINDOW: 128,
  // The reply says how long the job has run.
  TIMED: 256,
  // The job belongs to a transaction: once an error has ended that, it is refused.
  INSIDE: 512
}

// Numbers of jobs, which rise by one and wrap around.
const JOB = {
  // A job without a reply.
  NONE: 0,
  // Opening, which is not posted.
  OPENING: 1
}

// What a value of a message is.
const VALUE = {
  // NULL
  NULL: 0,
  // Eight bytes of a double
  DOUBLE: 1,
  // Eight bytes of a 64-bit integer
  INT64: 2,
  // UTF-8, padded to eight bytes
  TEXT: 3,
  // Bytes, padded to eight
  BLOB: 4
}

// What a part of a block is.
const REPLY = {
  // The job has ended without a value.
  DONE: 0,
  // The job has failed: one of ERROR_KIND, then message, code and its number, HTTP status, byte of
  // the SQL, number of the statement, and what became of the call.
  ERROR: 1,
  // Rows; more follow.
  ROWS: 2,
  // Rows, the last of the job.
  LAST_ROWS: 3,
  // The columns of the rows that follow, all in one text.
  COLUMNS: 4,
  // A function is to be called: question, function, one of ASK, group, then the arguments.
  CALL: 5,
  // SQL for the `verbose` logger.
  LOG: 6,
  // A changed row: operation, database, table and rowid.
  CHANGED_ROW: 7,
  // A setting that readers are to have too: its name and its SQL.
  SETTING: 8,
  // How long the job has run; right before its end.
  TIME: 9,
  // A sync has ended: whether it was asked for, one of EXTENT, the last frame, how many came, how
  // long it took in ms, then code and message of its error.
  SYNC: 10,
  // The error of the job has ended the transaction that it belongs to; before its end.
  LOST: 11,
  // How far a table is with long work: its name, what is done, and how much there is.
  WORK: 12
}

// What kind of error a job ended with.
const ERROR_KIND = {
  // An error with a code, of SQLite or of a server
  SQLITE: 0,
  // A TypeError
  TYPE: 1,
  // A RangeError
  RANGE: 2,
  // What a function has thrown
  CALLBACK: 3,
  // An error of another job has ended the transaction that it belongs to
  LOST: 4,
  // An error of a key-value store, or of what is in it: behind the fields of others its key, and
  // what the reason is known by
  STORE: 5
}

// What a function is asked to do.
const ASK = {
  // Call it. A module gives the definition of a table.
  CALL: 0,
  // Begin a group. A table begins a scan.
  START: 1,
  // Add a row to a group.
  STEP: 2,
  // Take a row out of a window.
  INVERSE: 3,
  // Give the value of a window so far. A table gives its next rows.
  VALUE: 4,
  // Give the value of a group, which ends with it.
  FINISH: 5,
  // End a group or a scan without a value.
  DROP: 6
}

// What a database in a key-value store does besides SQL.
const STORE_TASK = {
  // Moves a reader to the newest state: whether that is another one.
  REFRESH: 0,
  // Waits until the store has all that was committed.
  FLUSH: 1,
  // The same before closing: a failure that was reported before is none.
  END: 2,
  // The epochs that can be opened: number, time and pages of each.
  HISTORY: 3,
  // Commits the state of an epoch once more.
  RESTORE: 4,
  // Stores a batch of a resident database.
  APPLY: 5,
  // Makes a checkpoint: whether no transaction was in its way.
  CHECKPOINT: 6
}

// What a key-value store is asked to do.
const STORE_CALL = {
  // Give the value of a key.
  GET: 0,
  // Give the values of keys.
  GET_BATCH: 1,
  // Set the value of a key.
  PUT: 2,
  // Set the values of keys.
  PUT_BATCH: 3,
  // Delete keys.
  DELETE_BATCH: 4,
  // Set the value of a key that has none.
  PUT_IF_ABSENT: 5,
  // Give the keys that begin with a prefix.
  LIST: 6
}

// What a key-value store has answered.
const STORE_ANSWER = {
  // It is done.
  DONE: 0,
  // Whether a key was created
  CREATED: 1,
  // A value for each key, or null
  VALUES: 2,
  // Keys
  KEYS: 3,
  // It failed: what it said, and what the reason is known by
  FAILED: 4,
  // The same: it did not answer in time
  TIMED_OUT: 5
}

// What interrupting a job has found.
const INTERRUPTED = {
  // It had not begun, and will not.
  QUEUED: 0,
  // It runs, and is interrupted: its reply says how it ended.
  RUNNING: 1,
  // It has ended: its reply is on the way.
  ENDED: 2,
  // It is on its way to a server together with others: its reply comes once nobody waits for any of
  // them, or when all have ended.
  SENT: 3
}

// How far a replica is to be brought up to date.
const EXTENT = {
  // As far as the primary is.
  NOW: 0,
  // As far as this connection has written.
  WRITTEN: 1,
  // As far as a frame.
  FRAME: 2,
  // All of it, once more.
  ANEW: 3
}

// What the `verbose` logger sees of statements.
const LOG = {
  // Nothing: there is none
  NOTHING: 0,
  // SQL with the values that are bound
  WITH_VALUES: 1,
  // SQL alone
  WITHOUT_VALUES: 2
}

// What other connections to a file are to do for a statement.
const NEED = {
  // Nothing
  NOTHING: 0,
  // Read nothing meanwhile.
  REST: 1,
  // Close the file.
  LEAVE: 2
}

// Limits of a connection, by SQLite's numbers.
const LIMIT = {
  // Bytes of a string, blob or row
  LENGTH: 0,
  // Bytes of an SQL statement
  SQL_LENGTH: 1,
  // Columns of a table, index, view or result
  COLUMN: 2,
  // Depth of an expression
  EXPR_DEPTH: 3,
  // Terms of a compound SELECT
  COMPOUND_SELECT: 4,
  // VM instructions of a statement
  VDBE_OP: 5,
  // Arguments of a function
  FUNCTION_ARG: 6,
  // Attached databases
  ATTACHED: 7,
  // Bytes of a LIKE or GLOB pattern
  LIKE_PATTERN_LENGTH: 8,
  // The largest `?NNN`
  VARIABLE_NUMBER: 9,
  // Depth of trigger recursion
  TRIGGER_DEPTH: 10
}

// Which function reads rows, by the sum of these.
const MODE = {
  // Integers are BigInts.
  INT64: 1,
  // The first column alone.
  PLUCK: 2
}

// What a write counts of which it is not known whether it has happened.
const DOUBT = 0x1_0000_0000
// What a backup has as extra number that comes from the file, and does not go there.
const BACKUP_FROM = 2

module.exports = {
  ...require('./layout'),
  ASK,
  BACKUP_FROM,
  INTERRUPTED,
  DOUBT,
  ERROR_KIND,
  EXTENT,
  FLAG,
  JOB,
  LIMIT,
  LOG,
  MODE,
  NEED,
  OP,
  REPLY,
  STORE_ANSWER,
  STORE_CALL,
  STORE_TASK,
  VALUE
}
