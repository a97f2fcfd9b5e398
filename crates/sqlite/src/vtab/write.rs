//! Tables that are changed: rows, transactions, savepoints, names.

use std::ffi::{c_char, c_int};

use super::object::{c_message, guard, Result, VTab};
use super::read::Table;
use crate::error::Error;
use crate::ffi;
use crate::function::Args;
use crate::value::{c_bytes, ValueRef};

/// A change of one row. Values are those of all columns in their order, hidden ones too.
#[derive(Clone, Copy)]
pub enum Update<'a> {
    /// A new row.
    Insert {
        /// Its rowid; `None` where the table is to find one.
        rowid: Option<i64>,
        /// Its values.
        values: Args<'a>,
    },
    /// Other values for a row.
    Update {
        /// The rowid that it has.
        rowid: i64,
        /// The rowid that it is to have, mostly the same.
        new_rowid: i64,
        /// Its values. [`Args::is_unchanged`] is true for those that the statement does not set.
        values: Args<'a>,
    },
    /// A row goes.
    Delete {
        /// Its rowid.
        rowid: i64,
    },
}

/// What a statement wants of a row that is against a constraint:
/// <https://www.sqlite.org/lang_conflict.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conflict {
    /// The error ends the transaction.
    Rollback,
    /// The error undoes the statement.
    #[default]
    Abort,
    /// The error leaves what the statement did before.
    Fail,
    /// The row is left out: the table returns the error all the same, and `SQLite` passes over it.
    Ignore,
    /// Rows in the way go: the table deletes them itself.
    Replace,
}

/// What `PRAGMA integrity_check` or `quick_check` asks.
#[derive(Debug, Clone, Copy)]
pub struct Integrity<'a> {
    /// `main`, `temp` or the name of an attached database.
    pub database: &'a [u8],
    /// The table's name.
    pub table: &'a [u8],
    /// It is `quick_check`: what takes long is left out.
    pub is_quick: bool,
}

