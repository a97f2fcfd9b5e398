//! Execute a statement: run, get, all, iterate. The hot path.

use ferrolite_sqlite::{Encoder, Error, Running, Step};

use crate::bind::Lend;
use crate::block_layout::header;
use crate::block_layout::mode::{INT64, PLUCK};
use crate::statement::{Statement, ALREADY_BOUND};
use crate::sys::{Call, Env, Ref, Result, Thrown, Value};

/// An execution that JavaScript continues call by call.
pub struct Execution {
    running: Running,
    encoder: Box<Encoder>,
    mode: u8,
    /// The first step is still to come.
    fresh: bool,
    /// The error that ended the rows that were read ahead; thrown when they are used up.
    deferred: Option<Deferred>,
    done: bool,
    failed: bool,
    /// `Database::callbacks` when it began.
    callbacks: u32,
}

enum Deferred {
    Error(Error),
    /// An array with the exception of a callback.
    Exception(Ref),
}

/// What filling a block came to.
enum Filled {
    Full,
    Done,
    Failed(Error),
}

impl Statement {
    /// Checks and starts an execution.
    #[inline]
    fn begin(
        &self,
        call: &Call<'_>,
        check: fn(&Self) -> std::result::Result<(), Error>,
        lend: Lend,
    ) -> Result<Option<Running>> {
        self.check(call, check(self))?;
        self.start(call, lend)
    }

    fn can_run(&self) -> std::result::Result<(), Error> {
        self.require_startable()?;
        self.db.require_no_iterators_unless_unsafe()
    }

    fn can_read(&self) -> std::result::Result<(), Error> {
        self.require_reader()?;
        self.require_startable()
    }

    /// Appends the current row to the block.
    #[inline]
    fn encode(
        &self,
        env: Env<'_>,
        running: &Running,
        encoder: &mut Encoder,
        mode: u8,
        columns: usize,
    ) -> Result<()> {
        let environment = &*self.db.environment;
        let columns = if mode & PLUCK == 0 {
            columns
        } else {
            columns.min(1)
        };
        let mut target = environment.block.target();
        let mut failed = false;
        encoder.push_row(
            running.row(),
            columns,
            mode & INT64 != 0,
            &mut target,
            &mut |large| {
                environment
                    .push_large(env, &large)
                    .unwrap_or_else(|Thrown| {
                        failed = true;
                        0
                    })
            },
        );
        environment.set_used(encoder.used_slots(), encoder.used_bytes());
        if failed {
            let message = "A value of the row is too large for a JavaScript string or Buffer";
            return Err(self.raise(env, &Error::Range(message)));
        }
        Ok(())
    }

    /// Hands the block over: its Latin-1 text, or null if it has none.
    #[inline]
    fn give<'e>(
        &self,
        env: Env<'e>,
        encoder: &Encoder,
        rows: i32,
        done: bool,
    ) -> Result<Value<'e>> {
        let environment = &*self.db.environment;
        if !encoder.utf16.is_empty() {
            environment.set_wide_text(env, &encoder.utf16)?;
        }
        environment
            .block
            .set_i32(header::VERSION, self.version.get());
        environment.block.set_i32(header::ROWS, rows);
        environment.block.set_i32(header::DONE, done.into());
        environment
            .block
            .set_i32(header::COLUMNS, self.columns.get().into());
        environment
            .block
            .set_i32(header::EXTRAS, environment.has_extras().into());
        if encoder.latin1.is_empty() {
            env.null()
        } else {
            env.latin1(&encoder.latin1)
        }
    }

    /// Ends an execution: returns its memory, and calls the listeners with changed rows.
    #[inline]
    fn finish(&self, env: Env<'_>, running: Running) -> Result<()> {
        let (params, result) = running.finish();
        self.db.environment.give_params(params);
        match result {
            Ok(()) => self.db.settle(env),
            Err(error) => Err(self.raise(env, &error)),
        }
    }

    /// The error of an execution that did not finish.
    #[cold]
    fn abandon(&self, env: Env<'_>, running: Running, error: &Error) -> Thrown {
        let (params, _) = running.finish();
        self.db.environment.give_params(params);
        self.db.conn.take_changed_rows();
        self.raise(env, error)
    }

    /// Steps until the block is full, `max` rows are in it, or the rows end.
    fn fill(
        &self,
        env: Env<'_>,
        execution: &mut Execution,
        max: i32,
        rows: &mut i32,
    ) -> Result<Filled> {
        let mut columns = self.columns.get().into();
        while *rows < max && execution.encoder.has_space(columns) {
            match execution.running.step() {
                Ok(Step::Row) => {
                    if execution.fresh {
                        execution.fresh = false;
                        columns = match self.refresh() {
                            Ok(columns) => columns,
                            Err(error) => return Ok(Filled::Failed(error)),
                        };
                    }
                    let Execution {
                        running,
                        encoder,
                        mode,
                        ..
                    } = execution;
                    self.encode(env, running, encoder, *mode, columns)?;
                    *rows += 1;
                }
                Ok(Step::Done) => return Ok(Filled::Done),
                Err(error) => return Ok(Filled::Failed(error)),
            }
        }
        Ok(Filled::Full)
    }

    fn new_execution(&self, running: Running, mode: u8) -> Box<Execution> {
        Box::new(Execution {
            running,
            encoder: self.db.environment.take_encoder(),
            mode,
            fresh: true,
            deferred: None,
            done: false,
            failed: false,
            callbacks: self.db.callbacks.get(),
        })
    }

    /// Returns an execution's memory.
    fn retire(&self, execution: Box<Execution>) -> (Running, Option<Deferred>) {
        let Execution {
            running,
            encoder,
            deferred,
            ..
        } = *execution;
        self.db.environment.give_encoder(encoder);
        (running, deferred)
    }
}

