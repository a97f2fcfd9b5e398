//! Start the engine, once a process.

use once_cell::sync::OnceCell;

use crate::allocator;
use crate::error::{Error, Result};
use crate::ffi;
use crate::guarded_functions;

/// Prepares the engine; every way into it calls this first. A VFS can be registered after it.
///
/// The crate `libsql` asserts that the engine still takes `sqlite3_config()` when it builds its first
/// database, so that is done here, before anything initializes the engine.
pub fn initialize() -> Result<()> {
    static READY: OnceCell<()> = OnceCell::new();
    READY.get_or_try_init(start).copied()
}

#[cold]
fn start() -> Result<()> {
    if cfg!(debug_assertions) {
        misuse::watch();
    }
    if allocator::install() && build() && guarded_functions::prepare_all() {
        return Ok(());
    }
    Err(Error::sqlite(
        ffi::SQLITE_ERROR,
        "the SQLite engine could not be initialized",
    ))
}

/// Has `libsql` build a database, and so configure the engine.
#[cfg(not(target_family = "wasm"))]
fn build() -> bool {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    let build = pin!(libsql::Builder::new_local(":memory:").build());
    match build.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(built) => built.is_ok(),
        Poll::Pending => false,
    }
}

/// There is one thread, and no crate that configures the engine.
#[cfg(target_family = "wasm")]
fn build() -> bool {
    // SAFETY: may be called at any time.
    unsafe { ffi::sqlite3_initialize() == ffi::SQLITE_OK }
}

/// In debug builds, a misuse of the C API ends the process where it happens.
mod misuse {
    use std::ffi::{c_char, c_int, c_void, CStr};
    use std::ptr;

    use crate::ffi;

    pub(super) fn watch() {
        let log: unsafe extern "C" fn(*mut c_void, c_int, *const c_char) = on_log;
        let nothing = ptr::null_mut::<c_void>();
        // SAFETY: before the engine is initialized; this setting takes a function and a pointer for it.
        unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_LOG, log, nothing) };
    }

    unsafe extern "C" fn on_log(_: *mut c_void, code: c_int, message: *const c_char) {
        if code & 0xff == ffi::SQLITE_MISUSE {
            // SAFETY: a C string.
            let message = unsafe { CStr::from_ptr(message) };
            eprintln!("SQLITE_MISUSE: {}", message.to_string_lossy());
            std::process::abort();
        }
    }
}
