//! Jobs of statements and of their iterators.

use std::collections::HashMap;
use std::rc::Rc;

use ferrolite_sqlite::{is_plain, Connection, Error, Params, Running, Statement, Step, ValueRef};

use super::{Log, Outcome, Owner};
use crate::block::Packer;
use crate::job::Job;
use crate::port::Port;
use crate::protocol::{flag, Op, Reply};
use crate::reply::{push_column, Replies, Rows};

/// A statement by its number, or why there is none.
pub(super) type Prepared = Result<LocalStatement, Error>;

#[allow(clippy::struct_excessive_bools)] // facts about it, not states
pub(super) struct LocalStatement {
    stmt: Rc<Statement>,
    parameters: usize,
    columns: usize,
    reader: bool,
    named: bool,
    explain: bool,
    /// Cannot change what other statements mean.
    plain: bool,
    /// The version whose columns JavaScript knows.
    reported: Option<i32>,
}

/// An open iterator.
pub(super) struct Iteration {
    pub(super) running: Running,
    statement: u32,
    flags: u32,
}

impl Owner<'_> {
    pub(super) fn prepare(&mut self, job: &Job) -> Outcome {
        let mut compiled = self.compile(job);
        if let Ok(entry) = &mut compiled {
            if entry.columns > 0 {
                let stmt = entry.stmt.clone();
                report_columns(&mut self.replies, entry, &stmt)?;
            }
            let readonly = entry.stmt.readonly()?;
            let shared = entry.reader && readonly && self.conn.may_read_elsewhere(entry.stmt.sql());
            let names = entry.stmt.parameter_names()?;
            self.replies
                .description([entry.reader, readonly, shared], &names);
        }
        let outcome = compiled.as_ref().map(|_| ()).map_err(Error::clone);
        self.statements.insert(job.target, compiled);
        outcome
    }

    fn compile(&self, job: &Job) -> Prepared {
        let stmt = self.conn.prepare(&job.params.bytes)?;
        let plain = is_plain(&job.params.bytes);
        if !plain {
            // Many a PRAGMA takes effect when it is compiled.
            self.conn.bump_epoch();
        }
        let columns = stmt.column_count()?.into();
        Ok(LocalStatement {
            parameters: stmt.parameter_count()?.into(),
            columns,
            reader: columns > 0 || job.flags & flag::PRAGMA != 0,
            named: stmt.has_named_parameters()?,
            explain: job.flags & flag::EXPLAIN != 0,
            plain,
            reported: None,
            stmt,
        })
    }

    pub(super) fn run_statement(&mut self, job: &mut Job) -> Outcome {
        let entry = entry(&mut self.statements, job.target)?;
        let mut running = start(&self.conn, entry, &mut job.params)?;
        log_if(self.log, self.port, |with_values| {
            running.logged_sql(with_values)
        });
        let before = self.conn.total_changes();
        let stepped = running.step();
        if entry.columns > 0 && stepped.is_ok() {
            report_columns(&mut self.replies, entry, running.statement())?;
        }
        let (params, ended) = running.finish();
        job.params = params;
        // The reset repeats an error of the step, so the step's comes first.
        stepped.and(ended)?;
        let (changes, rowid) = self.conn.last_changes();
        let changed = self.conn.total_changes() != before;
        self.replies
            .changes(if changed { changes } else { 0 }, rowid, job.flags);
        Ok(())
    }

    pub(super) fn query(&mut self, job: &mut Job) -> Outcome {
        let entry = entry(&mut self.statements, job.target)?;
        require_reader(entry)?;
        let mut running = start(&self.conn, entry, &mut job.params)?;
        log_if(self.log, self.port, |with_values| {
            running.logged_sql(with_values)
        });
        let max = if job.op == Op::Get { 1 } else { usize::MAX };
        let rows = Rows::new(&mut self.replies, job.flags);
        let filled = fill(rows, entry, &mut running, max);
        let (params, ended) = running.finish();
        job.params = params;
        filled.and(ended)
    }

    pub(super) fn iterate(&mut self, job: &mut Job) -> Outcome {
        let entry = entry(&mut self.statements, job.target)?;
        require_reader(entry)?;
        let running = start(&self.conn, entry, &mut job.params)?;
        log_if(self.log, self.port, |with_values| {
            running.logged_sql(with_values)
        });
        let iteration = Iteration {
            running,
            statement: job.target,
            flags: job.flags,
        };
        self.iterations.insert(job.extra.cast_unsigned(), iteration);
        self.replies.done();
        Ok(())
    }

    /// Rows of an iteration; fewer than were asked for when it is at its end, and then it is closed.
    pub(super) fn next(&mut self, job: &Job) -> Outcome {
        let Some(iteration) = self.iterations.get_mut(&job.target) else {
            return Err(Error::Type(
                "This iterator is closed: iterate() returns a new one",
            ));
        };
        let entry = entry(&mut self.statements, iteration.statement)?;
        let rows = Rows::new(&mut self.replies, iteration.flags);
        let max = usize::try_from(job.extra).unwrap_or(0);
        let filled = fill(rows, entry, &mut iteration.running, max);
        if !matches!(filled, Ok(true)) {
            if let Some(iteration) = self.iterations.remove(&job.target) {
                let ended = iteration.running.finish().1;
                filled.and(ended)?;
            }
        }
        Ok(())
    }

    pub(super) fn exec(&mut self, job: &mut Job) -> Outcome {
        job.params.bytes.push(0);
        let (shown, port) = (self.log, self.port);
        let mut log = |statement: &Statement| {
            log_if(shown, port, |with_values| statement.logged_sql(with_values));
            Ok(())
        };
        self.conn.exec(&job.params.bytes, &mut log).map(|_| ())
    }
}

