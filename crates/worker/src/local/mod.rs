//! The thread that owns a connection: runs jobs in order and packs their results.

mod callback;
mod connection;
mod statement;
mod table;

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use ferrolite_sqlite::{
    wipe, Backup, Change, ChangeKind, Connection, Error, Key, OpenOptions, Params, RegisterModules,
    Role, Session, ValueRef,
};

use crate::job::{Job, Jobs};
use crate::port::Port;
pub use crate::protocol::Log;
use crate::protocol::{flag, job, Op, Reply};
use crate::reply::{ConnectionState, Scratch};
use statement::{Cursor, Prepared};

pub type Outcome = Result<(), Error>;

/// Virtual tables that every local connection has, those of workers and readers too.
pub const MODULES: &[RegisterModules] = &[];

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
    pub log: Log,
    pub role: Role,
    pub key: Option<Key>,
}

/// Serves a connection until there is nothing left to do.
pub fn serve(port: &Arc<Port>, args: OpenArgs) {
    let mut scratch = Scratch::new();
    let (log, role) = (args.log, args.role);
    let opened = open(port, args);
    answer(
        port,
        &mut scratch,
        job::OPENING,
        opened.as_ref().map(|_| ()),
    );
    match opened {
        Ok(conn) => Owner {
            port,
            conn,
            scratch,
            statements: HashMap::new(),
            cursors: HashMap::new(),
            backups: HashMap::new(),
            sessions: HashMap::new(),
            log,
            has_readers: role == Role::Writer,
            lost: false,
            looked_at: None,
            shareable: false,
            notified: Instant::now(),
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
        modules: MODULES,
    })?;
    if let Some(image) = args.image {
        conn.deserialize(&image, args.readonly)?;
    }
    conn.set_role(args.role)?;
    let port = port.clone();
    conn.set_stop_check(Box::new(move || {
        // What runs takes long: replies that are there must not wait for it.
        port.notify();
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
        Ok(()) => scratch.part(Reply::Done, 0, 0, 0),
        Err(error) => scratch.push_error(error),
    }
    port.end(id);
    port.send(scratch);
}

#[allow(clippy::struct_excessive_bools)] // facts about it, not states
pub struct Owner<'p> {
    pub port: &'p Arc<Port>,
    pub conn: Connection,
    pub scratch: Scratch,
    pub statements: HashMap<u32, Prepared>,
    pub cursors: HashMap<u32, Cursor>,
    pub backups: HashMap<u32, Backup>,
    pub sessions: HashMap<u32, Session>,
    pub log: Log,
    has_readers: bool,
    /// An error has ended the transaction whose calls may still come.
    lost: bool,
    /// The epoch in which it was found whether readers see the same.
    looked_at: Option<u32>,
    shareable: bool,
    /// When JavaScript was woken last.
    notified: Instant,
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
        let began = (job.flags & flag::TIMED != 0).then(Instant::now);
        let is_wanted = self.port.begin(job.id);
        if self.lost && job.is_inside() {
            self.scratch.push_refusal();
            return self.end(job, began);
        }
        if job.op.executes() && job.flags & flag::INSIDE == 0 {
            self.lost = false;
        }
        let was_open = job.is_inside() && self.conn.in_transaction();
        let outcome = if is_wanted {
            // A PRAGMA that tells the busy timeout does so when it is compiled, and would see ours.
            if job.op != Op::Prepare || job.flags & flag::PRAGMA == 0 {
                self.conn.watch(None);
            }
            let changes = self.conn.total_changes();
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
            } else if self.keeps_changes(job.op, changes) {
                let changes = self.conn.take_changes();
                self.push_changed_rows(changes);
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
            if was_open && !self.conn.in_transaction() {
                self.lost = true;
                self.scratch.push_lost();
            }
        }
        self.end(job, began);
    }

    fn end(&mut self, job: &Job, began: Option<Instant>) {
        if let Some(began) = began {
            self.scratch.push_time(began.elapsed());
        }
        if self.has_readers {
            self.tell_settings();
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
        if Port::has_gathered(self.notified) {
            self.port.notify();
            self.notified = Instant::now();
        }
    }

    fn execute(&mut self, job: &mut Job) -> Outcome {
        match job.op {
            Op::Prepare => return self.prepare(job),
            Op::Run => return self.run_statement(job),
            Op::Get | Op::All => return self.query(job),
            Op::Iterate => return self.iterate(job),
            Op::Next => return self.next(job),
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

    /// Whether a call that failed has changed rows all the same: a script does so before the statement that
    /// fails, a statement with `OR FAIL`, which counts them.
    fn keeps_changes(&self, op: Op, changes: i64) -> bool {
        match op {
            Op::Exec => true,
            Op::Run | Op::Get | Op::All => self.conn.total_changes() != changes,
            _ => false,
        }
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
        self.push_changed_rows(changes);
        self.scratch.part(end, 0, 0, 0);
    }

    fn push_changed_rows(&mut self, changes: Vec<Change>) {
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
            self.scratch.part(Reply::Change, start, 1, 4);
        }
    }

    /// Tells what readers are to set too: a name for the setting, and its SQL.
    fn tell_settings(&mut self) {
        for pragma in self.conn.take_settings() {
            let sql = pragma.to_sql();
            let schema = pragma.schema.unwrap_or_default().to_ascii_lowercase();
            let name = format!("{schema}.{}", pragma.name);
            if !self.scratch.has_room(2) {
                self.port.send(&mut self.scratch);
            }
            let values = [name.as_bytes(), sql.as_bytes()].map(ValueRef::Text);
            self.scratch.push_values(Reply::Setting, &values);
        }
    }

    pub fn done(&mut self) {
        self.scratch.part(Reply::Done, 0, 0, 0);
    }
}
