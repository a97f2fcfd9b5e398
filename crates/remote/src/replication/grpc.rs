//! gRPC over HTTP/1.1, as browsers speak it (gRPC-Web), for the replication log of a primary. `sqld` offers it at
//! the address of its HTTP API.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hyper::body::HttpBody as _;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, AUTHORIZATION};
use hyper::{Body, Response};
use percent_encoding::percent_decode_str;
use prost::Message;

use crate::error::{code, Error, Origin, Outcome, Result};
use crate::http::{self, no_reply, receiving_failed, shown, Client, Sending};

const CONTENT: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
const X_AUTHORIZATION: HeaderName = HeaderName::from_static("x-authorization");
const SESSION: HeaderName = HeaderName::from_static("x-session-token");
const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";

/// What stands before each message: flags, and how long it is.
const PREFIX: usize = 5;
const TRAILERS: u8 = 0x80;

/// The largest message that is read in one piece, in bytes: a page with what is said of it is about 4 KiB.
const MAX_MESSAGE: usize = 64 << 10;

/// Statuses by their numbers (<https://grpc.io/docs/guides/status-codes/>).
pub(crate) const FAILED_PRECONDITION: u32 = 9;
pub(crate) const INTERNAL: u32 = 13;
pub(crate) const UNAVAILABLE: u32 = 14;
const PERMISSION_DENIED: u32 = 7;
const UNAUTHENTICATED: u32 = 16;

/// What `sqld` says where there should be a token and is none that it can read.
const NO_TOKEN: &str = "Error parsing auth header";

/// What a call ended with that did not succeed.
pub(crate) enum Failure {
    /// The server's status and its words.
    Status(u32, String),
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Error(error) => error,
            Failure::Status(status, text) => {
                let code = match status {
                    PERMISSION_DENIED | UNAUTHENTICATED => code::AUTH,
                    INTERNAL if text.starts_with(NO_TOKEN) => code::AUTH,
                    _ => code::STATUS,
                };
                let text = shown(&text);
                let colon = if text.is_empty() { "" } else { ": " };
                // As HTTP has it.
                let http = match status {
                    PERMISSION_DENIED => Some(403),
                    _ if code == code::AUTH => Some(401),
                    _ => None,
                };
                Error {
                    status: http,
                    ..Error::new(
                        code,
                        format!("The server replied gRPC status {status}{colon}{text}"),
                    )
                }
            }
        }
    }
}

fn encode(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX + len);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    bytes.extend_from_slice(&message.encode_to_vec());
    bytes.freeze()
}

/// Calls a method of a service; `session` names the session that the server began. What comes back is in the reply's
/// body, within the time limit each.
pub(crate) async fn call(
    client: &Client,
    method: &str,
    message: &impl Message,
    session: Option<&HeaderValue>,
) -> Result<Reply> {
    let url = client.url(method)?;
    let mut headers = client.headers(CONTENT);
    if let Some(token) = headers.get(AUTHORIZATION).cloned() {
        headers.insert(X_AUTHORIZATION, token);
    }
    if let Some(session) = session {
        headers.insert(SESSION, session.clone());
    }
    let body = encode(message);
    let limit = client.limit;
    let sending = Sending::default();
    let call = async {
        match client.post(&url, &headers, body.clone(), &sending).await {
            // The server may have been started again since; to ask twice does no harm.
            Err(http::Failure::Error(error)) if error.is_broken() => {
                client.post(&url, &headers, body, &sending).await
            }
            reply => reply,
        }
    };
    match tokio::time::timeout(limit, call).await {
        Ok(reply) => Reply::new(reply.map_err(Error::from)?, limit),
        Err(_) => Err(no_reply(limit, Outcome::Unknown)),
    }
}

/// A reply that is read as it comes.
pub(crate) struct Reply {
    body: Body,
    buffer: BytesMut,
    /// How long each message may take.
    limit: Duration,
    /// What has not been read of a message that is a list.
    left: usize,
    /// A reply without messages says how it ended in its headers.
    head: Option<(u32, String)>,
}

impl Reply {
    fn new(reply: Response<Body>, limit: Duration) -> Result<Self> {
        let (head, body) = reply.into_parts();
        let content = head.headers.get(hyper::header::CONTENT_TYPE);
        if content.is_none_or(|content| !content.as_bytes().starts_with(b"application/grpc-web")) {
            return Err(Error::protocol("not gRPC"));
        }
        Ok(Self {
            head: status_of(&head.headers),
            body,
            buffer: BytesMut::new(),
            limit,
            left: 0,
        })
    }

