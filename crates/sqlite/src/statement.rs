//! Compile one SQL statement, and what it says of itself.

use std::cell::{Cell, OnceCell};
use std::ffi::c_int;
use std::ptr;
use std::rc::{Rc, Weak};

use crate::bind::bind;
use crate::compile::{compile, literal, Program};
use crate::connection::{check_nul, Compiled, Connection, Shared};
use crate::error::{last_error, Error, Result};
use crate::ffi;
use crate::key::without_keys;
use crate::limited::expand;
use crate::params::Params;
use crate::running::Running;
use crate::sql::is_blank;
use crate::value::c_bytes;

/// Compiled statements that one connection keeps; beyond it idle ones are finalized, the least recently
/// used first, and compiled again at their next use. A small one takes about 4 kB.
const MAX_COMPILED: usize = 2048;

/// Name, origin column, table, database and declared type of a column of a result.
pub type Column<'a> = [Option<&'a [u8]>; 5];

/// One prepared statement. Its compiled form may be dropped while it is idle.
pub struct Statement {
    pub(crate) shared: Rc<Shared>,
    raw: Cell<*mut ffi::sqlite3_stmt>,
    /// Ends in NUL.
    sql: Box<[u8]>,
    /// Running: its compiled form holds state.
    pub(crate) pinned: Cell<bool>,
    /// What is bound for good; the compiled form points into it.
    bound: OnceCell<Box<Params>>,
    /// Used since the queue last looked at it.
    used: Cell<bool>,
    /// Times that it was compiled again here, on top of `SQLite`'s own count.
    compiles: Cell<u16>,
    epoch: Cell<u32>,
    /// Names of its parameters with their prefix, where the engine has other ones.
    names: OnceCell<Vec<Option<String>>>,
    /// The engine has other words than `sql`.
    rewritten: Cell<bool>,
}

impl Connection {
    /// Compiles exactly one statement; none, or a second one, is an error.
    pub fn prepare(&self, sql: &[u8]) -> Result<Rc<Statement>> {
        self.shared.open_db()?;
        let mut terminated = Vec::with_capacity(sql.len() + 1);
        terminated.extend_from_slice(sql);
        terminated.push(0);
        check_nul(&terminated)?;
        let statement = Rc::new(Statement {
            shared: self.shared.clone(),
            raw: Cell::new(ptr::null_mut()),
            sql: terminated.into_boxed_slice(),
            pinned: Cell::new(false),
            bound: OnceCell::new(),
            used: Cell::new(false),
            compiles: Cell::new(0),
            epoch: Cell::new(0),
            names: OnceCell::new(),
            rewritten: Cell::new(false),
        });
        statement.recompile()?;
        Ok(statement)
    }
}

impl Statement {
    /// Another one of the same SQL, as if it had been compiled and finalized since.
    pub fn another(&self) -> Rc<Self> {
        Rc::new(Self {
            shared: self.shared.clone(),
            raw: Cell::new(ptr::null_mut()),
            sql: self.sql.clone(),
            pinned: Cell::new(false),
            bound: OnceCell::new(),
            used: Cell::new(false),
            compiles: Cell::new(self.compiles.get().max(1)),
            epoch: Cell::new(self.epoch.get()),
            names: self.names.clone(),
            rewritten: self.rewritten.clone(),
        })
    }
}

impl Statement {
    /// Compiles the first statement of a script that ends in NUL; the second value is how many bytes it took.
    pub(crate) fn compile(shared: &Rc<Shared>, sql: &[u8]) -> Result<(Option<Self>, usize)> {
        let Program {
            raw,
            tail,
            names,
            rewritten,
        } = compile(shared, sql)?;
        if raw.is_null() {
            return Ok((None, tail));
        }
        let given = match sql.get(..tail) {
            Some(given) if rewritten => [given, b"\0"].concat().into(),
            _ => Box::default(),
        };
        let statement = Self {
            shared: shared.clone(),
            raw: Cell::new(raw),
            sql: given,
            pinned: Cell::new(true),
            bound: OnceCell::new(),
            used: Cell::new(true),
            compiles: Cell::new(0),
            epoch: Cell::new(shared.epoch()),
            names: names.map_or_else(OnceCell::new, OnceCell::from),
            rewritten: Cell::new(rewritten),
        };
        Ok((Some(statement), tail))
    }

