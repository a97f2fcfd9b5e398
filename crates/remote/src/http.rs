//! HTTP with a policy: every request has time limits, no reply is larger than it may be, and nothing goes to
//! another origin.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::HttpBody as _;
use hyper::client::HttpConnector;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use hyper::{Body, Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use prost::Message;

use crate::error::{code, Error, Result};
use crate::hrana::proto::{PipelineRequest, PipelineResponse, ServerError};
use crate::replication::grpc;
use crate::tls::{self, Tls};

const PIPELINE: &str = "v3-protobuf/pipeline";
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// The largest reply that is read, in bytes. `sqld` itself sends at most 10 MB unless it is told otherwise.
const MAX_REPLY: usize = 64 << 20;

/// Turns of the runtime in which a connection that was kept learns that the server has closed it: one to hear of it,
/// one to act on it, and the rest for what stands between, such as TLS. Each takes less than a microsecond.
const TURNS: u32 = 4;

/// How much of a reply that is an error is read and shown, in bytes.
const MAX_ERROR: usize = 64 << 10;
pub(crate) const MAX_SHOWN: usize = 1000;

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
    pub tls: Tls,
}

/// The way to one server.
pub struct Client {
    http: hyper::Client<HttpsConnector<HttpConnector>>,
    base: String,
    /// The server's host and port, for people.
    place: String,
    pipeline: Uri,
    headers: HeaderMap,
    request_timeout: Duration,
}

impl Client {
    /// Checks what it is given; connects with the first request.
    pub fn new(config: &Config) -> Result<Self> {
        let pipeline = format!("{}{PIPELINE}", config.url);
        let pipeline: Uri = pipeline.parse().map_err(|_| invalid_url())?;
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
            place: place_of(&pipeline),
            pipeline,
            headers: headers_of(config)?,
            request_timeout: config.request_timeout,
        })
    }

    /// One trip to the server. Whatever goes wrong on the way is one error, within the time limit.
    pub async fn pipeline(&self, request: &PipelineRequest) -> Result<PipelineResponse> {
        let body = Bytes::from(request.encode_to_vec());
        let timeout = self.request_timeout;
        let Ok(reply) = tokio::time::timeout(timeout, self.send(body)).await else {
            return Err(no_reply(timeout));
        };
        let reply = PipelineResponse::decode(reply?)
            .map_err(|_| Error::protocol("it is not what Hrana says"))?;
        if let Some(url) = &reply.base_url {
            // It would get the token.
            if url.parse::<Uri>().is_ok_and(|url| !self.is_own(&url)) {
                return Err(Error::protocol("it names another server to speak to"));
            }
        }
        Ok(reply)
    }

    async fn send(&self, body: Bytes) -> Result<Bytes> {
        let reply = self.post(&self.pipeline, &self.headers, body).await?;
        let body = read(reply, MAX_REPLY).await?;
        body.ok_or_else(|| Error::protocol("it is larger than 64 MiB"))
    }

    /// Sends a request, and once more where the server redirects it to; the reply is a success.
    async fn post(&self, url: &Uri, headers: &HeaderMap, body: Bytes) -> Result<Response<Body>> {
        let mut url = url.clone();
        let mut moved = false;
        loop {
            let mut request = Request::new(Body::from(body.clone()));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = url;
            request.headers_mut().clone_from(headers);
            // Between calls nobody drives the runtime. Found closed before anything was sent, another one is taken.
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            let reply = self.http.request(request).await;
            let reply = reply.map_err(|error| sending_failed(&error, &self.place))?;
            let status = reply.status();
            if status.is_success() {
                return Ok(reply);
            }
            if status.is_redirection() {
                url = self.redirect(&reply, moved)?;
                moved = true;
            } else {
                let is_protobuf = reply.headers().get(CONTENT_TYPE) == Some(&PROTOBUF);
                let body = read(reply, MAX_ERROR).await.ok().flatten();
                return Err(refused(status, is_protobuf, &body.unwrap_or_default()));
            }
        }
    }

    /// Calls a method of a gRPC service over HTTP/1.1, as gRPC-Web has it; `session` names the session that the
    /// server began. What comes back is in the reply's body, within the time limit each.
    pub(crate) async fn call(
        &self,
        method: &str,
        message: &impl Message,
        session: Option<&HeaderValue>,
    ) -> Result<grpc::Reply> {
        let url = format!("{}{method}", self.base);
        let url: Uri = url.parse().map_err(|_| invalid_url())?;
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, grpc::CONTENT);
        if let Some(token) = headers.get(AUTHORIZATION).cloned() {
            headers.insert(grpc::AUTHORIZATION, token);
        }
        if let Some(session) = session {
            headers.insert(grpc::SESSION, session.clone());
        }
        let body = grpc::encode(message);
        let limit = self.request_timeout;
        let call = async {
            match self.post(&url, &headers, body.clone()).await {
                // The server may have been started again since; to ask twice does no harm.
                Err(error) if error.broke => self.post(&url, &headers, body).await,
                reply => reply,
            }
        };
        match tokio::time::timeout(limit, call).await {
            Ok(reply) => grpc::Reply::new(reply?, limit),
            Err(_) => Err(no_reply(limit)),
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
            let mut parts = self.pipeline.clone().into_parts();
            parts.path_and_query = target.path_and_query().cloned();
            return Uri::from_parts(parts).map_err(|_| refused("to nowhere"));
        }
        if self.is_own(&target) {
            Ok(target)
        } else {
            Err(refused("to another server, which is not followed"))
        }
    }

    fn is_own(&self, url: &Uri) -> bool {
        let own = &self.pipeline;
        url.scheme() == own.scheme() && url.authority() == own.authority()
    }
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

