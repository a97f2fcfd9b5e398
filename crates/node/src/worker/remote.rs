//! The thread that serves a database on a libSQL server. What is called while a request is under way crosses with
//! the next one, all of it in one trip.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrolite_remote::proto::{
    Batch, BatchCond, BatchCondList, BatchRequest, BatchResult, BatchStep, Cond, DescribeResult,
    Empty, ExecuteRequest, Kind, NamedArg, Request, Response, Row, SqlRequest, Stmt, StmtResult,
    Value,
};
use ferrolite_remote::{
    changes_schema, number_parameters, sqlite_error, statements, Answer, Config, Error,
    ServerError, Session, Trip,
};
use ferrolite_sqlite::{Error as LocalError, Param, Params, ValueRef};
use tokio::runtime::Runtime;

use super::block::{ConnectionState, PartKind, Scratch};
use super::job::{Job, Jobs, Op, EXPLAIN, INT64, PLUCK, PRAGMA};
use super::port::Port;

/// How long a request may miss the word to stop.
const TICK: Duration = Duration::from_millis(10);

/// How long closing a connection may take.
const CLOSING: Duration = Duration::from_secs(1);

/// Requests that cross together, at most.
const MAX_REQUESTS: usize = 256;

/// Descriptions of SQL that are kept.
const MAX_DESCRIBED: usize = 1000;

/// Serves a connection until there is nothing left to do.
pub fn serve(port: &Arc<Port>, config: &Config) {
    let mut remote = match open(port, config) {
        Ok(remote) => remote,
        Err(error) => return refuse(port, &error),
    };
    remote.done();
    remote.end(1);
    remote.run();
}

fn open<'p>(port: &'p Arc<Port>, config: &Config) -> Result<Remote<'p>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let no_runtime = LocalError::Type("Cannot open database because no thread could be started");
    Ok(Remote {
        port,
        session: Session::new(config)?,
        runtime: runtime.map_err(|_| no_runtime)?,
        scratch: Scratch::new(),
        statements: HashMap::new(),
        described: HashMap::new(),
        cursors: HashMap::new(),
        last: (0, 0),
        announced: Instant::now(),
    })
}

/// Answers every job with the error that opening ended with.
fn refuse(port: &Port, error: &Failure) {
    let mut scratch = Scratch::new();
    let mut reply = |id| {
        error.push(&mut scratch);
        port.end(id);
        port.send(&mut scratch);
    };
    reply(1);
    while let Some(message) = port.receive() {
        let mut jobs = Jobs::new(&message);
        while let Some(job) = jobs.next(Params::default()) {
            if job.op != Op::Drop {
                reply(job.id);
            }
            if job.op == Op::Close {
                port.close();
            }
        }
    }
}

/// Why a job failed: here, or on the way to the server, or there.
enum Failure {
    Local(LocalError),
    Remote(Error),
    Server(ServerError),
    /// Parameters that the statement does not have, or has and did not get.
    Range(String),
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        Self::Local(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Remote(error)
    }
}

impl Failure {
    fn push(&self, scratch: &mut Scratch) {
        match self {
            Self::Local(error) => scratch.push_error(error),
            Self::Remote(error) => {
                scratch.push_remote_error(&error.message, &error.code, error.status);
            }
            Self::Range(message) => scratch.push_range_error(message),
            Self::Server(error) => scratch.push_remote_error(&error.message, &error.code, None),
        }
    }
}

type Outcome = Result<(), Failure>;

struct Remote<'p> {
    port: &'p Arc<Port>,
    session: Session,
    runtime: Runtime,
    scratch: Scratch,
    statements: HashMap<u32, Entry>,
    /// What the server said of SQL, by the SQL.
    described: HashMap<Rc<str>, Rc<Described>>,
    cursors: HashMap<u32, Cursor>,
    /// Changes and rowid of the last statement that wrote.
    last: (i64, i64),
    /// When JavaScript was woken last.
    announced: Instant,
}

struct Entry {
    number: u32,
    sql: Rc<str>,
    described: Rc<Described>,
    reader: bool,
    explain: bool,
    /// The columns that JavaScript knows.
    told: Option<Vec<Option<bytes::Bytes>>>,
}