    /// The live handle; recompiles the statement if it was finalized.
    #[inline]
    pub(crate) fn handle(self: &Rc<Self>) -> Result<*mut ffi::sqlite3_stmt> {
        if !self.shared.is_open() {
            return Err(Error::closed());
        }
        self.used.set(true);
        if self.raw.get().is_null() {
            self.recompile()?;
        }
        Ok(self.raw.get())
    }

    /// Recompiles it if it was finalized; false if that fails.
    pub fn ensure_compiled(self: &Rc<Self>) -> bool {
        self.handle().is_ok()
    }

    #[cold]
    fn recompile(self: &Rc<Self>) -> Result<()> {
        let Program {
            raw,
            tail,
            names,
            rewritten,
        } = compile(&self.shared, &self.sql)?;
        if let Some(names) = names {
            self.names.get_or_init(|| names);
        }
        if raw.is_null() {
            return Err(Error::Range(
                "The supplied SQL string contains no statements",
            ));
        }
        if self.compiles.get() == 0 && !is_blank(&self.sql[tail..]) {
            // SAFETY: compiled above, used nowhere else.
            unsafe { ffi::sqlite3_finalize(raw) };
            return Err(Error::Range(
                "The supplied SQL string contains more than one statement",
            ));
        }
        if let Some(params) = self.bound.get() {
            if let Err(error) = bind(raw, params) {
                // SAFETY: compiled above, used nowhere else.
                unsafe { ffi::sqlite3_finalize(raw) };
                return Err(error);
            }
        }
        self.raw.set(raw);
        self.rewritten.set(rewritten);
        self.epoch.set(self.shared.epoch());
        self.compiles.set(self.compiles.get().wrapping_add(1));
        self.enqueue();
        Ok(())
    }

    /// Adds it to the queue of compiled statements, and shortens the queue (a CLOCK cache).
    fn enqueue(self: &Rc<Self>) {
        let mut queue = self.shared.compiled.borrow_mut();
        let this: Weak<Self> = Rc::downgrade(self);
        queue.push_back(this);
        // Each turn drops a dead entry, finalizes an idle statement or spares one that was used; two
        // turns a call keep the queue at its bound without ever walking it whole.
        let mut turns = if queue.len() > MAX_COMPILED { 4 } else { 0 };
        while queue.len() > MAX_COMPILED && turns > 0 {
            turns -= 1;
            let Some(oldest) = queue.pop_front() else {
                break;
            };
            let Some(statement) = oldest.upgrade() else {
                continue;
            };
            if statement.is_wanted() {
                queue.push_back(oldest);
            } else {
                statement.finalize();
            }
        }
    }

    /// Steps to the end without bindings.
    pub(crate) fn run_to_end(&self) -> Result<()> {
        let raw = self.raw.get();
        loop {
            // SAFETY: live: just compiled by `compile`.
            match unsafe { ffi::sqlite3_step(raw) } {
                ffi::SQLITE_ROW => {}
                ffi::SQLITE_DONE => return Ok(()),
                // SAFETY: the connection is open while it executes.
                rc => return Err(unsafe { last_error(self.shared.raw(), rc) }),
            }
        }
    }

    /// The first value of the first row, if it is an integer.
    pub(crate) fn first_integer(&self) -> Option<i64> {
        let raw = self.raw.get();
        // SAFETY: live: just compiled by `compile`.
        let row = unsafe { ffi::sqlite3_step(raw) } == ffi::SQLITE_ROW;
        // SAFETY: live, and standing on a row.
        row.then(|| unsafe { ffi::sqlite3_column_int64(raw, 0) })
    }

    /// True while nothing happened that could change what the SQL means.
    #[inline]
    pub fn is_current(&self) -> bool {
        self.epoch.get() == self.shared.epoch()
    }