fn entry(
    statements: &mut HashMap<u32, Prepared>,
    number: u32,
) -> Result<&mut LocalStatement, Error> {
    match statements.get_mut(&number) {
        Some(Ok(entry)) => Ok(entry),
        Some(Err(error)) => Err(error.clone()),
        // The connection was closed, and its statements with it.
        None => Err(Error::closed()),
    }
}

fn require_reader(entry: &LocalStatement) -> Outcome {
    if entry.reader {
        Ok(())
    } else {
        Err(Error::Type(
            "This statement does not return data. Use run() instead",
        ))
    }
}

/// Starts a statement; one that an iterator is on is compiled once more.
fn start(conn: &Connection, entry: &LocalStatement, params: &mut Params) -> Result<Running, Error> {
    let given = params.values.len();
    if given < entry.parameters && !entry.explain {
        return Err(if entry.named {
            Error::Type("Missing named parameters")
        } else {
            Error::Range("Too few parameter values were provided")
        });
    }
    if given > entry.parameters {
        return Err(Error::Range("Too many parameter values were provided"));
    }
    if !entry.plain {
        conn.bump_epoch();
    }
    let params = std::mem::take(params);
    if entry.stmt.is_running() {
        return conn.prepare(entry.stmt.sql())?.start(params);
    }
    entry.stmt.start(params)
}

/// Packs up to `max` rows; true if there may be more. The last part ends the job.
fn fill(
    mut rows: Rows<'_, '_>,
    entry: &mut LocalStatement,
    running: &mut Running,
    max: usize,
) -> Result<bool, Error> {
    let mut more = true;
    while rows.count() < max {
        match running.step() {
            Ok(Step::Row) => {}
            Ok(Step::Done) => {
                more = false;
                break;
            }
            Err(error) => {
                // An iterator gives what came before the error.
                rows.end(Reply::Rows);
                return Err(error);
            }
        }
        if rows.count() == 0 {
            report_columns(rows.replies, entry, running.statement())?;
            rows.begin(entry.columns);
        }
        rows.push_row(running.row());
    }
    if rows.count() == 0 {
        // The schema may have changed all the same.
        report_columns(rows.replies, entry, running.statement())?;
        rows.begin(0);
    }
    rows.end(Reply::LastRows);
    Ok(more)
}

/// Reports the columns, unless JavaScript knows them.
fn report_columns(
    replies: &mut Replies<'_>,
    entry: &mut LocalStatement,
    stmt: &Rc<Statement>,
) -> Outcome {
    let version = stmt.version();
    if entry.reported == Some(version) {
        return Ok(());
    }
    entry.reported = Some(version);
    entry.columns = stmt.column_count()?.into();
    let mut columns = Vec::new();
    stmt.columns(&mut |column| push_column(&mut columns, column))?;
    replies.push_values(Reply::Columns, &[ValueRef::Text(&columns)]);
    Ok(())
}

/// Shows a statement to the `verbose` logger, before its rows and its end; `sql` is asked whether its
/// parameters are to be filled in.
fn log_if(log: Log, port: &Port, sql: impl FnOnce(bool) -> Vec<u8>) {
    if log == Log::Nothing {
        return;
    }
    let mut packer = Packer::default();
    let sql = sql(log == Log::WithValues);
    packer.push_values(Reply::Log, &[ValueRef::Text(&sql)]);
    port.send(&mut packer);
}
