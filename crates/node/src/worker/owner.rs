//! The thread that owns a connection: runs jobs in order and packs their results.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ferrolite_sqlite::{
    is_plain, wipe, without_keys, Backup, ChangeKind, Connection, Error, Key, OpenOptions, Params,
    Running, Session, Statement, Step, ValueRef,
};

use super::block::{ConnectionState, PartKind, Scratch};
use super::job::{Job, Jobs, Op, EXPLAIN, INT64, PLUCK, PRAGMA};
use super::port::Port;

pub type Outcome = Result<(), Error>;

/// How to open the connection.
#[allow(clippy::struct_excessive_bools)] // options, as JavaScript has them
pub struct OpenArgs {
    pub path: String,
    pub readonly: bool,
    pub must_exist: bool,
    /// Busy timeout in ms
    pub timeout: u32,
    pub vfs: Option<String>,
    pub uri: bool,
    /// A database to start from
    pub image: Option<Vec<u8>>,
    /// Statements are to be logged.
    pub verbose: bool,
    /// Other connections read the same file.
    pub has_readers: bool,
    pub key: Option<Key>,
}

/// Serves a connection until there is nothing left to do.
pub fn serve(port: &Arc<Port>, args: OpenArgs) {
    let mut scratch = Scratch::new();
    let (verbose, has_readers) = (args.verbose, args.has_readers);
    let opened = open(port, args);
    answer(port, &mut scratch, 1, opened.as_ref().map(|_| ()));
    match opened {
        Ok(conn) => Owner {
            port,
            conn,
            scratch,
            statements: HashMap::new(),
            cursors: HashMap::new(),
            backups: HashMap::new(),
            sessions: HashMap::new(),
            verbose,
            has_readers,
            looked_at: None,
            shareable: false,
            announced: Instant::now(),
        }
        .run(),
        Err(error) => refuse(port, &mut scratch, &error),
    }
}

fn open(port: &Arc<Port>, args: OpenArgs) -> Result<Connection, Error> {
    let conn = Connection::open(&OpenOptions {
        path: &args.path,
        readonly: args.readonly,
        must_exist: args.must_exist,
        timeout: args.timeout,
        vfs: args.vfs.as_deref(),
        uri: args.uri,
        key: args.key.as_ref(),
    })?;
    if let Some(image) = args.image {
        conn.deserialize(&image, args.readonly)?;
    }
    let port = port.clone();
    conn.set_stop_check(Box::new(move || {
        // What runs takes long: replies that are there must not wait for it.
        port.announce();
        port.is_cancelled()
    }));
    Ok(conn)
}

/// Answers every job with the error that opening ended with.
fn refuse(port: &Port, scratch: &mut Scratch, error: &Error) {
    while let Some(message) = port.receive() {
        let mut jobs = Jobs::new(&message);
        while let Some(job) = jobs.next(Params::default()) {
            if job.op != Op::Drop {
                port.begin(job.id);
                answer(port, scratch, job.id, Err(error));
            }
            if job.op == Op::Close {
                port.close();
            }
        }
    }
}

fn answer(port: &Port, scratch: &mut Scratch, id: u32, outcome: Result<(), &Error>) {
    match outcome {
        Ok(()) => scratch.part(PartKind::Done, 0, 0, 0),
        Err(error) => scratch.push_error(error),
    }
    port.end(id);
    port.send(scratch);
}

pub struct Owner<'p> {
    pub port: &'p Arc<Port>,
    pub conn: Connection,
    pub scratch: Scratch,
    pub statements: HashMap<u32, Prepared>,
    pub cursors: HashMap<u32, Cursor>,
    pub backups: HashMap<u32, Backup>,
    pub sessions: HashMap<u32, Session>,
    verbose: bool,
    has_readers: bool,
    /// The epoch in which it was found whether readers see the same.
    looked_at: Option<u32>,
    shareable: bool,
    /// When JavaScript was woken last.
    announced: Instant,
}

/// A statement by its number, or why there is none.
pub type Prepared = Result<Entry, Error>;

#[allow(clippy::struct_excessive_bools)] // facts about it, not states
pub struct Entry {
    stmt: Rc<Statement>,
    number: u32,
    parameters: usize,
    columns: usize,
    reader: bool,
    named: bool,
    explain: bool,
    /// Cannot change what other statements mean.
    plain: bool,
    /// The version whose columns JavaScript knows.
    told: Option<i32>,
}

