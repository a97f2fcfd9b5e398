//! Tables that are read: plans, scans, columns.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::object::{guard, Result, VTab};
use super::plan::Plan;
use crate::ffi;
use crate::function::{Args, Context};
use crate::value::c_bytes;

/// One table of a connection. `SQLite` may make several objects of the same table.
///
/// Methods take `&self`: a table may be read while it is read, by another scan or by the statement of a callback.
pub trait Table: 'static {
    /// Its scans.
    type Cursor: Cursor;

    /// Plans how a statement reads it; false if it cannot with the constraints that are usable.
    fn best_index(&self, plan: &mut Plan<'_>) -> Result<bool>;

    /// Makes a scan, which is started by [`Cursor::filter`].
    fn open(&self) -> Result<Self::Cursor>;

    /// DROP TABLE. The object goes after it, unless it fails. A rollback may bring the table back, as another object.
    fn destroy(&self) -> Result<()> {
        Ok(())
    }
}

/// How a scan was planned, and its arguments.
#[derive(Clone, Copy)]
pub struct Scan<'a> {
    /// What [`Plan::set_number`] said; else 0.
    pub number: i32,
    /// What [`Plan::set_text`] said; else empty.
    pub text: &'a [u8],
    /// The values of constraints, in the order of [`Plan::pass`].
    pub args: Args<'a>,
}

/// One scan of a table.
pub trait Cursor: 'static {
    /// Starts, or starts anew, and stands on the first row; false if there is none.
    fn filter(&mut self, scan: Scan<'_>) -> Result<bool>;

    /// Advances to the next row; false at the end.
    fn next(&mut self) -> Result<bool>;

    /// Sets `context` to a column of the current row, from 0.
    fn column(&mut self, column: usize, context: &mut Context<'_>) -> Result<()>;

    /// The rowid of the current row.
    fn rowid(&self) -> Result<i64>;
}

#[repr(C)]
struct VCursor<C> {
    base: ffi::sqlite3_vtab_cursor,
    cursor: C,
    done: bool,
}

pub(super) unsafe extern "C" fn best_index<T: Table>(
    vtab: *mut ffi::sqlite3_vtab,
    info: *mut ffi::sqlite3_index_info,
) -> c_int {
    // SAFETY: a live table, and what SQLite passes with it.
    unsafe {
        guard(vtab, || {
            let table = &(*vtab.cast::<VTab<T>>()).table;
            Ok(if table.best_index(&mut Plan::from_raw(info))? {
                ffi::SQLITE_OK
            } else {
                ffi::SQLITE_CONSTRAINT
            })
        })
    }
}

pub(super) unsafe extern "C" fn open<T: Table>(
    vtab: *mut ffi::sqlite3_vtab,
    out: *mut *mut ffi::sqlite3_vtab_cursor,
) -> c_int {
    // SAFETY: a live table; `out` takes a box that xClose frees, and whose base SQLite fills in.
    unsafe {
        guard(vtab, || {
            let cursor = (*vtab.cast::<VTab<T>>()).table.open()?;
            let cursor = VCursor {
                base: ffi::sqlite3_vtab_cursor {
                    pVtab: ptr::null_mut(),
                },
                cursor,
                done: true,
            };
            *out = Box::into_raw(Box::new(cursor)).cast();
            Ok(ffi::SQLITE_OK)
        })
    }
}

pub(super) unsafe extern "C" fn close<T: Table>(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: a cursor's table outlives it. It was made in `open`, and SQLite calls this once.
    unsafe {
        guard((*cursor).pVtab, || {
            drop(Box::from_raw(cursor.cast::<VCursor<T::Cursor>>()));
            Ok(ffi::SQLITE_OK)
        })
    }
}

/// Runs `body` on a cursor, which says whether it stands on a row.
///
/// # Safety
/// `cursor` is live and of `T`.
unsafe fn advance<T: Table>(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    body: impl FnOnce(&mut T::Cursor) -> Result<bool>,
) -> c_int {
    // SAFETY: forwarded from the caller; one call at a time runs on a cursor.
    unsafe {
        guard((*cursor).pVtab, || {
            let this = &mut *cursor.cast::<VCursor<T::Cursor>>();
            this.done = true;
            this.done = !body(&mut this.cursor)?;
            Ok(ffi::SQLITE_OK)
        })
    }
}

pub(super) unsafe extern "C" fn filter<T: Table>(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    number: c_int,
    text: *const c_char,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) -> c_int {
    // SAFETY: a live cursor, a C string or null, and `argc` live values.
    unsafe {
        advance::<T>(cursor, |cursor| {
            cursor.filter(Scan {
                number,
                text: c_bytes(text).unwrap_or_default(),
                args: Args::from_raw(argc, argv),
            })
        })
    }
}

pub(super) unsafe extern "C" fn next<T: Table>(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: a live cursor.
    unsafe { advance::<T>(cursor, Cursor::next) }
}

pub(super) unsafe extern "C" fn eof<T: Table>(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: live.
    c_int::from(unsafe { (*cursor.cast::<VCursor<T::Cursor>>()).done })
}

pub(super) unsafe extern "C" fn column<T: Table>(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    context: *mut ffi::sqlite3_context,
    column: c_int,
) -> c_int {
    // SAFETY: a live cursor, and the context of this call.
    unsafe {
        guard((*cursor).pVtab, || {
            let this = &mut *cursor.cast::<VCursor<T::Cursor>>();
            let column = usize::try_from(column).unwrap_or(0);
            this.cursor.column(column, &mut Context::new(context))?;
            Ok(ffi::SQLITE_OK)
        })
    }
}

pub(super) unsafe extern "C" fn rowid<T: Table>(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: a live cursor; `out` is SQLite's.
    unsafe {
        guard((*cursor).pVtab, || {
            *out = (*cursor.cast::<VCursor<T::Cursor>>()).cursor.rowid()?;
            Ok(ffi::SQLITE_OK)
        })
    }
}

/// DROP TABLE of a table that was created: the object stays if that fails.
pub(super) unsafe extern "C" fn destroy<T: Table>(vtab: *mut ffi::sqlite3_vtab) -> c_int {
    // SAFETY: a live table, which SQLite gives up if this succeeds.
    unsafe {
        let rc = guard(vtab, || {
            (*vtab.cast::<VTab<T>>()).table.destroy()?;
            Ok(ffi::SQLITE_OK)
        });
        if rc == ffi::SQLITE_OK {
            disconnect::<T>(vtab);
        }
        rc
    }
}

pub(super) unsafe extern "C" fn disconnect<T: Table>(vtab: *mut ffi::sqlite3_vtab) -> c_int {
    crate::boundary::boundary((), || {
        // SAFETY: made in `connect`; SQLite calls this once, and frees no message of it.
        unsafe {
            ffi::sqlite3_free((*vtab).zErrMsg.cast());
            drop(Box::from_raw(vtab.cast::<VTab<T>>()));
        }
    });
    ffi::SQLITE_OK
}