struct Described {
    /// Names of the parameters with their prefix, `?1` and the like too.
    names: Vec<Option<String>>,
    /// SQL for the server, if it is not the same.
    numbered: Option<String>,
    /// Names and declared types.
    columns: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    readonly: bool,
}

struct Cursor {
    rows: std::vec::IntoIter<Row>,
    flags: u32,
}

/// A job, and its request's place in the trip if it has one.
struct Passenger {
    job: Job,
    request: Result<Option<usize>, Failure>,
}

impl Remote<'_> {
    fn run(mut self) {
        let mut queue = VecDeque::new();
        loop {
            let message = if queue.is_empty() {
                self.port.receive()
            } else {
                self.port.try_receive()
            };
            match message {
                Some(message) => {
                    let mut jobs = Jobs::new(&message);
                    while let Some(job) = jobs.next(Params::default()) {
                        queue.push_back(job);
                    }
                    continue;
                }
                None if queue.is_empty() || self.port.is_stopping() => break,
                None => {}
            }
            self.serve(&mut queue);
        }
        if !self.port.is_stopping() {
            self.close();
        }
        // A name that is being looked up is on a thread of its own.
        self.runtime.shutdown_background();
    }

    fn close(&mut self) {
        let Self {
            runtime, session, ..
        } = self;
        let closing = async { tokio::time::timeout(CLOSING, session.close()).await };
        let _ = catch_unwind(AssertUnwindSafe(|| runtime.block_on(closing)));
    }

    /// Takes what may cross together from the queue, and answers it.
    fn serve(&mut self, queue: &mut VecDeque<Job>) {
        let mut trip = Trip {
            repeatable: true,
            ..Trip::default()
        };
        let mut passengers = Vec::new();
        while let Some(job) = queue.pop_front() {
            if job.op == Op::Drop {
                self.statements.remove(&job.target);
                continue;
            }
            // What comes after it is for another state of the connection.
            let is_last = matches!(job.op, Op::Undo | Op::Close);
            if is_last && !trip.requests.is_empty() {
                queue.push_front(job);
                break;
            }
            let request = if self.port.wants(job.id) {
                self.request(&job, &mut trip)
            } else {
                Err(Failure::Local(interrupted()))
            };
            passengers.push(Passenger { job, request });
            if is_last || trip.requests.len() >= MAX_REQUESTS {
                break;
            }
        }
        let answers = self.travel(&trip, &passengers);
        self.arrive(passengers, answers);
    }

    /// What a job asks the server for, if it does.
    fn request(&self, job: &Job, trip: &mut Trip) -> Result<Option<usize>, Failure> {
        let request = match job.op {
            Op::Prepare => {
                let sql = text_of(&job.params, 0)?;
                require_one(&sql)?;
                if self.described.contains_key(sql.as_str()) {
                    return Ok(None);
                }
                Request::Describe(SqlRequest { sql: Some(sql) })
            }
            Op::Run | Op::Get | Op::All | Op::Iterate => {
                let entry = self.statements.get(&job.target);
                let entry = entry.ok_or_else(LocalError::closed)?;
                if job.op != Op::Run && !entry.reader {
                    return Err(no_reader().into());
                }
                require_count(entry, &job.params)?;
                trip.repeatable &= entry.described.readonly && entry.reader;
                Request::Execute(ExecuteRequest {
                    stmt: Some(statement(entry, &job.params, job.op != Op::Run)?),
                })
            }
            Op::Exec => {
                let script = text_of(&job.params, 0)?;
                let Some(batch) = script_of(&script)? else {
                    return Ok(None);
                };
                trip.repeatable = false;
                Request::Batch(BatchRequest { batch: Some(batch) })
            }
            Op::Batch => {
                trip.repeatable = false;
                let batch = Some(batch_of(&job.params)?);
                Request::Batch(BatchRequest { batch })
            }
            Op::Undo if self.session.in_transaction() => {
                trip.repeatable = false;
                let batch = script_of(&text_of(&job.params, 0)?)?;
                Request::Batch(BatchRequest { batch })
            }
            _ => return Ok(None),
        };
        trip.requests.push(request);
        Ok(Some(trip.requests.len() - 1))
    }

    /// The answers to a trip's requests, or the one error that all of them end with.
    fn travel(&mut self, trip: &Trip, passengers: &[Passenger]) -> Result<Vec<Answer>, Failure> {
        if trip.requests.is_empty() {
            return Ok(Vec::new());
        }
        self.port.announce();
        let Self {
            port,
            session,
            runtime,
            ..
        } = self;
        let wanted = || !port.is_stopping() && passengers.iter().any(|p| port.wants(p.job.id));
        let travelling = AssertUnwindSafe(|| runtime.block_on(until(session.run(trip), wanted)));
        match catch_unwind(travelling) {
            Ok(Some(outcome)) => Ok(outcome?),
            Ok(None) => Err(interrupted().into()),
            Err(_) => Err(internal().into()),
        }
    }

    fn arrive(&mut self, passengers: Vec<Passenger>, answers: Result<Vec<Answer>, Failure>) {
        let (mut answers, failure) = match answers {
            Ok(answers) => (answers.into_iter().map(Some).collect(), None),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        for Passenger { job, request } in passengers {
            let outcome = match (request, &failure) {
                (Err(error), _) => Err(error),
                (Ok(None), _) => self.answer_here(&job),
                (Ok(Some(_)), Some(failure)) => {
                    failure.push(&mut self.scratch);
                    Ok(())
                }
                (Ok(Some(at)), None) => match answers.get_mut(at).and_then(Option::take) {
                    Some(Ok(response)) => self.answer(&job, response),
                    Some(Err(error)) => Err(server_failure(&error)),
                    None => Err(internal().into()),
                },
            };
            if let Err(error) = outcome {
                error.push(&mut self.scratch);
            }
            self.end(job.id);
        }
    }

    fn end(&mut self, id: u32) {
        self.port.end(id);
        self.scratch.state = Some(ConnectionState {
            in_transaction: self.session.in_transaction(),
            shareable: false,
        });
        self.port.send_with_others(&mut self.scratch);
        if Port::has_gathered(self.announced) {
            self.port.announce();
            self.announced = Instant::now();
        }
    }

    fn done(&mut self) {
        self.scratch.part(PartKind::Done, 0, 0, 0);
    }

    /// Jobs that need no server.
    fn answer_here(&mut self, job: &Job) -> Outcome {
        match job.op {
            Op::Prepare => {
                let sql: Rc<str> = text_of(&job.params, 0)?.into();
                if let Some(described) = self.described.get(&sql).cloned() {
                    self.prepared(job, sql, described);
                    return Ok(());
                }
            }
            Op::Next => return self.next(job),
            Op::Return => {
                self.cursors.remove(&job.target);
            }
            Op::Columns => return self.columns(job),
            Op::Changes => {
                let (changes, rowid) = self.last;
                self.scratch.push_changes(changes, rowid, job.flags);
                return Ok(());
            }
            Op::Close => {
                self.close();
                self.port.close();
            }
            Op::Undo => {}
            _ => {
                let text = "This method is not available for remote databases";
                return Err(LocalError::Type(text).into());
            }
        }
        self.done();
        Ok(())
    }

    fn answer(&mut self, job: &Job, response: Response) -> Outcome {
        match (job.op, response) {
            (Op::Prepare, Response::Describe(response)) => {
                let result = response.result.ok_or_else(misfit)?;
                let sql: Rc<str> = text_of(&job.params, 0)?.into();
                let described = Rc::new(Described::new(&sql, result));
                if self.described.len() >= MAX_DESCRIBED {
                    self.described.clear();
                }
                self.described.insert(sql.clone(), described.clone());
                self.prepared(job, sql, described);
            }
            (Op::Exec | Op::Undo, Response::Batch(response)) => {
                let result = response.result.ok_or_else(misfit)?;
                self.ran(job, &result)?;
            }
            (Op::Batch, Response::Batch(response)) => {
                let result = response.result.ok_or_else(misfit)?;
                return self.batched(job, result);
            }
            (_, Response::Execute(response)) => {
                let result = response.result.ok_or_else(misfit)?;
                return self.executed(job, result);
            }
            _ => return Err(misfit()),
        }
        Ok(())
    }

    fn prepared(&mut self, job: &Job, sql: Rc<str>, described: Rc<Described>) {
        let reader = !described.columns.is_empty() || job.flags & PRAGMA != 0;
        let names = described.names.iter();
        let names: Vec<_> = names
            .map(|name| Some(name.as_ref()?.as_bytes().get(1..)?.to_vec()))
            .collect();
        self.scratch
            .push_description(self.port, reader, described.readonly, &names);
        let entry = Entry {
            number: job.target,
            sql,
            described,
            reader,
            explain: job.flags & EXPLAIN != 0,
            told: None,
        };
        self.statements.insert(job.target, entry);
    }

    fn executed(&mut self, job: &Job, result: StmtResult) -> Outcome {
        let entry = self.statements.get_mut(&job.target).ok_or_else(misfit)?;
        if !entry.described.readonly {
            let changes = i64::try_from(result.affected_row_count).unwrap_or(i64::MAX);
            self.last = (changes, result.last_insert_rowid.unwrap_or(self.last.1));
            if changes_schema(&entry.sql) {
                self.described.clear();
            }
        }
        if job.op == Op::Run {
            let changes = if entry.described.readonly {
                0
            } else {
                self.last.0
            };
            self.scratch.push_changes(changes, self.last.1, job.flags);
            return Ok(());
        }
        tell_columns(&mut self.scratch, entry, &result);
        let mut rows = result.rows.into_iter();
        if job.op == Op::Iterate {
            let flags = job.flags;
            self.cursors
                .insert(job.extra.cast_unsigned(), Cursor { rows, flags });
            self.done();
            return Ok(());
        }
        let max = if job.op == Op::Get { 1 } else { usize::MAX };
        fill(self.port, &mut self.scratch, &mut rows, job.flags, max);
        Ok(())
    }

    fn ran(&mut self, job: &Job, result: &BatchResult) -> Outcome {
        for step in (0..).map_while(|step| result.step_results.get(&step)) {
            if let Some(rowid) = step.last_insert_rowid {
                let changes = i64::try_from(step.affected_row_count).unwrap_or(i64::MAX);
                self.last = (changes, rowid);
            }
        }
        if changes_schema(&text_of(&job.params, 0)?) {
            self.described.clear();
        }
        first_error(result)?;
        self.done();
        Ok(())
    }

    /// The results of all steps but BEGIN, COMMIT and ROLLBACK: of each a row that describes it and its rows.
    fn batched(&mut self, job: &Job, mut result: BatchResult) -> Outcome {
        self.described.clear();
        first_error(&result)?;
        // All of them ran, and nothing was undone: the last one is the commit.
        let steps = (1..).map_while(|step| result.step_results.remove(&step));
        let mut steps: Vec<_> = steps.collect();
        steps.pop().ok_or_else(misfit)?;
        for step in steps {
            let changes = i64::try_from(step.affected_row_count).unwrap_or(i64::MAX);
            self.last = (changes, step.last_insert_rowid.unwrap_or(self.last.1));
            if !self.scratch.has_room(3 + step.cols.len()) {
                self.port.send(&mut self.scratch);
            }
            let count = i64::try_from(step.rows.len()).unwrap_or(i64::MAX);
            let start = self.scratch.start();
            self.scratch.push(ValueRef::Integer(count), false);
            self.scratch.push(ValueRef::Integer(changes), false);
            let int64 = job.flags & INT64 != 0;
            self.scratch.push(ValueRef::Integer(self.last.1), int64);
            for col in &step.cols {
                let name = col.name.as_deref().map_or(ValueRef::Null, ValueRef::Text);
                self.scratch.push(name, false);
            }
            self.scratch
                .part(PartKind::Rows, start, 1, 3 + step.cols.len());
            let mut rows = step.rows.into_iter();
            fill(
                self.port,
                &mut self.scratch,
                &mut rows,
                job.flags,
                usize::MAX,
            );
            // The call does not end with them.
            self.scratch.put_off_end();
        }
        self.done();
        Ok(())
    }

    fn next(&mut self, job: &Job) -> Outcome {
        let cursor = self.cursors.get_mut(&job.target);
        let cursor = cursor.ok_or(LocalError::Type("This iterator is closed"))?;
        let max = usize::try_from(job.extra).unwrap_or(0);
        let (rows, flags) = (&mut cursor.rows, cursor.flags);
        if fill(self.port, &mut self.scratch, rows, flags, max) < max {
            self.cursors.remove(&job.target);
        }
        Ok(())
    }

    fn columns(&mut self, job: &Job) -> Outcome {
        let entry = self.statements.get(&job.target);
        let entry = entry.ok_or_else(LocalError::closed)?;
        let start = self.scratch.start();
        let mut count = 0;
        for (name, decltype) in &entry.described.columns {
            let decltype = decltype.as_deref().map_or(ValueRef::Null, ValueRef::Text);
            // Where a column comes from is what the protocol does not say.
            let row = [
                ValueRef::Text(name),
                ValueRef::Null,
                ValueRef::Null,
                ValueRef::Null,
                decltype,
            ];
            for value in row {
                self.scratch.push(value, false);
            }
            count += 1;
        }
        self.scratch.part(PartKind::LastRows, start, count, 5);
        Ok(())
    }
}