/// An open iterator.
pub struct Cursor {
    running: Running,
    statement: u32,
    flags: u32,
}

// https://www.sqlite.org/rescode.html
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const INTERRUPTED: i32 = 9;

impl Owner<'_> {
    fn run(mut self) {
        let mut params = Params::default();
        while let Some(message) = self.port.receive() {
            let mut jobs = Jobs::new(&message);
            while let Some(mut job) = jobs.next(std::mem::take(&mut params)) {
                if self.port.is_stopping() {
                    break;
                }
                if job.op == Op::Drop {
                    self.statements.remove(&job.target);
                } else {
                    self.serve(&mut job);
                    if job.op == Op::Rekey {
                        wipe(&mut job.params.bytes);
                    }
                }
                params = job.params;
            }
        }
        // Statements and cursors go before the connection that they belong to.
        self.close();
    }

    fn serve(&mut self, job: &mut Job) {
        let outcome = if self.port.begin(job.id) {
            // A PRAGMA that tells the busy timeout does so when it is compiled, and would see ours.
            if job.op != Op::Prepare || job.flags & PRAGMA == 0 {
                self.conn.watch(None);
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| self.execute(job)));
            self.conn.unwatch();
            // Its exception is what counts, even where SQL goes on after an error.
            let outcome = if self.port.has_failed() {
                if matches!(outcome, Ok(Ok(()))) {
                    self.scratch.take_back();
                }
                Ok(Err(Error::Callback))
            } else {
                outcome
            };
            if matches!(outcome, Ok(Ok(()))) {
                self.tell_changes();
            } else {
                self.conn.take_changes();
            }
            outcome.unwrap_or(Err(Error::Type(
                "Internal error in Ferrolite: please report it",
            )))
        } else {
            Err(Error::from_code(INTERRUPTED))
        };
        if let Err(error) = outcome {
            // Waiting for a lock ends as busy, and for an answer of JavaScript as an error, whatever ended
            // the waiting.
            let waited = matches!(error.code() & 0xff, BUSY | ERROR);
            let cancelled = self.port.is_cancelled() && waited;
            let interrupted = Error::from_code(INTERRUPTED);
            self.scratch
                .push_error(if cancelled { &interrupted } else { &error });
        }
        self.port.end(job.id);
        if self.has_readers && self.looked_at != Some(self.conn.epoch()) {
            self.looked_at = Some(self.conn.epoch());
            self.shareable = self.is_shareable();
        }
        self.scratch.state = Some(ConnectionState {
            in_transaction: self.conn.in_transaction(),
            shareable: self.shareable,
        });
        self.port.send_with_others(&mut self.scratch);
        if Port::has_gathered(self.announced) {
            self.port.announce();
            self.announced = Instant::now();
        }
    }

    fn execute(&mut self, job: &mut Job) -> Outcome {
        match job.op {
            Op::Prepare => return self.prepare(job),
            Op::Run => return self.run_statement(job),
            Op::Get | Op::All => return self.query(job),
            Op::Iterate => return self.iterate(job),
            Op::Next => return self.next(job),
            Op::Columns => return self.columns(job),
            Op::Expand => return self.expand(job),
            Op::Exec => self.exec(job)?,
            Op::Undo if self.conn.in_transaction() => self.exec(job)?,
            Op::Undo => {}
            Op::Return => {
                if let Some(cursor) = self.cursors.remove(&job.target) {
                    cursor.running.finish().1?;
                }
            }
            _ => return self.serve_connection(job),
        }
        self.done();
        Ok(())
    }

    /// Tells the listeners about changed rows.
    fn tell_changes(&mut self) {
        if !self.conn.watches_changes() {
            return;
        }
        let changes = self.conn.take_changes();
        if changes.is_empty() {
            return;
        }
        // The call ends after them: nobody waits for replies when no call is left.
        let end = self.scratch.put_off_end();
        for change in changes {
            if !self.scratch.has_room(4) {
                self.port.send(&mut self.scratch);
            }
            let operation: &[u8] = match change.kind {
                ChangeKind::Insert => b"insert",
                ChangeKind::Update => b"update",
                ChangeKind::Delete => b"delete",
            };
            let start = self.scratch.start();
            for text in [operation, &change.database, &change.table] {
                self.scratch.push(ValueRef::Text(text), false);
            }
            self.scratch.push(ValueRef::Integer(change.rowid), true);
            self.scratch.part(PartKind::Change, start, 1, 4);
        }
        self.scratch.part(end, 0, 0, 0);
    }

    pub fn done(&mut self) {
        self.scratch.part(PartKind::Done, 0, 0, 0);
    }

    fn prepare(&mut self, job: &Job) -> Outcome {
        let compiled = self.compile(job);
        if let Ok(entry) = &compiled {
            let readonly = entry.stmt.readonly()?;
            let names = entry.stmt.parameter_names()?;
            self.scratch
                .push_description(self.port, entry.reader, readonly, &names);
        }
        let outcome = compiled.as_ref().map(|_| ()).map_err(Error::clone);
        self.statements.insert(job.target, compiled);
        outcome
    }

    fn compile(&self, job: &Job) -> Prepared {
        let stmt = self.conn.prepare(&job.params.bytes)?;
        let columns = stmt.column_count()?.into();
        Ok(Entry {
            number: job.target,
            parameters: stmt.parameter_count()?.into(),
            columns,
            reader: columns > 0 || job.flags & PRAGMA != 0,
            named: stmt.has_named_parameters()?,
            explain: job.flags & EXPLAIN != 0,
            plain: is_plain(&job.params.bytes),
            told: None,
            stmt,
        })
    }

    fn run_statement(&mut self, job: &mut Job) -> Outcome {
        let entry = entry(&mut self.statements, job.target)?;
        let mut running = start(&self.conn, entry, &mut job.params)?;
        log_if(self.verbose, self.port, running.statement());
        let before = self.conn.total_changes();
        let stepped = running.step();
        let (params, ended) = running.finish();
        job.params = params;
        // The reset repeats an error of the step, so the step's comes first.
        stepped.and(ended)?;
        let (changes, rowid) = self.conn.last_changes();
        let changed = self.conn.total_changes() != before;
        self.scratch
            .push_changes(if changed { changes } else { 0 }, rowid, job.flags);
        Ok(())
    }

    fn query(&mut self, job: &mut Job) -> Outcome {
        let entry = entry(&mut self.statements, job.target)?;
        require_reader(entry)?;
        let mut running = start(&self.conn, entry, &mut job.params)?;
        log_if(self.verbose, self.port, running.statement());
        let max = if job.op == Op::Get { 1 } else { i32::MAX };
        let out = Out {
            scratch: &mut self.scratch,
            port: self.port,
            flags: job.flags,
        };
        let filled = out.fill(entry, &mut running, max);
        let (params, ended) = running.finish();
        job.params = params;
        filled.and(ended)
    }

    fn iterate(&mut self, job: &mut Job) -> Outcome {
        let entry = entry(&mut self.statements, job.target)?;
        require_reader(entry)?;
        let running = start(&self.conn, entry, &mut job.params)?;
        log_if(self.verbose, self.port, running.statement());
        let cursor = Cursor {
            running,
            statement: job.target,
            flags: job.flags,
        };
        self.cursors.insert(job.extra.cast_unsigned(), cursor);
        self.done();
        Ok(())
    }

    /// Rows of a cursor; fewer than were asked for when it is at its end, and then it is closed.
    fn next(&mut self, job: &Job) -> Outcome {
        let Some(cursor) = self.cursors.get_mut(&job.target) else {
            return Err(Error::Type("This iterator is closed"));
        };
        let entry = entry(&mut self.statements, cursor.statement)?;
        let out = Out {
            scratch: &mut self.scratch,
            port: self.port,
            flags: cursor.flags,
        };
        let filled = out.fill(entry, &mut cursor.running, job.extra);
        if !matches!(filled, Ok(true)) {
            if let Some(cursor) = self.cursors.remove(&job.target) {
                let ended = cursor.running.finish().1;
                filled.and(ended)?;
            }
        }
        Ok(())
    }

    fn columns(&mut self, job: &Job) -> Outcome {
        let entry = entry(&mut self.statements, job.target)?;
        if !entry.reader {
            return Err(Error::Type(
                "The columns() method is only for statements that return data",
            ));
        }
        let scratch = &mut self.scratch;
        let start = scratch.start();
        let mut count = 0;
        entry.stmt.columns(&mut |column| {
            for field in column {
                scratch.push(field.map_or(ValueRef::Null, ValueRef::Text), false);
            }
            count += 1;
        })?;
        scratch.part(PartKind::LastRows, start, count, 5);
        Ok(())
    }

    fn expand(&mut self, job: &mut Job) -> Outcome {
        let entry = entry(&mut self.statements, job.target)?;
        let running = start(&self.conn, entry, &mut job.params)?;
        let sql = running.statement().expanded_sql();
        let (params, _) = running.finish();
        job.params = params;
        let value = sql.as_deref().map_or(ValueRef::Null, ValueRef::Text);
        self.scratch.push_values(PartKind::LastRows, &[value]);
        Ok(())
    }

    fn exec(&mut self, job: &mut Job) -> Outcome {
        job.params.bytes.push(0);
        let (verbose, port) = (self.verbose, self.port);
        let mut log = |statement: &Statement| {
            log_if(verbose, port, statement);
            Ok(())
        };
        self.conn.exec(&job.params.bytes, &mut log).map(|_| ())
    }
}

