//! Methods of a statement that do not execute it.

use std::cell::Cell;
use std::rc::Rc;

use ferrolite_sqlite::{is_plain, Column, Error, Params, Running};

use crate::bind::{self, Lend};
use crate::block_layout::header;
use crate::database::{Database, DatabaseHandle};
use crate::execute::Execution;
use crate::guard::require_not_locked;
use crate::sys::{Call, Env, Finalize, Result, Thrown, Value};

pub const ALREADY_BOUND: Error = Error::Type("This statement already has bound parameters");

/// A prepared statement. Small: what a loop drops is freed only when the event loop turns.
pub struct Statement {
    pub db: Rc<Database>,
    pub stmt: Rc<ferrolite_sqlite::Statement>,
    /// An execution that is not over: an iterator's, or an `all()` of many rows.
    pub execution: Cell<Option<Box<Execution>>>,
    /// ms; negative is the connection's default
    pub timeout: Cell<i32>,
    pub version: Cell<i32>,
    pub columns: Cell<u16>,
    pub parameters: u16,
    pub reader: bool,
    /// Some parameter has a name: JavaScript puts the values in order.
    pub named: bool,
    /// Cannot change what other statements mean: not DDL, PRAGMA, ATTACH, ROLLBACK …
    pub plain: bool,
    pub bound: Cell<bool>,
    /// An iterator is open on it.
    pub locked: Cell<bool>,
    pub columns_before: Cell<Option<Box<ColumnsBefore>>>,
}

/// Names and tables of columns as they were before a listener ran, which may have changed the table.
pub struct ColumnsBefore {
    version: i32,
    columns: Vec<[Option<Box<[u8]>>; 5]>,
}

impl Finalize for Statement {}

type Check = std::result::Result<(), Error>;

impl Statement {
    pub fn check(&self, call: &Call<'_>, result: Check) -> Result<()> {
        result.map_err(|error| self.raise(call.env, &error))
    }

    /// Throws what went wrong with this statement.
    #[cold]
    pub fn raise(&self, env: Env<'_>, error: &Error) -> Thrown {
        self.db.raise_about(env, error, Some(self.stmt.sql()))
    }

