//! A client for libSQL servers. It speaks Hrana 3 over HTTP (Protobuf), which carries a whole list of statements
//! in one pipeline, and it never waits for ever, follows nobody elsewhere and believes no reply blindly.
//!
//! [`Session`] is a connection: it runs [`Pipeline`]s and knows whether a transaction is open. [`Replica`] is a file that
//! the replication log of a server is written into.

mod check;
mod client;
mod error;
mod grpc;
mod log;
pub mod proto;
mod replica;
mod session;
mod sql;
mod tls;

pub use client::{Client, Config};
pub use error::{code, Error, Result};
pub use replica::{detach, Replica, ReplicaError, ReplicaOptions, Synced};
pub use session::{Answer, Pipeline, Session};
pub use sql::{changes_schema, may_commit, number_parameters, sqlite_error, ServerError};
pub use tls::Tls;
