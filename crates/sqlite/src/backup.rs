//! Online `SQLite` backup API.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::path::PathBuf;
use std::ptr;
use std::rc::Rc;

use crate::connection::{c_string, Connection, Dependent};
use crate::error::{last_error, Error, Result};
use crate::ffi;
use crate::key::encrypt;

/// How far a backup is, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pages of the source when it was last looked at.
    pub total: i32,
    /// Pages still to be copied.
    pub remaining: i32,
}

/// A copy in progress from an open connection to a file.
pub struct Backup {
    state: Rc<State>,
    source: Connection,
}

struct State {
    backup: Cell<*mut ffi::sqlite3_backup>,
    target: Cell<*mut ffi::sqlite3>,
    /// Removed again unless the copy is complete.
    unfinished: RefCell<Option<PathBuf>>,
}

impl Dependent for State {
    fn end(&self) {
        let target = self.target.replace(ptr::null_mut());
        if target.is_null() {
            return;
        }
        // SAFETY: both were made by `Connection::backup` and are given up here.
        unsafe {
            ffi::sqlite3_backup_finish(self.backup.replace(ptr::null_mut()));
            ffi::sqlite3_close(target);
        }
        if let Some(path) = self.unfinished.take() {
            // Best effort: the caller learns of the failed backup in any case.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.end();
    }
}

impl Connection {
    /// Starts a backup of `database` into the file `path`, under the key of this connection. `is_new` removes the file if the backup ends
    /// before it is complete.
    pub fn backup(&self, database: &str, path: &str, is_new: bool) -> Result<Backup> {
        let source = self.shared.open_db()?;
        let database = c_string(database, "Database name cannot contain a NUL character")?;
        let file = c_string(path, "Backup filename cannot contain a NUL character")?;
        let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE | ffi::SQLITE_OPEN_NOMUTEX;
        let mut target = ptr::null_mut();
        // SAFETY: strings end in NUL; the target is closed on every failure.
        unsafe {
            let rc = ffi::sqlite3_open_v2(file.as_ptr(), &raw mut target, flags, ptr::null());
            if rc != ffi::SQLITE_OK {
                let error = last_error(target, rc);
                ffi::sqlite3_close(target);
                return Err(error);
            }
            ffi::sqlite3_extended_result_codes(target, 1);
            let key = self.shared.key.borrow();
            let keyed = key.as_ref().map_or(Ok(()), |key| encrypt(target, key));
            let begun = keyed.and_then(|()| begin(target, source, &database));
            let backup = match begun {
                Ok(backup) => backup,
                Err(error) => {
                    ffi::sqlite3_close(target);
                    if is_new {
                        // Best effort: the error is told in any case.
                        let _ = std::fs::remove_file(path);
                    }
                    return Err(error);
                }
            };
            let state = Rc::new(State {
                backup: Cell::new(backup),
                target: Cell::new(target),
                unfinished: RefCell::new(is_new.then(|| PathBuf::from(path))),
            });
            let dependent: Rc<dyn Dependent> = state.clone();
            self.add_dependent(Rc::downgrade(&dependent));
            Ok(Backup {
                state,
                source: self.clone(),
            })
        }
    }
}

impl Backup {
    /// Copies up to `pages` pages, all of them if negative. A locked file copies nothing this time.
    pub fn step(&self, pages: i32) -> Result<Progress> {
        let backup = self.state.backup.get();
        if !self.source.is_open() || backup.is_null() {
            return Err(Error::closed());
        }
        // SAFETY: checked live.
        let rc = unsafe { ffi::sqlite3_backup_step(backup, pages) } & 0xff;
        if rc == ffi::SQLITE_DONE {
            self.state.unfinished.take();
        } else if !matches!(rc, ffi::SQLITE_OK | ffi::SQLITE_BUSY) {
            return Err(Error::from_code(rc));
        }
        // SAFETY: live.
        unsafe {
            let total = ffi::sqlite3_backup_pagecount(backup);
            Ok(Progress {
                total,
                remaining: ffi::sqlite3_backup_remaining(backup),
            })
        }
    }

    /// Ends the backup; an unfinished new file is removed.
    pub fn close(&self) {
        self.state.end();
    }
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
