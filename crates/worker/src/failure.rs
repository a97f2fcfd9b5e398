//! Why a job failed: in this process, on the network, or on the server.

use ferrolite_remote::{Error, Outcome};
use ferrolite_sqlite::{code_name, Error as LocalError};

use crate::reply::{RemoteError, Replies, INTERNAL};

/// Why a job failed.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// In this process.
    Local(LocalError),
    /// On the server, or on the network.
    Remote(Error),
    /// As `Remote`, of the statement of that number, which begins at that byte of a script.
    Step(Error, u32, usize),
    /// A mistake in the statement of that number, as of a `Step`.
    Range(&'static str, u32, usize),
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
        match error.into_engine() {
            Ok(error) => Self::Local(error),
            Err(error) => Self::Remote(error),
        }
    }
}

impl Failure {
    pub(crate) fn is_interrupt(&self) -> bool {
        matches!(self, Self::Local(error) if error.code() == INTERRUPTED)
    }

    /// What became of the call, where that is a question.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Remote(error) | Self::Step(error, ..) => Some(error.outcome),
            Self::Local(_) | Self::Range(..) | Self::Lost => None,
        }
    }

    /// The same failure of a call of which something else became.
    pub(crate) fn with_outcome(self, outcome: Outcome) -> Self {
        match self {
            Self::Remote(error) => Self::Remote(error.with_outcome(outcome)),
            Self::Step(error, step, start) => Self::Step(error.with_outcome(outcome), step, start),
            failure => failure,
        }
    }

    /// The same of a statement of a list or a script, and where that begins.
    pub(crate) fn at(self, number: u32, start: usize) -> Self {
        match self {
            Self::Remote(error) => Self::Step(error, number, start),
            Self::Local(LocalError::Range(message)) => Self::Range(message, number, start),
            failure => failure,
        }
    }

    /// The code and the message.
    pub(crate) fn describe(&self) -> (String, String) {
        match self {
            Self::Local(error) => (code_name(error.code()).into(), error.to_string()),
            Self::Lost => Default::default(),
            Self::Range(message, ..) => (String::new(), (*message).into()),
            Self::Remote(error) | Self::Step(error, ..) => (error.code.clone(), error.to_string()),
        }
    }

    /// Ends the job with it.
    pub(crate) fn reply(&self, replies: &mut Replies<'_>) {
        match self {
            Self::Local(error) => replies.error(error),
            Self::Lost => replies.refusal(),
            Self::Range(message, number, start) => {
                replies.range_error(message, place_of(*number, *start));
            }
            Self::Remote(error) if error.is_about_parameters() => {
                replies.range_error(&error.message, (-1, -1));
            }
            Self::Step(error, number, start) if error.is_about_parameters() => {
                replies.range_error(&error.message, place_of(*number, *start));
            }
            Self::Remote(error) => reply(replies, error, 0, -1),
            Self::Step(error, step, start) => {
                reply(replies, error, *start, i32::try_from(*step).unwrap_or(-1));
            }
        }
    }
}

/// Number and byte, -1 where they are not known.
fn place_of(number: u32, start: usize) -> (i32, i32) {
    let start = i32::try_from(start).unwrap_or(-1);
    (i32::try_from(number).unwrap_or(-1), start)
}

fn reply(replies: &mut Replies<'_>, error: &Error, start: usize, statement: i32) {
    let offset = match error.offset {
        Some(offset) => i32::try_from(start + offset as usize),
        None if statement >= 0 => i32::try_from(start),
        None => Ok(-1),
    };
    replies.remote_error(&RemoteError {
        message: &error.to_string(),
        code: &error.code,
        status: error.status,
        offset: offset.unwrap_or(-1),
        statement,
        outcome: error.outcome.name(),
    });
}

/// How a job ended.
pub(crate) type Ended = Result<(), Failure>;

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
