//! The replication log of a primary: every page that every transaction has changed, in order.

use bytes::{Buf, Bytes};
use crc::{Crc, CRC_64_GO_ISO};
use ferrolite_sqlite::PageWriter;
use hyper::header::HeaderValue;
use prost::Message;

use super::grpc::{self, Failure, Reply};
use crate::error::{Error, Result};
use crate::http::Client;

const HELLO: &str = "wal_log.ReplicationLog/Hello";
const BATCH: &str = "wal_log.ReplicationLog/BatchLogEntries";
const SNAPSHOT: &str = "wal_log.ReplicationLog/Snapshot";

const CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_GO_ISO);

#[derive(Clone, PartialEq, Message)]
struct HelloRequest {
    #[prost(uint64, optional, tag = "1")]
    handshake_version: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct HelloResponse {
    #[prost(string, tag = "3")]
    log_id: String,
    #[prost(bytes = "bytes", tag = "4")]
    session_token: Bytes,
    #[prost(uint64, optional, tag = "5")]
    current_replication_index: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct LogOffset {
    #[prost(uint64, tag = "1")]
    next_offset: u64,
}

#[derive(Clone, PartialEq, Message)]
struct RpcFrame {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

/// What a primary says of its log.
pub(crate) struct Hello {
    /// The log's number: another one if the log was begun anew, as after a crash of the server.
    pub(crate) log: u128,
    /// The number of the last frame, if there is one.
    pub(crate) last: Option<u64>,
    /// Names this session in the calls that follow.
    pub(crate) session: HeaderValue,
}

/// A page as one transaction left it.
pub(crate) struct Frame {
    /// Frames count from 0.
    pub(crate) number: u64,
    /// Over this page and those of all frames before it.
    pub(crate) checksum: u64,
    pub(crate) page: u32,
    /// How many pages the database has, in the last frame of a transaction; else 0.
    pub(crate) size: u32,
    pub(crate) data: Bytes,
}

impl Frame {
    const HEADER: usize = 24;

    fn read(message: Bytes) -> Result<Self> {
        let frame = RpcFrame::decode(message).ok();
        let whole = Self::HEADER + PageWriter::PAGE_SIZE;
        let data = frame.filter(|frame| frame.data.len() == whole);
        let mut data = data.ok_or_else(|| Error::protocol("malformed frame"))?.data;
        Ok(Self {
            number: data.get_u64_le(),
            checksum: data.get_u64_le(),
            page: data.get_u32_le(),
            size: data.get_u32_le(),
            data,
        })
    }

    /// The checksum that it should have after that of the frame before it.
    pub(crate) fn expected(&self, before: u64) -> u64 {
        let mut digest = CRC.digest_with_initial(before);
        digest.update(&self.data);
        digest.finalize()
    }
}

/// What a call for frames may end with.
pub(crate) enum LogError {
    /// The session is not known any more: the server was started again, or its settings changed.
    NoSession,
    /// The log does not go back so far.
    NeedSnapshot,
    /// The log does not go on from what came before.
    OtherHistory,
    /// The snapshot is not there yet.
    NotReady(Error),
    Error(Error),
}

impl<E: Into<Error>> From<E> for LogError {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl LogError {
    fn of(failure: Failure) -> Self {
        match &failure {
            Failure::Status(grpc::FAILED_PRECONDITION, text) if text == "NO_HELLO" => {
                Self::NoSession
            }
            Failure::Status(grpc::FAILED_PRECONDITION, text) if text == "NEED_SNAPSHOT" => {
                Self::NeedSnapshot
            }
            Failure::Status(grpc::UNAVAILABLE | grpc::INTERNAL, _) => {
                Self::NotReady(failure.into())
            }
            _ => Self::Error(failure.into()),
        }
    }
}

/// Begins a session.
pub(crate) async fn hello(client: &Client) -> Result<Hello> {
    let request = HelloRequest {
        handshake_version: Some(1),
    };
    let reply = grpc::call(client, HELLO, &request, None).await?;
    let hello: HelloResponse = reply.only().await?;
    let log = uuid(&hello.log_id).ok_or_else(|| Error::protocol("the log has no valid number"))?;
    let session = HeaderValue::from_maybe_shared(hello.session_token);
    Ok(Hello {
        log,
        last: hello.current_replication_index,
        session: session.map_err(|_| Error::protocol("the session has no valid name"))?,
    })
}

fn uuid(text: &str) -> Option<u128> {
    u128::from_str_radix(&text.replace('-', ""), 16).ok()
}

/// Frames as they arrive.
pub(crate) struct Frames {
    reply: Reply,
    is_list: bool,
}

impl Frames {
    /// Frames in their order from number `from` on, to the end of a transaction.
    pub(crate) async fn from(
        client: &Client,
        session: &HeaderValue,
        from: u64,
    ) -> std::result::Result<Self, LogError> {
        Self::call(client, BATCH, session, from).await
    }

    /// What the pages are now that have changed from frame `from` on, the last frame first.
    pub(crate) async fn snapshot(
        client: &Client,
        session: &HeaderValue,
        from: u64,
    ) -> std::result::Result<Self, LogError> {
        Self::call(client, SNAPSHOT, session, from).await
    }

    async fn call(
        client: &Client,
        method: &str,
        session: &HeaderValue,
        from: u64,
    ) -> std::result::Result<Self, LogError> {
        let request = LogOffset { next_offset: from };
        Ok(Self {
            reply: grpc::call(client, method, &request, Some(session)).await?,
            is_list: method == BATCH,
        })
    }

    pub(crate) async fn next(&mut self) -> std::result::Result<Option<Frame>, LogError> {
        let message = if self.is_list {
            self.reply.next_element().await
        } else {
            self.reply.next().await
        };
        let message = message.map_err(LogError::of)?;
        Ok(message.map(Frame::read).transpose()?)
    }
}