impl Described {
    fn new(sql: &str, result: DescribeResult) -> Self {
        let params = result.params.into_iter();
        let columns = result.cols.into_iter();
        let names: Vec<_> = params
            .map(|param| Some(String::from_utf8_lossy(&param.name?).into_owned()))
            .collect();
        let named = names.iter().filter(|name| has_name(name)).count();
        let is_mixed = named != 0 && named != names.len();
        Self {
            numbered: is_mixed.then(|| number_parameters(sql, &names)),
            names,
            columns: columns
                .map(|col| {
                    let name = col.name.unwrap_or_default().to_vec();
                    (name, col.decltype.map(|decltype| decltype.to_vec()))
                })
                .collect(),
            readonly: result.is_readonly,
        }
    }
}

fn has_name(name: &Option<String>) -> bool {
    name.as_ref().is_some_and(|name| !name.starts_with('?'))
}

/// What the server is to execute: all parameters by name, or all by their place.
fn statement(entry: &Entry, params: &Params, want_rows: bool) -> Result<Stmt, LocalError> {
    let Described {
        names, numbered, ..
    } = &*entry.described;
    let mut stmt = Stmt {
        sql: Some(numbered.clone().unwrap_or_else(|| entry.sql.to_string())),
        want_rows: Some(want_rows),
        ..Stmt::default()
    };
    let values = values_of(params)?;
    if numbered.is_some() || !names.iter().any(has_name) {
        stmt.args = values;
        return Ok(stmt);
    }
    let named = names.iter().flatten().zip(values);
    stmt.named_args = named
        .map(|(name, value)| NamedArg {
            name: name.clone(),
            value: Some(value),
        })
        .collect();
    Ok(stmt)
}

