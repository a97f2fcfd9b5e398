//! Hrana 3, the protocol of libSQL servers: what is asked of a database, and what it answers. Nothing outside knows
//! its messages.

pub(crate) mod batch;
mod check;
pub(crate) mod connection;
pub(crate) mod pipeline;
mod proto;
pub(crate) mod sql;
pub(crate) mod statement;
