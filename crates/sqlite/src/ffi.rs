//! The C API, and the one-time set-up of the engine.

pub use libsql::ffi::*;

use std::ffi::{c_char, c_int, c_void};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use once_cell::sync::OnceCell;

use crate::allocator;
use crate::builtins;
use crate::error::{Error as EngineError, Result};

const _: () = assert!(
    SQLITE_VERSION_NUMBER >= 3_047_000,
    "the engine is older than the patches expect"
);

/// `SQLITE_UTF8`, of the type that the functions with 64-bit lengths take.
pub const UTF8: u8 = 1;
const _: () = assert!(SQLITE_UTF8 == UTF8 as i32);

// Of SQLite3 Multiple Ciphers: the crate has no bindings for them.
extern "C" {
    pub fn sqlite3_key_v2(
        db: *mut sqlite3,
        name: *const c_char,
        key: *const c_void,
        len: c_int,
    ) -> c_int;
    pub fn sqlite3_rekey_v2(
        db: *mut sqlite3,
        name: *const c_char,
        key: *const c_void,
        len: c_int,
    ) -> c_int;
    pub fn libsql_db_has_codec(vfs: *mut sqlite3_vfs, file: *const c_char) -> c_int;
}

/// Prepares the engine; every way into it calls this first.
///
/// The crate `libsql` asserts that the engine still takes `sqlite3_config()` when it builds its first
/// database, so that is done here, before anything initializes the engine.
///
/// A step that failed, as when memory was short, is tried again by the next call; those before it are not,
/// because the engine takes them once only.
pub fn initialize() -> Result<()> {
    static ALLOCATOR: OnceCell<()> = OnceCell::new();
    static LIBSQL: OnceCell<()> = OnceCell::new();
    ALLOCATOR.get_or_try_init(|| done(allocator::install()))?;
    LIBSQL.get_or_try_init(|| done(build_first()))?;
    done(builtins::prepare_all()?)
}

fn build_first() -> bool {
    let build = pin!(libsql::Builder::new_local(":memory:").build());
    match build.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(built) => built.is_ok(),
        Poll::Pending => false,
    }
}

fn done(step: bool) -> Result<()> {
    if step {
        Ok(())
    } else {
        Err(uninitialized(SQLITE_ERROR))
    }
}

/// That the engine cannot be used, by the code of what failed.
pub(crate) fn uninitialized(code: c_int) -> EngineError {
    EngineError::sqlite(code, "the SQLite engine could not be initialized")
}
