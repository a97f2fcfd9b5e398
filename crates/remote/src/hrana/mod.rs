//! Hrana 3, the protocol of libSQL servers: what is asked of a database, and what it answers.

mod check;
pub mod proto;
pub(crate) mod session;
pub(crate) mod sql;