/// Waits for `future` as long as anybody wants it.
async fn until<T>(future: impl Future<Output = T>, wanted: impl Fn() -> bool) -> Option<T> {
    let mut future = pin!(future);
    loop {
        match tokio::time::timeout(TICK, &mut future).await {
            Ok(output) => return Some(output),
            Err(_) if wanted() => {}
            Err(_) => return None,
        }
    }
}

/// Packs up to `max` rows; the last part ends the call. -> how many there were.
fn fill(
    port: &Port,
    scratch: &mut Scratch,
    rows: &mut std::vec::IntoIter<Row>,
    flags: u32,
    max: usize,
) -> usize {
    let int64 = flags & INT64 != 0;
    let mut count = 0;
    let mut in_part = 0;
    let mut start = scratch.start();
    let mut width = 0;
    while count < max {
        let Some(row) = rows.next() else { break };
        let len = row.values.len();
        width = if flags & PLUCK == 0 { len } else { len.min(1) };
        if !scratch.has_room(width) {
            scratch.part(PartKind::Rows, start, in_part, width);
            port.send(scratch);
            start = scratch.start();
            in_part = 0;
        }
        for value in row.values.iter().take(width) {
            scratch.push(value_ref(value), int64);
        }
        count += 1;
        in_part += 1;
    }
    scratch.part(PartKind::LastRows, start, in_part, width);
    count
}