    /// The one message of a reply that has one.
    pub(crate) async fn only<M: Message + Default>(mut self) -> std::result::Result<M, Failure> {
        let message = self.next().await?;
        let message = message.ok_or_else(|| Error::protocol("it is empty"))?;
        if self.next().await?.is_some() {
            return Err(Error::protocol("it is longer than it should be").into());
        }
        M::decode(message).map_err(|_| misfit().into())
    }

    /// The next of the messages.
    pub(crate) async fn next(&mut self) -> std::result::Result<Option<Bytes>, Failure> {
        let limit = self.limit;
        let next = tokio::time::timeout(limit, self.read_message());
        next.await
            .unwrap_or_else(|_| Err(no_reply(limit, Outcome::Unknown).into()))
    }

    /// The next element of the one message of a reply, which is a list: the first field of it, again and again.
    pub(crate) async fn next_element(&mut self) -> std::result::Result<Option<Bytes>, Failure> {
        let limit = self.limit;
        let next = tokio::time::timeout(limit, self.read_element());
        next.await
            .unwrap_or_else(|_| Err(no_reply(limit, Outcome::Unknown).into()))
    }

    async fn read_message(&mut self) -> std::result::Result<Option<Bytes>, Failure> {
        match self.begin().await? {
            None => Ok(None),
            Some(len) if len > MAX_MESSAGE => Err(misfit().into()),
            Some(len) => Ok(Some(self.take(len).await?)),
        }
    }

    async fn read_element(&mut self) -> std::result::Result<Option<Bytes>, Failure> {
        const FIRST_FIELD: u8 = 0x0a;
        while self.left == 0 {
            match self.begin().await? {
                None => return Ok(None),
                Some(len) => self.left = len,
            }
        }
        let field = self.take(1).await?;
        let mut len = 0;
        let mut read = 1;
        for shift in [0, 7, 14] {
            let byte = self.take(1).await?[0];
            read += 1;
            len |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let whole = read + len;
        if field[0] != FIRST_FIELD || len > MAX_MESSAGE || whole > self.left {
            return Err(misfit().into());
        }
        self.left -= whole;
        Ok(Some(self.take(len).await?))
    }

    /// How long the next message is, or nothing at the end of a reply that succeeded.
    async fn begin(&mut self) -> std::result::Result<Option<usize>, Failure> {
        if let Some((status, text)) = self.head.take() {
            return ended(status, text);
        }
        let mut prefix = self.take(PREFIX).await?;
        let flags = prefix.get_u8();
        let len = usize::try_from(prefix.get_u32()).unwrap_or(usize::MAX);
        match flags {
            0 => Ok(Some(len)),
            TRAILERS if len <= MAX_MESSAGE => {
                let trailers = self.take(len).await?;
                // Only at its end can the connection be used again.
                while self.buffer.is_empty() && self.fill().await? {}
                if !self.buffer.is_empty() {
                    return Err(misfit().into());
                }
                let text = String::from_utf8_lossy(&trailers);
                let (status, message) = read_trailers(&text).ok_or_else(misfit)?;
                ended(status, message)
            }
            _ => Err(misfit().into()),
        }
    }

    async fn take(&mut self, len: usize) -> Result<Bytes> {
        while self.buffer.len() < len {
            if !self.fill().await? {
                return Err(Error {
                    origin: Origin::Broken,
                    ..Error::protocol("it ends too early")
                });
            }
        }
        Ok(self.buffer.split_to(len).freeze())
    }

    async fn fill(&mut self) -> Result<bool> {
        let Some(chunk) = self.body.data().await else {
            return Ok(false);
        };
        let chunk = chunk.map_err(|error| receiving_failed(&error))?;
        self.buffer.extend_from_slice(&chunk);
        Ok(true)
    }
}

fn ended(status: u32, text: String) -> std::result::Result<Option<usize>, Failure> {
    match status {
        0 => Ok(None),
        _ => Err(Failure::Status(status, text)),
    }
}

fn status_of(headers: &HeaderMap) -> Option<(u32, String)> {
    let text = |name| {
        headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
    };
    let status = text(STATUS)?.parse().ok()?;
    Some((status, unescape(&text(MESSAGE).unwrap_or_default())))
}

fn read_trailers(text: &str) -> Option<(u32, String)> {
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(n, value)| n.trim().eq_ignore_ascii_case(name).then(|| value.trim()))
    };
    let status = value(STATUS)?.parse().ok()?;
    Some((status, unescape(value(MESSAGE).unwrap_or_default())))
}

/// Words of a server are percent-encoded.
fn unescape(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn misfit() -> Error {
    Error::protocol("not what the replication protocol says")
}
