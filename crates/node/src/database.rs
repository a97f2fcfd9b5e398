//! Methods of a connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ferrolite_sqlite::{
    is_plain, ChangeKind, ChangedRow, Connection, Error, InterruptHandle, Key, Limit, OnWork,
    OpenOptions, Role,
};
use ferrolite_worker::local::MODULES;

use crate::block_layout::header;
use crate::callback::Host;
use crate::environment::{Environment, ShutDown, Subject};
use crate::kept::{self, Failure, Kept};
use crate::store;
use crate::sys::{Call, Env, Finalize, Ref, Result, Thrown, Value, ValueType};

/// A connection and who uses it now.
pub struct Database {
    pub environment: Rc<Environment>,
    pub conn: Connection,
    /// As JavaScript has it
    name: String,
    pub busy: Cell<bool>,
    pub iterators: Cell<u32>,
    pub unsafe_mode: Cell<bool>,
    /// A callback failed: its exception is stashed until `SQLite` has unwound.
    pub pending: Cell<bool>,
    /// `SQLite` may call JavaScript while it executes: a function, a table or a logger is registered.
    pub runs_callbacks: Cell<bool>,
    /// Times that `SQLite` called into JavaScript.
    pub callbacks: Cell<u32>,
    logger: Option<Ref>,
    /// The logger is not to see the values of parameters.
    hides_parameters: bool,
    on_change: RefCell<Option<Ref>>,
    /// ms; 0 is none
    default_timeout: u32,
    interrupt: InterruptHandle,
    /// Of one in a key-value store.
    pub kept: RefCell<Option<Kept>>,
}

// https://www.sqlite.org/rescode.html
const BUSY: i32 = 5;
const INTERRUPTED: i32 = 9;

/// What JavaScript holds.
pub struct DatabaseHandle(pub Rc<Database>);

impl Finalize for DatabaseHandle {}

impl Database {
    /// Throws what went wrong: the exception of a callback if there is one.
    #[cold]
    pub fn raise(&self, env: Env<'_>, error: &Error) -> Thrown {
        self.raise_about(env, error, None)
    }

    /// As `raise`, for an error of the execution of some SQL.
    #[cold]
    pub fn raise_about(&self, env: Env<'_>, error: &Error, sql: Option<&[u8]>) -> Thrown {
        let failure = self.failure(error);
        let subject = self.subject(error, sql, failure.as_ref());
        if self.pending.replace(false) {
            return self.environment.throw(env, &Error::Callback, &subject);
        }
        self.environment.throw(env, error, &subject)
    }

    fn failure(&self, error: &Error) -> Option<Failure> {
        self.kept.borrow().as_ref()?.reason(&self.conn, error)
    }

