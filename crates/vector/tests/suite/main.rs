//! One program of all tests of the crate: linking one takes a quarter of a minute.
// A failure ends the test.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;
mod damage;
mod faults;
mod filters;
mod graph;
mod interrupts;
mod model;
mod rounded;
mod secure;
mod storage;
mod table;
mod transactions;
mod traps;
