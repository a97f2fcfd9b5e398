//! One program of all tests of the crate: linking one takes a quarter of a minute.
// A failure ends the test.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod calls;
mod common;
mod crash_points;
mod engine;
mod epochs;
mod fuzz;
mod history;
mod hostile;
mod model;
mod pragmas;
mod relaxed;
mod resident;
mod take_over;
mod values;
mod workload;
