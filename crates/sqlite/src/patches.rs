//! What the bundled engine needs mended when a connection opens.

use std::ffi::{c_int, CStr};
use std::ptr;

use crate::connection::{is_skipped, Connection};
use crate::error::{check, Error, Result};
use crate::ffi;
use crate::function::boundary;

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

/// Shorter statements cannot nest deeply enough to matter.
const SHORT: usize = 10_000;

/// Levels that a statement may nest, and common table expressions that it may have. Some 12,000 of either
/// take the 4 MiB of a worker thread's stack (seen).
const MAX_NESTING: u32 = 2_000;

/// The engine walks nested queries and chains of common table expressions by recursion without counting,
/// until the stack is gone (CVE-2026-119371 for the chains). Such a statement gets an error here.
pub(crate) fn check_nesting(sql: &[u8]) -> Result<()> {
    if sql.len() < SHORT {
        return Ok(());
    }
    let (mut depth, mut deepest, mut expressions) = (0_u32, 0_u32, 0_u32);
    let mut rest = sql;
    let mut after_as = false;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
                expressions += u32::from(after_as);
            }
            b')' => depth = depth.saturating_sub(1),
            b'\'' | b'"' | b'`' => rest = skip_past(rest, &[*byte]),
            b'[' => rest = skip_past(rest, b"]"),
            b'-' if rest.first() == Some(&b'-') => {
                rest = skip_past(rest, b"\n");
                continue;
            }
            b'/' if rest.first() == Some(&b'*') => {
                rest = skip_past(rest, b"*/");
                continue;
            }
            byte if is_skipped(*byte) => continue,
            byte if is_name(*byte) => {
                let len = rest.iter().take_while(|byte| is_name(**byte)).count();
                let word = &sql[sql.len() - rest.len() - 1..sql.len() - rest.len() + len];
                rest = &rest[len..];
                // WITH x AS (, AS MATERIALIZED (, AS NOT MATERIALIZED (
                after_as = word.eq_ignore_ascii_case(b"AS")
                    || after_as
                        && (word.eq_ignore_ascii_case(b"NOT")
                            || word.eq_ignore_ascii_case(b"MATERIALIZED"));
                continue;
            }
            _ => {}
        }
        after_as = false;
    }
    if deepest > MAX_NESTING {
        return Err(Error::sqlite(ffi::SQLITE_ERROR, "parser stack overflow"));
    }
    if expressions > MAX_NESTING {
        return Err(Error::sqlite(
            ffi::SQLITE_ERROR,
            "too many common table expressions",
        ));
    }
    Ok(())
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn skip_past<'a>(text: &'a [u8], end: &[u8]) -> &'a [u8] {
    let at = text.windows(end.len()).position(|window| window == end);
    at.map_or(&[][..], |at| &text[at + end.len()..])
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

/// A value as text; `None` for `NULL`.
///
/// # Safety
/// `value` is live; the text lives until the value is converted again.
unsafe fn text<'a>(value: *mut ffi::sqlite3_value) -> Option<&'a [u8]> {
    // SAFETY: forwarded from the caller.
    unsafe {
        let text = ffi::sqlite3_value_text(value);
        if text.is_null() {
            return None;
        }
        Some(crate::value::bytes(
            text.cast(),
            ffi::sqlite3_value_bytes(value),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::check_nesting;

    #[test]
    fn deep_nesting_is_refused_and_long_statements_are_not() {
        let nested = |n: usize| format!("{}1{}", "SELECT * FROM (".repeat(n), ")".repeat(n));
        assert!(check_nesting(nested(1_900).as_bytes()).is_ok());
        assert!(check_nesting(nested(2_100).as_bytes()).is_err());
        let chain = |n: usize| {
            let ctes: Vec<_> = (0..n)
                .map(|i| format!("c{i} as materialized (select 1)"))
                .collect();
            format!("WITH {} SELECT 1", ctes.join(","))
        };
        assert!(check_nesting(chain(1_900).as_bytes()).is_ok());
        assert!(check_nesting(chain(2_100).as_bytes()).is_err());
        let rows = format!(
            "VALUES {}",
            vec!["('a (', \"(\", 1 /* ( */)"; 5_000].join(",")
        );
        assert!(check_nesting(rows.as_bytes()).is_ok());
    }
}
