//! A database connection, and what it shares with its statements.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::{c_int, CStr, CString};
use std::ptr;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{check, Error, Result};
use crate::ffi;
use crate::hooks::Hooks;
use crate::interrupt::{DbPtr, InterruptHandle, Watch};
use crate::key::Key;

/// What a connection and its statements share; it outlives both.
pub(crate) struct Shared {
    db: Cell<*mut ffi::sqlite3>,
    interrupt: InterruptHandle,
    pub(crate) watch: Watch,
    pub(crate) hooks: Hooks,
    /// Compiled statements, oldest first: the queue of a clock that finalizes idle ones.
    pub(crate) compiled: RefCell<VecDeque<Weak<dyn Compiled>>>,
    /// Backups and sessions, which must end before the connection closes.
    dependents: RefCell<Vec<Weak<dyn Dependent>>>,
    /// Backups are encrypted with it too.
    pub(crate) key: RefCell<Option<Key>>,
    /// Grows whenever statements compiled before may no longer mean the same.
    epoch: Cell<u32>,
}

/// A statement, whose compiled form may be given up while it is idle.
pub(crate) trait Compiled {
    /// Gives it up.
    fn finalize(&self);
    /// Whether it runs, or has run since this was asked last.
    fn is_wanted(&self) -> bool;
}

/// Something that holds on to the `sqlite3*` beside statements.
pub(crate) trait Dependent {
    fn end(&self);
}

/// A database connection; it stays on the thread that opened it.
#[derive(Clone)]
pub struct Connection {
    pub(crate) shared: Rc<Shared>,
}

impl Shared {
    #[inline]
    pub(crate) fn raw(&self) -> *mut ffi::sqlite3 {
        self.db.get()
    }

    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        !self.db.get().is_null()
    }

    pub(crate) fn open_db(&self) -> Result<*mut ffi::sqlite3> {
        if self.is_open() {
            Ok(self.db.get())
        } else {
            Err(Error::closed())
        }
    }

    #[inline]
    pub(crate) fn bump_epoch(&self) {
        self.epoch.set(self.epoch.get().wrapping_add(1));
    }

    #[inline]
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.get()
    }

    fn close(&self) {
        let db = self.db.get();
        if db.is_null() {
            return;
        }
        for dependent in self.dependents.take() {
            if let Some(dependent) = dependent.upgrade() {
                dependent.end();
            }
        }
        for statement in self.compiled.take() {
            if let Some(statement) = statement.upgrade() {
                statement.finalize();
            }
        }
        self.interrupt
            .db
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0 = ptr::null_mut();
        self.db.set(ptr::null_mut());
        // SAFETY: every statement, backup and session of ours has ended. What an extension may have left
        // open keeps a zombie alive rather than freed memory.
        unsafe {
            if ffi::sqlite3_close(db) != ffi::SQLITE_OK {
                ffi::sqlite3_close_v2(db);
            }
        }
        self.hooks.clear();
        self.key.take();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

impl Connection {
    /// A connection that was just opened, with its busy timeout in ms.
    pub(crate) fn from_raw(db: *mut ffi::sqlite3, timeout: u32) -> Self {
        Self {
            shared: Rc::new(Shared {
                db: Cell::new(db),
                interrupt: InterruptHandle {
                    db: Arc::new(Mutex::new(DbPtr(db))),
                },
                watch: Watch::new(timeout),
                hooks: Hooks::default(),
                compiled: RefCell::default(),
                dependents: RefCell::default(),
                key: RefCell::default(),
                epoch: Cell::new(0),
            }),
        }
    }

    /// Switches one of the boolean `SQLITE_DBCONFIG_*` settings.
    pub(crate) fn config(&self, setting: c_int, on: bool) -> Result<()> {
        let db = self.shared.open_db()?;
        // SAFETY: boolean settings take an int and an optional int pointer.
        let rc = unsafe {
            ffi::sqlite3_db_config(db, setting, c_int::from(on), ptr::null_mut::<c_int>())
        };
        // SAFETY: `db` is open.
        unsafe { check(db, rc) }
    }

    /// Defensive mode keeps SQL from corrupting the file on purpose.
    pub fn set_defensive(&self, on: bool) -> Result<()> {
        self.config(ffi::SQLITE_DBCONFIG_DEFENSIVE, on)
    }

    /// True until [`close`](Self::close).
    #[inline]
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// Finalizes every statement, ends backups and sessions, and closes. Does nothing the second time.
    pub fn close(&self) {
        self.shared.close();
    }

    /// False once closed or in autocommit mode.
    pub fn in_transaction(&self) -> bool {
        // SAFETY: checked open first.
        self.is_open() && unsafe { ffi::sqlite3_get_autocommit(self.shared.raw()) } == 0
    }

    /// A handle that other threads may use.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.shared.interrupt.clone()
    }

    /// Number grows when statements compiled before may no longer mean the same.
    #[inline]
    pub fn epoch(&self) -> u32 {
        self.shared.epoch()
    }

    /// Says that statements compiled before may no longer mean the same.
    #[inline]
    pub fn bump_epoch(&self) {
        self.shared.bump_epoch();
    }

    /// Rows changed by the last statement, triggers left out, and the last inserted rowid.
    #[inline]
    pub fn last_changes(&self) -> (i64, i64) {
        let db = self.shared.raw();
        if db.is_null() {
            return (0, 0);
        }
        // SAFETY: checked open.
        unsafe {
            (
                ffi::sqlite3_changes64(db),
                ffi::sqlite3_last_insert_rowid(db),
            )
        }
    }

    /// Rows changed since the connection was opened.
    #[inline]
    pub fn total_changes(&self) -> i64 {
        let db = self.shared.raw();
        if db.is_null() {
            return 0;
        }
        // SAFETY: checked open.
        unsafe { ffi::sqlite3_total_changes64(db) }
    }

    /// Whether a statement has begun and not ended.
    pub fn has_running_statements(&self) -> Result<bool> {
        let db = self.shared.open_db()?;
        let mut statement = ptr::null_mut();
        loop {
            // SAFETY: open; the statements are this connection's.
            statement = unsafe { ffi::sqlite3_next_stmt(db, statement) };
            if statement.is_null() {
                return Ok(false);
            }
            // SAFETY: live, as above.
            if unsafe { ffi::sqlite3_stmt_busy(statement) } != 0 {
                return Ok(true);
            }
        }
    }

    pub(crate) fn add_dependent(&self, dependent: Weak<dyn Dependent>) {
        let mut dependents = self.shared.dependents.borrow_mut();
        dependents.retain(|known| known.strong_count() > 0);
        dependents.push(dependent);
    }
}

/// SQL that ends in NUL and has no other: `SQLite` would read no further than the first.
pub(crate) fn check_nul(sql: &[u8]) -> Result<()> {
    if CStr::from_bytes_with_nul(sql).is_ok() {
        Ok(())
    } else {
        Err(Error::Range(
            "The supplied SQL string contains a NUL character",
        ))
    }
}

/// A NUL in the middle would cut the string short, so it is refused.
pub(crate) fn c_string(text: &str, message: &'static str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::Range(message))
}