fn entry(statements: &mut HashMap<u32, Prepared>, number: u32) -> Result<&mut Entry, Error> {
    match statements.get_mut(&number) {
        Some(Ok(entry)) => Ok(entry),
        Some(Err(error)) => Err(error.clone()),
        // The connection was closed, and its statements with it.
        None => Err(Error::closed()),
    }
}

fn require_reader(entry: &Entry) -> Outcome {
    if entry.reader {
        Ok(())
    } else {
        Err(Error::Type(
            "This statement does not return data. Use run() instead",
        ))
    }
}

/// Starts a statement; one that an iterator is on is compiled once more.
fn start(conn: &Connection, entry: &Entry, params: &mut Params) -> Result<Running, Error> {
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

/// Where the rows of one call go.
struct Out<'a> {
    scratch: &'a mut Scratch,
    port: &'a Port,
    flags: u32,
}

impl Out<'_> {
    /// Packs up to `max` rows; true if there may be more. The last part ends the call.
    fn fill(self, entry: &mut Entry, running: &mut Running, max: i32) -> Result<bool, Error> {
        let int64 = self.flags & INT64 != 0;
        let mut rows = 0;
        let mut in_part = 0;
        let mut start = self.scratch.start();
        let mut width = 0;
        let mut more = true;
        while rows < max {
            match running.step() {
                Ok(Step::Row) => {}
                Ok(Step::Done) => {
                    more = false;
                    break;
                }
                Err(error) => {
                    // An iterator gives what came before the error.
                    self.scratch.part(PartKind::Rows, start, in_part, width);
                    return Err(error);
                }
            }
            if rows == 0 {
                tell_columns(self.scratch, entry, running.statement())?;
                start = self.scratch.start();
                width = if self.flags & PLUCK == 0 {
                    entry.columns
                } else {
                    1
                };
            }
            if !self.scratch.has_room(width) {
                self.scratch.part(PartKind::Rows, start, in_part, width);
                self.port.send(self.scratch);
                start = self.scratch.start();
                in_part = 0;
            }
            self.scratch.push_row(running.row(), width, int64);
            rows += 1;
            in_part += 1;
        }
        self.scratch.part(PartKind::LastRows, start, in_part, width);
        Ok(more)
    }
}

