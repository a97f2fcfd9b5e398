//! A connection as `SQLite` has it, over a protocol that has streams: one pipeline for many requests. The stream stays
//! as long as the server keeps it: another one for each pipeline doubles the time of a small query.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::Uri;
use prost::Message;

use super::check::check;
use super::pipeline::{missing, other, Answer, Effect, Pipeline};
use super::proto::{
    self, Empty, PipelineRequest, PipelineResponse, ServerError, StreamRequest, StreamResponse,
};
use crate::error::{code, Error, Outcome, Result};
use crate::http::{no_reply, read, Client, Config, Failure, Refusal, Sending};

const PIPELINE: &str = "v3-protobuf/pipeline";
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// The largest reply that is read, in bytes. `sqld` itself sends at most 10 MB unless it is configured otherwise.
const MAX_REPLY: usize = 64 << 20;

/// `sqld` gives a stream up after 10 s without a request; a little less, for the way to it.
const STREAM_LIFE: Duration = Duration::from_secs(9);

/// One connection to a database of a server.
pub struct Connection {
    client: Client,
    url: Uri,
    headers: HeaderMap,
    stream: Option<Stream>,
    in_transaction: bool,
    /// Of the pipeline that runs or ran last.
    sending: Sending,
    was_inside: bool,
}

struct Stream {
    baton: String,
    used: Instant,
}

type ProtoAnswer = std::result::Result<proto::Response, ServerError>;

impl Connection {
    /// Checks what it is given; connects with the first pipeline.
    pub fn new(config: &Config) -> Result<Self> {
        let client = Client::new(config)?;
        Ok(Self {
            url: client.url(PIPELINE)?,
            headers: client.headers(PROTOBUF),
            client,
            stream: None,
            in_transaction: false,
            sending: Sending::default(),
            was_inside: false,
        })
    }

    /// Whether a transaction is open, as far as the server has said.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Runs requests in their order, each whether or not those before it succeeded. If the future is dropped, a
    /// transaction that was open is over: the server rolls it back. [`abandoned`](Self::abandoned) says what became of
    /// the rest.
    pub async fn run(&mut self, pipeline: &Pipeline) -> Result<Vec<Answer>> {
        let inside = std::mem::take(&mut self.in_transaction);
        self.was_inside = inside;
        self.sending.reset();
        let stream = self.stream.take();
        let baton = match stream {
            Some(stream) if inside || stream.used.elapsed() < STREAM_LIFE => Some(stream.baton),
            _ => None,
        };
        let outcome = match self.attempt(pipeline, baton).await {
            Err(error)
                if !inside && (error.is_stale() || (pipeline.reads() && error.is_broken())) =>
            {
                self.attempt(pipeline, None).await
            }
            outcome => outcome,
        };
        outcome.map_err(|error| {
            let outcome = self.fate(pipeline, error.outcome);
            error.with_outcome(outcome)
        })
    }

    /// What the last pipeline came to, whose future was dropped.
    pub fn abandoned(&self, pipeline: &Pipeline) -> Error {
        Error::interrupt(self.fate(pipeline, self.sending.outcome()))
    }

