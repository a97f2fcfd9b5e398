//! Pages as they are in the file, for a copy of a database that another one keeps up to date.

use std::ptr;
use std::rc::Rc;

use crate::connection::{Connection, OpenOptions};
use crate::error::{check, Error, Result};
use crate::ffi;
use crate::key::{wipe, Key};
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
///
/// The file is attached to a connection that has nothing else, and whose statements ask nothing of it: the engine
/// keeps what it has read of a table's pages, and would not see that they have changed underneath.
pub struct PageWriter {
    connection: Connection,
    write: Rc<Statement>,
}

impl PageWriter {
    /// The size of the pages in bytes.
    pub const PAGE_SIZE: usize = 4096;

    /// Opens or creates the file. Its pages have [`PAGE_SIZE`](Self::PAGE_SIZE), or it is an error.
    pub fn open(path: &str, timeout: u32, key: Option<&Key>) -> Result<Self> {
        let encoding = prepare_file(path, timeout, key)?;
        let connection = Connection::open_with_pages(&OpenOptions {
            path: ":memory:",
            readonly: false,
            must_exist: false,
            timeout,
            vfs: None,
            uri: false,
            key: None,
        })?;
        connection.set_defensive(false)?;
        // All databases of a connection have the same.
        run(&connection, &format!("PRAGMA encoding = '{encoding}'"))?;
        let mut params = Params::default();
        params.push_text(path.as_bytes());
        let attach: &[u8] = match key {
            Some(key) => {
                params.push_blob(key.bytes());
                b"ATTACH ? AS copy KEY ?"
            }
            None => b"ATTACH ? AS copy",
        };
        let mut attaching = connection.prepare(attach)?.start(params)?;
        let attached = attaching.step();
        let (mut params, _) = attaching.finish();
        wipe(&mut params.bytes);
        attached?;
        // How far the copy is gets written down after each commit: that must not be ahead of it after a loss of
        // power.
        run(&connection, "PRAGMA copy.synchronous = FULL")?;
        let write = connection
            .prepare(b"INSERT INTO sqlite_dbpage (pgno, data, schema) VALUES (?, ?, 'copy')")?;
        Ok(Self { connection, write })
    }

    /// Begins a transaction; one that was left open is rolled back.
    pub fn begin(&self) -> Result<()> {
        self.rollback();
        run(&self.connection, "BEGIN IMMEDIATE")
    }

    /// Writes one page, of which the first has the number 1.
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

    /// Ends the transaction; the database has `size` pages then.
    pub fn commit(&self, size: u32) -> Result<()> {
        // No page at a number: that and all behind it are taken away.
        if !Self::is_lock_page(size + 1) {
            let mut params = Params::default();
            params.values.push(Param::Integer(i64::from(size) + 1));
            params.values.push(Param::Null);
            self.insert(params)?;
        }
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
        integer(&self.connection, "PRAGMA copy.data_version")
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

/// Creates the file if it is not there, in WAL mode, and checks it and its key. -> the encoding of its text
fn prepare_file(path: &str, timeout: u32, key: Option<&Key>) -> Result<String> {
    let connection = Connection::open(&OpenOptions {
        path,
        readonly: false,
        must_exist: false,
        timeout,
        vfs: None,
        uri: false,
        key,
    })?;
    run(&connection, "PRAGMA page_size = 4096")?;
    if connection.pragma(c"PRAGMA journal_mode = WAL")? != b"wal" {
        return Err(Error::from_code(ffi::SQLITE_CANTOPEN));
    }
    if integer(&connection, "PRAGMA page_size")? != 4096 {
        return Err(Error::sqlite(
            ffi::SQLITE_NOTADB,
            "the pages of the file do not have 4096 bytes",
        ));
    }
    let encoding = connection.pragma(c"PRAGMA encoding")?;
    Ok(String::from_utf8_lossy(&encoding).into_owned())
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
