//! Replicas, and the log of a primary that they are made of.

mod files;
pub(crate) mod grpc;
mod log;
mod own;
mod pull;
pub(crate) mod replica;
mod state;
