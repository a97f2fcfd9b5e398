//! HTTP with a policy: every request has time limits, no reply is larger than it may be, and nothing goes to
//! another origin. What is in a body is not known here.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{HttpBody, SizeHint};
use hyper::client::HttpConnector;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use hyper::{Body, Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};

use crate::error::{code, Error, Origin, Outcome, Result};
use crate::tls::{self, Tls};

/// Turns of the runtime in which a connection that was kept learns that the server has closed it: one to learn of it,
/// one to act on it, and the rest for what stands between, such as TLS. Each takes less than a microsecond.
const TURNS: u32 = 4;

/// How much of a reply that is an error is read and shown, in bytes.
const MAX_ERROR: usize = 64 << 10;
const MAX_SHOWN: usize = 1000;

/// Where the server is, and how to speak to it.
#[derive(Clone, Default)]
pub struct Config {
    /// `http` or `https`, host and port, and a path that ends with `/`.
    pub url: String,
    /// JWT for `Authorization: Bearer`.
    pub auth_token: Option<String>,
    /// Sent with every request: names and values.
    pub headers: Vec<(String, String)>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a request may take, from connecting to the last byte of the reply.
    pub request_timeout: Duration,
    /// Whom to trust, where the URL begins with `https`.
    pub tls: Tls,
}

/// The way to one server.
pub(crate) struct Client {
    http: hyper::Client<HttpsConnector<HttpConnector>, Outgoing>,
    base: String,
    origin: Uri,
    /// The server's host and port, for people.
    place: String,
    headers: HeaderMap,
    /// How long a request may take.
    pub(crate) limit: Duration,
}

/// What a request ended with that did not succeed.
pub(crate) enum Failure {
    /// The server replied with a status that is no success.
    Status(Refusal),
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
            Failure::Status(refusal) => refusal.into_error(),
            Failure::Error(error) => error,
        }
    }
}

/// Whether a request has begun to be sent. Whoever stops waiting for it asks.
#[derive(Clone, Default)]
pub(crate) struct Sending(Arc<AtomicBool>);

impl Sending {
    pub(crate) fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// What became of the request if there is no reply.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.0.load(Ordering::Relaxed) {
            Outcome::Unknown
        } else {
            Outcome::NotExecuted
        }
    }
}

/// The body of a request. It is read once the connection is there, right before the head is sent.
struct Outgoing {
    bytes: Option<Bytes>,
    sending: Sending,
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_data(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, Infallible>>> {
        self.sending.0.store(true, Ordering::Relaxed);
        Poll::Ready(self.bytes.take().map(Ok))
    }

    fn poll_trailers(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<std::result::Result<Option<HeaderMap>, Infallible>> {
        Poll::Ready(Ok(None))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let len = self.bytes.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(len).unwrap_or(u64::MAX))
    }
}

impl Client {
    /// Checks what it is given; connects with the first request.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let origin: Uri = config.url.parse().map_err(|_| invalid_url())?;
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(config.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::configure(&config.tls)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        // hyper follows no redirects.
        let http = hyper::Client::builder()
            .pool_max_idle_per_host(1)
            .build(connector);
        Ok(Self {
            http,
            base: config.url.clone(),
            place: place_of(&origin),
            origin,
            headers: headers_of(config)?,
            limit: config.request_timeout,
        })
    }

    /// The URL of a path below the server's.
    pub(crate) fn url(&self, path: &str) -> Result<Uri> {
        let url = format!("{}{path}", self.base);
        url.parse().map_err(|_| invalid_url())
    }

    /// The headers of every request, for a body of that type.
    pub(crate) fn headers(&self, content: HeaderValue) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, content);
        headers
    }

    /// Sends a request, and once more where the server redirects it to; the reply is a success. There is no time
    /// limit yet.
    pub(crate) async fn post(
        &self,
        url: &Uri,
        headers: &HeaderMap,
        body: Bytes,
        sending: &Sending,
    ) -> std::result::Result<Response<Body>, Failure> {
        let mut url = url.clone();
        let mut moved = false;
        loop {
            // A server that redirects has not done what it was asked for.
            sending.reset();
            let mut request = Request::new(Outgoing {
                bytes: Some(body.clone()),
                sending: sending.clone(),
            });
            *request.method_mut() = Method::POST;
            *request.uri_mut() = url;
            request.headers_mut().clone_from(headers);
            // Between calls nobody drives the runtime. Found closed before anything was sent, another one is taken.
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            let reply = self.http.request(request).await;
            let reply =
                reply.map_err(|error| sending_failed(&error, &self.place, sending.outcome()))?;
            let status = reply.status();
            if status.is_success() {
                return Ok(reply);
            }
            if status.is_redirection() {
                url = self.redirect(&reply, moved)?;
                moved = true;
            } else {
                let content = reply.headers().get(CONTENT_TYPE).cloned();
                let body = read(reply, MAX_ERROR).await.ok().flatten();
                return Err(Failure::Status(Refusal {
                    status,
                    content,
                    body: body.unwrap_or_default(),
                }));
            }
        }
    }

    /// Where to go, once and at the same origin.
    fn redirect(&self, reply: &Response<Body>, moved: bool) -> Result<Uri> {
        let refused = |why| {
            let mut error = Error::new(code::STATUS, format!("The server redirects {why}"));
            error.status = Some(reply.status().as_u16());
            error
        };
        let keeps_method = [
            StatusCode::TEMPORARY_REDIRECT,
            StatusCode::PERMANENT_REDIRECT,
        ];
        if moved || !keeps_method.contains(&reply.status()) {
            return Err(refused("in a way that is not followed"));
        }
        let target = reply.headers().get(LOCATION).and_then(|l| l.to_str().ok());
        let target = target.and_then(|target| target.parse::<Uri>().ok());
        let target = target.ok_or_else(|| refused("to nowhere"))?;
        if target.scheme().is_none() {
            let mut parts = self.origin.clone().into_parts();
            parts.path_and_query = target.path_and_query().cloned();
            return Uri::from_parts(parts).map_err(|_| refused("to nowhere"));
        }
        if self.is_own(&target) {
            Ok(target)
        } else {
            Err(refused("to another server, which is not followed"))
        }
    }

    /// Whether a URL is of the same origin.
    pub(crate) fn is_own(&self, url: &Uri) -> bool {
        let own = &self.origin;
        url.scheme() == own.scheme() && url.authority() == own.authority()
    }
}

