//! Start the engine, once a process.

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use crate::allocator;
use crate::builtins;
use crate::error::{Error, Result};
use crate::ffi;

/// Prepares the engine; every way into it calls this first.
///
/// The crate `libsql` asserts that the engine still takes `sqlite3_config()` when it builds its first
/// database, so that is done here, before anything initializes the engine.
pub fn initialize() -> Result<()> {
    static READY: OnceLock<bool> = OnceLock::new();
    let ready = *READY.get_or_init(|| {
        if !allocator::install() {
            return false;
        }
        let build = pin!(libsql::Builder::new_local(":memory:").build());
        let built = match build.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(built) => built.is_ok(),
            Poll::Pending => false,
        };
        built && builtins::prepare_all()
    });
    if ready {
        Ok(())
    } else {
        Err(Error::sqlite(
            ffi::SQLITE_ERROR,
            "the SQLite engine could not be initialized",
        ))
    }
}
