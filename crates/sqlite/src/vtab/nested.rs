//! Statements of a virtual table itself, which run within the statement that uses the table.
//!
//! They do not reach the authorizer or the update hook, and leave `last_insert_rowid()` as it was.

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;
use std::rc::{Rc, Weak};

use crate::bind::bind_value;
use crate::connection::Shared;
use crate::error::{check, last_error, Error, Result};
use crate::ffi;
use crate::running::Row;
use crate::sql::is_blank;
use crate::stack;
use crate::value::ValueRef;

/// The connection of a virtual table, for what the table does on its own. It does not keep the connection open.
#[derive(Clone)]
pub struct TableConnection {
    shared: Weak<Shared>,
}

impl TableConnection {
    pub(super) fn new(shared: Weak<Shared>) -> Self {
        Self { shared }
    }

    pub(super) fn shared(&self) -> Result<Rc<Shared>> {
        let shared = self.shared.upgrade();
        shared
            .filter(|shared| shared.is_open())
            .ok_or_else(Error::closed)
    }

    /// Compiles one statement, to be kept as long as the table. It cannot use virtual tables.
    pub fn prepare(&self, sql: &str) -> Result<TableStatement> {
        let (statement, tail) = self.compile(sql)?;
        match statement {
            Some(statement) if is_blank(&sql.as_bytes()[tail..]) => Ok(statement),
            _ => Err(Error::Range("Expected one SQL statement")),
        }
    }

    /// Runs every statement of a script, and drops its rows.
    pub fn exec(&self, sql: &str) -> Result<()> {
        let mut rest = sql;
        while let (Some(statement), tail) = self.compile(rest)? {
            statement.run(&[])?;
            rest = rest.get(tail..).unwrap_or_default();
        }
        Ok(())
    }

    /// The table has gathered what it writes when a savepoint begins, or at the end of the transaction: a copy of the
    /// database that is made within it waits for that.
    pub fn mark_unwritten(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.hooks.has_unwritten.set(true);
        }
    }

    /// Whether what runs is to end: long work of a table looks here now and then, and returns
    /// [`Interrupted`](super::ModuleError::Interrupted).
    pub fn is_interrupted(&self) -> bool {
        let Some(shared) = self.shared.upgrade().filter(|shared| shared.is_open()) else {
            return true;
        };
        // SAFETY: open.
        shared.watch.is_over() || unsafe { ffi::sqlite3_is_interrupted(shared.raw()) != 0 }
    }

    /// Gives back the pages that the connection keeps of all its databases and nobody uses now: after much was read
    /// that is not read again. Nothing happens if the connection is closed.
    pub fn release_pages(&self) {
        if let Some(shared) = self.shared.upgrade().filter(|shared| shared.is_open()) {
            // SAFETY: open. Pages in use stay.
            unsafe { ffi::sqlite3_db_release_memory(shared.raw()) };
        }
    }

    /// The first statement of a script, and how many bytes of it were read.
    fn compile(&self, sql: &str) -> Result<(Option<TableStatement>, usize)> {
        let shared = self.shared()?;
        let (mut raw, mut tail) = (ptr::null_mut(), ptr::null());
        let len = c_int::try_from(sql.len());
        let len = len.map_err(|_| Error::from_code(ffi::SQLITE_TOOBIG))?;
        let flags = ffi::SQLITE_PREPARE_PERSISTENT | ffi::SQLITE_PREPARE_NO_VTAB;
        let _quiet = shared.hooks.be_quiet();
        let _compiling = stack::Compiling::start();
        // SAFETY: open; the length is that of the text, of which SQLite makes a copy.
        unsafe {
            let db = shared.raw();
            let rc = ffi::sqlite3_prepare_v3(
                db,
                sql.as_ptr().cast(),
                len,
                flags.cast_unsigned(),
                &raw mut raw,
                &raw mut tail,
            );
            check(db, rc)?;
        }
        let tail = (tail as usize).wrapping_sub(sql.as_ptr() as usize);
        let statement = (!raw.is_null()).then(|| TableStatement {
            connection: self.clone(),
            raw,
            is_busy: Cell::new(false),
        });
        Ok((statement, tail.min(sql.len())))
    }
}

/// A statement of a virtual table.
///
/// `SQLite` frees a connection only when the last of its statements is finalized, so it may outlive the connection.
pub struct TableStatement {
    connection: TableConnection,
    raw: *mut ffi::sqlite3_stmt,
    is_busy: Cell<bool>,
}

impl TableStatement {
    /// Runs it to its end and drops its rows. Returns the rowid of the row that was inserted last.
    pub fn run(&self, parameters: &[ValueRef<'_>]) -> Result<i64> {
        let mut rows = self.query(parameters)?;
        while rows.step()? {}
        Ok(rows.inserted)
    }

    /// Runs it, row by row.
    pub fn query<'s>(&'s self, parameters: &'s [ValueRef<'s>]) -> Result<TableRows<'s>> {
        let shared = self.connection.shared()?;
        if self.is_busy.replace(true) {
            return Err(Error::Type("This statement is busy executing a query"));
        }
        // From here on its drop resets the statement.
        let rows = TableRows {
            inserted: 0,
            statement: self,
            shared,
        };
        for (at, value) in (1..).zip(parameters) {
            // SAFETY: live. The values outlive the bindings, which `TableRows` clears; one that is forgotten leaves
            // the statement busy for good.
            unsafe { bind_value(self.raw, at, *value)? };
        }
        Ok(rows)
    }
}

impl Drop for TableStatement {
    fn drop(&mut self) {
        // SAFETY: live, whatever has become of the connection: see above.
        unsafe { ffi::sqlite3_finalize(self.raw) };
    }
}

/// The rows of a statement of a virtual table. Dropping them ends the execution.
pub struct TableRows<'s> {
    /// The rowid of the row that was inserted last.
    inserted: i64,
    statement: &'s TableStatement,
    shared: Rc<Shared>,
}

impl TableRows<'_> {
    /// The next row, which stays until the one after it is asked for.
    #[allow(clippy::should_implement_trait)] // the row borrows what gives it
    pub fn next(&mut self) -> Result<Option<Row<'_>>> {
        if !self.step()? {
            return Ok(None);
        }
        // SAFETY: it stands on a row, and does not move while that is borrowed.
        Ok(Some(unsafe { Row::from_raw(self.statement.raw) }))
    }

    fn step(&mut self) -> Result<bool> {
        if !self.shared.is_open() {
            return Err(Error::closed());
        }
        let db = self.shared.raw();
        let _quiet = self.shared.hooks.be_quiet();
        // SAFETY: open, and the statement is live.
        unsafe {
            let rowid = ffi::sqlite3_last_insert_rowid(db);
            let rc = ffi::sqlite3_step(self.statement.raw);
            self.inserted = ffi::sqlite3_last_insert_rowid(db);
            ffi::sqlite3_set_last_insert_rowid(db, rowid);
            match rc {
                ffi::SQLITE_ROW => Ok(true),
                ffi::SQLITE_DONE => Ok(false),
                rc => Err(last_error(db, rc)),
            }
        }
    }
}

impl Drop for TableRows<'_> {
    fn drop(&mut self) {
        let raw = self.statement.raw;
        // SAFETY: live. What is bound points to values of somebody else.
        unsafe {
            ffi::sqlite3_reset(raw);
            ffi::sqlite3_clear_bindings(raw);
        }
        self.statement.is_busy.set(false);
    }
}