    /// The text that it was compiled from.
    pub fn sql(&self) -> &[u8] {
        self.sql.split_last().map_or(&[], |(_, sql)| sql)
    }

    /// The connection that compiled it.
    pub fn connection(&self) -> Connection {
        Connection {
            shared: self.shared.clone(),
        }
    }

    /// True while an execution of it is under way.
    #[inline]
    pub fn is_running(&self) -> bool {
        self.pinned.get()
    }

    /// True if it writes nothing directly (`BEGIN` counts as reading, `BEGIN EXCLUSIVE` does not).
    pub fn readonly(self: &Rc<Self>) -> Result<bool> {
        let raw = self.handle()?;
        // SAFETY: live.
        Ok(unsafe { ffi::sqlite3_stmt_readonly(raw) } != 0)
    }

    /// Columns of its rows; 0 for a statement that returns none.
    #[inline]
    pub fn column_count(self: &Rc<Self>) -> Result<u16> {
        let raw = self.handle()?;
        // SAFETY: live.
        Ok(u16::try_from(unsafe { ffi::sqlite3_column_count(raw) }).unwrap_or(0))
    }

    /// Changes when the columns may have: `SQLite` compiles a statement again after a schema change.
    #[inline]
    pub fn version(&self) -> i32 {
        let raw = self.raw.get();
        if raw.is_null() || !self.shared.is_open() {
            return 0;
        }
        // SAFETY: live.
        let again = unsafe { ffi::sqlite3_stmt_status(raw, ffi::SQLITE_STMTSTATUS_REPREPARE, 0) };
        again.wrapping_add(i32::from(self.compiles.get()) << 16)
    }

    /// Number of parameters.
    #[inline]
    pub fn parameter_count(self: &Rc<Self>) -> Result<u16> {
        let raw = self.handle()?;
        // SAFETY: live.
        Ok(u16::try_from(unsafe { ffi::sqlite3_bind_parameter_count(raw) }).unwrap_or(0))
    }

    /// True if some parameter has a name.
    pub fn has_named_parameters(self: &Rc<Self>) -> Result<bool> {
        let raw = self.handle()?;
        let count = c_int::from(self.parameter_count()?);
        if let Some(names) = self.names.get() {
            return Ok(names.iter().any(Option::is_some));
        }
        // SAFETY: live; only whether there is a name is looked at.
        Ok((1..=count).any(|i| !unsafe { ffi::sqlite3_bind_parameter_name(raw, i) }.is_null()))
    }

    /// Name of each parameter without its prefix; `None` for a plain `?`.
    pub fn parameter_names(self: &Rc<Self>) -> Result<Vec<Option<Vec<u8>>>> {
        let raw = self.handle()?;
        let count = self.parameter_count()?;
        if let Some(names) = self.names.get() {
            let names = names.iter().map(|name| {
                let name = name.as_deref()?.get(1..)?;
                Some(name.as_bytes().to_vec())
            });
            return Ok(names.collect());
        }
        Ok((1..=count)
            .map(|i| {
                let i = c_int::from(i);
                // SAFETY: live; the name is copied at once.
                let name = unsafe { c_bytes(ffi::sqlite3_bind_parameter_name(raw, i)) };
                name.map(|name| name.get(1..).unwrap_or_default().to_vec())
            })
            .collect())
    }

