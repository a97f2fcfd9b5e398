//! What can go wrong between here and the server.

use std::fmt;

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the server's `SQLite`, or of the way to it. No text of it has a token or a header in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// `SQLITE_…` from the server, or one of [`code`].
    pub code: String,
    /// For people.
    pub message: String,
    /// The HTTP status, if there was a reply.
    pub status: Option<u16>,
    /// The connection broke: a request that does no harm twice may be sent again.
    pub(crate) broke: bool,
    /// The server has certainly not done what it was asked for.
    pub(crate) refused: bool,
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
    /// A reply that makes no sense.
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
}

impl Error {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: None,
            broke: false,
            refused: true,
        }
    }

    pub(crate) fn protocol(what: &str) -> Self {
        let text = format!("The server's reply makes no sense: {what}");
        Self {
            refused: false,
            ..Self::new(code::PROTOCOL, text)
        }
    }

    /// The server has certainly not done what it was asked for.
    pub fn is_refusal(&self) -> bool {
        self.refused
    }

    /// It is about the stream: with another one the same request may succeed.
    pub(crate) fn is_stale(&self) -> bool {
        self.code == code::STREAM_EXPIRED
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
