//! Callbacks of the engine while it works: its authorizer and its update hook.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void};

use crate::boundary::boundary;
use crate::ffi;
use crate::notes::Notes;
use crate::value::c_bytes;
use crate::vtab::OnWork;

/// Decides whether a statement may be compiled.
pub trait Authorize: 'static {
    /// `action` is an `SQLITE_*` action code; `args` are the four strings that come with it (two that
    /// depend on the action, database, trigger or view). Returns `SQLITE_OK`, `SQLITE_DENY` or
    /// `SQLITE_IGNORE`.
    fn authorize(&self, action: i32, args: [Option<&[u8]>; 4]) -> i32;
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A row was added.
    Insert,
    /// A row was changed.
    Update,
    /// A row was removed.
    Delete,
}

/// One changed row of a rowid table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedRow {
    /// What happened.
    pub kind: ChangeKind,
    /// `main`, `temp` or the name of an attached database.
    pub database: Vec<u8>,
    /// Table name.
    pub table: Vec<u8>,
    /// Rowid of the row after the change.
    pub rowid: i64,
}

#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) authorizer: RefCell<Option<Box<dyn Authorize>>>,
    pub(crate) changes: RefCell<Vec<ChangedRow>>,
    pub(crate) watching: Cell<bool>,
    /// `PRAGMA mmap_size` is passed over.
    pub(crate) no_mmap: Cell<bool>,
    pub(crate) notes: Notes,
    pub(crate) on_work: RefCell<Option<OnWork>>,
    /// A virtual table has gathered what it writes later in the transaction.
    pub(crate) has_unwritten: Cell<bool>,
    /// How many statements of virtual tables run: neither hook is called for them.
    quiet: Cell<u32>,
}

/// While it lives, neither hook is called.
pub(crate) struct Quiet<'h>(&'h Cell<u32>);

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Hooks {
    pub(crate) fn be_quiet(&self) -> Quiet<'_> {
        self.quiet.set(self.quiet.get() + 1);
        Quiet(&self.quiet)
    }

    pub(crate) fn clear(&self) {
        self.authorizer.take();
        self.on_work.take();
        self.changes.take();
        self.watching.set(false);
    }
}

pub(crate) unsafe extern "C" fn on_authorize(
    hooks: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    database: *const c_char,
    source: *const c_char,
) -> c_int {
    boundary(ffi::SQLITE_DENY, || {
        // SAFETY: registered above; SQLite passes C strings or null.
        let (hooks, args) = unsafe {
            let args = [
                c_bytes(first),
                c_bytes(second),
                c_bytes(database),
                c_bytes(source),
            ];
            (&*hooks.cast::<Hooks>(), args)
        };
        if hooks.quiet.get() != 0 {
            return ffi::SQLITE_OK;
        }
        if hooks.notes.is_wanted() && hooks.notes.judge(action, &args) != ffi::SQLITE_OK {
            return ffi::SQLITE_DENY;
        }
        let is_mmap = || args[0].is_some_and(|name| name.eq_ignore_ascii_case(b"mmap_size"));
        if hooks.no_mmap.get() && action == ffi::SQLITE_PRAGMA && args[1].is_some() && is_mmap() {
            return ffi::SQLITE_IGNORE;
        }
        let authorizer = hooks.authorizer.borrow();
        authorizer.as_ref().map_or(ffi::SQLITE_OK, |authorizer| {
            authorizer.authorize(action, args)
        })
    })
}

pub(crate) unsafe extern "C" fn on_update(
    hooks: *mut c_void,
    operation: c_int,
    database: *const c_char,
    table: *const c_char,
    rowid: ffi::sqlite3_int64,
) {
    boundary((), || {
        // SAFETY: registered above; SQLite passes C strings.
        let (hooks, database, table) =
            unsafe { (&*hooks.cast::<Hooks>(), c_bytes(database), c_bytes(table)) };
        if hooks.quiet.get() != 0 {
            return;
        }
        let kind = match operation {
            ffi::SQLITE_INSERT => ChangeKind::Insert,
            ffi::SQLITE_DELETE => ChangeKind::Delete,
            _ => ChangeKind::Update,
        };
        hooks.changes.borrow_mut().push(ChangedRow {
            kind,
            database: database.unwrap_or_default().to_vec(),
            table: table.unwrap_or_default().to_vec(),
            rowid,
        });
    });
}
