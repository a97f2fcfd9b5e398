//! Encryption keys of database files.

use std::ffi::c_int;
use std::fmt;

use crate::error::{Error, Result};
use crate::ffi;
use crate::sql::{TokenKind, Tokens};

/// The key of an encrypted file. It is overwritten when it is dropped, and no text shows it.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of these bytes, of which the engine takes the first 32.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn parts(&self) -> Result<(*const std::ffi::c_void, c_int)> {
        let len = c_int::try_from(self.0.len());
        let len = len.map_err(|_| Error::from_code(ffi::SQLITE_TOOBIG))?;
        Ok((self.0.as_ptr().cast(), len))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// Overwrites what is not needed any more.
pub fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    // Writes to memory that nobody reads again could be left out.
    std::hint::black_box(bytes);
}

/// What a log may show of SQL, which may be a script: nothing that stands behind the name of a PRAGMA that takes a
/// key, or behind `KEY` or the `?` of a URI in an ATTACH or a VACUUM.
pub fn without_keys(sql: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&sql);
    let Some(end) = key_at(&text) else {
        return sql;
    };
    [&text.as_bytes()[..end], b" ***"].concat()
}

/// What the tokens are part of. A semicolon may have been forgotten, so a statement may begin anywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// `PRAGMA schema.name`, up to its value
    Pragma,
    /// `ATTACH` or `VACUUM`
    Attach,
    Other,
}

/// Where a key may begin.
fn key_at(sql: &str) -> Option<usize> {
    const NAMES: [&str; 5] = ["key", "rekey", "hexkey", "hexrekey", "textkey"];
    let mut part = Part::Other;
    for token in Tokens::new(sql) {
        let is_value = token.is_sign("=") || token.is_sign("(");
        if token.is("PRAGMA") {
            part = Part::Pragma;
        } else if token.is_any(&["ATTACH", "VACUUM"]) {
            part = Part::Attach;
        } else if token.is_sign(";") || part == Part::Pragma && is_value {
            part = Part::Other;
        }
        let is_key = match part {
            Part::Pragma => NAMES
                .iter()
                .any(|key| key.eq_ignore_ascii_case(&token.name())),
            Part::Attach => token.is("KEY"),
            Part::Other => false,
        };
        if is_key {
            return Some(token.end());
        }
        let is_quoted = matches!(token.kind, TokenKind::Text | TokenKind::Name);
        let is_open = token.kind == TokenKind::Illegal;
        if part == Part::Attach && (is_quoted || is_open) {
            if let Some(query) = token.text.find('?') {
                return Some(token.start + query + 1);
            }
        }
        // A quote that is not closed has the rest of the script in it.
        if let (true, Some(rest)) = (is_open, token.text.get(1..)) {
            if let Some(at) = key_at(rest) {
                return Some(token.start + 1 + at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_shown() {
        let shown = |sql: &str| String::from_utf8(without_keys(sql.into())).unwrap_or_default();
        for (sql, expected) in [
            ("PRAGMA key = 'x'", "PRAGMA key ***"),
            (
                "; PRAGMA main . \"ReKey\" ('x')",
                "; PRAGMA main . \"ReKey\" ***",
            ),
            (
                "EXPLAIN PRAGMA/**/hexkey='x'",
                "EXPLAIN PRAGMA/**/hexkey ***",
            ),
            (
                "SELECT 1; PRAGMA textkey='x'",
                "SELECT 1; PRAGMA textkey ***",
            ),
            ("SELECT 1 PRAGMA key = 'x'", "SELECT 1 PRAGMA key ***"),
            (
                "SELECT 'open; PRAGMA key = x",
                "SELECT 'open; PRAGMA key ***",
            ),
            ("PRAGMA key = 'open", "PRAGMA key ***"),
            ("ATTACH 'f' AS a KEY 'x'", "ATTACH 'f' AS a KEY ***"),
            (
                "ATTACH -- it's\n'f' AS a KEY 'x'",
                "ATTACH -- it's\n'f' AS a KEY ***",
            ),
            ("VACUUM INTO 'file:f?key=x'", "VACUUM INTO 'file:f? ***"),
            ("ATTACH 'file:f?key=x", "ATTACH 'file:f? ***"),
        ] {
            assert_eq!(shown(sql), expected);
        }
        for sql in [
            "PRAGMA foreign_keys = 1",
            "PRAGMA cache_size = key",
            "CREATE TABLE t (key, rekey PRIMARY KEY)",
            "SELECT 'PRAGMA key = 1' -- ATTACH KEY",
            "ATTACH 'f' AS key2; SELECT key FROM t",
            "VACUUM; SELECT '?'",
        ] {
            assert_eq!(shown(sql), sql);
        }
    }
}