    /// What became of a pipeline without answers, of which the way to the server says `outcome`. Its stream is given
    /// up, and the server rolls back what was open in that.
    fn fate(&self, pipeline: &Pipeline, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Unknown if pipeline.may_commit() => Outcome::Unknown,
            _ if self.was_inside => Outcome::RolledBack,
            _ if pipeline.reads() => Outcome::NotExecuted,
            outcome => outcome,
        }
    }

    async fn attempt(&mut self, pipeline: &Pipeline, baton: Option<String>) -> Result<Vec<Answer>> {
        let autocommit = proto::Request::GetAutocommit(Empty {});
        let requests = pipeline.requests().map(super::pipeline::Request::to_proto);
        let requests = requests.chain([autocommit]).collect();
        let (baton, mut answers) = self.send(baton, requests).await?;
        match answers.pop() {
            Some(Ok(proto::Response::GetAutocommit(answer))) => {
                self.in_transaction = !answer.is_autocommit;
            }
            Some(Err(error)) => {
                let text = String::from_utf8_lossy(&error.message).into_owned();
                return Err(Error::new(code::PROTOCOL, text).with_outcome(Outcome::Unknown));
            }
            _ => return Err(other()),
        }
        let used = Instant::now();
        self.stream = baton.map(|baton| Stream { baton, used });
        let answers = pipeline.requests().zip(answers).enumerate();
        answers
            .map(|(at, (request, answer))| {
                let answer = request.read(answer)?;
                Ok(answer.map_err(|error| match pipeline.effect(at) {
                    Some(Effect::Reads) => error.with_outcome(Outcome::NotExecuted),
                    _ => error,
                }))
            })
            .collect()
    }

    /// Sends requests, and checks that the answers are to them.
    async fn send(
        &self,
        baton: Option<String>,
        requests: Vec<proto::Request>,
    ) -> Result<(Option<String>, Vec<ProtoAnswer>)> {
        let requests = requests.into_iter().map(|request| StreamRequest {
            request: Some(request),
        });
        let request = PipelineRequest {
            baton,
            requests: requests.collect(),
        };
        let reply = self.exchange(&request).await?;
        if reply.results.len() != request.requests.len() {
            return Err(Error::protocol("not one answer for each request"));
        }
        let answers = reply
            .results
            .into_iter()
            .map(|result| match result.outcome {
                Some(proto::Outcome::Ok(StreamResponse {
                    response: Some(response),
                })) => Ok(Ok(response)),
                Some(proto::Outcome::Error(error)) => Ok(Err(error)),
                _ => Err(missing()),
            });
        let answers: Vec<ProtoAnswer> = answers.collect::<Result<_>>()?;
        let asked = request.requests.iter().filter_map(|r| r.request.as_ref());
        for (request, answer) in asked.zip(&answers) {
            check(request, answer)?;
        }
        Ok((reply.baton, answers))
    }

    /// One request and its reply, within the time limit.
    async fn exchange(&self, request: &PipelineRequest) -> Result<PipelineResponse> {
        let body = Bytes::from(request.encode_to_vec());
        let limit = self.client.limit;
        let Ok(reply) = tokio::time::timeout(limit, self.post(body)).await else {
            return Err(no_reply(limit, self.sending.outcome()));
        };
        let reply = PipelineResponse::decode(reply?)
            .map_err(|_| Error::protocol("not a Hrana response"))?;
        if let Some(url) = &reply.base_url {
            // It would get the token.
            let url = url.parse::<Uri>();
            if url.is_ok_and(|url| !self.client.is_own(&url)) {
                return Err(Error::protocol("it names another server to speak to"));
            }
        }
        Ok(reply)
    }

    async fn post(&self, body: Bytes) -> Result<Bytes> {
        let Self {
            client,
            url,
            headers,
            sending,
            ..
        } = self;
        match client.post(url, headers, body, sending).await {
            Ok(reply) => {
                let body = read(reply, MAX_REPLY).await?;
                body.ok_or_else(|| Error::protocol("it is larger than 64 MiB"))
            }
            Err(Failure::Status(refusal)) => Err(refused(refusal)),
            Err(Failure::Error(error)) => Err(error),
        }
    }

    /// Gives up what is open on the server. There is nothing to be done about errors.
    pub async fn close(&mut self) {
        self.in_transaction = false;
        if let Some(stream) = self.stream.take() {
            let close = proto::Request::Close(Empty {});
            let _ = self.send(Some(stream.baton), vec![close]).await;
        }
    }
}

/// What a status says that is no success: an error of Hrana, or one of whoever stands in between.
fn refused(refusal: Refusal) -> Error {
    let is_hrana = refusal.content.as_ref() == Some(&PROTOBUF);
    let hrana = ServerError::decode(&*refusal.body).ok();
    let hrana = hrana.filter(|_| is_hrana);
    let is_expired = |error: &ServerError| error.code == code::STREAM_EXPIRED.as_bytes();
    let is_expired = hrana.as_ref().is_some_and(is_expired);
    let error = match hrana {
        Some(error) => refusal.with_text(&String::from_utf8_lossy(&error.message)),
        None => refusal.into_error(),
    };
    // A server that was started again does not know the stream at all.
    if !is_expired && !error.message.contains("invalid baton") {
        return error;
    }
    Error {
        code: code::STREAM_EXPIRED.into(),
        outcome: Outcome::NotExecuted,
        ..error
    }
}
