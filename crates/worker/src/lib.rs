//! Connections on threads of their own, for any front end: it packs its calls of one moment into one message
//! ([`job::Jobs`]), the worker runs them in order and packs what they give into blocks ([`Block`]). The two
//! threads share only a [`Port`]. This crate knows no JavaScript.

#![deny(missing_docs)]
#![cfg_attr(target_family = "wasm", allow(dead_code))] // what servers need

mod block;
mod exchange;
#[cfg(not(target_family = "wasm"))]
mod failure;
mod job;
pub mod local;
mod port;
pub mod protocol;
#[cfg(not(target_family = "wasm"))]
pub mod replica;
mod reply;
#[cfg(not(target_family = "wasm"))]
pub mod server;
mod sync;
mod syncs;
#[cfg(test)]
mod testing;
mod write_counter;

pub use block::{Block, ConnectionState, OwnedLarge, Part};
pub use port::{Answer, Port, StoreReply, StoreRequest, Wake};
pub use write_counter::WriteCounter;
