//! The object of a table, as C sees it, and what becomes of its errors.

use std::ffi::{c_char, c_int, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::error::Error;
use crate::ffi;

/// The result of what a table does.
pub type Result<T> = std::result::Result<T, ModuleError>;

/// Why a virtual table could not go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum ModuleError {
    /// The host failed and knows why.
    Host,
    /// `SQLITE_ERROR` with a message for the user.
    Message(String),
    /// The time is over.
    Interrupted,
    /// An error of the engine, or one with a code of it.
    Engine(Error),
}

impl From<Error> for ModuleError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl ModuleError {
    /// The result code, and the message if there is one.
    pub(super) fn into_parts(self) -> (c_int, Option<Vec<u8>>) {
        match self {
            Self::Host | Self::Engine(Error::Callback) => (ffi::SQLITE_ERROR, None),
            Self::Message(message) => (ffi::SQLITE_ERROR, Some(message.into_bytes())),
            Self::Interrupted => (ffi::SQLITE_INTERRUPT, None),
            Self::Engine(Error::Sqlite { code, message, .. }) => (code, Some(message.into_vec())),
            Self::Engine(Error::OutOfMemory) => (ffi::SQLITE_NOMEM, None),
            Self::Engine(error) => (ffi::SQLITE_ERROR, Some(error.to_string().into_bytes())),
        }
    }
}

#[repr(C)]
pub(super) struct VTab<T> {
    pub(super) base: ffi::sqlite3_vtab,
    /// The connection, which outlives the table.
    pub(super) db: *mut ffi::sqlite3,
    pub(super) table: T,
}

/// A copy of `message` that `SQLite` will free.
pub(super) fn c_message(message: &[u8]) -> *mut c_char {
    let message: Vec<u8> = message
        .iter()
        .map(|byte| if *byte == 0 { b' ' } else { *byte })
        .collect();
    let message = CString::new(message).unwrap_or_default();
    // SAFETY: one `%s` and one string.
    unsafe { ffi::sqlite3_mprintf(c"%s".as_ptr(), message.as_ptr()) }
}

pub(super) const PANICKED: &[u8] = b"internal error: the virtual table panicked";

/// Calls a method of a table. What goes wrong becomes a result code, and the message of the table.
///
/// # Safety
/// `vtab` is live, after the call too.
pub(super) unsafe fn guard(
    vtab: *mut ffi::sqlite3_vtab,
    method: impl FnOnce() -> Result<c_int>,
) -> c_int {
    let (rc, message) = match catch_unwind(AssertUnwindSafe(method)) {
        Ok(Ok(rc)) => return rc,
        Ok(Err(error)) => error.into_parts(),
        Err(_) => (ffi::SQLITE_ERROR, Some(PANICKED.to_vec())),
    };
    if let Some(message) = message {
        // SAFETY: live; zErrMsg is null or from SQLite's allocator.
        unsafe {
            ffi::sqlite3_free((*vtab).zErrMsg.cast());
            (*vtab).zErrMsg = c_message(&message);
        }
    }
    rc
}
