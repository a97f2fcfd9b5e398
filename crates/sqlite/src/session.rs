//! Record changes as a changeset, and apply one: <https://www.sqlite.org/sessionintro.html>.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::rc::Rc;

use crate::boundary::boundary;
use crate::changeset;
use crate::connection::{c_string, Connection, Dependent};
use crate::error::{Error, Result};
use crate::ffi;
use crate::value::{bytes, c_bytes};

/// Records the changes of a connection from its creation on.
pub struct Session {
    handle: Rc<SessionHandle>,
    connection: Connection,
}

struct SessionHandle {
    raw: Cell<*mut ffi::sqlite3_session>,
}

impl Dependent for SessionHandle {
    fn end(&self) {
        let raw = self.raw.replace(ptr::null_mut());
        if !raw.is_null() {
            // SAFETY: live until now; a connection ends its sessions before it closes.
            unsafe { ffi::sqlite3session_delete(raw) }
        }
    }
}

impl Drop for SessionHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// What to do about a change that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictAction {
    /// Skip the change.
    Omit,
    /// Overwrite the row.
    Replace,
    /// Roll everything back.
    Abort,
    /// An action that `SQLite` will refuse as misuse.
    Other(i32),
}

impl ConflictAction {
    /// The action of a `SQLITE_CHANGESET_*` code.
    pub fn from_code(code: i32) -> Self {
        match code {
            ffi::SQLITE_CHANGESET_OMIT => Self::Omit,
            ffi::SQLITE_CHANGESET_REPLACE => Self::Replace,
            ffi::SQLITE_CHANGESET_ABORT => Self::Abort,
            other => Self::Other(other),
        }
    }
}

/// Decides while a changeset is applied.
pub trait ApplyHandler {
    /// Whether changes of this table are applied.
    fn filter(&mut self, table: &[u8]) -> bool;
    /// `kind` is one of `SQLITE_CHANGESET_DATA`, `NOTFOUND`, `CONFLICT`, `CONSTRAINT`, `FOREIGN_KEY`.
    fn conflict(&mut self, kind: i32) -> ConflictAction;
}

impl Connection {
    /// Starts recording one table, or all that have a primary key.
    pub fn create_session(&self, database: &str, table: Option<&str>) -> Result<Session> {
        let db = self.shared.open_db()?;
        let database = c_string(database, "Database name cannot contain a NUL character")?;
        let table = table.map(|table| c_string(table, "Table name cannot contain a NUL character"));
        let table = table.transpose()?;
        let mut raw = ptr::null_mut();
        // SAFETY: open; strings end in NUL.
        let rc = unsafe { ffi::sqlite3session_create(db, database.as_ptr(), &raw mut raw) };
        if rc != ffi::SQLITE_OK {
            return Err(Error::from_code(rc));
        }
        let handle = Rc::new(SessionHandle {
            raw: Cell::new(raw),
        });
        let dependent: Rc<dyn Dependent> = handle.clone();
        self.add_dependent(Rc::downgrade(&dependent));
        let table = table.as_ref().map_or(ptr::null(), |table| table.as_ptr());
        // SAFETY: live.
        let rc = unsafe { ffi::sqlite3session_attach(raw, table) };
        if rc != ffi::SQLITE_OK {
            return Err(Error::from_code(rc));
        }
        Ok(Session {
            handle,
            connection: self.clone(),
        })
    }

    /// Applies a changeset or patchset. False if the handler aborted it: nothing was changed then.
    pub fn apply_changeset(
        &self,
        changeset: &[u8],
        handler: &mut dyn ApplyHandler,
    ) -> Result<bool> {
        let db = self.shared.open_db()?;
        self.bump_epoch();
        let len =
            c_int::try_from(changeset.len()).map_err(|_| Error::from_code(ffi::SQLITE_TOOBIG))?;
        changeset::check(changeset)?;
        let mut context = ApplyContext { handler };
        // SAFETY: open; SQLite only reads the changeset; the context outlives the call.
        let rc = unsafe {
            ffi::sqlite3changeset_apply(
                db,
                len,
                changeset.as_ptr().cast_mut().cast(),
                Some(on_filter),
                Some(on_conflict),
                ptr::from_mut(&mut context).cast(),
            )
        };
        match rc {
            ffi::SQLITE_OK => Ok(true),
            ffi::SQLITE_ABORT => Ok(false),
            rc => Err(Error::from_code(rc)),
        }
    }
}

struct ApplyContext<'a> {
    handler: &'a mut dyn ApplyHandler,
}

unsafe extern "C" fn on_filter(context: *mut c_void, table: *const c_char) -> c_int {
    boundary(0, || {
        // SAFETY: the context of `apply_changeset`, and a C string.
        let (context, table) =
            unsafe { (&mut *context.cast::<ApplyContext<'_>>(), c_bytes(table)) };
        c_int::from(context.handler.filter(table.unwrap_or_default()))
    })
}

unsafe extern "C" fn on_conflict(
    context: *mut c_void,
    kind: c_int,
    _change: *mut ffi::sqlite3_changeset_iter,
) -> c_int {
    boundary(ffi::SQLITE_CHANGESET_ABORT, || {
        // SAFETY: the context of `apply_changeset`.
        let context = unsafe { &mut *context.cast::<ApplyContext<'_>>() };
        match context.handler.conflict(kind) {
            ConflictAction::Omit => ffi::SQLITE_CHANGESET_OMIT,
            ConflictAction::Replace => ffi::SQLITE_CHANGESET_REPLACE,
            ConflictAction::Abort => ffi::SQLITE_CHANGESET_ABORT,
            ConflictAction::Other(action) => action,
        }
    })
}

impl Session {
    /// The changes so far; a patchset leaves old values out.
    pub fn changeset(&self, patchset: bool) -> Result<Vec<u8>> {
        let raw = self.handle.raw.get();
        if !self.connection.is_open() {
            return Err(Error::closed());
        }
        if raw.is_null() {
            return Err(Error::Type("The session is not open"));
        }
        let (mut len, mut data) = (0, ptr::null_mut::<c_void>());
        // SAFETY: live; SQLite hands over `len` bytes, which are freed after copying.
        unsafe {
            let rc = if patchset {
                ffi::sqlite3session_patchset(raw, &raw mut len, &raw mut data)
            } else {
                ffi::sqlite3session_changeset(raw, &raw mut len, &raw mut data)
            };
            let copy = bytes(data, len).to_vec();
            ffi::sqlite3_free(data);
            if rc == ffi::SQLITE_OK {
                Ok(copy)
            } else {
                Err(Error::from_code(rc))
            }
        }
    }

    /// Ends the recording; false if it had ended before.
    pub fn close(&self) -> bool {
        let open = !self.handle.raw.get().is_null();
        self.handle.end();
        open
    }
}
