//! What can go wrong between this machine and the server, and what became of the request.

use std::fmt;

use ferrolite_sqlite::code_name;

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Whether what was asked for has happened.
///
/// | what went wrong | outside of a transaction | inside of one |
/// |---|---|---|
/// | no connection was made, or the request was not sent | `NotExecuted` | `RolledBack` |
/// | the server refused the request as a whole: status 3xx or 4xx, an expired stream | `NotExecuted` | `RolledBack` |
/// | the request was sent, and no answer came that can be read | `Unknown` | `RolledBack` |
/// | the same, and the request may have committed | `Unknown` | `Unknown` |
/// | the same, and it only reads | `NotExecuted` | `RolledBack` |
/// | the server answered with an error: `SQLite` undoes a statement that fails | `NotExecuted` | `NotExecuted` |
/// | the same, and the error has ended the transaction | | `RolledBack` |
/// | the same, and the statement may have left something behind | `Unknown` | `Unknown` |
///
/// A transaction is rolled back whenever its stream is given up: the server does that. The last line is about
/// statements that keep the rows before the one that failed (`FAIL`), answers that were too large to be sent, disks
/// that fail, and codes that this crate does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has changed nothing, and a transaction that was open still is.
    NotExecuted,
    /// The transaction that it was in has ended, and nothing of that has happened.
    RolledBack,
    /// It may have happened, or not, or in part.
    Unknown,
}

impl Outcome {
    /// As users see it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotExecuted => "not-executed",
            Self::RolledBack => "rolled-back",
            Self::Unknown => "unknown",
        }
    }

    /// What stands behind the message of an error that is not the server's answer.
    const fn hint(self) -> &'static str {
        match self {
            Self::NotExecuted => "",
            Self::RolledBack => " (the transaction is rolled back)",
            Self::Unknown => " (whether it was executed is not known)",
        }
    }
}

/// An error of the server, of the way to it, or of the file of a replica. No text of it has a token or a header in
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// `SQLITE_…`, a code of the server, or one of [`code`].
    pub code: String,
    /// What happened, for people. [`Display`](fmt::Display) adds what became of the request.
    pub message: String,
    /// The HTTP status, if the server replied with one that is no success.
    pub status: Option<u16>,
    /// Where in the SQL it is, in bytes.
    pub offset: Option<u32>,
    /// What became of the request.
    pub outcome: Outcome,
    pub(crate) origin: Origin,
}

/// Where an error is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The way to the server; this machine gave up; what is written down of a replica.
    Here,
    /// As `Here`: the connection broke, and a request that does no harm twice may be sent again.
    Broken,
    /// As `Here`: somebody stopped waiting.
    Interrupt,
    /// The server executed a statement, or tried to.
    Statement,
    /// The server compared values with parameters.
    Parameters,
    /// The file of a replica.
    File(ferrolite_sqlite::Error),
}

/// Codes of errors that are not `SQLite`'s.
pub mod code {
    /// No reply in time.
    pub const TIMEOUT: &str = "REMOTE_TIMEOUT";
    /// No connection, or it broke.
    pub const UNREACHABLE: &str = "REMOTE_UNREACHABLE";
    /// The server's certificate is not to be trusted, or TLS fails otherwise.
    pub const TLS: &str = "REMOTE_TLS";
    /// Status 401 or 403.
    pub const AUTH: &str = "REMOTE_AUTH";
    /// Any other status that is no success.
    pub const STATUS: &str = "REMOTE_STATUS";
    /// A reply that is not what the protocol says.
    pub const PROTOCOL: &str = "REMOTE_PROTOCOL";
    /// The server has given up the stream that a transaction was in.
    pub const STREAM_EXPIRED: &str = "STREAM_EXPIRED";
    /// The file was there before, and no replica made it.
    pub const SYNC_FOREIGN: &str = "SYNC_FOREIGN";
    /// The file is open as a replica elsewhere.
    pub const SYNC_LOCKED: &str = "SYNC_LOCKED";
    /// What is written down of the replica cannot be read.
    pub const SYNC_DAMAGED: &str = "SYNC_DAMAGED";
    /// The server has another database than the replica.
    pub const SYNC_GENERATION: &str = "SYNC_GENERATION";
    /// Somebody else has written into the replica.
    pub const SYNC_CONFLICT: &str = "SYNC_CONFLICT";
    /// Somebody stopped waiting for the call.
    pub const INTERRUPT: &str = "SQLITE_INTERRUPT";
}

impl Error {
    /// One of this machine: nothing was sent.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: None,
            offset: None,
            outcome: Outcome::NotExecuted,
            origin: Origin::Here,
        }
    }

    /// A reply that is not what the protocol says.
    pub(crate) fn protocol(what: &str) -> Self {
        let text = format!("Invalid reply from the server: {what}");
        Self {
            outcome: Outcome::Unknown,
            ..Self::new(code::PROTOCOL, text)
        }
    }

    /// Somebody stopped waiting for a call.
    pub fn interrupt(outcome: Outcome) -> Self {
        Self {
            outcome,
            origin: Origin::Interrupt,
            ..Self::new(code::INTERRUPT, "interrupted")
        }
    }

    /// The same error of a call of which something else became.
    #[must_use]
    pub fn with_outcome(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    /// Whether it is about the values for parameters, and not from `SQLite`.
    pub fn is_about_parameters(&self) -> bool {
        self.origin == Origin::Parameters
    }

    /// What the engine said of the file of a replica; else the error itself.
    pub fn into_engine(self) -> std::result::Result<ferrolite_sqlite::Error, Self> {
        match self.origin {
            Origin::File(error) => Ok(error),
            _ => Err(self),
        }
    }

    /// The connection broke: a request that does no harm twice may be sent again.
    pub(crate) fn is_broken(&self) -> bool {
        self.origin == Origin::Broken
    }

    /// It is about the stream: with another one the same request may succeed.
    pub(crate) fn is_stale(&self) -> bool {
        self.code == code::STREAM_EXPIRED
    }
}

impl From<ferrolite_sqlite::Error> for Error {
    fn from(error: ferrolite_sqlite::Error) -> Self {
        Self {
            origin: Origin::File(error.clone()),
            ..Self::new(&code_name(error.code()), error.to_string())
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.origin {
            Origin::Here | Origin::Broken => f.write_str(self.outcome.hint()),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