/// `(writes, argument count)`: throws what an execution would, were its arguments right.
pub fn check<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    let writes = call.arg(0).as_bool(env);
    st.check(call, if writes { st.can_run() } else { st.can_read() })?;
    if st.bound.get() && call.arg(1).as_i32(env) > 0 {
        return Err(st.raise(env, &ALREADY_BOUND));
    }
    env.undefined()
}

/// -> undefined, with changes and rowid in the header; false: see `Statement::start`
pub fn run<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    let Some(mut running) = st.begin(call, Statement::can_run, Lend::Yes)? else {
        return env.boolean(false);
    };
    let db = &*st.db;
    let before = db.conn.total_changes();
    let (stepped, (params, ended)) = {
        let _clock = db.start_clock(st.timeout.get());
        let _busy = db.enter_busy();
        let stepped = db
            .log(|with_values| running.logged_sql(with_values))
            .and_then(|()| running.step());
        (stepped, running.finish())
    };
    db.environment.give_params(params);
    // The reset repeats an error of the step, so the step's comes first.
    if let Err(error) = stepped.map(|_| ()).and(ended) {
        return Err(db.raise_failed(env, &error, st.stmt.sql(), before));
    }
    if db.pending.get() {
        return Err(db.raise_after_changes(env, &Error::Callback, st.stmt.sql()));
    }
    let (changes, rowid) = db.conn.last_changes();
    let changes = if db.conn.total_changes() == before {
        0
    } else {
        changes
    };
    db.dispatch_changes(env)?;
    db.put_changes((changes, rowid));
    env.undefined()
}

/// Runs a statement to its end, as `exec()` does: without parameters, and its rows are dropped.
pub fn exec<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    st.check(call, st.can_run())?;
    let db = &*st.db;
    let started = st.stmt.start(db.environment.take_params());
    let mut running = started.map_err(|error| st.raise(env, &error))?;
    let before = db.conn.total_changes();
    let (stepped, (params, ended)) = {
        let _clock = db.start_clock(-1);
        let _busy = db.enter_busy();
        let stepped = db
            .log(|with_values| running.logged_sql(with_values))
            .and_then(|()| loop {
                match running.step() {
                    Ok(Step::Row) => {}
                    Ok(Step::Done) => break Ok(()),
                    Err(error) => break Err(error),
                }
            });
        (stepped, running.finish())
    };
    db.environment.give_params(params);
    if let Err(error) = stepped.and(ended) {
        return Err(db.raise_failed(env, &error, st.stmt.sql(), before));
    }
    if db.pending.get() {
        return Err(db.raise_after_changes(env, &Error::Callback, st.stmt.sql()));
    }
    db.dispatch_changes(env)?;
    env.undefined()
}

