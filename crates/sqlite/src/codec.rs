//! The codec of the engine: the key of a connection and of a file.

use std::ffi::{c_int, CString};
use std::path::PathBuf;
use std::ptr;
use std::thread::sleep;
use std::time::Duration;

use crate::connection::Connection;
use crate::error::{check, last_error, not_its_key, open_error, Error, Result};
use crate::ffi;
use crate::journal::{self, FirstPage};
use crate::key::Key;
use crate::value::c_bytes;

const PLAIN_HEADER: &[u8] = b"SQLite format 3\0";

impl Connection {
    /// Reads and writes the file with `key` from now on; checked against what is in the file.
    pub(crate) fn set_key(&self, key: Key) -> Result<()> {
        // SAFETY: open.
        unsafe { encrypt(self.shared.open_db()?, &key)? };
        self.shared.key.replace(Some(key));
        self.guard_mmap(true)
    }

    /// Refuses a journal that was written with a key: the engine would take it for damaged, delete it,
    /// and leave the file half changed.
    pub(crate) fn check_plain_journal(&self) -> Result<()> {
        let Ok(file) = self.require_file() else {
            return Ok(());
        };
        let is_plain = match journal::first_page(&journal_of(&file)) {
            FirstPage::None => true,
            FirstPage::Image(page) => page.starts_with(PLAIN_HEADER),
            // SAFETY: open.
            FirstPage::Other => unsafe { header::<16>(self.shared.open_db()?)? }
                .is_none_or(|header| header == PLAIN_HEADER),
        };
        if is_plain {
            return Ok(());
        }
        Err(Error::from_code(ffi::SQLITE_NOTADB))
    }

    /// Encrypts the file with another key, or with none. It is one transaction with a rollback journal:
    /// after a crash the file has the old key or the new one.
    pub fn rekey(&self, key: Option<Key>) -> Result<()> {
        let db = self.shared.open_db()?;
        self.require_file()?;
        if self.in_transaction() {
            return Err(refused("cannot rekey from within a transaction"));
        }
        if self.has_running_statements()? {
            return Err(refused("cannot rekey - SQL statements in progress"));
        }
        // SAFETY: open.
        if unsafe { ffi::sqlite3_db_readonly(db, c"main".as_ptr()) } != 0 {
            return Err(Error::from_code(ffi::SQLITE_READONLY));
        }
        self.bump_epoch();
        // The engine cannot do it in WAL mode; OFF and MEMORY do not survive a crash, and what TRUNCATE
        // and PERSIST keep of the journal is under the old key.
        let mode = self.pragma(c"PRAGMA main.journal_mode")?;
        if mode != b"delete" {
            let now = self.pragma(c"PRAGMA main.journal_mode = DELETE")?;
            if now != b"delete" {
                return Err(Error::from_code(ffi::SQLITE_BUSY));
            }
        }
        // Pages would be read past the codec.
        self.pragma(c"PRAGMA main.mmap_size = 0")?;
        let changed = self.change_key(key);
        if mode != b"delete" {
            // Whoever came in between may keep it as it is now; the key is what counts.
            let mode = String::from_utf8_lossy(&mode).into_owned();
            if let Ok(sql) = CString::new(format!("PRAGMA main.journal_mode = {mode}")) {
                let _ = self.pragma(&sql);
            }
        }
        changed
    }

    fn change_key(&self, key: Option<Key>) -> Result<()> {
        let db = self.shared.open_db()?;
        let (at, len) = match &key {
            Some(key) => key.parts()?,
            None => (c"".as_ptr().cast(), 0),
        };
        // SAFETY: open; the engine copies the key.
        let rc = unsafe { ffi::sqlite3_rekey_v2(db, c"main".as_ptr(), at, len) };
        if rc != ffi::SQLITE_OK {
            // SAFETY: open. The last error of the connection may be that of an earlier call.
            let last = unsafe { last_error(db, rc) };
            let is_same = last.code() & 0xff == rc & 0xff;
            return Err(if is_same { last } else { Error::from_code(rc) });
        }
        // SAFETY: open.
        if unsafe { has_codec(db)? } != key.is_some() {
            return Err(refused(
                "cannot rekey: the file still has its old encryption",
            ));
        }
        let encrypted = key.is_some();
        self.shared.key.replace(key);
        self.guard_mmap(encrypted)
    }

    /// The name of the main file, as the engine has it.
    fn require_file(&self) -> Result<String> {
        // SAFETY: open.
        unsafe { file_of(self.shared.open_db()?) }
    }
}

/// Gives a connection a key: its own file has to be under that one, or new.
///
/// # Safety
/// `db` is an open connection of this thread.
pub(crate) unsafe fn encrypt(db: *mut ffi::sqlite3, key: &Key) -> Result<()> {
    let (at, len) = key.parts()?;
    // SAFETY: open; the engine copies the key.
    let (file, has_codec) = unsafe {
        let file = file_of(db)?;
        check(db, ffi::sqlite3_key_v2(db, c"main".as_ptr(), at, len))?;
        (file, has_codec(db)?)
    };
    if !has_codec {
        return Err(refused("the database file cannot be encrypted"));
    }
    // SAFETY: open.
    unsafe { require_fit(db, &file, key) }
}