    /// Calls `each` with name, origin column, table, database and declared type of every column.
    pub fn columns(self: &Rc<Self>, each: &mut dyn FnMut(Column<'_>)) -> Result<()> {
        let raw = self.handle()?;
        for i in 0..self.column_count()? {
            let i = c_int::from(i);
            // SAFETY: live and in range; the strings are read before the next call on the statement.
            let column = unsafe {
                [
                    c_bytes(ffi::sqlite3_column_name(raw, i)),
                    c_bytes(ffi::sqlite3_column_origin_name(raw, i)),
                    c_bytes(ffi::sqlite3_column_table_name(raw, i)),
                    c_bytes(ffi::sqlite3_column_database_name(raw, i)),
                    c_bytes(ffi::sqlite3_column_decltype(raw, i)),
                ]
            };
            each(column);
        }
        Ok(())
    }

    /// The SQL with its parameters filled in, long ones cut at 32 bytes; `None` when memory is short.
    pub fn expanded_sql(&self) -> Option<Vec<u8>> {
        self.expand(None)
    }

    /// The same with the parameters of one execution, or with those that are bound for good.
    pub(crate) fn expand(&self, params: Option<&Params>) -> Option<Vec<u8>> {
        let raw = self.raw.get();
        if raw.is_null() || !self.shared.is_open() {
            return None;
        }
        if self.rewritten.get() {
            let params = params.or(self.bound.get().map(Box::as_ref));
            let literal = |at: usize| {
                let value = params.and_then(|params| params.only(at));
                value.and_then(|value| literal(&self.shared, &value))
            };
            return Some(expand(self.sql(), literal));
        }
        // SAFETY: live; SQLite hands over a string that we free after copying.
        unsafe {
            let text = ffi::sqlite3_expanded_sql(raw);
            let copy = c_bytes(text).map(<[u8]>::to_vec);
            ffi::sqlite3_free(text.cast());
            copy
        }
    }

    /// The SQL as a log may show it: with its parameters filled in or without, and without keys.
    pub fn logged_sql(&self, with_values: bool) -> Vec<u8> {
        let expanded = if with_values {
            self.expanded_sql()
        } else {
            None
        };
        without_keys(expanded.unwrap_or_else(|| self.compiled_sql()))
    }

    /// The text that it was compiled from, of a statement of a script too.
    pub(crate) fn compiled_sql(&self) -> Vec<u8> {
        let raw = self.raw.get();
        if self.rewritten.get() || raw.is_null() || !self.shared.is_open() {
            return self.sql().to_vec();
        }
        // SAFETY: live; the text is copied before the statement can be finalized.
        let text = unsafe { c_bytes(ffi::sqlite3_sql(raw)) };
        text.unwrap_or_default().to_vec()
    }

    /// Refuses a statement that is bound for good.
    pub fn require_unbound(&self) -> Result<()> {
        if self.bound.get().is_none() {
            return Ok(());
        }
        Err(Error::Type(
            "The bind() method can only be invoked once per statement object",
        ))
    }

    /// Binds `params` for good, once: they are bound again whenever the statement is compiled again.
    pub fn bind_permanently(self: &Rc<Self>, mut params: Params) -> Result<()> {
        self.require_unbound()?;
        params.own();
        params.values.shrink_to_fit();
        params.bytes.shrink_to_fit();
        let params = Box::new(params);
        let raw = self.raw.get();
        // One that was given up binds them when it is compiled: what it reads may be gone by now.
        if raw.is_null() {
            self.shared.open_db()?;
        } else {
            bind(self.handle()?, &params)?;
        }
        self.bound.get_or_init(|| params);
        Ok(())
    }

    /// Starts an execution with `params`, which it keeps until it ends.
    #[inline]
    pub fn start(self: &Rc<Self>, params: Params) -> Result<Running> {
        let running = self.run(params, true)?;
        running.bind()?;
        Ok(running)
    }

    /// Starts an execution of a statement that was bound for good.
    pub fn start_bound(self: &Rc<Self>, unused: Params) -> Result<Running> {
        self.run(unused, false)
    }

    /// One execution at a time: two would step, reset and give up the same compiled form.
    #[inline]
    fn run(self: &Rc<Self>, params: Params, bound: bool) -> Result<Running> {
        let raw = self.handle()?;
        if self.pinned.replace(true) {
            return Err(Error::Type("This statement is busy executing a query"));
        }
        Ok(Running::new(self.clone(), raw, params, bound))
    }
}

impl Compiled for Statement {
    fn finalize(&self) {
        let raw = self.raw.replace(ptr::null_mut());
        if !raw.is_null() && self.shared.is_open() {
            // SAFETY: `raw` was live and is forgotten now.
            unsafe { ffi::sqlite3_finalize(raw) };
        }
    }

    fn is_wanted(&self) -> bool {
        self.pinned.get() || self.used.replace(false)
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        self.finalize();
    }
}
