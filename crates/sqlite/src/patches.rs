//! What the bundled engine needs mended when a connection opens.

use std::ffi::{c_int, CStr};
use std::ptr;

use crate::boundary::boundary;
use crate::connection::Connection;
use crate::error::{check, Result};
use crate::ffi;
use crate::value::text;

/// CVE-2025-3277 and CVE-2025-29087: in `SQLite` 3.44 to 3.49.0 a long separator of `concat_ws()`
/// overflows a 32-bit size and writes beyond its buffer. This one measures in 64 bits.
///
/// `libsql_vector_idx()` without arguments reads the first of them all the same, an index on it (which a
/// file may bring along) too. This one is an error, and not deterministic, which no index may be on.
pub(crate) fn apply(connection: &Connection) -> Result<()> {
    let flags = ffi::SQLITE_UTF8 | ffi::SQLITE_INNOCUOUS;
    let deterministic = flags | ffi::SQLITE_DETERMINISTIC;
    replace(connection, c"concat_ws", -1, deterministic, concat_ws)?;
    replace(connection, c"libsql_vector_idx", 0, flags, no_arguments)
}

type Function =
    unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);

fn replace(
    connection: &Connection,
    name: &CStr,
    arg_count: c_int,
    flags: c_int,
    function: Function,
) -> Result<()> {
    let db = connection.shared.open_db()?;
    // SAFETY: open; the function needs no data of its own.
    unsafe {
        let rc = ffi::sqlite3_create_function_v2(
            db,
            name.as_ptr(),
            arg_count,
            flags,
            ptr::null_mut(),
            Some(function),
            None,
            None,
            None,
        );
        check(db, rc)
    }
}

unsafe extern "C" fn no_arguments(
    context: *mut ffi::sqlite3_context,
    _: c_int,
    _: *mut *mut ffi::sqlite3_value,
) {
    let message = c"wrong number of arguments to function libsql_vector_idx()";
    // SAFETY: live during the call; the message is static.
    unsafe { ffi::sqlite3_result_error(context, message.as_ptr(), -1) }
}

unsafe extern "C" fn concat_ws(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    boundary((), || {
        let count = usize::try_from(argc).unwrap_or(0);
        // SAFETY: SQLite passes `argc` live values; text is copied before the next value is read.
        unsafe {
            if count < 2 {
                let message = c"wrong number of arguments to function concat_ws()";
                return ffi::sqlite3_result_error(context, message.as_ptr(), -1);
            }
            let values = std::slice::from_raw_parts(argv, count);
            let Some(separator) = text(values[0]) else {
                return ffi::sqlite3_result_null(context);
            };
            let limit = ffi::sqlite3_limit(
                ffi::sqlite3_context_db_handle(context),
                ffi::SQLITE_LIMIT_LENGTH,
                -1,
            );
            let limit = usize::try_from(limit).unwrap_or(0);
            let mut joined: Vec<u8> = Vec::new();
            let mut first = true;
            for value in &values[1..] {
                let Some(part) = text(*value) else { continue };
                let between = if first { &[][..] } else { separator };
                if joined.len() + between.len() + part.len() > limit {
                    return ffi::sqlite3_result_error_toobig(context);
                }
                joined.extend_from_slice(between);
                joined.extend_from_slice(part);
                first = false;
            }
            let (at, len) = (joined.as_ptr().cast(), joined.len() as u64);
            let utf8 = ffi::UTF8;
            ffi::sqlite3_result_text64(context, at, len, ffi::SQLITE_TRANSIENT(), utf8);
        }
    });
}
