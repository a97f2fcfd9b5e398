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

/// What a log may show of SQL: nothing that stands behind the name of a PRAGMA that takes a key, or behind
/// `KEY` or the `?` of a URI in an ATTACH or a VACUUM.
pub fn without_keys(sql: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&sql);
    let Some(end) = key_at(&text) else {
        return sql;
    };
    [&text.as_bytes()[..end], b" ***"].concat()
}

/// Where a key may begin.
fn key_at(sql: &str) -> Option<usize> {
    const NAMES: [&str; 5] = ["key", "rekey", "hexkey", "hexrekey", "textkey"];
    let mut tokens = Tokens::new(sql)
        .skip_while(|token| token.is_sign(";") || token.is_any(&["EXPLAIN", "QUERY", "PLAN"]));
    let first = tokens.next()?;
    if first.is("PRAGMA") {
        return tokens
            .take_while(|token| !token.is_sign("=") && !token.is_sign("("))
            .find(|token| {
                let name = token.name();
                NAMES.iter().any(|key| key.eq_ignore_ascii_case(&name))
            })
            .map(|token| token.end());
    }
    if !first.is_any(&["ATTACH", "VACUUM"]) {
        return None;
    }
    tokens.find_map(|token| {
        if token.is("KEY") {
            return Some(token.end());
        }
        let is_quoted = matches!(token.kind, TokenKind::Text | TokenKind::Name);
        let query = token.text.find('?').filter(|_| is_quoted)?;
        Some(token.start + query + 1)
    })
}
