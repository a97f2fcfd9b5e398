//! Why a job failed: in this process, on the network, or on the server.

use ferrolite_remote::proto::BatchResult;
use ferrolite_remote::{proto, sqlite_error, Error, ReplicaError, ServerError};
use ferrolite_sqlite::{code_name, Error as LocalError};

use crate::reply::{RemoteError, Replies, INTERNAL};

/// Why a job failed.
pub(crate) enum Failure {
    /// In this process
    Local(LocalError),
    /// On the network, or in a reply that cannot be used
    Remote(Error),
    /// On the server
    Server(ServerError),
    /// As `Server`, of the statement of that number, which begins at that byte of a script.
    Step(ServerError, u32, usize),
    /// Parameters that the statement does not have, or has and did not get; where, as of a `Step`.
    Range(String, Option<(u32, usize)>),
    /// Another call has ended the transaction that it belongs to.
    Lost,
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        Self::Local(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Remote(error)
    }
}

impl From<ReplicaError> for Failure {
    fn from(error: ReplicaError) -> Self {
        match error {
            ReplicaError::Remote(error) => Self::Remote(error),
            ReplicaError::Engine(error) => Self::Local(error),
        }
    }
}

impl Failure {
    pub(crate) fn is_interrupt(&self) -> bool {
        matches!(self, Self::Local(error) if error.code() == INTERRUPTED)
    }

    /// The code and the message.
    pub(crate) fn describe(&self) -> (String, String) {
        match self {
            Self::Local(error) => (code_name(error.code()).into(), error.to_string()),
            Self::Remote(error) => (error.code.clone(), error.message.clone()),
            Self::Range(message, _) => (String::new(), message.clone()),
            Self::Lost => Default::default(),
            Self::Server(error) | Self::Step(error, ..) => {
                (error.code.clone(), error.message.clone())
            }
        }
    }

    /// Ends the job with it.
    pub(crate) fn reply(&self, replies: &mut Replies<'_>) {
        match self {
            Self::Local(error) => replies.error(error),
            Self::Remote(error) => replies.remote_error(&RemoteError {
                message: &error.message,
                code: &error.code,
                status: error.status,
                offset: -1,
                statement: -1,
            }),
            Self::Lost => replies.refusal(),
            Self::Range(message, place) => replies.range_error(message, place_of(*place)),
            Self::Server(error) => reply(replies, error, 0, -1),
            Self::Step(error, step, start) => {
                reply(replies, error, *start, i32::try_from(*step).unwrap_or(-1));
            }
        }
    }

    /// The same of a statement of a list or a script, and where that begins.
    pub(crate) fn at(self, place: Option<(u32, usize)>) -> Self {
        match (self, place) {
            (Self::Server(error), Some((number, start))) => Self::Step(error, number, start),
            (Self::Range(message, _), place) => Self::Range(message, place),
            (Self::Local(LocalError::Range(message)), place) => Self::Range(message.into(), place),
            (failure, _) => failure,
        }
    }
}

/// Number and byte, -1 where they are not known.
fn place_of(place: Option<(u32, usize)>) -> (i32, i32) {
    place.map_or((-1, -1), |(number, start)| {
        (
            i32::try_from(number).unwrap_or(-1),
            i32::try_from(start).unwrap_or(-1),
        )
    })
}

fn reply(replies: &mut Replies<'_>, error: &ServerError, start: usize, statement: i32) {
    let offset = match error.offset {
        Some(offset) => i32::try_from(start + offset as usize),
        None if statement >= 0 => i32::try_from(start),
        None => Ok(-1),
    };
    replies.remote_error(&RemoteError {
        message: &error.message,
        code: &error.code,
        status: None,
        offset: offset.unwrap_or(-1),
        statement,
    });
}

pub(crate) type Outcome = Result<(), Failure>;

/// What failed first is why the others did not run. `place` says of a step which statement it is of those that were
/// given, and where it begins.
pub(crate) fn first_error(
    result: &BatchResult,
    place: impl Fn(u32) -> Option<(u32, usize)>,
) -> Outcome {
    let failed = result.step_errors.iter().min_by_key(|(step, _)| **step);
    let Some((step, error)) = failed else {
        return Ok(());
    };
    Err(server_failure(error).at(place(*step)))
}

/// What the server said of a statement, or of its parameters in better-sqlite3's words.
pub(crate) fn server_failure(error: &proto::ServerError) -> Failure {
    let text = String::from_utf8_lossy(&error.message);
    let Some(what) = text.strip_prefix("Arguments do not match SQL parameters: ") else {
        return Failure::Server(sqlite_error(error));
    };
    if what == "string or blob too big" {
        const TOO_BIG: i32 = 18;
        return LocalError::from_code(TOO_BIG).into();
    }
    let missing = what.strip_prefix("value for parameter ");
    let missing = missing.and_then(|what| what.strip_suffix(" not found"));
    let message = match missing {
        None if !what.starts_with("too many") => return Failure::Server(sqlite_error(error)),
        Some(number) if number.parse::<u32>().is_ok() => {
            "Too few parameter values were provided".into()
        }
        Some(name) => format!(
            "Missing named parameter \"{}\"",
            name.get(1..).unwrap_or(name)
        ),
        None => "Too many parameter values were provided".into(),
    };
    Failure::Range(message, None)
}

pub(crate) fn no_reader() -> LocalError {
    LocalError::Type("This statement does not return data. Use run() instead")
}

pub(crate) fn misfit() -> Failure {
    internal().into()
}

pub(crate) fn internal() -> LocalError {
    INTERNAL
}

const INTERRUPTED: i32 = 9;

pub(crate) fn interrupted() -> LocalError {
    LocalError::from_code(INTERRUPTED)
}
