//! A whole database as bytes, and back.

use std::ptr;

use crate::connection::{c_string, Connection};
use crate::error::{check, last_error, Error, Result};
use crate::ffi;
use crate::statement::Statement;

/// Bytes that `SQLite` allocated.
pub struct Serialized {
    data: *mut u8,
    len: usize,
}

impl Serialized {
    /// The database file's content.
    pub fn as_bytes(&self) -> &[u8] {
        if self.data.is_null() {
            return &[];
        }
        // SAFETY: sqlite3_serialize gave `len` bytes.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl Drop for Serialized {
    fn drop(&mut self) {
        // SAFETY: allocated by SQLite, or null.
        unsafe { ffi::sqlite3_free(self.data.cast()) }
    }
}

/// Where the header says how the file is read and written: 1 by a rollback journal, 2 by a WAL.
// https://www.sqlite.org/fileformat2.html#file_format_version_numbers
const VERSIONS: std::ops::Range<usize> = 18..20;

/// Memory has no WAL, and a database that is said to have one cannot be opened there.
fn leave_wal_mode(image: &mut [u8]) {
    if !image.starts_with(b"SQLite format 3\0") {
        return;
    }
    if let Some(versions) = image.get_mut(VERSIONS) {
        if versions == [2, 2] {
            versions.fill(1);
        }
    }
}

impl Connection {
    /// The content that a file of this database would have.
    pub fn serialize(&self, database: &str) -> Result<Serialized> {
        let db = self.shared.open_db()?;
        let database = c_string(database, "Database name cannot contain a NUL character")?;
        self.flush_tables()?;
        // An error of something else must not be taken for this one's: preparing nothing clears it.
        Statement::compile(&self.shared, b"\0")?;
        let mut len = -1;
        // SAFETY: open; flags 0 asks for a copy of our own.
        let data = unsafe { ffi::sqlite3_serialize(db, database.as_ptr(), &raw mut len, 0) };
        if data.is_null() && len != 0 {
            // SAFETY: open. An authorizer may deny what it has to ask of the database.
            return Err(match unsafe { last_error(db, ffi::SQLITE_NOMEM) } {
                error if error.code() & 0xff == ffi::SQLITE_AUTH => error,
                _ => Error::OutOfMemory,
            });
        }
        Ok(Serialized {
            data,
            len: usize::try_from(len).unwrap_or(0),
        })
    }

    /// Has virtual tables write what they have gathered in the transaction: they do so when a savepoint begins.
    pub(crate) fn flush_tables(&self) -> Result<()> {
        let hooks = &self.shared.hooks;
        if !self.in_transaction() || !hooks.has_unwritten.get() {
            return Ok(());
        }
        let db = self.shared.open_db()?;
        let _quiet = hooks.be_quiet();
        let script = c"SAVEPOINT serialize; RELEASE serialize";
        let none = ptr::null_mut();
        // SAFETY: open, and a script that returns no rows.
        unsafe {
            let rc = ffi::sqlite3_exec(db, script.as_ptr(), None, none, none.cast());
            check(db, rc)?;
        }
        hooks.has_unwritten.set(false);
        Ok(())
    }

    /// Replaces the main database by `bytes`, which are copied.
    pub fn deserialize(&self, bytes: &[u8], readonly: bool) -> Result<()> {
        let db = self.shared.open_db()?;
        self.bump_epoch();
        let len = i64::try_from(bytes.len()).map_err(|_| Error::from_code(ffi::SQLITE_TOOBIG))?;
        let mut flags = ffi::SQLITE_DESERIALIZE_FREEONCLOSE | ffi::SQLITE_DESERIALIZE_RESIZEABLE;
        if readonly {
            flags |= ffi::SQLITE_DESERIALIZE_READONLY;
        }
        // SAFETY: open; the memory comes from SQLite's allocator, which frees it, even on failure.
        let rc = unsafe {
            let data = ffi::sqlite3_malloc64(bytes.len() as u64).cast::<u8>();
            if data.is_null() && !bytes.is_empty() {
                return Err(Error::OutOfMemory);
            }
            if !bytes.is_empty() {
                ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len());
                leave_wal_mode(std::slice::from_raw_parts_mut(data, bytes.len()));
            }
            ffi::sqlite3_deserialize(db, c"main".as_ptr(), data, len, len, flags.cast_unsigned())
        };
        match rc {
            ffi::SQLITE_OK => Ok(()),
            ffi::SQLITE_ERROR => Err(Error::sqlite(rc, "unable to deserialize database")),
            rc => Err(Error::from_code(rc)),
        }
    }
}
