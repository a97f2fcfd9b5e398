//! Pages as they are in the file, for a copy of a database that another one keeps up to date.

use std::ptr;
use std::rc::Rc;

use crate::connection::{Connection, OpenOptions};
use crate::error::{check, Error, Result};
use crate::ffi;
use crate::key::Key;
use crate::params::{Param, Params};
use crate::statement::{Statement, Step};

/// Where the engine puts its locks: that page is never used (<https://sqlite.org/fileformat.html#the_lock_byte_page>).
const LOCK_BYTE: u32 = 0x4000_0000;

impl Connection {
    /// Takes `sqlite_dbpage` away, through which SQL would read pages that were deleted, and write all.
    pub(crate) fn hide_pages(&self) -> Result<()> {
        let db = self.shared.open_db()?;
        // SAFETY: open; a module without methods is one that is taken away.
        unsafe {
            let name = c"sqlite_dbpage".as_ptr();
            let rc = ffi::sqlite3_create_module_v2(db, name, ptr::null(), ptr::null_mut(), None);
            check(db, rc)
        }
    }
}

/// Writes whole pages of a database in WAL mode, by way of `SQLite`'s own table of pages (`sqlite_dbpage`): a
/// transaction of pages is as atomic as any other, and encrypted as any other.
pub struct PageWriter {
    connection: Connection,
    write: Rc<Statement>,
}

impl PageWriter {
    /// The size of the pages in bytes.
    pub const PAGE_SIZE: usize = 4096;

    /// Opens or creates the file. Its pages have [`PAGE_SIZE`](Self::PAGE_SIZE), or it is an error.
    pub fn open(path: &str, timeout: u32, key: Option<&Key>) -> Result<Self> {
        let connection = Connection::open_with_pages(&OpenOptions {
            path,
            readonly: false,
            must_exist: false,
            timeout,
            vfs: None,
            uri: false,
            key,
        })?;
        connection.set_defensive(false)?;
        run(&connection, "PRAGMA page_size = 4096")?;
        // What is there may be damaged, and is about to be written over.
        run(&connection, "PRAGMA writable_schema = ON")?;
        // How far the copy is gets written down after each commit: that must not be ahead of it after a loss of
        // power.
        run(&connection, "PRAGMA synchronous = FULL")?;
        if connection.pragma(c"PRAGMA journal_mode = WAL")? != b"wal" {
            return Err(Error::from_code(ffi::SQLITE_CANTOPEN));
        }
        if integer(&connection, "PRAGMA page_size")? != 4096 {
            return Err(Error::sqlite(
                ffi::SQLITE_NOTADB,
                "the pages of the file do not have 4096 bytes",
            ));
        }
        // What readers need beside the file is there once it has been written to.
        let write = connection.prepare(b"INSERT INTO sqlite_dbpage (pgno, data) VALUES (?, ?)")?;
        Ok(Self { connection, write })
    }

    /// Begins a transaction; one that was left open is rolled back.
    pub fn begin(&self) -> Result<()> {
        self.rollback();
        run(&self.connection, "BEGIN IMMEDIATE")
    }

    /// Writes one page; the first one, which has the number 1, is for [`commit`](Self::commit).
    pub fn write(&self, number: u32, page: &[u8]) -> Result<()> {
        if Self::is_lock_page(number) {
            return Ok(());
        }
        let mut params = Params::default();
        params.values.push(Param::Integer(number.into()));
        // SAFETY: the statement ends before the page goes.
        unsafe { params.push_lent(page.as_ptr(), page.len()) };
        self.insert(params)
    }

    /// Ends the transaction; the database has `size` pages then, of which the first is `first`, if it has changed.
    pub fn commit(&self, size: u32, first: Option<&[u8]>) -> Result<()> {
        let shrinks = integer(&self.connection, "PRAGMA page_count")? > i64::from(size);
        // With another first page, SQLite reads the schema anew for whatever it does: all else must be there, and
        // nothing must follow in this transaction.
        if let Some(first) = first {
            self.write(1, first)?;
        }
        run(&self.connection, "COMMIT")?;
        // The first page says how many there are. What is behind them only takes up room.
        if shrinks && self.truncate(size).is_err() {
            self.rollback();
        }
        Ok(())
    }

    fn truncate(&self, size: u32) -> Result<()> {
        self.begin()?;
        let mut params = Params::default();
        params.values.push(Param::Integer(i64::from(size) + 1));
        params.values.push(Param::Null);
        self.insert(params)?;
        run(&self.connection, "COMMIT")
    }

    /// Ends the transaction, if there is one, as if it had not been.
    pub fn rollback(&self) {
        if self.connection.in_transaction() {
            // What fails has been rolled back.
            let _ = run(&self.connection, "ROLLBACK");
        }
    }

    /// A number that changes when another connection has written into the file.
    pub fn data_version(&self) -> Result<i64> {
        integer(&self.connection, "PRAGMA data_version")
    }

    /// Whether a page is never used.
    pub fn is_lock_page(number: u32) -> bool {
        number == LOCK_BYTE / 4096 + 1
    }

    fn insert(&self, params: Params) -> Result<()> {
        let mut running = self.write.start(params)?;
        while running.step()? == Step::Row {}
        running.finish().1
    }
}

fn run(connection: &Connection, sql: &str) -> Result<()> {
    connection
        .exec(format!("{sql}\0").as_bytes(), &mut |_| Ok(()))
        .map(|_| ())
}

fn integer(connection: &Connection, sql: &str) -> Result<i64> {
    connection
        .prepare(sql.as_bytes())?
        .first_integer()
        .ok_or_else(|| Error::from_code(ffi::SQLITE_ERROR))
}