fn value_ref(value: &Value) -> ValueRef<'_> {
    match &value.kind {
        None | Some(Kind::Null(_)) => ValueRef::Null,
        Some(Kind::Integer(value)) => ValueRef::Integer(*value),
        Some(Kind::Float(value)) => ValueRef::Real(*value),
        Some(Kind::Text(text)) => ValueRef::Text(text),
        Some(Kind::Blob(blob)) => ValueRef::Blob(blob),
    }
}

/// Says what the columns are called, if that is news.
fn tell_columns(scratch: &mut Scratch, entry: &mut Entry, result: &StmtResult) {
    let names: Vec<_> = result.cols.iter().map(|col| col.name.clone()).collect();
    if result.rows.is_empty() || entry.told.as_ref() == Some(&names) {
        return;
    }
    let start = scratch.start();
    scratch.push(ValueRef::Integer(entry.number.into()), false);
    for name in &names {
        let name = name.as_deref().map_or(ValueRef::Null, ValueRef::Text);
        scratch.push(name, false);
        scratch.push(ValueRef::Null, false);
    }
    scratch.part(PartKind::Columns, start, 1, 1 + 2 * names.len());
    entry.told = Some(names);
}

/// The server compiles the first statement and is silent about the rest.
fn require_one(sql: &str) -> Result<(), LocalError> {
    if sql.contains('\0') {
        return Err(LocalError::Range(
            "The supplied SQL string contains a NUL character",
        ));
    }
    match statements(sql).len() {
        0 => Err(LocalError::Range(
            "The supplied SQL string contains no statements",
        )),
        1 => Ok(()),
        _ => Err(LocalError::Range(
            "The supplied SQL string contains more than one statement",
        )),
    }
}