/// A table whose rows can be changed.
///
/// A table keeps its rows in shadow tables of the file, and what it has in memory follows the transaction:
/// [`sync`](Self::sync) is the last chance to write, and to fail; [`rollback`](Self::rollback) and
/// [`rollback_to`](Self::rollback_to) undo what is in the shadow tables without asking.
pub trait WritableTable: Table {
    /// Changes one row. Returns the rowid of a row that was inserted; else it is not looked at.
    ///
    /// An INSERT of one row has no savepoint of its own: what was changed before an error stays, unless it is taken
    /// back here.
    fn update(&self, update: Update<'_>, conflict: Conflict) -> Result<i64>;

    /// The first statement of a transaction that may change the table begins. It does not come for a table that the
    /// transaction has created.
    fn begin(&self) -> Result<()> {
        Ok(())
    }

    /// COMMIT is on its way. It may still fail, with `SQLITE_BUSY` say: then more changes may follow, and another
    /// `sync`.
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    /// The transaction is committed.
    fn commit(&self) {}

    /// The transaction is undone.
    fn rollback(&self) {}

    /// A savepoint begins. Numbers grow and may start anywhere; a statement that may be undone has one too.
    fn savepoint(&self, number: i32) -> Result<()> {
        let _ = number;
        Ok(())
    }

    /// The savepoints from that number on are given up; what they hold stays.
    fn release(&self, number: i32) -> Result<()> {
        let _ = number;
        Ok(())
    }

    /// What was changed since a savepoint is undone, which may be one that began before the table was first changed.
    ///
    /// It does not come for a table that was created after the savepoint began, and is gone with it: the object stays
    /// until the transaction ends, and has to see at its next call that its shadow tables are not there, or are those
    /// of another table of its name.
    fn rollback_to(&self, number: i32) -> Result<()> {
        let _ = number;
        Ok(())
    }

    /// The table has another name from now on; another object is made of it after the statement.
    fn rename(&self, name: &[u8]) -> Result<()>;

    /// Looks for damage. Returns what there is, if anything.
    fn integrity(&self, check: Integrity<'_>) -> Result<Option<String>> {
        let _ = check;
        Ok(None)
    }
}

/// Calls a method of a table that returns nothing.
///
/// # Safety
/// `vtab` is live and of `T`.
unsafe fn call<T: WritableTable>(
    vtab: *mut ffi::sqlite3_vtab,
    method: impl FnOnce(&T) -> Result<()>,
) -> c_int {
    // SAFETY: forwarded from the caller.
    unsafe {
        guard(vtab, || {
            method(&(*vtab.cast::<VTab<T>>()).table)?;
            Ok(ffi::SQLITE_OK)
        })
    }
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// A rowid as an ordinary table takes it: an integer, or what is as good as one.
///
/// # Safety
/// `value` is live.
unsafe fn rowid_of(value: *mut ffi::sqlite3_value) -> Result<Option<i64>> {
    // SAFETY: forwarded from the caller.
    let value = unsafe {
        ffi::sqlite3_value_numeric_type(value);
        ValueRef::from_raw(value)
    };
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(rowid) => Ok(Some(rowid)),
        #[allow(clippy::cast_possible_truncation)] // it is an integer of 64 bits
        ValueRef::Real(real) if real.fract() == 0.0 && real.abs() < TWO_TO_63 => {
            Ok(Some(real as i64))
        }
        _ => Err(Error::from_code(ffi::SQLITE_MISMATCH).into()),
    }
}

fn required(rowid: Option<i64>) -> Result<i64> {
    rowid.ok_or_else(|| Error::from_code(ffi::SQLITE_MISMATCH).into())
}

/// # Safety
/// `db` is open, and xUpdate runs on it.
unsafe fn conflict_of(db: *mut ffi::sqlite3) -> Conflict {
    // SAFETY: forwarded from the caller.
    match unsafe { ffi::sqlite3_vtab_on_conflict(db) } {
        ffi::SQLITE_ROLLBACK => Conflict::Rollback,
        ffi::SQLITE_FAIL => Conflict::Fail,
        ffi::SQLITE_IGNORE => Conflict::Ignore,
        ffi::SQLITE_REPLACE => Conflict::Replace,
        _ => Conflict::Abort,
    }
}

pub(super) unsafe extern "C" fn update<T: WritableTable>(
    vtab: *mut ffi::sqlite3_vtab,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: a live table, `argc` live values: the old rowid, the new one, and those of the columns.
    unsafe {
        guard(vtab, || {
            let this = &*vtab.cast::<VTab<T>>();
            let args = Args::from_raw(argc, argv);
            let (Some(old), values) = (args.raw(0), args.skip(2)) else {
                return Ok(ffi::SQLITE_MISUSE);
            };
            let update = match (rowid_of(old)?, args.raw(1)) {
                (rowid, None) => Update::Delete {
                    rowid: required(rowid)?,
                },
                (None, Some(new)) => Update::Insert {
                    rowid: rowid_of(new)?,
                    values,
                },
                (Some(rowid), Some(new)) => Update::Update {
                    rowid,
                    new_rowid: required(rowid_of(new)?)?,
                    values,
                },
            };
            let is_insert = matches!(update, Update::Insert { .. });
            let rowid = this.table.update(update, conflict_of(this.db))?;
            if is_insert {
                *out = rowid;
            }
            Ok(ffi::SQLITE_OK)
        })
    }
}

pub(super) unsafe extern "C" fn begin<T: WritableTable>(vtab: *mut ffi::sqlite3_vtab) -> c_int {
    // SAFETY: a live table of `T`.
    unsafe { call::<T>(vtab, WritableTable::begin) }
}

pub(super) unsafe extern "C" fn sync<T: WritableTable>(vtab: *mut ffi::sqlite3_vtab) -> c_int {
    // SAFETY: a live table of `T`.
    unsafe { call::<T>(vtab, WritableTable::sync) }
}

pub(super) unsafe extern "C" fn commit<T: WritableTable>(vtab: *mut ffi::sqlite3_vtab) -> c_int {
    // SAFETY: a live table of `T`.
    unsafe {
        call::<T>(vtab, |table| {
            table.commit();
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn rollback<T: WritableTable>(vtab: *mut ffi::sqlite3_vtab) -> c_int {
    // SAFETY: a live table of `T`.
    unsafe {
        call::<T>(vtab, |table| {
            table.rollback();
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn savepoint<T: WritableTable>(
    vtab: *mut ffi::sqlite3_vtab,
    number: c_int,
) -> c_int {
    // SAFETY: a live table of `T`.
    unsafe { call::<T>(vtab, |table| table.savepoint(number)) }
}

pub(super) unsafe extern "C" fn release<T: WritableTable>(
    vtab: *mut ffi::sqlite3_vtab,
    number: c_int,
) -> c_int {
    // SAFETY: a live table of `T`.
    unsafe { call::<T>(vtab, |table| table.release(number)) }
}

pub(super) unsafe extern "C" fn rollback_to<T: WritableTable>(
    vtab: *mut ffi::sqlite3_vtab,
    number: c_int,
) -> c_int {
    // SAFETY: a live table of `T`.
    unsafe { call::<T>(vtab, |table| table.rollback_to(number)) }
}

pub(super) unsafe extern "C" fn rename<T: WritableTable>(
    vtab: *mut ffi::sqlite3_vtab,
    name: *const c_char,
) -> c_int {
    // SAFETY: a live table of `T`, and a C string.
    unsafe {
        call::<T>(vtab, |table| {
            table.rename(c_bytes(name).unwrap_or_default())
        })
    }
}

pub(super) unsafe extern "C" fn integrity<T: WritableTable>(
    vtab: *mut ffi::sqlite3_vtab,
    database: *const c_char,
    table: *const c_char,
    flags: c_int,
    out: *mut *mut c_char,
) -> c_int {
    // SAFETY: a live table of `T`, C strings, and a place for a message that SQLite frees.
    unsafe {
        call::<T>(vtab, |this| {
            let found = this.integrity(Integrity {
                database: c_bytes(database).unwrap_or_default(),
                table: c_bytes(table).unwrap_or_default(),
                is_quick: flags & 1 != 0,
            })?;
            if let Some(text) = found {
                *out = c_message(text.as_bytes());
            }
            Ok(())
        })
    }
}