/// -> undefined without a row; else the row's Latin-1 text, or null; false: see `Statement::start`
#[inline]
fn get_mode<'e>(call: &Call<'e>, mode: u8) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    let Some(mut running) = st.begin(call, Statement::can_read, Lend::Yes)? else {
        return env.boolean(false);
    };
    let db = &*st.db;
    let environment = &*db.environment;
    let clock = db.start_clock(st.timeout.get());
    let busy = db.enter_busy();
    let stepped = db
        .log(|with_values| running.logged_sql(with_values))
        .and_then(|()| running.step());
    let row = match stepped {
        Ok(Step::Row) => {
            let columns = st.refresh().map_err(|error| st.raise(env, &error))?;
            environment.begin_block(env)?;
            let mut encoder = environment.take_encoder();
            st.encode(env, &running, &mut encoder, mode, columns)?;
            let row = st.give(env, &encoder, 1, true)?;
            environment.give_encoder(encoder);
            row
        }
        Ok(Step::Done) => env.undefined()?,
        Err(error) => return Err(st.abandon(env, running, &error)),
    };
    st.finish(env, running)?;
    drop(busy);
    drop(clock);
    st.dispatch_changes(env)?;
    Ok(row)
}

pub fn get<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    get_mode(call, 0)
}

pub fn get_int64<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    get_mode(call, INT64)
}

pub fn pluck<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    get_mode(call, PLUCK)
}

pub fn pluck_int64<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    get_mode(call, PLUCK | INT64)
}

/// -> the first block's Latin-1 text, or null; false: see `Statement::start`. Unless the header says that
/// this was all, `more` gives the rest, and the connection is busy until then.
fn all_mode<'e>(call: &Call<'e>, mode: u8) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    let Some(running) = st.begin(call, Statement::can_read, Lend::No)? else {
        return env.boolean(false);
    };
    let db = &*st.db;
    let clock = db.start_clock(st.timeout.get());
    let busy = db.enter_busy();
    if let Err(error) = db.log(|with_values| running.logged_sql(with_values)) {
        return Err(st.abandon(env, running, &error));
    }
    let execution = st.new_execution(running, mode);
    let result = next_block(env, st, execution);
    if st.is_suspended() {
        // Goes on in `more`, or ends in `end`.
        std::mem::forget(busy);
        std::mem::forget(clock);
        db.environment.end_execution();
        return result;
    }
    drop(busy);
    drop(clock);
    let block = result?;
    st.dispatch_changes(env)?;
    Ok(block)
}

/// Fills one block of an `all()`.
fn next_block<'e>(
    env: Env<'e>,
    st: &Statement,
    mut execution: Box<Execution>,
) -> Result<Value<'e>> {
    let db = &*st.db;
    db.environment.begin_block(env)?;
    execution.encoder.clear();
    let mut rows = 0;
    match st.fill(env, &mut execution, i32::MAX, &mut rows)? {
        Filled::Full => {
            let block = st.give(env, &execution.encoder, rows, false);
            st.execution.set(Some(execution));
            block
        }
        Filled::Done => {
            let block = st.give(env, &execution.encoder, rows, true)?;
            let (running, _) = st.retire(execution);
            st.finish(env, running)?;
            Ok(block)
        }
        Filled::Failed(error) => {
            let (running, _) = st.retire(execution);
            Err(st.abandon(env, running, &error))
        }
    }
}

pub fn all<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    all_mode(call, 0)
}

pub fn all_int64<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    all_mode(call, INT64)
}

pub fn all_pluck<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    all_mode(call, PLUCK)
}

pub fn all_pluck_int64<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    all_mode(call, PLUCK | INT64)
}

/// -> the next block of an `all()`
pub fn more<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    let Some(execution) = st.execution.take() else {
        return Err(st.raise(call.env, &Error::Type("This statement is not executing")));
    };
    let busy = st.db.enter_busy();
    let result = next_block(call.env, st, execution);
    if st.is_suspended() {
        std::mem::forget(busy);
        st.db.environment.end_execution();
        return result;
    }
    drop(busy);
    st.db.conn.unwatch();
    let block = result?;
    st.dispatch_changes(call.env)?;
    Ok(block)
}

/// Gives up an `all()` that JavaScript could not finish; does nothing otherwise.
pub fn end<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    if st.locked.get() {
        return call.env.undefined();
    }
    if let Some(execution) = st.execution.take() {
        let (running, _) = st.retire(execution);
        st.db.environment.give_params(running.finish().0);
        st.db.busy.set(false);
        st.db.conn.unwatch();
    }
    call.env.undefined()
}

