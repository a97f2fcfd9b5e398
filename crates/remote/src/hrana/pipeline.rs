//! What crosses as one request: statements, batches and questions, and the answer to each.

use super::batch::{Batch, BatchResult};
use super::proto;
use super::sql::statement_error;
use super::statement::{Description, Executed, Statement};
use crate::error::{Error, Result};

/// Requests in their order, each of which is executed whether or not those before it succeeded.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    requests: Vec<(Request, Effect)>,
}

/// What a server is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// To execute a statement.
    Execute(Statement),
    /// To execute several.
    Batch(Batch),
    /// What SQL is.
    Describe(String),
}

/// What a request may do to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: doing it twice does no harm.
    Reads,
    /// It changes something, or begins a transaction.
    Writes,
    /// As `Writes`, and a transaction may be committed by it.
    Commits,
}

impl Pipeline {
    /// Adds a request, and gives its place.
    pub fn push(&mut self, request: Request, effect: Effect) -> usize {
        self.requests.push((request, effect));
        self.requests.len() - 1
    }

    /// Nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// What the request at that place may do.
    pub fn effect(&self, at: usize) -> Option<Effect> {
        self.requests.get(at).map(|(_, effect)| *effect)
    }

    /// One of the requests is a batch.
    pub fn has_batch(&self) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|(request, _)| matches!(request, Request::Batch(_)))
    }

    /// Doing all of it twice does no harm.
    pub fn reads(&self) -> bool {
        self.requests
            .iter()
            .all(|(_, effect)| *effect == Effect::Reads)
    }

    /// A transaction may be committed by it.
    pub fn may_commit(&self) -> bool {
        self.requests
            .iter()
            .any(|(_, effect)| *effect == Effect::Commits)
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().map(|(request, _)| request)
    }
}

/// What a request came to, if it succeeded.
#[derive(Debug)]
pub enum Response {
    /// Of a statement.
    Executed(Executed),
    /// Of several.
    Batch(BatchResult),
    /// Of a question.
    Described(Description),
}

/// What each request of a pipeline came to.
pub type Answer = Result<Response>;

impl Request {
    pub(super) fn to_proto(&self) -> proto::Request {
        match self {
            Self::Execute(Statement(stmt)) => proto::Request::Execute(proto::ExecuteRequest {
                stmt: Some(stmt.clone()),
            }),
            Self::Batch(Batch { steps, .. }) => proto::Request::Batch(proto::BatchRequest {
                batch: Some(proto::Batch {
                    steps: steps.clone(),
                }),
            }),
            Self::Describe(sql) => proto::Request::Describe(proto::SqlRequest {
                sql: Some(sql.clone()),
            }),
        }
    }

    /// Reads an answer that was checked to be one to this request.
    pub(super) fn read(
        &self,
        answer: std::result::Result<proto::Response, proto::ServerError>,
    ) -> Result<Answer> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(statement_error(self.sql(), &error))),
        };
        let response = match (self, answer) {
            (Self::Execute(_), proto::Response::Execute(answer)) => {
                Response::Executed(Executed::read(answer.result.ok_or_else(missing)?))
            }
            (Self::Batch(batch), proto::Response::Batch(answer)) => {
                Response::Batch(BatchResult::read(batch, answer.result.ok_or_else(missing)?))
            }
            (Self::Describe(sql), proto::Response::Describe(answer)) => {
                Response::Described(Description::read(sql, answer.result.ok_or_else(missing)?))
            }
            _ => return Err(other()),
        };
        Ok(Ok(response))
    }

    fn sql(&self) -> &str {
        match self {
            Self::Execute(statement) => statement.sql(),
            // Of a batch each statement has an answer of its own.
            Self::Batch(_) => "",
            Self::Describe(sql) => sql,
        }
    }
}

pub(super) fn missing() -> Error {
    Error::protocol("an answer is missing")
}

pub(super) fn other() -> Error {
    Error::protocol("an answer is to another request")
}