    fn subject<'a>(
        &'a self,
        error: &Error,
        sql: Option<&'a [u8]>,
        failure: Option<&'a Failure>,
    ) -> Subject<'a> {
        Subject {
            sql,
            database: &self.name,
            timed_out: self.conn.take_timed_out()
                && matches!(error.code() & 0xff, BUSY | INTERRUPTED),
            failure,
        }
    }

    /// The same where rows were changed before the error: listeners are called first, and while no
    /// exception is pending, which the code they run would take for its own.
    #[cold]
    pub fn raise_after_changes(&self, env: Env<'_>, error: &Error, sql: &[u8]) -> Thrown {
        let failure = self.failure(error);
        let subject = self.subject(error, Some(sql), failure.as_ref());
        let pending = if self.pending.replace(false) {
            match self.environment.stashed(env) {
                Ok(exception) => Some(exception),
                Err(thrown) => return thrown,
            }
        } else {
            None
        };
        if let Err(Thrown) = self.dispatch_changes(env) {
            // The first error counts.
            let _ = env.take_exception();
        }
        match pending {
            Some(exception) => env.throw(exception),
            None => self.environment.throw(env, error, &subject),
        }
    }

    /// The same for one statement: rows that it has undone are not reported, rows that it has kept (`OR FAIL`) are.
    /// `changes` is `total_changes()` before it.
    #[cold]
    pub fn raise_failed(&self, env: Env<'_>, error: &Error, sql: &[u8], changes: i64) -> Thrown {
        if self.conn.total_changes() == changes {
            self.conn.take_changed_rows();
        }
        self.raise_after_changes(env, error, sql)
    }

    /// Throws the exception of a callback whose failure `SQLite` ignored: a table that would not
    /// connect while others were listed, say.
    #[inline]
    pub fn settle(&self, env: Env<'_>) -> Result<()> {
        if self.pending.get() {
            return Err(self.raise(env, &Error::Callback));
        }
        Ok(())
    }

    /// Turns a pending JavaScript exception into an error that passes through `SQLite`.
    pub fn stash(&self, env: Env<'_>) -> Error {
        if !self.pending.replace(true) {
            self.environment.stash_exception(env);
        }
        Error::Callback
    }

    /// Shows a statement to the `verbose` logger; `sql` is asked whether its parameters are to be filled in.
    #[inline]
    pub fn log(&self, sql: impl FnOnce(bool) -> Vec<u8>) -> std::result::Result<(), Error> {
        match &self.logger {
            Some(logger) => self.call_logger(logger, &sql(!self.hides_parameters)),
            None => Ok(()),
        }
    }

    #[cold]
    fn call_logger(&self, logger: &Ref, sql: &[u8]) -> std::result::Result<(), Error> {
        let called = self.environment.in_callback(|env| {
            let call = || {
                env.call(logger.get(env)?, env.undefined()?, &[env.utf8(sql)?])?;
                Ok(())
            };
            call().map_err(|_: Thrown| self.stash(env))
        });
        called.unwrap_or(Err(Error::Callback))
    }

    /// Limits what runs next to `timeout` ms, or to the connection's default.
    #[inline]
    pub fn start_clock(&self, timeout: i32) -> Clock<'_> {
        let timeout = u32::try_from(timeout).unwrap_or(self.default_timeout);
        let watched = timeout != 0 || self.environment.is_worker;
        if watched {
            let limit = (timeout != 0).then(|| Duration::from_millis(timeout.into()));
            self.conn.watch(limit);
        }
        Clock {
            conn: watched.then_some(&self.conn),
        }
    }

    /// Calls the listener for each changed row; the statement that changed them has ended.
    #[inline]
    pub fn dispatch_changes(&self, env: Env<'_>) -> Result<()> {
        if self.conn.watches_changed_rows() {
            self.call_listener(env)?;
        }
        Ok(())
    }

    #[cold]
    fn call_listener(&self, env: Env<'_>) -> Result<()> {
        let changes = self.conn.take_changed_rows();
        if changes.is_empty() {
            return Ok(());
        }
        // The rows of the statement are still in the block, so this is a callback like others; and unlike
        // at others, the header already says what they are.
        let rows = [
            header::VERSION,
            header::ROWS,
            header::DONE,
            header::EXTRAS,
            header::COLUMNS,
        ];
        let said = rows.map(|field| self.environment.block.i32(field));
        let called = self.environment.in_callback(|env| {
            changes
                .iter()
                .try_for_each(|row| self.notify_listener(env, row))
                .map_err(|Thrown| self.stash(env))
        });
        for (field, value) in rows.into_iter().zip(said) {
            self.environment.block.set_i32(field, value);
        }
        match called {
            Some(Err(error)) => Err(self.raise(env, &error)),
            _ => Ok(()),
        }
    }

    fn notify_listener(&self, env: Env<'_>, row: &ChangedRow) -> Result<()> {
        let listener = match &*self.on_change.borrow() {
            Some(listener) => listener.get(env)?,
            None => return Ok(()),
        };
        let operation = match row.kind {
            ChangeKind::Insert => "insert",
            ChangeKind::Update => "update",
            ChangeKind::Delete => "delete",
        };
        let args = [
            env.utf8(operation.as_bytes())?,
            env.utf8(&row.database)?,
            env.utf8(&row.table)?,
            env.bigint(row.rowid)?,
        ];
        env.call(listener, env.undefined()?, &args).map(|_| ())
    }

    /// Puts changes and rowid into the header.
    #[inline]
    pub fn put_changes(&self, (changes, rowid): (i64, i64)) {
        let block = &self.environment.block;
        #[allow(clippy::cast_precision_loss)] // JavaScript numbers; exact up to 2^53
        block.set_f64(header::CHANGES, changes as f64);
        #[allow(clippy::cast_precision_loss)]
        block.set_f64(header::ROWID, rowid as f64);
        block.set_i64(header::ROWID_INT64, rowid);
    }

    /// As JavaScript has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn check(&self, env: Env<'_>, result: std::result::Result<(), Error>) -> Result<()> {
        result.map_err(|error| self.raise(env, &error))
    }
}