/// A reply whose status is no success.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// `Content-Type`
    pub(crate) content: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

impl Refusal {
    /// With the code that its status stands for, and the text of its body: JSON with `message` or `error`, or plain.
    pub(crate) fn into_error(self) -> Error {
        let text = json_text(&self.body);
        let text = text.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        self.with_text(&text)
    }

    pub(crate) fn with_text(&self, text: &str) -> Error {
        let text = shown(text);
        let code = match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => code::AUTH,
            _ => code::STATUS,
        };
        let colon = if text.is_empty() { "" } else { ": " };
        Error {
            status: Some(self.status.as_u16()),
            // The server has looked at the request and has not begun, or it has failed in the middle.
            outcome: if self.status.is_server_error() {
                Outcome::Unknown
            } else {
                Outcome::NotExecuted
            },
            ..Error::new(
                code,
                format!("The server replied {}{colon}{text}", self.status),
            )
        }
    }
}

fn json_text(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = ["message", "error"]
        .into_iter()
        .find_map(|name| json.get(name)?.as_str());
    text.map(String::from)
}

/// As much of a server's words as an error shows.
pub(crate) fn shown(text: &str) -> String {
    text.trim().chars().take(MAX_SHOWN).collect()
}

fn place_of(url: &Uri) -> String {
    let default = if url.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let port = url.port_u16().unwrap_or(default);
    format!(" at {}:{port}", url.host().unwrap_or_default())
}

fn invalid_url() -> Error {
    Error::new(code::PROTOCOL, "The URL of the server is not valid")
}

/// Nothing came within a time limit.
pub(crate) fn no_reply(limit: Duration, outcome: Outcome) -> Error {
    let ms = limit.as_millis();
    let text = format!("The server did not reply within {ms} ms");
    Error::new(code::TIMEOUT, text).with_outcome(outcome)
}

fn headers_of(config: &Config) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        // Values may be secrets.
        let invalid = || Error::new(code::PROTOCOL, format!("The header {name:?} is not valid"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        headers.insert(key, HeaderValue::from_str(value).map_err(|_| invalid())?);
    }
    if let Some(token) = &config.auth_token {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(|_| Error::new(code::AUTH, "The token is not valid"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The body, or `None` if it is longer than `max`.
pub(crate) async fn read(reply: Response<Body>, max: usize) -> Result<Option<Bytes>> {
    let mut body = reply.into_body();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|error| receiving_failed(&error))?;
        if bytes.len() + chunk.len() > max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

/// What reading a reply failed with.
pub(crate) fn receiving_failed(error: &hyper::Error) -> Error {
    sending_failed(error, "", Outcome::Unknown)
}

/// What a request failed with that was to go to the server, ` at ` that place.
fn sending_failed(error: &hyper::Error, place: &str, outcome: Outcome) -> Error {
    // The cause that is furthest in says most.
    let mut cause: &dyn std::error::Error = error;
    let mut is_tls = false;
    let mut is_plain = false;
    let mut timed_out = false;
    loop {
        let tls = cause.downcast_ref::<rustls::Error>();
        is_tls |= tls.is_some();
        // What begins a record of TLS did not come.
        is_plain |= matches!(
            tls,
            Some(rustls::Error::InvalidMessage(
                rustls::InvalidMessage::InvalidContentType
            ))
        );
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            timed_out |= io.kind() == std::io::ErrorKind::TimedOut;
            if let Some(inner) = io.get_ref() {
                cause = inner;
                continue;
            }
        }
        match cause.source() {
            Some(source) => cause = source,
            None => break,
        }
    }
    if error.is_parse() {
        return Error::protocol("not HTTP");
    }
    let (code, what) = match () {
        () if is_tls => (code::TLS, format!("TLS with the server{place} failed")),
        () if timed_out => (
            code::TIMEOUT,
            format!("Connecting to the server{place} took too long"),
        ),
        () if error.is_connect() => (
            code::UNREACHABLE,
            format!("Cannot connect to the server{place}"),
        ),
        () => (
            code::UNREACHABLE,
            format!("The connection to the server{place} broke"),
        ),
    };
    let hint = if is_plain {
        " (does it speak http: and not https:?)"
    } else {
        ""
    };
    let origin = if code == code::UNREACHABLE && !error.is_connect() {
        Origin::Broken
    } else {
        Origin::Here
    };
    Error {
        outcome,
        origin,
        ..Error::new(code, format!("{what}: {cause}{hint}"))
    }
}