pub(crate) fn no_reply(limit: Duration) -> Error {
    late(format!(
        "The server did not reply within {} ms",
        limit.as_millis()
    ))
}

/// The server's reply goes on, and is too slow.
pub(crate) fn slow_reply(limit: Duration, pages: u64) -> Error {
    late(format!(
        "The server sent less than {pages} pages within {} ms",
        limit.as_millis()
    ))
}

fn late(text: String) -> Error {
    Error {
        refused: false,
        ..Error::new(code::TIMEOUT, text)
    }
}

fn headers_of(config: &Config) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        // Values may be secrets.
        let invalid = || Error::new(code::PROTOCOL, format!("The header {name:?} is not valid"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        headers.insert(key, HeaderValue::from_str(value).map_err(|_| invalid())?);
    }
    headers.insert(CONTENT_TYPE, PROTOBUF);
    if let Some(token) = &config.auth_token {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(|_| Error::new(code::AUTH, "The token is not valid"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The body, or `None` if it is longer than `max`.
async fn read(reply: Response<Body>, max: usize) -> Result<Option<Bytes>> {
    let mut body = reply.into_body();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|error| sending_failed(&error, ""))?;
        if bytes.len() + chunk.len() > max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

/// What a request failed with that was to go to the server, ` at ` that place.
pub(crate) fn sending_failed(error: &hyper::Error, place: &str) -> Error {
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
        return Error::protocol("it is not HTTP");
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
    Error {
        broke: code == code::UNREACHABLE && !error.is_connect(),
        // Cancelled, it was not begun to be sent.
        refused: error.is_connect() || error.is_canceled(),
        ..Error::new(code, format!("{what}: {cause}{hint}"))
    }
}

/// What a status that is no success says: Hrana's error, JSON with `error` or `message`, or text.
fn refused(status: StatusCode, is_protobuf: bool, body: &[u8]) -> Error {
    let hrana = ServerError::decode(body).ok().filter(|_| is_protobuf);
    let text = match &hrana {
        Some(error) => String::from_utf8_lossy(&error.message).into_owned(),
        None => json_text(body).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()),
    };
    let text: String = text.trim().chars().take(MAX_SHOWN).collect();
    // A server that was started again does not know the stream at all.
    let expired = hrana.is_some_and(|error| error.code == code::STREAM_EXPIRED.as_bytes())
        || text.contains("invalid baton");
    let code = match status {
        _ if expired => code::STREAM_EXPIRED,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => code::AUTH,
        _ => code::STATUS,
    };
    let colon = if text.is_empty() { "" } else { ": " };
    Error {
        status: Some(status.as_u16()),
        refused: !status.is_server_error(),
        ..Error::new(code, format!("The server replied {status}{colon}{text}"))
    }
}

fn json_text(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = ["message", "error"]
        .into_iter()
        .find_map(|name| json.get(name)?.as_str());
    text.map(String::from)
}
