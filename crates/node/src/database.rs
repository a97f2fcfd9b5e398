//! A connection, and who uses it now.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ferrolite_sqlite::{ChangeKind, ChangedRow, Connection, Error, InterruptHandle};

use crate::block_layout::header;
use crate::environment::{Environment, ShutDown, Subject};
use crate::kept::{Failure, Kept};
use crate::open::Setup;
use crate::sys::{Call, Env, Finalize, Ref, Result, Thrown, ValueType};

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
    pub on_change: RefCell<Option<Ref>>,
    /// ms; 0 is none
    default_timeout: u32,
    pub interrupt: InterruptHandle,
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
    /// Of a connection that is open.
    pub fn new<'e>(
        env: Env<'e>,
        environment: Rc<Environment>,
        conn: Connection,
        kept: Option<Kept>,
        name: String,
        setup: &Setup<'e>,
    ) -> Result<Self> {
        let has_logger = setup.logger.type_of(env) == ValueType::Function;
        Ok(Self {
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
        })
    }

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

/// The connection that a function was called on.
pub fn this<'e>(call: &Call<'e>) -> Result<&'e Rc<Database>> {
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
