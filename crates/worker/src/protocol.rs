//! Every number that a front end shares with a worker. The front end in JavaScript has the same names and values in
//! `lib/protocol.js`; a test compares the two files. What is about `SQLite` is in `ferrolite_sqlite`.

/// An enum whose variants have the numbers that cross.
macro_rules! numbers {
    (
        $(#[$about:meta])*
        $name:ident: $number:ident {
            $($(#[$meaning:meta])* $variant:ident = $value:literal,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr($number)]
        pub enum $name {
            $($(#[$meaning])* $variant = $value,)*
        }

        impl $name {
            /// What has this number, if anything has.
            pub fn from_number(number: $number) -> Option<Self> {
                match number {
                    $($value => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

numbers! {
    /// What a job does.
    Op: u32 {
        /// Compiles SQL as the statement of the given number.
        Prepare = 0,
        /// Finalizes a statement; has no reply.
        Drop = 1,
        /// Executes a statement: rows changed, and the last inserted rowid.
        Run = 2,
        /// The first row of a statement.
        Get = 3,
        /// All rows of a statement.
        All = 4,
        /// Executes a script.
        Exec = 5,
        /// Opens an iteration of the given number on a statement.
        Iterate = 6,
        /// The next rows of an iteration.
        Next = 7,
        /// Closes an iteration.
        Return = 8,
        /// The database as the bytes of its file.
        Serialize = 9,
        /// Closes the connection.
        Close = 10,
        /// Sets a limit of the connection, or reads it.
        Limit = 11,
        /// Switches the engine's defensive mode off, or on again.
        UnsafeMode = 12,
        /// Loads an extension.
        LoadExtension = 13,
        /// Begins to copy the database into another file.
        Backup = 14,
        /// Copies pages of a backup.
        BackupStep = 15,
        /// Ends a backup.
        BackupClose = 16,
        /// Executes a script if a transaction is open.
        Undo = 17,
        /// Registers a function of the front end under a name.
        Function = 18,
        /// Reports changed rows from now on, or no longer.
        Watch = 19,
        /// Takes over the authorizer that is left at the port.
        Authorizer = 20,
        /// Creates a session, which records changes.
        Session = 21,
        /// What a session has recorded, as a changeset or a patchset.
        Changeset = 22,
        /// Deletes a session.
        SessionClose = 23,
        /// Applies a changeset.
        Apply = 24,
        /// Registers a module for virtual tables.
        Table = 25,
        /// Rows changed by the last statement, and the last inserted rowid.
        Changes = 26,
        /// Encrypts the file with another key, or with none.
        Rekey = 27,
        /// Executes statements in a transaction of their own, as one request to a server.
        Batch = 28,
        /// Brings a replica up to date.
        Sync = 29,
        /// Says what the statement of the given number is: the server need not be asked.
        Introduce = 30,
        /// What the connection holds in memory.
        Stats = 31,
        /// Reports long work of tables from now on, or no longer.
        WatchWork = 32,
        /// Does what a database in a key-value store can do besides SQL: a [`StoreTask`].
        Store = 33,
    }
}

/// Flags of a job.
pub mod flag {
    /// Integers are `BigInt`s.
    pub const INT64: u32 = 1;
    /// The first column alone.
    pub const PLUCK: u32 = 2;
    /// The statement is a PRAGMA.
    pub const PRAGMA: u32 = 4;
    /// The statement is an EXPLAIN, which runs without its parameters.
    pub const EXPLAIN: u32 = 8;
    /// The function gives the same result for the same arguments.
    pub const DETERMINISTIC: u32 = 16;
    /// The function may not be used in triggers and views.
    pub const DIRECT_ONLY: u32 = 32;
    /// The function is an aggregate.
    pub const AGGREGATE: u32 = 64;
    /// The aggregate is a window function too.
    pub const WINDOW: u32 = 128;
    /// The reply says how long the job has run.
    pub const TIMED: u32 = 256;
    /// The job belongs to a transaction: once an error has ended that, it is refused.
    pub const INSIDE: u32 = 512;
}

/// Numbers of jobs, which rise by one and wrap around.
pub mod job {
    /// A job without a reply.
    pub const NONE: u32 = 0;
    /// Opening, which is not posted.
    pub const OPENING: u32 = 1;
}

numbers! {
    /// What a value of a message is.
    Value: u32 {
        /// NULL
        Null = 0,
        /// Eight bytes of a double
        Double = 1,
        /// Eight bytes of a 64-bit integer
        Int64 = 2,
        /// UTF-8, padded to eight bytes
        Text = 3,
        /// Bytes, padded to eight
        Blob = 4,
    }
}

/// Fields of a part of a block.
pub mod part {
    /// One of REPLY
    pub const KIND: usize = 0;
    /// The first slot of its values
    pub const SLOT: usize = 1;
    /// Rows; microseconds in a TIME
    pub const ROWS: usize = 2;
    /// Values of a row
    pub const COLUMNS: usize = 3;
    /// Fields of a part
    pub const LENGTH: usize = 4;
}

numbers! {
    /// What a part of a block is.
    Reply: i32 {
        /// The job has ended without a value.
        Done = 0,
        /// The job has failed: an [`ErrorKind`], then message, code and its number, HTTP status, byte of the SQL, number of the statement, and what became of the call.
        Error = 1,
        /// Rows; more follow.
        Rows = 2,
        /// Rows, the last of the job.
        LastRows = 3,
        /// The columns of the rows that follow, all in one text.
        Columns = 4,
        /// A function is to be called: question, function, one of ASK, group, then the arguments.
        Call = 5,
        /// SQL for the `verbose` logger.
        Log = 6,
        /// A changed row: operation, database, table and rowid.
        ChangedRow = 7,
        /// A setting that readers are to have too: its name and its SQL.
        Setting = 8,
        /// How long the job has run; right before its end.
        Time = 9,
        /// A sync has ended: whether it was asked for, an [`Extent`], the last frame, how many came, how long it took
        /// in ms, then code and message of its error.
        Sync = 10,
        /// The error of the job has ended the transaction that it belongs to; before its end.
        Lost = 11,
        /// How far a table is with long work: its name, what is done, and how much there is.
        Work = 12,
    }
}

numbers! {
    /// What kind of error a job ended with.
    ErrorKind: i32 {
        /// An error with a code, of `SQLite` or of a server
        Sqlite = 0,
        /// A `TypeError`
        Type = 1,
        /// A `RangeError`
        Range = 2,
        /// What a function has thrown
        Callback = 3,
        /// An error of another job has ended the transaction that it belongs to
        Lost = 4,
        /// An error of a key-value store, or of what is in it: behind the fields of others its key, and what the
        /// reason is known by
        Store = 5,
    }
}

numbers! {
    /// What a function is asked to do.
    Ask: i32 {
        /// Call it. A module gives the definition of a table.
        Call = 0,
        /// Begin a group. A table begins a scan.
        Start = 1,
        /// Add a row to a group.
        Step = 2,
        /// Take a row out of a window.
        Inverse = 3,
        /// Give the value of a window so far. A table gives its next rows.
        Value = 4,
        /// Give the value of a group, which ends with it.
        Finish = 5,
        /// End a group or a scan without a value.
        Drop = 6,
    }
}

numbers! {
    /// What a database in a key-value store does besides SQL.
    StoreTask: i32 {
        /// Moves a reader to the newest state: whether that is another one.
        Refresh = 0,
        /// Waits until the store has all that was committed.
        Flush = 1,
        /// The same before closing: a failure that was reported before is none.
        End = 2,
        /// The epochs that can be opened: number, time and pages of each.
        History = 3,
        /// Commits the state of an epoch once more.
        Restore = 4,
        /// Stores a batch of a resident database.
        Apply = 5,
        /// Makes a checkpoint: whether no transaction was in its way.
        Checkpoint = 6,
    }
}

numbers! {
    /// What a key-value store is asked to do.
    StoreCall: i32 {
        /// Give the value of a key.
        Get = 0,
        /// Give the values of keys.
        GetBatch = 1,
        /// Set the value of a key.
        Put = 2,
        /// Set the values of keys.
        PutBatch = 3,
        /// Delete keys.
        DeleteBatch = 4,
        /// Set the value of a key that has none.
        PutIfAbsent = 5,
        /// Give the keys that begin with a prefix.
        List = 6,
    }
}

numbers! {
    /// What a key-value store has answered.
    StoreAnswer: i32 {
        /// It is done.
        Done = 0,
        /// Whether a key was created
        Created = 1,
        /// A value for each key, or null
        Values = 2,
        /// Keys
        Keys = 3,
        /// It failed: what it said, and what the reason is known by
        Failed = 4,
        /// The same: it did not answer in time
        TimedOut = 5,
    }
}

numbers! {
    /// What interrupting a job has found.
    Interrupted: i32 {
        /// It had not begun, and will not.
        Queued = 0,
        /// It runs, and is interrupted: its reply says how it ended.
        Running = 1,
        /// It has ended: its reply is on the way.
        Ended = 2,
        /// It is on its way to a server together with others: its reply comes once nobody waits for any of them, or
        /// when all have ended.
        Sent = 3,
    }
}

numbers! {
    /// How far a replica is to be brought up to date.
    Extent: i32 {
        /// As far as the primary is.
        Now = 0,
        /// As far as this connection has written.
        Written = 1,
        /// As far as a frame.
        Frame = 2,
        /// All of it, once more.
        Anew = 3,
    }
}

numbers! {
    /// What the `verbose` logger sees of statements.
    Log: i32 {
        /// Nothing: there is none
        Nothing = 0,
        /// SQL with the values that are bound
        WithValues = 1,
        /// SQL alone
        WithoutValues = 2,
    }
}

/// Bytes of blobs that start below `BYTES_PER_BLOCK` may end this far beyond it.
pub const BYTES_OVER: usize = 8192;
/// Parts of a block that a worker has filled
pub const PARTS_PER_BLOCK: usize = 1024;
/// What a write counts of which it is not known whether it has happened.
pub const DOUBT: u64 = 0x1_0000_0000;
/// What a backup has as extra number that comes from the file, and does not go there.
pub const BACKUP_FROM: i32 = 2;
