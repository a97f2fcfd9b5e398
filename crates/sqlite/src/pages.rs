//! Pages as they are in the file, for a copy of a database that another one keeps up to date.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr;
use std::rc::Rc;

use crate::connection::Connection;
use crate::error::{check, Error, Result};
use crate::ffi;
use crate::key::{wipe, Key};
use crate::open::OpenOptions;
use crate::params::{Param, Params};
use crate::running::Step;
use crate::statement::Statement;
use crate::value::ValueRef;

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
    /// A connection that sees only what is committed: it reads the schema anew when that has changed, which is no
    /// schema while pages come.
    reader: Connection,
    read: Rc<Statement>,
    /// The [sum](Self::sum) of what is committed.
    sum: Cell<u64>,
    /// The hashes of the pages that this transaction has written: before it, and now.
    written: RefCell<HashMap<u32, [u64; 2]>>,
    /// This transaction writes all pages: none from before stays.
    anew: Cell<bool>,
}

impl PageWriter {
    /// The size of the pages in bytes.
    pub const PAGE_SIZE: usize = 4096;

    /// Opens or creates the file. Its pages have [`PAGE_SIZE`](Self::PAGE_SIZE), or it is an error.
    pub fn open(path: &str, timeout: u32, key: Option<&Key>) -> Result<Self> {
        let encoding = prepare_file(path, timeout, key)?;
        let connection = Connection::open_with_pages(&OpenOptions {
            timeout,
            ..OpenOptions::new(":memory:")
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
        let reader = Connection::open_with_pages(&OpenOptions {
            must_exist: true,
            timeout,
            key,
            ..OpenOptions::new(path)
        })?;
        let read = reader.prepare(b"SELECT data FROM sqlite_dbpage WHERE pgno = ?")?;
        Ok(Self {
            connection,
            write,
            reader,
            read,
            sum: Cell::default(),
            written: RefCell::default(),
            anew: Cell::default(),
        })
    }

    /// Begins a transaction, one that writes all pages if it is `anew`; one that was left open is rolled back.
    pub fn begin(&self, anew: bool) -> Result<()> {
        self.rollback();
        self.written.take();
        self.anew.set(anew);
        run(&self.connection, "BEGIN IMMEDIATE")
    }

    /// Writes one page, of which the first has the number 1.
    pub fn write(&self, number: u32, page: &[u8]) -> Result<()> {
        if Self::is_lock_page(number) {
            return Ok(());
        }
        let mut written = self.written.borrow_mut();
        let hash = hash(number, page);
        if let Some([_, now]) = written.get_mut(&number) {
            *now = hash;
        } else {
            let before = if self.anew.get() {
                0
            } else {
                self.hash_of(number)?.unwrap_or_default()
            };
            written.insert(number, [before, hash]);
        }
        let mut params = Params::default();
        params.values.push(Param::Integer(number.into()));
        // SAFETY: the statement ends before the page goes.
        unsafe { params.push_lent(page.as_ptr(), page.len()) };
        self.insert(params)
    }

    /// The sum of the whole content, as the last commit left it, or as it was passed to [`trust`](Self::trust).
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }

    /// Takes that for the sum of what is there.
    pub fn trust(&self, sum: u64) {
        self.sum.set(sum);
    }

    /// The sum of the whole content, for which all of it is read.
    pub fn read_sum(&self) -> Result<u64> {
        let all = self
            .reader
            .prepare(b"SELECT pgno, data FROM sqlite_dbpage")?;
        let mut running = all.start(Params::default())?;
        let mut sum = 0;
        while running.step()? == Step::Row {
            let row = running.row();
            if let (ValueRef::Integer(number), ValueRef::Blob(page)) = (row.get(0), row.get(1)) {
                sum ^= hash(u32::try_from(number).unwrap_or_default(), page);
            }
        }
        running.finish().1?;
        Ok(sum)
    }

    /// The sum after a [`commit`](Self::commit) with that size.
    pub fn sum_after(&self, size: u32) -> Result<u64> {
        let written = self.written.borrow();
        let is_anew = self.anew.get();
        let mut sum = if is_anew { 0 } else { self.sum.get() };
        for (number, [before, now]) in written.iter() {
            sum ^= before ^ if *number <= size { *now } else { 0 };
        }
        if !is_anew {
            let mut number = size.saturating_add(1);
            while let Some(hash) = self.hash_of(number)? {
                if !written.contains_key(&number) {
                    sum ^= hash;
                }
                number = number.saturating_add(1);
            }
        }
        Ok(sum)
    }

    /// The hash of a page as it was before this transaction, if there was one.
    fn hash_of(&self, number: u32) -> Result<Option<u64>> {
        let mut params = Params::default();
        params.values.push(Param::Integer(number.into()));
        let mut running = self.read.start(params)?;
        let mut found = None;
        while running.step()? == Step::Row {
            if let ValueRef::Blob(page) = running.row().get(0) {
                found = Some(hash(number, page));
            }
        }
        running.finish().1?;
        Ok(found)
    }

    /// Ends the transaction; the database has `size` pages then.
    pub fn commit(&self, size: u32) -> Result<()> {
        let sum = self.sum_after(size)?;
        // No page at a number: that and all behind it are taken away.
        if !Self::is_lock_page(size + 1) {
            let mut params = Params::default();
            params.values.push(Param::Integer(i64::from(size) + 1));
            params.values.push(Param::Null);
            self.insert(params)?;
        }
        run(&self.connection, "COMMIT")?;
        self.sum.set(sum);
        Ok(())
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

/// The hash of a page. It guards against accidents, not attacks, and is fast.
///
/// In the first page, what `SQLite` itself writes at a commit counts for nothing: the mode of the journal, the
/// counters of changes, how many pages there are and its own version
/// (<https://sqlite.org/fileformat.html#the_database_header>).
fn hash(number: u32, page: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    if PageWriter::is_lock_page(number) {
        return 0;
    }
    let mut first = [0; 96];
    let mut rest = page;
    if let (1, Some((header, others))) = (number, page.split_at_checked(100)) {
        first.copy_from_slice(&header[..96]);
        first[18..20].fill(0);
        first[24..32].fill(0);
        first[92..].fill(0);
        rest = others;
    }
    let (words, end) = rest.as_chunks();
    let step = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let words = first.as_chunks().0.iter().chain(words);
    let hash = words.fold(u64::from(number), |hash, word| {
        step(hash, u64::from_le_bytes(*word))
    });
    let hash = end
        .iter()
        .fold(hash, |hash, byte| step(hash, (*byte).into()));
    (hash ^ (hash >> 32)).wrapping_mul(FACTOR)
}

/// Creates the file if it is not there, in WAL mode, and checks it and its key. -> the encoding of its text
fn prepare_file(path: &str, timeout: u32, key: Option<&Key>) -> Result<String> {
    let connection = Connection::open(&OpenOptions {
        timeout,
        key,
        ..OpenOptions::new(path)
    })?;
    run(&connection, "PRAGMA page_size = 4096")?;
    if connection.pragma(c"PRAGMA journal_mode = WAL")? != b"wal" {
        return Err(Error::from_code(ffi::SQLITE_CANTOPEN));
    }
    if integer(&connection, "PRAGMA page_size")? != 4096 {
        return Err(Error::sqlite(
            ffi::SQLITE_NOTADB,
            "the pages of the file do not have 4096 bytes: the option \"resync\" starts over from the primary",
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