/// Opens an iterator -> true; false: see `Statement::start`
pub fn iterate<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    let Some(running) = st.begin(call, Statement::can_read, Lend::No)? else {
        return env.boolean(false);
    };
    // Its own parameters' memory stays with it; the next execution takes new.
    st.locked.set(true);
    st.db.iterators.set(st.db.iterators.get() + 1);
    st.execution.set(Some(st.new_execution(running, 0)));
    env.boolean(true)
}

/// `(max, mode)` -> up to `max` rows: the block's Latin-1 text, or null. After the last of them (DONE in
/// the header) JavaScript calls `iterator_return`, once it has used up the rows.
pub fn next<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let st = call.this::<Statement>()?;
    let db = &*st.db;
    st.check(call, db.require_not_busy())?;
    st.check(call, db.require_open())?;
    let Some(mut execution) = st.execution.take() else {
        return Err(st.raise(env, &Error::Type("This iterator is closed")));
    };
    let _clock = db.start_clock(st.timeout.get());
    let mut rows = 0;
    let filled = {
        let _busy = db.enter_busy();
        next_rows(call, st, &mut execution, &mut rows)
    };
    let result = match filled {
        Ok(Filled::Full) => db
            .settle(env)
            .and_then(|()| st.give(env, &execution.encoder, rows, false)),
        Ok(Filled::Done) => {
            execution.done = true;
            db.settle(env)
                .and_then(|()| st.give(env, &execution.encoder, rows, true))
        }
        Ok(Filled::Failed(error)) if rows == 0 => Err(st.raise(env, &error)),
        Ok(Filled::Failed(error)) => {
            execution.deferred = Some(defer(env, st, error)?);
            st.give(env, &execution.encoder, rows, false)
        }
        Err(thrown) => Err(thrown),
    };
    execution.failed = result.is_err();
    st.execution.set(Some(execution));
    if result.is_err() {
        // Its exception is pending; there is nothing to add to it.
        let _ = release(st);
        db.conn.take_changed_rows();
    }
    result
}

fn next_rows(
    call: &Call<'_>,
    st: &Statement,
    execution: &mut Execution,
    rows: &mut i32,
) -> Result<Filled> {
    let env = call.env;
    let db = &*st.db;
    db.environment.begin_block(env)?;
    execution.encoder.clear();
    execution.mode = u8::try_from(call.arg(1).as_i32(env)).unwrap_or(0);
    match execution.deferred.take() {
        Some(Deferred::Error(error)) => return Ok(Filled::Failed(error)),
        Some(Deferred::Exception(holder)) => {
            let exception = holder.get(env)?.at(env, 0)?;
            return Err(env.throw(exception));
        }
        None if execution.done => return Ok(Filled::Done),
        None => {}
    }
    if execution.fresh {
        if let Err(error) = db.log(|with_values| execution.running.logged_sql(with_values)) {
            return Ok(Filled::Failed(error));
        }
    }
    // A callback must see each row when the user asks for it, and so must writes in unsafe mode.
    let ahead = db.callbacks.get() == execution.callbacks && !db.unsafe_mode.get();
    let max = if ahead {
        call.arg(0).as_i32(env).max(1)
    } else {
        1
    };
    st.fill(env, execution, max, rows)
}

fn defer(env: Env<'_>, st: &Statement, error: Error) -> Result<Deferred> {
    if !st.db.pending.replace(false) {
        return Ok(Deferred::Error(error));
    }
    let holder = env.array(1)?;
    holder.set_at(env, 0, st.db.environment.stashed(env)?)?;
    Ok(Deferred::Exception(env.reference(holder)?))
}

/// Closes an iterator; does nothing if it is closed.
pub fn iterator_return<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let st = call.this::<Statement>()?;
    st.check(call, st.db.require_not_busy())?;
    if st.locked.get() {
        let ended = release(st);
        st.check(call, ended)?;
        st.db.dispatch_changes(call.env)?;
    }
    call.env.undefined()
}

fn release(st: &Statement) -> std::result::Result<(), Error> {
    let Some(execution) = st.execution.take() else {
        return Ok(());
    };
    // A reset repeats the error that the rows ended with: it was thrown already, or came after the rows
    // that were asked for.
    let was_thrown = execution.failed || execution.deferred.is_some();
    let (running, _) = st.retire(execution);
    let (params, result) = running.finish();
    st.db.environment.give_params(params);
    st.locked.set(false);
    st.db.iterators.set(st.db.iterators.get().saturating_sub(1));
    if was_thrown {
        return Ok(());
    }
    result
}
