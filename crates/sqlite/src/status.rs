//! What a connection holds: <https://www.sqlite.org/c3ref/db_status.html>.

use std::ffi::c_int;
use std::ptr;

use crate::connection::Connection;
use crate::error::{check, Result};
use crate::ffi;

const STATUS: [c_int; 6] = [
    ffi::SQLITE_DBSTATUS_CACHE_USED,
    ffi::SQLITE_DBSTATUS_SCHEMA_USED,
    ffi::SQLITE_DBSTATUS_STMT_USED,
    ffi::SQLITE_DBSTATUS_CACHE_HIT,
    ffi::SQLITE_DBSTATUS_CACHE_MISS,
    ffi::SQLITE_DBSTATUS_CACHE_WRITE,
];

impl Connection {
    /// Bytes of the page cache, of the schema and of compiled statements; pages that the cache had, had not,
    /// and wrote; statements that are compiled, and those of them that run.
    pub fn stats(&self) -> Result<[i64; 8]> {
        let db = self.shared.open_db()?;
        let mut stats = [0; 8];
        for (what, value) in STATUS.into_iter().zip(&mut stats) {
            let (mut now, mut most) = (0, 0);
            // SAFETY: open; both places outlive the call.
            unsafe {
                let rc = ffi::sqlite3_db_status(db, what, &raw mut now, &raw mut most, 0);
                check(db, rc)?;
            }
            *value = now.into();
        }
        let mut statement = ptr::null_mut();
        loop {
            // SAFETY: open; a statement of this connection, or null for the first.
            statement = unsafe { ffi::sqlite3_next_stmt(db, statement) };
            if statement.is_null() {
                return Ok(stats);
            }
            stats[6] += 1;
            // SAFETY: it was given just now.
            stats[7] += i64::from(unsafe { ffi::sqlite3_stmt_busy(statement) });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Connection, OpenOptions, Result};

    #[test]
    fn stats_count_what_is_compiled() -> Result<()> {
        let conn = Connection::open(&OpenOptions::new(":memory:"))?;
        let before = conn.stats()?;
        let statement = conn.prepare(b"SELECT 1")?;
        let with = conn.stats()?;
        assert_eq!((with[6] - before[6], with[7]), (1, 0));
        assert!(with[2] > before[2]);
        drop(statement);
        assert_eq!(conn.stats()?[6], before[6]);
        Ok(())
    }
}
