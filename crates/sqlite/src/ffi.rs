//! The C API, and the one-time set-up of the engine.

pub use libsql::ffi::*;

use std::ffi::{c_char, c_int, c_void};
use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

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
        Err(EngineError::sqlite(
            SQLITE_ERROR,
            "the SQLite engine could not be initialized",
        ))
    }
}