/// The name of the main file, as the engine has it.
///
/// # Safety
/// `db` is an open connection of this thread.
unsafe fn file_of(db: *mut ffi::sqlite3) -> Result<String> {
    // SAFETY: open; the name lives as long as the connection.
    let name = unsafe { c_bytes(ffi::sqlite3_db_filename(db, c"main".as_ptr())) };
    match name.map(String::from_utf8_lossy) {
        Some(name) if !name.is_empty() => Ok(name.into_owned()),
        _ => Err(Error::Type(
            "In-memory/temporary databases cannot be encrypted",
        )),
    }
}

/// # Safety
/// `db` is an open connection of this thread.
unsafe fn has_codec(db: *mut ffi::sqlite3) -> Result<bool> {
    // SAFETY: open.
    unsafe { ffi::has_codec(db).or_else(|rc| check(db, rc).map(|()| false)) }
}

fn refused(message: &str) -> Error {
    Error::sqlite(ffi::SQLITE_ERROR, message)
}

fn journal_of(file: &str) -> PathBuf {
    PathBuf::from(format!("{file}-journal"))
}

/// Throws if the file has another key. Only its first page is read, without a lock and without its
/// journals: rolled back or checkpointed with another key, they would destroy the file.
///
/// # Safety
/// `db` is an open connection of this thread, which has the key.
unsafe fn require_fit(db: *mut ffi::sqlite3, file: &str, key: &Key) -> Result<()> {
    let fits = || match journal::first_page(&journal_of(file)) {
        FirstPage::Image(page) if page.starts_with(PLAIN_HEADER) => Ok(false),
        // The journal has what the file is to be again: rekey() may have been interrupted.
        FirstPage::Image(page) => {
            let copy = journal::Copy::of(&page)
                .map_err(|_| refused("cannot open database: its journal cannot be copied"))?;
            reads(&copy.path.to_string_lossy(), key)
        }
        // SAFETY: open.
        _ => unsafe { is_database(db) },
    };
    // Somebody may be writing that page now.
    for _ in 0..3 {
        if fits()? {
            return Ok(());
        }
        sleep(Duration::from_millis(5));
    }
    Err(not_its_key())
}

/// Whether a file makes sense with that key.
fn reads(file: &str, key: &Key) -> Result<bool> {
    let name = CString::new(file)
        .map_err(|_| refused("cannot open database: its journal cannot be copied"))?;
    let flags = ffi::SQLITE_OPEN_READONLY | ffi::SQLITE_OPEN_NOMUTEX;
    let (at, len) = key.parts()?;
    let mut db = ptr::null_mut();
    // SAFETY: the name ends in NUL; the connection is closed on every way out.
    unsafe {
        let rc = ffi::sqlite3_open_v2(name.as_ptr(), &raw mut db, flags, ptr::null());
        let answer = if rc == ffi::SQLITE_OK {
            let rc = ffi::sqlite3_key_v2(db, c"main".as_ptr(), at, len);
            check(db, rc).and_then(|()| is_database(db))
        } else {
            Err(open_error(db, rc, file))
        };
        ffi::sqlite3_close(db);
        answer
    }
}

/// Whether the file begins as a database does under the key of its connection; a new one counts too.
///
/// # Safety
/// `db` is an open connection of this thread, which has a key.
unsafe fn is_database(db: *mut ffi::sqlite3) -> Result<bool> {
    // SAFETY: open. Longer reads go through the codec, which leaves the start of a plain file alone.
    let (raw, read) = unsafe { (header::<16>(db)?, header::<32>(db)?) };
    let (Some(raw), Some(read)) = (raw, read) else {
        return Ok(true);
    };
    Ok(raw != PLAIN_HEADER && read.starts_with(PLAIN_HEADER))
}

/// The first bytes of the file; `None` for a new one. Exactly 16 are as they are on disk. Opening the
/// file beside `SQLite` would drop its locks when it is closed.
///
/// # Safety
/// `db` is an open connection of this thread.
unsafe fn header<const LEN: usize>(db: *mut ffi::sqlite3) -> Result<Option<[u8; LEN]>> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    let mut bytes = [0; LEN];
    let len = c_int::try_from(LEN).map_err(|_| Error::from_code(ffi::SQLITE_TOOBIG))?;
    let op = ffi::SQLITE_FCNTL_FILE_POINTER;
    // SAFETY: open; this op stores a pointer to the open file, whose methods live as long as it does.
    unsafe {
        let rc = ffi::sqlite3_file_control(db, c"main".as_ptr(), op, (&raw mut file).cast());
        check(db, rc)?;
        let read = file.as_ref().and_then(|file| file.pMethods.as_ref()?.xRead);
        let Some(read) = read else { return Ok(None) };
        let rc = read(file, bytes.as_mut_ptr().cast(), len, 0);
        Ok((rc == ffi::SQLITE_OK).then_some(bytes))
    }
}
