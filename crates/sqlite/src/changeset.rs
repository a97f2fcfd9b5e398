//! The format of changesets, checked before the engine reads one.
//!
//! `SQLite` 3.47 trusts it: a cut table header makes it read on for ever, and a table that comes twice with
//! different numbers of columns makes it write beyond a buffer (CVE-2026-119379). The format is described
//! at the head of `sqlite3session.c`.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::ffi;

/// Columns that a table can have at most, as the engine is built.
const MAX_COLUMNS: usize = 2000;

/// Refuses what is no well-formed changeset or patchset.
pub(crate) fn check(changeset: &[u8]) -> Result<()> {
    let mut reader = Reader { rest: changeset };
    if reader.read_all().is_some() {
        Ok(())
    } else {
        Err(Error::from_code(ffi::SQLITE_CORRUPT))
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// A table header: which kind of records follow, and the columns.
struct Table {
    patchset: bool,
    /// Whether each column belongs to the primary key
    keys: Vec<bool>,
}

impl Reader<'_> {
    fn read_all(&mut self) -> Option<()> {
        let mut widths: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut table = None;
        while let Some(byte) = self.rest.first().copied() {
            self.rest = &self.rest[1..];
            if byte == b'T' || byte == b'P' {
                let (header, name) = self.table(byte == b'P')?;
                if *widths.entry(name).or_insert(header.keys.len()) != header.keys.len() {
                    return None;
                }
                table = Some(header);
            } else {
                self.change(i32::from(byte), table.as_ref()?)?;
            }
        }
        Some(())
    }

    fn table(&mut self, patchset: bool) -> Option<(Table, Vec<u8>)> {
        let columns = self.varint()?;
        if columns == 0 || columns > MAX_COLUMNS {
            return None;
        }
        let keys = self.take(columns)?.iter().map(|key| *key != 0).collect();
        let len = self.rest.iter().position(|byte| *byte == 0)?;
        let name = self.take(len)?.to_ascii_lowercase();
        self.take(1)?;
        Some((Table { patchset, keys }, name))
    }

    fn change(&mut self, operation: i32, table: &Table) -> Option<()> {
        self.take(1)?; // whether the change is indirect
        let keys = table.keys.iter().copied();
        match operation {
            ffi::SQLITE_DELETE if table.patchset => self.values(keys.filter(|key| *key)),
            ffi::SQLITE_INSERT | ffi::SQLITE_DELETE => self.values(keys),
            ffi::SQLITE_UPDATE if table.patchset => self.values(keys),
            ffi::SQLITE_UPDATE => {
                self.values(keys)?;
                // The new values leave out what stays, the key too.
                self.values(table.keys.iter().map(|_| false))
            }
            _ => None,
        }
    }

    /// A row is found by its key: the engine dereferences a null pointer if that is left out.
    fn values(&mut self, keys: impl Iterator<Item = bool>) -> Option<()> {
        for key in keys {
            let left_out = self.value()? == 0;
            if key && left_out {
                return None;
            }
        }
        Some(())
    }

    /// Its type; 0 stands for a value that the change leaves out.
    fn value(&mut self) -> Option<i32> {
        let kind = i32::from(*self.take(1)?.first()?);
        let len = match kind {
            0 | ffi::SQLITE_NULL => 0,
            ffi::SQLITE_INTEGER | ffi::SQLITE_FLOAT => 8,
            ffi::SQLITE_TEXT | ffi::SQLITE_BLOB => self.varint()?,
            _ => return None,
        };
        self.take(len)?;
        Some(kind)
    }

    /// Seven bits a byte, the most significant first; lengths need no more than five bytes.
    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        for _ in 0..5 {
            let byte = *self.take(1)?.first()?;
            value = (value << 7) | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return i32::try_from(value).is_ok().then_some(value);
            }
        }
        None
    }

    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn headers_and_records_must_be_whole() {
        let whole = b"T\x02\x01\x00t\0\x12\x00\x01\0\0\0\0\0\0\0\x01\x03\x01a";
        assert!(check(b"").is_ok());
        assert!(check(whole).is_ok());
        for len in 1..whole.len() {
            // Only a header without records is whole in itself.
            assert_eq!(check(&whole[..len]).is_ok(), len == 6, "{len}");
        }
        assert!(check(b"T\x02\x01\x00t\0T\x03\x01\x00\x00T\0").is_err());
        assert!(check(b"T\x7f\x01\x00t\0").is_err());
        assert!(check(b"junk").is_err());
        // An UPDATE whose old half leaves out the key.
        assert!(check(b"T\x02\x01\x00t\0\x17\x00\0\0\0\x05").is_err());
    }
}
