//! Where C calls Rust.

use std::panic::{catch_unwind, AssertUnwindSafe};

/// Runs a callback of the host; a panic must not unwind into C.
pub(crate) fn boundary<R>(or: R, callback: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(callback)).unwrap_or(or)
}
