//! What can go wrong.

use std::fmt;

use crate::store::StoreError;

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a database could not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The store failed, and nothing has changed: what was to be committed is rolled back.
    Store {
        /// What was called.
        operation: &'static str,
        /// One of the keys.
        key: String,
        /// What the store said.
        source: StoreError,
    },
    /// A value is not what was written, or is missing.
    Corrupt {
        /// Its key.
        key: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Somebody else writes the database now.
    Fenced {
        /// Where that was seen.
        key: String,
    },
    /// Whether the last transaction was committed is not known. The database must be opened again.
    Indeterminate {
        /// The key that holds the transaction, if it was committed.
        key: String,
        /// What the store said last.
        source: StoreError,
    },
    /// Transactions that were reported as committed are not in the store. The database must be opened again.
    Lost {
        /// How many.
        transactions: u32,
        /// Why. If it is [`Error::Indeterminate`], they may be there.
        source: Box<Error>,
    },
    /// What this reader sees is no longer there.
    Stale {
        /// The key that is missing.
        key: String,
    },
    /// Too much could not be moved out of the log.
    Full,
    /// Too much waits for the store: the transaction is rolled back, and can be tried again after a flush.
    Behind {
        /// Bytes that wait.
        bytes: usize,
        /// Bytes that may wait.
        most: usize,
    },
    /// It was asked for something that cannot be.
    Usage(String),
}

impl Error {
    /// The name of its kind, for `error.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store { source, .. } if source.timed_out => "KV_TIMEOUT",
            Self::Store { .. } => "KV_STORE",
            Self::Corrupt { .. } => "KV_CORRUPT",
            Self::Fenced { .. } => "KV_FENCED",
            Self::Indeterminate { .. } => "KV_INDETERMINATE",
            Self::Lost { source, .. } => source.code(),
            Self::Stale { .. } => "KV_STALE",
            Self::Full | Self::Behind { .. } => "SQLITE_FULL",
            Self::Usage(_) => "KV_USAGE",
        }
    }

    /// The result code of `SQLite` that says the same, for errors that did not pass through it.
    pub fn result_code(&self) -> i32 {
        const ERROR: i32 = 1;
        const IOERR: i32 = 10;
        const CORRUPT: i32 = 11;
        const FULL: i32 = 13;
        match self {
            Self::Corrupt { .. } => CORRUPT,
            Self::Full | Self::Behind { .. } => FULL,
            Self::Usage(_) => ERROR,
            _ => IOERR,
        }
    }

    /// What the store said, if it was the reason.
    pub fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store { source, .. } | Self::Indeterminate { source, .. } => Some(source),
            Self::Lost { source, .. } => source.store_error(),
            _ => None,
        }
    }

    /// The key that it is about.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Store { key, .. }
            | Self::Corrupt { key, .. }
            | Self::Fenced { key }
            | Self::Indeterminate { key, .. }
            | Self::Stale { key } => Some(key),
            Self::Lost { source, .. } => source.key(),
            Self::Full | Self::Behind { .. } | Self::Usage(_) => None,
        }
    }

    /// Whether nothing can be done with this connection any more.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Fenced { .. } | Self::Indeterminate { .. } | Self::Lost { .. }
        )
    }

    pub(crate) fn corrupt(key: impl Into<String>, what: &'static str) -> Self {
        Self::Corrupt {
            key: key.into(),
            what,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store {
                operation,
                key,
                source,
            } => write!(f, "the store failed: {operation} of {key}: {source}"),
            Self::Corrupt { key, what } => write!(f, "the value of {key} {what}"),
            Self::Fenced { key } => write!(
                f,
                "another connection has taken over the database (seen at {key})"
            ),
            Self::Indeterminate { key, source } => write!(
                f,
                "it is not known whether the transaction was committed; open the database again ({key}: {source})"
            ),
            Self::Lost {
                transactions,
                source,
            } => {
                let one = *transactions == 1;
                let what = if one { "transaction" } else { "transactions" };
                let are = match **source {
                    Self::Indeterminate { .. } => "may be lost",
                    _ if one => "is lost",
                    _ => "are lost",
                };
                write!(
                    f,
                    "{transactions} {what} that returned before the store had them {are}; open the database again: {source}"
                )
            }
            Self::Stale { key } => write!(
                f,
                "what this connection reads is no longer in the store ({key})"
            ),
            Self::Full => f.write_str("the store has refused checkpoints for too long"),
            Self::Behind { bytes, most } => write!(
                f,
                "{bytes} bytes wait for the store, and no more than {most} may: flush first"
            ),
            Self::Usage(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store { source, .. } | Self::Indeterminate { source, .. } => Some(source),
            Self::Lost { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
