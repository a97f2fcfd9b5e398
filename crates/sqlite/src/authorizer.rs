//! Authorizer: who may compile what.

use std::ffi::{c_int, c_void, CString};
use std::ptr;

use crate::connection::Connection;
use crate::error::{check, Result};
use crate::ffi;
use crate::hooks::{on_authorize, Authorize};

/// What an authorizer's question is about, as far as its action says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The table that is read or changed, or that an index or trigger belongs to.
    pub table: Option<&'a [u8]>,
    /// The column that is read or updated.
    pub column: Option<&'a [u8]>,
    /// The index, trigger, view, pragma, function, module, savepoint, file or command.
    pub entity: Option<&'a [u8]>,
}

impl<'a> Subject<'a> {
    /// Sorts the first two strings of an action: <https://www.sqlite.org/c3ref/c_alter_table.html>.
    pub fn new(action: i32, args: [Option<&'a [u8]>; 4]) -> Self {
        let [first, second, ..] = args;
        let (table, column, entity) = match action {
            ffi::SQLITE_READ | ffi::SQLITE_UPDATE => (first, second, None),
            ffi::SQLITE_INSERT
            | ffi::SQLITE_DELETE
            | ffi::SQLITE_ANALYZE
            | ffi::SQLITE_CREATE_TABLE
            | ffi::SQLITE_CREATE_TEMP_TABLE
            | ffi::SQLITE_DROP_TABLE
            | ffi::SQLITE_DROP_TEMP_TABLE => (first, None, None),
            ffi::SQLITE_CREATE_VTABLE | ffi::SQLITE_DROP_VTABLE => (first, None, second),
            ffi::SQLITE_ALTER_TABLE
            | ffi::SQLITE_CREATE_INDEX
            | ffi::SQLITE_CREATE_TEMP_INDEX
            | ffi::SQLITE_CREATE_TRIGGER
            | ffi::SQLITE_CREATE_TEMP_TRIGGER
            | ffi::SQLITE_DROP_INDEX
            | ffi::SQLITE_DROP_TEMP_INDEX
            | ffi::SQLITE_DROP_TRIGGER
            | ffi::SQLITE_DROP_TEMP_TRIGGER => (second, None, first),
            // The name of a function comes second, as the name of a savepoint does.
            ffi::SQLITE_FUNCTION | ffi::SQLITE_SAVEPOINT => (None, None, second),
            _ => (None, None, first),
        };
        Self {
            table,
            column,
            entity,
        }
    }
}

/// Whether `text` matches a GLOB pattern, by the rules of SQL.
pub fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (Ok(pattern), Ok(text)) = (CString::new(pattern), CString::new(text)) else {
        return false;
    };
    // SAFETY: both end in NUL.
    unsafe { ffi::sqlite3_strglob(pattern.as_ptr(), text.as_ptr()) == 0 }
}

impl Connection {
    /// Sets or removes the authorizer. It is asked while a statement is compiled.
    pub fn set_authorizer(&self, authorizer: Option<Box<dyn Authorize>>) -> Result<()> {
        self.shared.open_db()?;
        self.bump_epoch();
        self.shared.hooks.authorizer.replace(authorizer);
        self.update_authorizer()
    }

    /// The engine reads memory-mapped pages past the codec: such reads are never switched on for an
    /// encrypted file.
    pub(crate) fn guard_mmap(&self, on: bool) -> Result<()> {
        self.shared.hooks.no_mmap.set(on);
        self.update_authorizer()
    }

    /// Has the engine ask, or no longer.
    pub(crate) fn update_authorizer(&self) -> Result<()> {
        let db = self.shared.open_db()?;
        let rc = self.register_authorizer(db);
        // SAFETY: open.
        unsafe { check(db, rc) }
    }

    fn register_authorizer(&self, db: *mut ffi::sqlite3) -> c_int {
        let own = &self.shared.hooks;
        let wanted =
            own.no_mmap.get() || own.notes.is_wanted() || own.authorizer.borrow().is_some();
        let hooks = ptr::from_ref(&self.shared.hooks)
            .cast_mut()
            .cast::<c_void>();
        // SAFETY: open; the hooks live as long as the connection.
        unsafe {
            if wanted {
                ffi::sqlite3_set_authorizer(db, Some(on_authorize), hooks)
            } else {
                ffi::sqlite3_set_authorizer(db, None, ptr::null_mut())
            }
        }
    }
}