fn require_count(entry: &Entry, params: &Params) -> Result<(), LocalError> {
    let (given, wanted) = (params.values.len(), entry.described.names.len());
    if given < wanted && !entry.explain {
        return Err(if entry.described.names.iter().any(Option::is_some) {
            LocalError::Type("Missing named parameters")
        } else {
            LocalError::Range("Too few parameter values were provided")
        });
    }
    if given > wanted {
        return Err(LocalError::Range("Too many parameter values were provided"));
    }
    Ok(())
}

fn values_of(params: &Params) -> Result<Vec<Value>, LocalError> {
    let value = |param: &Param| {
        let bytes = |start: usize, len: usize| {
            let bytes = params.bytes.get(start..start + len);
            bytes::Bytes::copy_from_slice(bytes.unwrap_or_default())
        };
        let kind = match *param {
            Param::Null => Kind::Null(Empty {}),
            Param::Integer(value) => Kind::Integer(value),
            // As SQLite has it: NaN is NULL.
            Param::Real(value) if value.is_nan() => Kind::Null(Empty {}),
            Param::Real(value) => Kind::Float(value),
            Param::Text(start, len) => Kind::Text(bytes(start, len)),
            Param::Blob(start, len) => Kind::Blob(bytes(start, len)),
            _ => return Err(internal()),
        };
        Ok(Value { kind: Some(kind) })
    };
    params.values.iter().map(value).collect()
}

/// The steps of a script, each if the one before it succeeded; `None` if there are none.
fn script_of(script: &str) -> Result<Option<Batch>, LocalError> {
    if script.contains('\0') {
        return Err(LocalError::Range(
            "The supplied SQL string contains a NUL character",
        ));
    }
    let mut batch = Batch::default();
    for (at, sql) in (0_u32..).zip(statements(script)) {
        let before = at.checked_sub(1).map(|before| BatchCond {
            cond: Some(Cond::StepOk(before)),
        });
        batch.steps.push(BatchStep {
            condition: before,
            stmt: Some(Stmt {
                sql: Some(sql.into()),
                want_rows: Some(false),
                ..Stmt::default()
            }),
        });
    }
    Ok(Some(batch).filter(|batch| !batch.steps.is_empty()))
}

