//! Online `SQLite` backup API.

use std::cell::Cell;
use std::ffi::CStr;
use std::fs;
use std::ptr;
use std::rc::Rc;

use crate::codec::encrypt;
use crate::connection::{c_string, Connection, Dependent};
use crate::error::{last_error, open_error, Error, Result};
use crate::ffi;
use crate::value::c_bytes;

/// How far a backup is, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pages of the source when it was last looked at.
    pub total: i32,
    /// Pages still to be copied.
    pub remaining: i32,
    /// The copy is complete and written.
    pub done: bool,
}

/// A copy in progress from an open connection to a file, or back.
pub struct Backup {
    handle: Rc<BackupHandle>,
    connection: Connection,
    /// The file that is copied; empty if there is none.
    pub source_file: String,
    /// The file that is written to; empty if there is none.
    pub target_file: String,
}

struct BackupHandle {
    backup: Cell<*mut ffi::sqlite3_backup>,
    /// The connection to the file.
    file: Cell<*mut ffi::sqlite3>,
    /// The file was made for this backup, which is not complete.
    is_unfinished: Cell<bool>,
}

impl Dependent for BackupHandle {
    fn end(&self) {
        let file = self.file.replace(ptr::null_mut());
        if file.is_null() {
            return;
        }
        // SAFETY: both were made by `Connection::backup` or `backup_from` and are given up here.
        unsafe {
            ffi::sqlite3_backup_finish(self.backup.replace(ptr::null_mut()));
            close(file, self.is_unfinished.get());
        }
    }
}

impl Drop for BackupHandle {
    fn drop(&mut self) {
        self.end();
    }
}

impl Connection {
    /// Starts a backup of `database` into the file `path`, under the key of this connection. A file that is made for it is removed
    /// again if it ends before it is complete.
    pub fn backup(&self, database: &str, path: &str, uri: bool) -> Result<Backup> {
        let source = self.shared.open_db()?;
        let database = c_string(database, "Database name cannot contain a NUL character")?;
        let path = c_string(path, "Backup filename cannot contain a NUL character")?;
        let (target, is_new) = open(&path, uri)?;
        // SAFETY: strings end in NUL; the target is closed on every failure.
        unsafe {
            ffi::sqlite3_extended_result_codes(target, 1);
            let key = self.shared.key.borrow();
            let keyed = key.as_ref().map_or(Ok(()), |key| encrypt(target, key));
            let begun = keyed.and_then(|()| begin(target, source, &database));
            let backup = match begun {
                Ok(backup) => backup,
                Err(error) => {
                    close(target, is_new);
                    return Err(error);
                }
            };
            let files = [file_name(source, &database), file_name(target, c"main")];
            Ok(self.started(backup, target, is_new, files))
        }
    }

    /// Starts a backup of the file `path`, which nobody else uses, into this connection. It leaves WAL mode, which
    /// would be copied.
    pub fn backup_from(&self, path: &str) -> Result<Backup> {
        let target = self.shared.open_db()?;
        let path = c_string(path, "Backup filename cannot contain a NUL character")?;
        let source = open_there(&path)?;
        // SAFETY: strings end in NUL; the source is closed on every failure.
        unsafe {
            let sql = c"PRAGMA journal_mode = DELETE".as_ptr();
            let rc = ffi::sqlite3_exec(source, sql, None, ptr::null_mut(), ptr::null_mut());
            let plain = match rc {
                ffi::SQLITE_OK => Ok(()),
                rc => Err(last_error(source, rc)),
            };
            match plain.and_then(|()| begin(target, source, c"main")) {
                Ok(backup) => {
                    let files = [file_name(source, c"main"), file_name(target, c"main")];
                    Ok(self.started(backup, source, false, files))
                }
                Err(error) => {
                    close(source, false);
                    Err(error)
                }
            }
        }
    }

    fn started(
        &self,
        backup: *mut ffi::sqlite3_backup,
        file: *mut ffi::sqlite3,
        is_unfinished: bool,
        [source_file, target_file]: [String; 2],
    ) -> Backup {
        let handle = Rc::new(BackupHandle {
            backup: Cell::new(backup),
            file: Cell::new(file),
            is_unfinished: Cell::new(is_unfinished),
        });
        let dependent: Rc<dyn Dependent> = handle.clone();
        self.add_dependent(Rc::downgrade(&dependent));
        Backup {
            handle,
            connection: self.clone(),
            source_file,
            target_file,
        }
    }
}