    /// Calls the listeners with changed rows; the rows in the block keep their column names.
    #[inline]
    pub fn dispatch_changes(&self, env: Env<'_>) -> Result<()> {
        if self.db.conn.watches_changed_rows() && self.db.conn.changed_row_count() != 0 {
            self.dispatch_with_columns(env)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn dispatch_with_columns(&self, env: Env<'_>) -> Result<()> {
        let version = self.version.get();
        let mut columns = Vec::new();
        let listed = self.stmt.columns(&mut |column| {
            columns.push(column.map(|text| text.map(Box::from)));
        });
        let dispatched = self.db.dispatch_changes(env);
        if listed.is_ok() {
            let before = ColumnsBefore { version, columns };
            self.columns_before.set(Some(Box::new(before)));
        }
        dispatched
    }

    /// The columns that the rows in the block have.
    fn columns_of_rows(&self, each: &mut dyn FnMut(Column<'_>)) -> std::result::Result<(), Error> {
        let before = self.columns_before.take();
        match &before {
            Some(before) if before.version == self.db.environment.block.i32(header::VERSION) => {
                for column in &before.columns {
                    each(column.each_ref().map(|text| text.as_deref()));
                }
            }
            _ => return self.stmt.columns(each),
        }
        self.columns_before.set(before);
        Ok(())
    }

    #[inline]
    pub fn require_reader(&self) -> Check {
        if self.reader {
            Ok(())
        } else {
            Err(Error::Type(
                "This statement does not return data. Use run() instead",
            ))
        }
    }

    #[inline]
    pub fn require_startable(&self) -> Check {
        self.db.require_ready()?;
        require_not_locked(self.locked.get())
    }

    /// Starts with the call's arguments. `None` if JavaScript has to look at them first.
    #[inline]
    pub fn start(&self, call: &Call<'_>, lend: Lend) -> Result<Option<Running>> {
        let environment = &*self.db.environment;
        let mut params = environment.take_params();
        if self.bound.get() {
            if call.len() > 0 {
                return Err(self.raise(call.env, &ALREADY_BOUND));
            }
            let running = self.stmt.start_bound(params);
            return running
                .map(Some)
                .map_err(|error| self.raise(call.env, &error));
        }
        if !self.collect(call, &mut params, lend)? {
            params.clear();
            environment.give_params(params);
            return Ok(None);
        }
        if !self.plain {
            self.db.conn.bump_epoch();
        }
        self.stmt
            .start(params)
            .map(Some)
            .map_err(|error| self.raise(call.env, &error))
    }

    /// False if JavaScript has to put the arguments in order first.
    #[inline]
    fn collect(&self, call: &Call<'_>, params: &mut Params, lend: Lend) -> Result<bool> {
        let block = &self.db.environment.block;
        let ordered = block.i32(header::ORDERED) != 0;
        // For this call alone: a callback of it may make others.
        block.set_i32(header::ORDERED, 0);
        if self.named && !ordered {
            return Ok(false);
        }
        // Only code of the user could change or free the memory of a Buffer while SQLite reads it.
        let lend = if self.db.runs_callbacks.get() {
            Lend::No
        } else {
            lend
        };
        bind::collect(call, self.parameters.into(), params, ordered, lend)
    }

    /// Learns of new columns after a schema change; call it on the first row.
    #[inline]
    pub fn refresh(&self) -> std::result::Result<usize, Error> {
        let version = self.stmt.version();
        if version != self.version.get() {
            self.columns.set(self.stmt.column_count()?);
            self.version.set(version);
            // Another connection may have changed the schema.
            self.db.conn.bump_epoch();
        }
        Ok(self.columns.get().into())
    }

    /// True while an execution is to go on.
    #[inline]
    pub fn is_suspended(&self) -> bool {
        let execution = self.execution.take();
        let suspended = execution.is_some();
        self.execution.set(execution);
        suspended
    }
}

/// `(sql, isPragma, isExplain)` on a database -> handle; the header says what kind of statement it is.
pub fn prepare<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = &call.this::<DatabaseHandle>()?.0;
    let mut params = db.environment.take_params();
    call.arg(0)
        .append_utf8(env, &mut params.bytes, usize::MAX)?;
    let (pragma, explain) = (call.arg(1).as_bool(env), call.arg(2).as_bool(env));
    let handle = prepare_sql(call, db, &params.bytes, pragma, explain);
    params.clear();
    db.environment.give_params(params);
    handle
}

/// Another handle for the same SQL, which is compiled when it is used -> handle
pub fn clone<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    st.check(call, st.db.require_ready())?;
    Ok(call.env.boxed(Statement {
        db: st.db.clone(),
        stmt: st.stmt.another(),
        execution: Cell::default(),
        timeout: Cell::new(-1),
        // That of no compiled form: what it is compiled to may have other columns.
        version: Cell::new(0),
        columns: Cell::new(st.columns.get()),
        parameters: st.parameters,
        reader: st.reader,
        named: st.named,
        plain: st.plain,
        bound: Cell::new(false),
        locked: Cell::new(false),
        columns_before: Cell::default(),
    }))
}

fn prepare_sql<'e>(
    call: &Call<'e>,
    db: &Rc<Database>,
    sql: &[u8],
    pragma: bool,
    explain: bool,
) -> Result<Value<'e>> {
    let env = call.env;
    let raise = |error: Error| db.raise_about(env, &error, Some(sql));
    db.require_ready().map_err(raise)?;
    if pragma {
        db.require_no_iterators_unless_unsafe().map_err(raise)?;
    }
    let prepared = {
        let _busy = db.enter_busy();
        db.conn.prepare(sql)
    };
    let stmt = prepared.map_err(raise)?;
    db.settle(env)?;
    let columns = stmt.column_count().map_err(raise)?;
    let parameters = stmt.parameter_count().map_err(raise)?;
    let statement = Statement {
        columns: Cell::new(columns),
        version: Cell::new(stmt.version()),
        parameters,
        reader: columns > 0 || pragma,
        named: stmt.has_named_parameters().map_err(raise)?,
        plain: is_plain(sql),
        // An EXPLAIN runs without its parameters.
        bound: Cell::new(explain),
        locked: Cell::new(false),
        columns_before: Cell::default(),
        timeout: Cell::new(-1),
        execution: Cell::default(),
        db: db.clone(),
        stmt,
    };
    let readonly = statement.stmt.readonly().map_err(raise)?;
    let block = &db.environment.block;
    block.set_i32(header::READER, statement.reader.into());
    block.set_i32(header::READONLY, readonly.into());
    let shared = statement.reader && readonly && db.conn.may_read_elsewhere(sql);
    block.set_i32(header::SHARED, shared.into());
    Ok(env.boxed(statement))
}