impl ShutDown for Database {
    fn shut_down(&self) {
        if let Some(kept) = &*self.kept.borrow() {
            kept.silence();
        }
        self.conn.close();
        self.on_change.take();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Whoever collects garbage cannot call JavaScript.
        if let Some(kept) = &*self.kept.borrow() {
            kept.silence();
        }
    }
}

/// Lifts the time limit when it is dropped.
pub struct Clock<'db> {
    conn: Option<&'db Connection>,
}

impl Drop for Clock<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(conn) = self.conn {
            conn.unwatch();
        }
    }
}

/// `(path, readonly, mustExist, timeout, logger, buffer, vfs, uri, defaultTimeout, key, role, name, hideParameters)`
/// -> handle
pub fn open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let environment: Rc<Environment> = call.data();
    let path = call.arg(0).to_utf8(env)?;
    let readonly = call.arg(1).as_bool(env);
    let (logger, buffer, vfs) = (call.arg(4), call.arg(5), call.arg(6));
    let vfs = if vfs.type_of(env) == ValueType::String {
        Some(vfs.to_utf8(env)?)
    } else {
        None
    };
    let key = key_of(env, call.arg(9));
    let options = OpenOptions {
        path: &path,
        readonly,
        must_exist: call.arg(2).as_bool(env),
        timeout: unsigned(call.arg(3).as_i32(env)),
        vfs: vfs.as_deref(),
        uri: call.arg(7).as_bool(env),
        key: key.as_ref(),
        modules: MODULES,
    };
    let name = call.arg(11).to_utf8(env)?;
    let throw = |error: Error| throw_opening(env, &environment, &error, &name);
    let conn = Connection::open(&options).map_err(throw)?;
    let mut bytes = Vec::new();
    if buffer.append_bytes(env, &mut bytes).is_some() {
        conn.deserialize(&bytes, readonly).map_err(throw)?;
    }
    let setup = Setup {
        role: call.arg(10).as_i32(env),
        logger,
        hides_parameters: call.arg(12).as_bool(env),
        default_timeout: unsigned(call.arg(8).as_i32(env)),
    };
    hand_over(env, environment.clone(), conn, None, name.clone(), &setup)
}

/// `(host, name, readonly, timeout, logger, defaultTimeout, role, hideParameters)` -> handle; for `host` see
/// [`store::open`]
pub fn open_store<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let environment: Rc<Environment> = call.data();
    let name = call.arg(1).to_utf8(env)?;
    let options = OpenOptions {
        readonly: call.arg(2).as_bool(env),
        timeout: unsigned(call.arg(3).as_i32(env)),
        modules: MODULES,
        ..OpenOptions::new("")
    };
    let opened = store::open(env, &environment, call.arg(0), &name, &options)?;
    let (conn, kept) = opened.map_err(|error| throw_opening(env, &environment, &error, &name))?;
    let setup = Setup {
        role: call.arg(6).as_i32(env),
        logger: call.arg(4),
        hides_parameters: call.arg(7).as_bool(env),
        default_timeout: unsigned(call.arg(5).as_i32(env)),
    };
    hand_over(env, environment, conn, Some(kept), name, &setup)
}

fn throw_opening(env: Env<'_>, environment: &Environment, error: &Error, database: &str) -> Thrown {
    let subject = Subject {
        sql: None,
        database,
        timed_out: false,
        failure: None,
    };
    environment.throw(env, error, &subject)
}

/// What a connection has that JavaScript opens.
pub struct Setup<'e> {
    pub role: i32,
    pub logger: Value<'e>,
    pub hides_parameters: bool,
    pub default_timeout: u32,
}

