//! A connection as `SQLite` has it, over a protocol that has streams: one pipeline for many requests. The stream stays
//! as long as the server keeps it: another one for each pipeline doubles the time of a small query.

use std::time::{Duration, Instant};

use super::check::check;
use super::proto::{
    Empty, Outcome, PipelineRequest, Request, Response, ServerError, StreamRequest, StreamResponse,
};
use crate::error::{code, Error, Result};
use crate::http::{Client, Config};

/// `sqld` gives a stream up after 10 s without a request; a little less, for the way there.
const STREAM_LIFE: Duration = Duration::from_secs(9);

/// What crosses as one request.
#[derive(Clone, Default)]
pub struct Pipeline {
    pub requests: Vec<Request>,
    /// Doing it twice does no harm.
    pub repeatable: bool,
    /// A transaction may be committed by it.
    pub may_commit: bool,
}

/// What each request of a pipeline came to.
pub type Answer = std::result::Result<Response, ServerError>;

/// One connection to a database of a server.
pub struct Session {
    client: Client,
    stream: Option<Stream>,
    in_transaction: bool,
}

struct Stream {
    baton: String,
    used: Instant,
}

impl Session {
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            client: Client::new(config)?,
            stream: None,
            in_transaction: false,
        })
    }

    /// Whether a transaction is open, as far as the server has said.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Runs requests in their order, each whether or not those before it succeeded. If the future is dropped, a
    /// transaction that was open is over: the server rolls it back.
    pub async fn run(&mut self, pipeline: &Pipeline) -> Result<Vec<Answer>> {
        let inside = std::mem::take(&mut self.in_transaction);
        let stream = self.stream.take();
        let baton = match stream {
            Some(stream) if inside || stream.used.elapsed() < STREAM_LIFE => Some(stream.baton),
            _ => None,
        };
        match self.attempt(pipeline, baton).await {
            Err(error) if inside => Err(lost(error, pipeline)),
            Err(error) if error.is_stale() || (pipeline.repeatable && error.broke) => {
                self.attempt(pipeline, None).await
            }
            Err(error) if !pipeline.repeatable => Err(unknown(error)),
            outcome => outcome,
        }
    }

    async fn attempt(&mut self, pipeline: &Pipeline, baton: Option<String>) -> Result<Vec<Answer>> {
        let autocommit = Request::GetAutocommit(Empty {});
        let requests = pipeline.requests.iter().cloned().chain([autocommit]);
        let (baton, mut answers) = self.send(baton, requests).await?;
        match answers.pop() {
            Some(Ok(Response::GetAutocommit(answer))) => {
                self.in_transaction = !answer.is_autocommit;
            }
            Some(Err(error)) => {
                let text = String::from_utf8_lossy(&error.message).into_owned();
                return Err(Error::new(code::PROTOCOL, text));
            }
            _ => return Err(Error::protocol("an answer is to another request")),
        }
        let used = Instant::now();
        self.stream = baton.map(|baton| Stream { baton, used });
        Ok(answers)
    }

    async fn send(
        &self,
        baton: Option<String>,
        requests: impl Iterator<Item = Request>,
    ) -> Result<(Option<String>, Vec<Answer>)> {
        let requests = requests.map(|request| StreamRequest {
            request: Some(request),
        });
        let request = PipelineRequest {
            baton,
            requests: requests.collect(),
        };
        let reply = self.client.pipeline(&request).await?;
        if reply.results.len() != request.requests.len() {
            return Err(Error::protocol(
                "it does not have an answer for each request",
            ));
        }
        let answers = reply
            .results
            .into_iter()
            .map(|result| match result.outcome {
                Some(Outcome::Ok(StreamResponse {
                    response: Some(response),
                })) => Ok(Ok(response)),
                Some(Outcome::Error(error)) => Ok(Err(error)),
                _ => Err(Error::protocol("an answer is missing")),
            });
        let answers: Vec<Answer> = answers.collect::<Result<_>>()?;
        let asked = request.requests.iter().filter_map(|r| r.request.as_ref());
        for (request, answer) in asked.zip(&answers) {
            check(request, answer)?;
        }
        Ok((reply.baton, answers))
    }

    /// Gives up what is open on the server. There is nothing to be done about errors.
    pub async fn close(&mut self) {
        self.in_transaction = false;
        if let Some(stream) = self.stream.take() {
            let close = std::iter::once(Request::Close(Empty {}));
            let _ = self.send(Some(stream.baton), close).await;
        }
    }
}

/// The stream is gone, and the server rolls back what was open in it.
fn lost(error: Error, pipeline: &Pipeline) -> Error {
    if pipeline.may_commit && !error.refused {
        return unknown(error);
    }
    Error {
        message: format!("{} (the transaction is rolled back)", error.message),
        ..error
    }
}

/// The reply is lost, and with it the answer to what has happened.
fn unknown(error: Error) -> Error {
    if error.refused {
        return error;
    }
    Error {
        message: format!("{} (whether it was executed is not known)", error.message),
        ..error
    }
}
