//! `PRAGMA case_sensitive_like`, which takes effect when it is compiled: it registers LIKE anew, without the guard
//! in front of it.

use std::rc::Rc;

use crate::connection::Shared;
use crate::error::Result;
use crate::guarded_functions;
use crate::sql::Tokens;

/// The pragma without its value: what is left to run. The engine may compile that again as often as it likes.
pub(crate) fn without_value(sql: &[u8]) -> Option<Vec<u8>> {
    let skipped = |byte: &u8| matches!(*byte, b' ' | b';' | b'\t'..=b'\r');
    let first = sql.iter().find(|byte| !skipped(byte))?;
    // PRAGMA, EXPLAIN, a comment, a byte order mark.
    if !matches!(first, b'P' | b'p' | b'E' | b'e' | b'-' | b'/' | 0xef) {
        return None;
    }
    let sql = sql.strip_suffix(b"\0").unwrap_or(sql);
    let sql = std::str::from_utf8(sql).ok()?;
    let mut tokens = Tokens::new(sql)
        .skip_while(|token| token.is_sign(";") || token.is_any(&["EXPLAIN", "QUERY", "PLAN"]));
    if !tokens.next()?.is("PRAGMA") {
        return None;
    }
    let mut name = tokens.next()?;
    let mut next = tokens.next()?;
    if next.is_sign(".") {
        name = tokens.next()?;
        next = tokens.next()?;
    }
    let is_set = next.is_sign("=") || next.is_sign("(");
    if !is_set || !name.name().eq_ignore_ascii_case("case_sensitive_like") {
        return None;
    }
    let mut left = sql.as_bytes()[..name.end()].to_vec();
    left.push(0);
    Some(left)
}

/// Puts the guard in front of the LIKE that was registered anew.
pub(crate) fn guard(shared: &Rc<Shared>) -> Result<()> {
    let db = shared.open_db()?;
    let _quiet = shared.hooks.be_quiet();
    // SAFETY: `db` is open.
    unsafe { guarded_functions::guard_like(db) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pragma_is_found_however_it_is_written() {
        let left = |sql: &str| {
            let left = without_value(sql.as_bytes())?;
            Some(
                String::from_utf8_lossy(&left)
                    .trim_end_matches('\0')
                    .to_owned(),
            )
        };
        for (sql, expected) in [
            (
                "PRAGMA case_sensitive_like = 1",
                "PRAGMA case_sensitive_like",
            ),
            (
                "/* x */ pragma main . \"CASE_sensitive_like\"(on)",
                "/* x */ pragma main . \"CASE_sensitive_like\"",
            ),
            (
                ";explain query plan PRAGMA [case_sensitive_like]=0;",
                ";explain query plan PRAGMA [case_sensitive_like]",
            ),
        ] {
            assert_eq!(left(sql).as_deref(), Some(expected), "{sql}");
        }
        for sql in [
            "",
            "PRAGMA case_sensitive_like",
            "PRAGMA cache_size = 1",
            "SELECT 'PRAGMA case_sensitive_like = 1'",
            "EXPLAIN SELECT 1",
        ] {
            assert_eq!(left(sql), None, "{sql}");
        }
    }
}
