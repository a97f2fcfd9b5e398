//! A client for libSQL servers. It speaks Hrana 3 over HTTP (Protobuf), which carries a whole list of statements
//! in one pipeline, and it never waits for ever, follows nobody elsewhere and believes no reply blindly.
//!
//! [`Session`] is a connection: it runs [`Pipeline`]s and knows whether a transaction is open. [`Replica`] is a file that
//! the replication log of a server is written into.

mod error;
mod hrana;
mod http;
mod replication;
mod tls;

pub use error::{code, Error, Result};
pub use hrana::proto;
pub use hrana::session::{Answer, Pipeline, Session};
pub use hrana::sql::{changes_schema, may_commit, number_parameters, sqlite_error, ServerError};
pub use http::{Client, Config};
pub use replication::replica::{detach, Replica, ReplicaError, ReplicaOptions, Synced};
pub use tls::Tls;
