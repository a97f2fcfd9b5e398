//! Authorizer and update hook.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void, CString};
use std::ptr;

use crate::connection::{c_bytes, Connection};
use crate::error::{check, Result};
use crate::ffi;
use crate::function::boundary;
use crate::role::Notes;

/// Decides whether a statement may be compiled.
pub trait Authorize: 'static {
    /// `action` is an `SQLITE_*` action code; `args` are the four strings that come with it (two that
    /// depend on the action, database, trigger or view). Returns `SQLITE_OK`, `SQLITE_DENY` or
    /// `SQLITE_IGNORE`.
    fn authorize(&self, action: i32, args: [Option<&[u8]>; 4]) -> i32;
}

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
pub struct Change {
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
    authorizer: RefCell<Option<Box<dyn Authorize>>>,
    changes: RefCell<Vec<Change>>,
    watching: Cell<bool>,
    /// `PRAGMA mmap_size` is passed over.
    no_mmap: Cell<bool>,
    pub(crate) notes: Notes,
    /// How many statements of virtual tables run, of which nobody is asked or told.
    quiet: Cell<u32>,
}

/// While it lives, nobody is asked or told of what runs.
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
        self.changes.take();
        self.watching.set(false);
    }
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

    /// Collects changed rows, or stops to.
    pub fn watch_changes(&self, watch: bool) -> Result<()> {
        let db = self.shared.open_db()?;
        let hooks = ptr::from_ref(&self.shared.hooks)
            .cast_mut()
            .cast::<c_void>();
        self.shared.hooks.watching.set(watch);
        // SAFETY: open; the hooks live as long as the connection.
        unsafe {
            if watch {
                ffi::sqlite3_update_hook(db, Some(on_update), hooks);
            } else {
                ffi::sqlite3_update_hook(db, None, ptr::null_mut());
            }
        }
        Ok(())
    }

    /// True while changes are collected.
    #[inline]
    pub fn watches_changes(&self) -> bool {
        self.shared.hooks.watching.get()
    }

    /// How many changed rows nobody has taken yet.
    pub fn untold(&self) -> usize {
        self.shared.hooks.changes.borrow().len()
    }

    /// Forgets those after the first `untold`: a statement that failed has undone them.
    pub(crate) fn forget_changes(&self, untold: usize) {
        self.shared.hooks.changes.borrow_mut().truncate(untold);
    }

    /// The rows changed since the last call, in order.
    pub fn take_changes(&self) -> Vec<Change> {
        self.shared.hooks.changes.take()
    }
}

unsafe extern "C" fn on_authorize(
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

unsafe extern "C" fn on_update(
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
        hooks.changes.borrow_mut().push(Change {
            kind,
            database: database.unwrap_or_default().to_vec(),
            table: table.unwrap_or_default().to_vec(),
            rowid,
        });
    });
}