/// Makes the handle of a connection that is open.
pub fn hand_over<'e>(
    env: Env<'e>,
    environment: Rc<Environment>,
    conn: Connection,
    kept: Option<Kept>,
    name: String,
    setup: &Setup<'e>,
) -> Result<Value<'e>> {
    if environment.is_worker {
        let watched = environment.clone();
        conn.set_interrupt_check(Box::new(move || !watched.can_run_js()));
    }
    conn.set_role(Role::from_number(setup.role))
        .map_err(|error| throw_opening(env, &environment, &error, &name))?;
    let has_logger = setup.logger.type_of(env) == ValueType::Function;
    let database = Rc::new(Database {
        interrupt: conn.interrupt_handle(),
        conn,
        name,
        busy: Cell::new(false),
        iterators: Cell::new(0),
        unsafe_mode: Cell::new(false),
        pending: Cell::new(false),
        runs_callbacks: Cell::new(has_logger || kept.is_some()),
        callbacks: Cell::new(0),
        logger: if has_logger {
            Some(env.reference(setup.logger)?)
        } else {
            None
        },
        hides_parameters: setup.hides_parameters,
        on_change: RefCell::default(),
        default_timeout: setup.default_timeout,
        kept: RefCell::new(kept),
        environment,
    });
    let weak = Rc::downgrade(&database);
    database.environment.add_database(weak);
    Ok(env.boxed(DatabaseHandle(database)))
}

/// The key that a Buffer holds.
pub fn key_of(env: Env<'_>, value: Value<'_>) -> Option<Key> {
    let mut bytes = Vec::new();
    value.append_bytes(env, &mut bytes).map(|_| Key::new(bytes))
}

pub fn unsigned(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

fn this<'e>(call: &Call<'e>) -> Result<&'e Rc<Database>> {
    Ok(&call.this::<DatabaseHandle>()?.0)
}

/// The connection that a function was called on, if it is open, not executing and nothing iterates.
pub fn this_idle<'e>(call: &Call<'e>) -> Result<&'e Rc<Database>> {
    let db = this(call)?;
    db.check(call.env, db.require_idle())?;
    Ok(db)
}

/// The connection that a function was called on, if it is open and not executing.
pub fn this_ready<'e>(call: &Call<'e>) -> Result<&'e Rc<Database>> {
    let db = this(call)?;
    db.check(call.env, db.require_ready())?;
    Ok(db)
}

/// Throws if it is closed.
pub fn require_open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    db.check(call.env, db.require_open())?;
    call.env.undefined()
}

pub fn close<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    if db.conn.is_open() {
        this_idle(call)?;
        let failure = kept::end(db);
        db.conn.close();
        db.kept.take();
        db.on_change.take();
        if let Some(failure) = failure {
            let environment = &db.environment;
            return Err(environment.throw_failure(call.env, &failure, &db.name));
        }
    }
    call.env.undefined()
}

pub fn is_open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    call.env.boolean(this(call)?.conn.is_open())
}

pub fn in_transaction<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    call.env.boolean(this(call)?.conn.in_transaction())
}

/// -> whether a statement has begun and not ended
pub fn is_reading<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let is_reading = this(call)?.conn.has_running_statements();
    call.env.boolean(is_reading.unwrap_or(false))
}

/// `(sql, timeout or -1)` -> whether it was one plain statement, which may be compiled once and kept
pub fn exec<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_ready(call)?;
    db.check(env, db.require_no_iterators_unless_unsafe())?;
    let mut params = db.environment.take_params();
    call.arg(0)
        .append_utf8(env, &mut params.bytes, usize::MAX)?;
    params.bytes.push(0);
    let result = {
        let _clock = db.start_clock(call.arg(1).as_i32(env));
        let _busy = db.enter_busy();
        db.conn.exec(&params.bytes, &mut |statement| {
            db.log(|with_values| statement.logged_sql(with_values))
        })
    };
    let plain = is_plain(&params.bytes);
    let script = params.bytes.strip_suffix(b"\0").unwrap_or_default();
    let failed = if db.pending.get() {
        Err(Error::Callback)
    } else {
        Ok(())
    };
    let count = match result.and_then(|count| failed.map(|()| count)) {
        Ok(count) => db.dispatch_changes(env).map(|()| count),
        Err(error) => Err(db.raise_after_changes(env, &error, script)),
    };
    params.clear();
    db.environment.give_params(params);
    env.boolean(plain && count? == 1)
}

