//! One program of all tests of the crate: linking one takes a quarter of a minute.
// A failure ends the test.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;
mod encryption;
mod engine;
mod lifecycle;
mod open;
mod pages;
mod vfs;
mod vtab_calls;
mod vtab_write;
