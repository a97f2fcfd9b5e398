//! Bind parameters to a compiled statement.

use std::ffi::{c_int, c_void};

use crate::error::{Error, Result};
use crate::ffi;
use crate::params::{Param, Params};
use crate::value::ValueRef;

/// Binds without copying: `params` must stay as long as they are bound.
pub(crate) fn bind(raw: *mut ffi::sqlite3_stmt, params: &Params) -> Result<()> {
    let lifetime = ffi::SQLITE_STATIC();
    for (at, param) in params.values.iter().enumerate() {
        let i = c_int::try_from(at + 1).unwrap_or(c_int::MAX);
        let slice =
            |start: usize, len: usize| params.bytes.get(start..start + len).unwrap_or_default();
        // SAFETY: `raw` is live; the bytes outlive the bindings: `Running` clears them, and a statement that
        // is bound for good is finalized before its parameters go.
        let rc = unsafe {
            match *param {
                Param::Null => ffi::sqlite3_bind_null(raw, i),
                Param::Integer(value) => ffi::sqlite3_bind_int64(raw, i, value),
                Param::Real(value) => ffi::sqlite3_bind_double(raw, i, value),
                Param::Text(start, len) => {
                    let text = slice(start, len);
                    let utf8 = ffi::UTF8;
                    ffi::sqlite3_bind_text64(
                        raw,
                        i,
                        pointer(text).cast(),
                        text.len() as u64,
                        lifetime,
                        utf8,
                    )
                }
                Param::Blob(start, len) => {
                    let blob = slice(start, len);
                    ffi::sqlite3_bind_blob64(raw, i, pointer(blob), blob.len() as u64, lifetime)
                }
                Param::LentText(at, len) => {
                    let utf8 = ffi::UTF8;
                    ffi::sqlite3_bind_text64(raw, i, at.cast(), len as u64, lifetime, utf8)
                }
                Param::Lent(at, len) => {
                    ffi::sqlite3_bind_blob64(raw, i, at.cast(), len as u64, lifetime)
                }
            }
        };
        if rc != ffi::SQLITE_OK {
            // SAFETY: live. What is bound already points into `params`, which the caller may drop.
            unsafe { ffi::sqlite3_clear_bindings(raw) };
            return Err(bind_error(rc));
        }
    }
    Ok(())
}

/// Binds one value without copying it; the first parameter has the number 1.
///
/// # Safety
/// `raw` is live and not executing; the value stays as long as it is bound.
pub(crate) unsafe fn bind_value(
    raw: *mut ffi::sqlite3_stmt,
    number: c_int,
    value: ValueRef<'_>,
) -> Result<()> {
    let lifetime = ffi::SQLITE_STATIC();
    // SAFETY: forwarded from the caller.
    let rc = unsafe {
        match value {
            ValueRef::Null => ffi::sqlite3_bind_null(raw, number),
            ValueRef::Integer(value) => ffi::sqlite3_bind_int64(raw, number, value),
            ValueRef::Real(value) => ffi::sqlite3_bind_double(raw, number, value),
            ValueRef::Text(text) => {
                let (at, len) = (pointer(text).cast(), text.len() as u64);
                ffi::sqlite3_bind_text64(raw, number, at, len, lifetime, ffi::UTF8)
            }
            ValueRef::Blob(blob) => {
                let (at, len) = (pointer(blob), blob.len() as u64);
                ffi::sqlite3_bind_blob64(raw, number, at, len, lifetime)
            }
        }
    };
    if rc == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(bind_error(rc))
    }
}

/// `SQLite` takes a null pointer for NULL, so empty values need one that is not null.
#[inline]
fn pointer(bytes: &[u8]) -> *const c_void {
    if bytes.is_empty() {
        c"".as_ptr().cast()
    } else {
        bytes.as_ptr().cast()
    }
}

#[cold]
fn bind_error(rc: c_int) -> Error {
    match rc & 0xff {
        ffi::SQLITE_TOOBIG => Error::Range("The bound string, buffer, or bigint is too big"),
        ffi::SQLITE_RANGE => Error::Range("Too many parameter values were provided"),
        ffi::SQLITE_NOMEM => Error::OutOfMemory,
        _ => Error::from_code(rc),
    }
}