/// What failed first is why the others did not run.
fn first_error(result: &BatchResult) -> Outcome {
    let failed = result.step_errors.iter().min_by_key(|(step, _)| **step);
    failed.map_or(Ok(()), |(_, error)| Err(server_failure(error)))
}

/// What the server said of a statement, or of its parameters in better-sqlite3's words.
fn server_failure(error: &ferrolite_remote::proto::ServerError) -> Failure {
    let text = String::from_utf8_lossy(&error.message);
    let Some(what) = text.strip_prefix("Arguments do not match SQL parameters: ") else {
        return Failure::Server(sqlite_error(error));
    };
    let missing = what.strip_prefix("value for parameter ");
    let missing = missing.and_then(|what| what.strip_suffix(" not found"));
    Failure::Range(match missing {
        Some(number) if number.parse::<u32>().is_ok() => {
            "Too few parameter values were provided".into()
        }
        Some(name) => format!(
            "Missing named parameter \"{}\"",
            name.get(1..).unwrap_or(name)
        ),
        None => "Too many parameter values were provided".into(),
    })
}

/// What a batch consists of: how it begins, is committed and is undone (one or two statements), then of each
/// statement its SQL, how many parameters it has, and the name or NULL and the value of each.
fn batch_of(params: &Params) -> Result<Batch, LocalError> {
    let values = values_of(params)?;
    let mut kinds = values.into_iter().filter_map(|value| value.kind);
    let mut text = || match kinds.next() {
        Some(Kind::Text(text)) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    };
    let (begin, commit) = (text(), text());
    let undo = [text(), text()];
    let mut batch = Batch::default();
    let mut push = |stmt: Stmt, condition: Option<Cond>| {
        batch.steps.push(BatchStep {
            condition: condition.map(|cond| BatchCond { cond: Some(cond) }),
            stmt: Some(stmt),
        });
    };
    let sql = |sql: String| Stmt {
        sql: Some(sql),
        want_rows: Some(true),
        ..Stmt::default()
    };
    push(sql(begin.ok_or_else(internal)?), None);
    let mut last = 0;
    while let Some(Kind::Text(text)) = kinds.next() {
        let text = String::from_utf8_lossy(&text).into_owned();
        require_one(&text)?;
        let mut stmt = sql(text);
        let Some(Kind::Float(count)) = kinds.next() else {
            return Err(internal());
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
        for _ in 0..count as usize {
            let (name, kind) = (kinds.next(), kinds.next());
            let value = Value { kind };
            match name {
                Some(Kind::Text(name)) => stmt.named_args.push(NamedArg {
                    name: String::from_utf8_lossy(&name).into_owned(),
                    value: Some(value),
                }),
                _ => stmt.args.push(value),
            }
        }
        push(stmt, Some(Cond::StepOk(last)));
        last += 1;
    }
    push(sql(commit.ok_or_else(internal)?), Some(Cond::StepOk(last)));
    // What was open before is not undone if it could not begin.
    let begun = Cond::StepOk(0);
    let committed = BatchCond {
        cond: Some(Cond::StepOk(last + 1)),
    };
    let conds = vec![
        BatchCond { cond: Some(begun) },
        BatchCond {
            cond: Some(Cond::Not(Box::new(committed))),
        },
    ];
    for text in undo.into_iter().flatten() {
        let conds = conds.clone();
        push(sql(text), Some(Cond::And(BatchCondList { conds })));
    }
    Ok(batch)
}

fn text_of(params: &Params, at: usize) -> Result<String, LocalError> {
    match params.values.get(at) {
        Some(Param::Text(start, len)) => {
            let text = params.bytes.get(*start..start + len).unwrap_or_default();
            Ok(String::from_utf8_lossy(text).into_owned())
        }
        _ => Err(internal()),
    }
}

fn no_reader() -> LocalError {
    LocalError::Type("This statement does not return data. Use run() instead")
}

fn misfit() -> Failure {
    internal().into()
}

fn internal() -> LocalError {
    LocalError::Type("Internal error in Ferrolite: please report it")
}

fn interrupted() -> LocalError {
    const INTERRUPTED: i32 = 9;
    LocalError::from_code(INTERRUPTED)
}