/// `(on)`
pub fn unsafe_mode<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    db.check(call.env, db.require_open())?;
    let on = call.arg(0).as_bool(call.env);
    db.unsafe_mode.set(on);
    db.check(call.env, db.conn.set_defensive(!on))?;
    call.env.undefined()
}

/// `(path, entryPoint | undefined)`
pub fn load_extension<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let path = call.arg(0).to_utf8(env)?;
    let entry = call.arg(1);
    let entry = if entry.type_of(env) == ValueType::String {
        Some(entry.to_utf8(env)?)
    } else {
        None
    };
    let _busy = db.enter_busy();
    db.check(env, db.conn.load_extension(&path, entry.as_deref()))?;
    env.undefined()
}

/// `(key | null)`
pub fn rekey<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let key = key_of(env, call.arg(0));
    let _busy = db.enter_busy();
    db.check(env, db.conn.rekey(key))?;
    env.undefined()
}

/// `(database)` -> Buffer
pub fn serialize<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let name = call.arg(0).to_utf8(env)?;
    match db.conn.serialize(&name) {
        Ok(bytes) => env.buffer(bytes.as_bytes()),
        Err(error) => Err(db.raise(env, &error)),
    }
}

pub fn interrupt<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    db.check(call.env, db.require_open())?;
    db.interrupt.interrupt();
    call.env.undefined()
}

/// Rows changed by the last statement and the last inserted rowid, in the header.
pub fn last_changes<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    db.put_changes(db.conn.last_changes());
    call.env.undefined()
}

/// `(number of the limit, value or -1)` -> the value before
pub fn limit<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this(call)?;
    db.check(env, db.require_open())?;
    let value = call.arg(1).as_i32(env);
    if value >= 0 {
        db.check(env, db.require_not_busy())?;
    }
    let number = usize::try_from(call.arg(0).as_i32(env)).unwrap_or(usize::MAX);
    let limit = Limit::from_number(number);
    match db.conn.limit(limit, value) {
        Ok(before) => env.number(before.into()),
        Err(error) => Err(db.raise(env, &error)),
    }
}

/// -> the numbers of `Connection::stats`
pub fn stats<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this(call)?;
    let stats = db.conn.stats().map_err(|error| db.raise(env, &error))?;
    let list = env.array(stats.len())?;
    for (at, value) in (0..).zip(stats) {
        #[allow(clippy::cast_precision_loss)] // exact up to 2^53
        list.set_at(env, at, env.number(value as f64)?)?;
    }
    Ok(list)
}

/// `(listener | null)`: called with operation, database, table, rowid.
pub fn on_change<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this(call)?;
    db.check(env, db.require_open())?;
    let listener = call.arg(0);
    let on = listener.type_of(env) == ValueType::Function;
    db.on_change.replace(if on {
        Some(env.reference(listener)?)
    } else {
        None
    });
    db.check(env, db.conn.watch_changed_rows(on))?;
    env.undefined()
}

/// `(listener | null)`: called with table, done, total while a table does long work, which ends if it throws.
pub fn on_work<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this(call)?;
    db.check(env, db.require_open())?;
    let listener = call.arg(0);
    let listener: Option<OnWork> = if listener.type_of(env) == ValueType::Function {
        let host = Host::new(db, false, String::new());
        let listener = env.reference(listener)?;
        Some(Rc::new(move |work| {
            let call = |env: Env<'_>| {
                #[allow(clippy::cast_precision_loss)] // JavaScript numbers; exact up to 2^53
                let number = |number: u64| env.number(number as f64);
                let args = [
                    env.utf8(work.table.as_bytes())?,
                    number(work.done)?,
                    number(work.total)?,
                ];
                env.call(listener.get(env)?, env.undefined()?, &args)
                    .map(|_| ())
            };
            host.enter(call).is_some()
        }))
    } else {
        None
    };
    db.check(env, db.conn.on_work(listener))?;
    env.undefined()
}