/// Says what the columns are called, if that is news.
fn tell_columns(scratch: &mut Scratch, entry: &mut Entry, stmt: &Rc<Statement>) -> Outcome {
    let version = stmt.version();
    if entry.told == Some(version) {
        return Ok(());
    }
    entry.told = Some(version);
    entry.columns = stmt.column_count()?.into();
    let start = scratch.start();
    scratch.push(ValueRef::Integer(entry.number.into()), false);
    let mut count = 0;
    stmt.columns(&mut |[name, _, table, _, _]| {
        scratch.push(name.map_or(ValueRef::Null, ValueRef::Text), false);
        scratch.push(table.map_or(ValueRef::Null, ValueRef::Text), false);
        count += 1;
    })?;
    scratch.part(PartKind::Columns, start, 1, 1 + 2 * count);
    Ok(())
}

/// Shows a statement to the `verbose` logger, before its rows and its end.
fn log_if(verbose: bool, port: &Port, statement: &Statement) {
    if !verbose {
        return;
    }
    let mut scratch = Scratch::new();
    let sql = statement.expanded_sql();
    let sql = without_keys(sql.unwrap_or_else(|| statement.sql().to_vec()));
    scratch.push_values(PartKind::Log, &[ValueRef::Text(&sql)]);
    port.send(&mut scratch);
}
