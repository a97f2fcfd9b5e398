//! A client for libSQL servers. Every request has a time limit, nothing goes to another server than the one that was
//! named, and each reply is checked before it is used.
//!
//! [`Connection`] is a connection: it runs [`Pipeline`]s over Hrana 3 and knows whether a transaction is open.
//! [`Replica`] is a file that the replication log of a server is written into. What fails is an [`Error`], whose
//! [`Outcome`] says whether the call has happened.

#![deny(missing_docs)]

mod error;
mod hrana;
mod http;
mod replication;
mod tls;

pub use error::{code, Error, Outcome, Result};
pub use hrana::batch::{Batch, BatchResult};
pub use hrana::connection::Connection;
pub use hrana::pipeline::{Answer, Effect, Pipeline, Request, Response};
pub use hrana::sql::{changes_schema, may_commit};
pub use hrana::statement::{Column, Description, Executed, Row, Rows, Statement};
pub use http::Config;
pub use replication::replica::{detach, Replica, ReplicaOptions, Synced};
pub use tls::Tls;
