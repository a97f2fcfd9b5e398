//! One execution of a statement: step, read rows, reset.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr;
use std::rc::Rc;

use crate::bind::bind;
use crate::error::{last_error, Error, Result};
use crate::ffi;
use crate::key::without_keys;
use crate::params::Params;
use crate::statement::Statement;
use crate::value::ValueRef;

/// What one step gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A row is there.
    Row,
    /// The statement has ended.
    Done,
}

/// One execution. Dropping it resets the statement and clears its bindings.
pub struct Running {
    statement: Rc<Statement>,
    raw: *mut ffi::sqlite3_stmt,
    params: Params,
    /// `params` are bound for this execution only.
    bound: bool,
}

/// The row that a running statement stands on.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    raw: *mut ffi::sqlite3_stmt,
    marker: PhantomData<&'a Running>,
}

impl Running {
    #[inline]
    pub(crate) fn new(
        statement: Rc<Statement>,
        raw: *mut ffi::sqlite3_stmt,
        params: Params,
        bound: bool,
    ) -> Self {
        Self {
            statement,
            raw,
            params,
            bound,
        }
    }

    /// Binds its parameters.
    #[inline]
    pub(crate) fn bind(&self) -> Result<()> {
        bind(self.raw, &self.params)
    }

    /// Advances to the next row.
    #[inline]
    pub fn step(&mut self) -> Result<Step> {
        if !self.statement.shared.is_open() {
            return Err(Error::closed());
        }
        // SAFETY: live: the connection is open and a running statement is never given up.
        match unsafe { ffi::sqlite3_step(self.raw) } {
            ffi::SQLITE_ROW => Ok(Step::Row),
            ffi::SQLITE_DONE => Ok(Step::Done),
            rc => Err(self.fail(rc)),
        }
    }

    /// Advances to the next row; false at the end.
    #[inline]
    pub fn next_row(&mut self) -> Result<bool> {
        Ok(self.step()? == Step::Row)
    }

    #[cold]
    fn fail(&self, rc: c_int) -> Error {
        // An error may have rolled back DDL, so cached statements are not to be trusted.
        self.statement.shared.bump_epoch();
        // SAFETY: the connection is open.
        let error = unsafe { last_error(self.statement.shared.raw(), rc) };
        self.statement.shared.hooks.notes.explain(error)
    }

    /// The current row; call it only after [`Step::Row`].
    #[inline]
    pub fn row(&self) -> Row<'_> {
        Row {
            raw: self.raw,
            marker: PhantomData,
        }
    }

    /// The statement that runs.
    #[inline]
    pub fn statement(&self) -> &Rc<Statement> {
        &self.statement
    }

    /// As [`Statement::expanded_sql`], with the parameters of this execution; without them when memory is short.
    pub fn expanded_sql(&self) -> Vec<u8> {
        let own = self.bound.then_some(&self.params);
        let expanded = self.statement.expand(own);
        expanded.unwrap_or_else(|| self.statement.sql().to_vec())
    }

    /// As [`Statement::logged_sql`], with the parameters of this execution.
    pub fn logged_sql(&self, with_values: bool) -> Vec<u8> {
        without_keys(if with_values {
            self.expanded_sql()
        } else {
            self.statement.compiled_sql()
        })
    }

    /// Ends the execution. A commit that a reset makes may fail, and that is reported. The parameters'
    /// memory is given back for the next execution.
    #[inline]
    pub fn finish(mut self) -> (Params, Result<()>) {
        let result = match self.end() {
            ffi::SQLITE_OK => Ok(()),
            rc => Err(self.fail(rc)),
        };
        let mut params = std::mem::take(&mut self.params);
        params.clear();
        (params, result)
    }

    #[inline]
    fn end(&mut self) -> c_int {
        let raw = std::mem::replace(&mut self.raw, ptr::null_mut());
        if raw.is_null() {
            return ffi::SQLITE_OK;
        }
        self.statement.pinned.set(false);
        if !self.statement.shared.is_open() {
            return ffi::SQLITE_OK;
        }
        // SAFETY: live. Bindings point into `params`, so they go before it does.
        unsafe {
            let rc = ffi::sqlite3_reset(raw);
            if self.bound && !self.params.values.is_empty() {
                ffi::sqlite3_clear_bindings(raw);
            }
            rc
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl<'a> Row<'a> {
    /// The row that `raw` stands on.
    ///
    /// # Safety
    /// `raw` is live for `'a`, belongs to this thread and is not stepped meanwhile.
    pub(crate) unsafe fn from_raw(raw: *mut ffi::sqlite3_stmt) -> Self {
        Self {
            raw,
            marker: PhantomData,
        }
    }

    /// One value; `NULL` when the column does not exist.
    #[inline]
    pub fn get(&self, column: usize) -> ValueRef<'a> {
        let column = c_int::try_from(column).unwrap_or(c_int::MAX);
        // SAFETY: SQLite answers NULL to a column out of range; values live until the next step, which
        // needs the `Running` that this row borrows.
        unsafe { ValueRef::from_raw(self.value(column)) }
    }

    fn value(&self, column: c_int) -> *mut ffi::sqlite3_value {
        // SAFETY: live; SQLite checks the column.
        unsafe { ffi::sqlite3_column_value(self.raw, column) }
    }

    /// Its first `columns` values.
    ///
    /// The values of a row are an array (`pResultRow` in `SQLite`'s vdbeInt.h), so its first two and its
    /// last one give the places of all. Asking for each place would take a third of the time of reading an integer.
    #[inline]
    pub fn values(self, columns: usize) -> impl Iterator<Item = ValueRef<'a>> {
        let place = move |column: usize| self.value(c_int::try_from(column).unwrap_or(c_int::MAX));
        let first = place(0);
        let mut stride = 0;
        if columns > 4 {
            stride = (place(1) as usize).wrapping_sub(first as usize);
            let last = first.wrapping_byte_add(stride.wrapping_mul(columns - 1));
            if place(columns - 1) != last {
                stride = 0;
            }
        }
        (0..columns).map(move |column| {
            let value = if stride != 0 {
                first.wrapping_byte_add(stride * column)
            } else {
                place(column)
            };
            // SAFETY: a value of this row, as in `get`.
            unsafe { ValueRef::from_raw(value) }
        })
    }
}