impl Backup {
    /// Copies up to `pages` pages, all of them if negative. A lock of others is not waited for: the error is
    /// `SQLITE_BUSY`, and the next step goes on.
    pub fn step(&self, pages: i32) -> Result<Progress> {
        let backup = self.handle.backup.get();
        if !self.connection.is_open() || backup.is_null() {
            return Err(Error::closed());
        }
        // SAFETY: checked live.
        let step = || unsafe { ffi::sqlite3_backup_step(backup, pages) } & 0xff;
        let done = match self.connection.without_waiting(step) {
            ffi::SQLITE_OK => false,
            ffi::SQLITE_DONE => true,
            rc => return Err(Error::from_code(rc)),
        };
        if done {
            self.handle.is_unfinished.set(false);
        }
        // SAFETY: live.
        unsafe {
            Ok(Progress {
                total: ffi::sqlite3_backup_pagecount(backup),
                remaining: ffi::sqlite3_backup_remaining(backup),
                done,
            })
        }
    }

    /// Ends the backup; an unfinished new file is removed.
    pub fn close(&self) {
        self.handle.end();
    }
}

/// Opens the file to write to. The second value is true if this call created the file.
fn open(path: &CStr, uri: bool) -> Result<(*mut ffi::sqlite3, bool)> {
    let mut flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_NOMUTEX;
    if uri {
        flags |= ffi::SQLITE_OPEN_URI;
    }
    for (is_new, flags) in [(false, flags), (true, flags | ffi::SQLITE_OPEN_CREATE)] {
        let mut target = ptr::null_mut();
        // SAFETY: the string ends in NUL; a handle that is of no use is closed.
        unsafe {
            let rc = ffi::sqlite3_open_v2(path.as_ptr(), &raw mut target, flags, ptr::null());
            if rc == ffi::SQLITE_OK {
                return Ok((target, is_new));
            }
            let error = open_error(target, rc, &path.to_string_lossy());
            ffi::sqlite3_close(target);
            if is_new || rc & 0xff != ffi::SQLITE_CANTOPEN {
                return Err(error);
            }
        }
    }
    Err(Error::from_code(ffi::SQLITE_CANTOPEN))
}

/// Opens a file that is there.
fn open_there(path: &CStr) -> Result<*mut ffi::sqlite3> {
    let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_NOMUTEX;
    let mut file = ptr::null_mut();
    // SAFETY: the string ends in NUL; a handle that is of no use is closed.
    unsafe {
        let rc = ffi::sqlite3_open_v2(path.as_ptr(), &raw mut file, flags, ptr::null());
        if rc == ffi::SQLITE_OK {
            ffi::sqlite3_extended_result_codes(file, 1);
            return Ok(file);
        }
        let error = open_error(file, rc, &path.to_string_lossy());
        ffi::sqlite3_close(file);
        Err(error)
    }
}

/// Closes the file, and removes its file if asked to and nobody else has put something into it.
///
/// # Safety
/// `target` is an open connection of this thread, with no backup.
unsafe fn close(target: *mut ffi::sqlite3, remove: bool) {
    // SAFETY: open; the string ends in NUL.
    unsafe {
        let begin = c"BEGIN EXCLUSIVE".as_ptr();
        let (none, nobody) = (None, ptr::null_mut());
        let lock = || ffi::sqlite3_exec(target, begin, none, nobody, ptr::null_mut()) & 0xff;
        let remove = remove && lock() != ffi::SQLITE_BUSY;
        let file = file_name(target, c"main");
        let is_empty = || fs::metadata(&file).is_ok_and(|found| found.len() == 0);
        let remove = remove && is_empty();
        ffi::sqlite3_close(target);
        if remove {
            // Best effort: the caller learns of the failed backup in any case.
            let _ = fs::remove_file(&file);
        }
    }
}

/// # Safety
/// `db` is an open connection of this thread.
unsafe fn file_name(db: *mut ffi::sqlite3, database: &CStr) -> String {
    // SAFETY: open; the name is copied before any other call.
    let name = unsafe { c_bytes(ffi::sqlite3_db_filename(db, database.as_ptr())) };
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}

/// # Safety
/// Both are open connections of this thread.
unsafe fn begin(
    target: *mut ffi::sqlite3,
    source: *mut ffi::sqlite3,
    database: &CStr,
) -> Result<*mut ffi::sqlite3_backup> {
    // SAFETY: open; strings end in NUL.
    unsafe {
        let main = c"main".as_ptr();
        let backup = ffi::sqlite3_backup_init(target, main, source, database.as_ptr());
        if backup.is_null() {
            return Err(last_error(target, ffi::SQLITE_ERROR));
        }
        Ok(backup)
    }
}