/// True if the handle may serve another `prepare()` of the same SQL; throws where prepare would.
pub fn reuse<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    st.check(call, st.db.require_ready())?;
    call.env
        .boolean(st.stmt.is_current() && !st.locked.get() && !st.bound.get())
}

/// -> array of column names
pub fn column_names<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    names_of(call, 0)
}

/// -> array of the tables that columns come from, null for expressions
pub fn tables<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    names_of(call, 2)
}

fn names_of<'e>(call: &Call<'e>, field: usize) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    let array = env.array(0)?;
    let mut at = 0;
    let mut outcome = Ok(());
    let listed = st.columns_of_rows(&mut |column| {
        let add = || {
            let name = column.get(field).copied().flatten();
            array.set_at(
                env,
                at,
                name.map_or_else(|| env.null(), |name| env.utf8(name))?,
            )
        };
        outcome = outcome.and_then(|()| add());
        at += 1;
    });
    st.check(call, listed)?;
    outcome?;
    Ok(array)
}

/// -> array of `{ name, column, table, database, type }`
pub fn columns<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    const KEYS: [&str; 5] = ["name", "column", "table", "database", "type"];
    let env = call.env;
    let st = call.this::<Statement>()?;
    st.check(call, st.db.require_ready())?;
    let array = env.array(0)?;
    let mut at = 0;
    let mut outcome = Ok(());
    let listed = st.stmt.columns(&mut |column| {
        let add = || {
            let object = env.object()?;
            for (key, value) in KEYS.iter().zip(column) {
                let value = value.map_or_else(|| env.null(), |value| env.utf8(value))?;
                object.set(env, env.utf8(key.as_bytes())?, value)?;
            }
            array.set_at(env, at, object)
        };
        outcome = outcome.and_then(|()| add());
        at += 1;
    });
    st.check(call, listed)?;
    outcome?;
    Ok(array)
}

/// -> array with the name of each parameter, null for a plain `?`
pub fn parameter_names<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    let names = st
        .stmt
        .parameter_names()
        .map_err(|error| st.db.raise(env, &error))?;
    let array = env.array(names.len())?;
    for (at, name) in names.iter().enumerate() {
        let name = name
            .as_ref()
            .map_or_else(|| env.null(), |name| env.utf8(name))?;
        array.set_at(env, u32::try_from(at).unwrap_or(u32::MAX), name)?;
    }
    Ok(array)
}

/// -> the SQL with what is bound for good, or null if nothing is
pub fn expanded_sql<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    // It may have been finalized while idle. If it does not compile any more, only its source is left.
    let bound = st.bound.get() && st.stmt.ensure_compiled();
    let expanded = if bound { st.stmt.expanded_sql() } else { None };
    expanded.map_or_else(|| call.env.null(), |sql| call.env.utf8(&sql))
}

/// -> whether an iterator is open on it
pub fn busy<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    call.env.boolean(st.locked.get() && st.db.conn.is_open())
}

/// Throws if its mode cannot be changed now.
pub fn require_idle<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    st.check(call, st.db.require_not_busy())?;
    st.check(call, require_not_locked(st.locked.get()))?;
    call.env.undefined()
}

/// Throws if its connection is executing.
pub fn require_not_busy<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    st.check(call, st.db.require_not_busy())?;
    call.env.undefined()
}

/// `(ms)`, -1 for the connection's default
pub fn timeout<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    st.timeout.set(call.arg(0).as_i32(call.env));
    call.env.undefined()
}

/// Binds its arguments for good; false if JavaScript has to look at them first.
pub fn bind<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    st.check(call, st.stmt.require_unbound())?;
    st.check(call, st.require_startable())?;
    let mut params = st.db.environment.take_params();
    if !st.collect(call, &mut params, Lend::No)? {
        return env.boolean(false);
    }
    let bound = st.stmt.bind_permanently(params);
    st.check(call, bound)?;
    st.bound.set(true);
    env.boolean(true)
}
