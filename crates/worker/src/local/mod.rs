//! The thread that owns a connection: runs jobs in order and packs their results.

mod callback;
mod connection;
mod modules;
mod statement;
mod store;
mod store_task;
pub mod storing;
mod table;
mod work;

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use ferrolite_kv::{Error as StoreFailure, Handle};
use ferrolite_sqlite::{
    wipe, Backup, ChangeKind, ChangedRow, Connection, Error, Key, OpenOptions, Params, Role,
    Session, ValueRef,
};

use crate::block::ConnectionState;
use crate::job::{Job, Jobs, Malformed};
use crate::port::Port;
pub use crate::protocol::Log;
use crate::protocol::{flag, job, Op, Reply};
use crate::reply::{Replies, INTERNAL};
use callback::Callbacks;
pub use modules::MODULES;
use statement::{Iteration, Prepared};
pub use store::StoreArgs;

type Outcome = Result<(), Error>;

/// How to open the connection.
#[allow(clippy::struct_excessive_bools)] // options, as JavaScript has them
pub struct OpenArgs {
    /// A file, `:memory:`, or nothing for a temporary database
    pub path: String,
    /// Nothing is written.
    pub readonly: bool,
    /// The file is not created.
    pub must_exist: bool,
    /// Busy timeout in ms
    pub timeout: u32,
    /// The name of a VFS, if not the default one
    pub vfs: Option<String>,
    /// The path may be a URI.
    pub uri: bool,
    /// Text in double quotes may be a string.
    pub quoted_strings: bool,
    /// A database to start from
    pub image: Option<Vec<u8>>,
    /// What the `verbose` logger sees of statements
    pub log: Log,
    /// What the connection is for
    pub role: Role,
    /// What the file is encrypted with
    pub key: Option<Key>,
    /// The key-value store that it is in; then `path` is its name there
    pub store: Option<StoreArgs>,
}

/// Serves a connection until there is nothing left to do.
pub fn serve(port: &Arc<Port>, args: OpenArgs) {
    let mut replies = Replies::new(port);
    let (log, role) = (args.log, args.role);
    let (conn, store) = match open(port, args) {
        Ok(opened) => opened,
        Err(Refusal::Engine(error)) => return replies.refuse(|replies| replies.error(&error)),
        Err(Refusal::Store(error)) => {
            let code = error.result_code();
            return replies.refuse(|replies| replies.store_error(&error, code));
        }
    };
    replies.done();
    replies.end_and_send(job::OPENING);
    Owner {
        port,
        conn,
        replies,
        callbacks: Callbacks::new(port),
        store,
        statements: HashMap::new(),
        iterations: HashMap::new(),
        backups: HashMap::new(),
        sessions: HashMap::new(),
        log,
        has_readers: role == Role::Writer,
        lost: false,
        looked_at: None,
        shareable: false,
    }
    .run();
}

/// Why a database could not be opened.
enum Refusal {
    Engine(Error),
    Store(StoreFailure),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

fn open(port: &Arc<Port>, mut args: OpenArgs) -> Result<(Connection, Option<Handle>), Refusal> {
    let (conn, store) = match args.store.take() {
        Some(store) => {
            let (conn, handle) = store::open(port, &args.path, &store).map_err(Refusal::Store)?;
            if handle.epoch() == 0 {
                return Err(ferrolite_kv::missing(&args.path).into());
            }
            (conn, Some(handle))
        }
        None => (open_file(&mut args)?, None),
    };
    conn.set_role(args.role)?;
    let port = port.clone();
    conn.set_interrupt_check(Box::new(move || {
        // The job takes long: replies of earlier jobs must not wait for it.
        port.notify();
        port.is_interrupted()
    }));
    Ok((conn, store))
}

fn open_file(args: &mut OpenArgs) -> Result<Connection, Error> {
    let conn = Connection::open(&OpenOptions {
        path: &args.path,
        readonly: args.readonly,
        must_exist: args.must_exist,
        timeout: args.timeout,
        vfs: args.vfs.as_deref(),
        uri: args.uri,
        quoted_strings: args.quoted_strings,
        key: args.key.as_ref(),
        modules: MODULES,
    })?;
    if let Some(image) = args.image.take() {
        conn.deserialize(&image, args.readonly)?;
    }
    Ok(conn)
}

#[allow(clippy::struct_excessive_bools)] // facts about it, not states
struct Owner<'p> {
    port: &'p Arc<Port>,
    conn: Connection,
    replies: Replies<'p>,
    callbacks: Callbacks,
    /// The database in a key-value store, if it is in one
    store: Option<Handle>,
    statements: HashMap<u32, Prepared>,
    iterations: HashMap<u32, Iteration>,
    backups: HashMap<u32, Backup>,
    sessions: HashMap<u32, Session>,
    log: Log,
    has_readers: bool,
    /// An error has ended the transaction whose calls may still come.
    lost: bool,
    /// The epoch in which it was found whether readers see the same.
    looked_at: Option<u32>,
    shareable: bool,
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
            while let Some(job) = jobs.next(std::mem::take(&mut params)) {
                if self.port.is_shutting_down() {
                    break;
                }
                let mut job = match job {
                    Ok(job) => job,
                    Err(Malformed { id }) => {
                        self.replies.malformed(id);
                        continue;
                    }
                };
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
        // Statements and iterations go before the connection that they belong to.
        self.close();
    }

    fn serve(&mut self, job: &mut Job) {
        let began = (job.flags & flag::TIMED != 0).then(Instant::now);
        let is_wanted = self.port.begin(job.id);
        // What SQLite made nothing of is not the reason of what fails now.
        drop(self.store.as_ref().and_then(Handle::take_error));
        if self.lost && job.is_inside() {
            self.replies.refusal();
            return self.end(job, began);
        }
        if job.op.executes() && job.flags & flag::INSIDE == 0 {
            self.lost = false;
        }
        let was_open = job.is_inside() && self.conn.in_transaction();
        let outcome = if is_wanted {
            // `PRAGMA busy_timeout` reads the timeout when it is compiled, and would return ours.
            if job.op != Op::Prepare || job.flags & flag::PRAGMA == 0 {
                self.conn.watch(None);
            }
            let changes = self.conn.total_changes();
            let outcome = catch_unwind(AssertUnwindSafe(|| self.execute(job)));
            self.conn.unwatch();
            // Its exception is what counts, even where SQL goes on after an error.
            let outcome = if self.port.has_failed() {
                if matches!(outcome, Ok(Ok(()))) {
                    self.replies.take_back();
                }
                Ok(Err(Error::Callback))
            } else {
                outcome
            };
            if matches!(outcome, Ok(Ok(()))) {
                self.report_changed_rows();
            } else if self.keeps_changes(job.op, changes) {
                let changes = self.conn.take_changed_rows();
                self.push_changed_rows(changes);
            } else {
                self.conn.take_changed_rows();
            }
            outcome.unwrap_or(Err(INTERNAL))
        } else {
            Err(Error::from_code(INTERRUPTED))
        };
        if let Err(error) = outcome {
            self.fail(&error);
            if was_open && !self.conn.in_transaction() {
                self.lost = true;
                self.replies.lost();
            }
        }
        self.end(job, began);
    }

    fn fail(&mut self, error: &Error) {
        let code = error.code();
        let store = self.store.as_ref();
        let reason = store.and_then(|store| store.reason_of(&self.conn, error));
        // Waiting for a lock ends as busy, and for an answer of JavaScript as an error, whatever ended the waiting.
        let waited = match &reason {
            Some(reason) => matches!(reason, StoreFailure::Store { .. }),
            None => matches!(code & 0xff, BUSY | ERROR),
        };
        if self.port.is_interrupted() && waited {
            return self.replies.error(&Error::from_code(INTERRUPTED));
        }
        match reason {
            Some(reason) => self.replies.store_error(&reason, code),
            None => self.replies.error(error),
        }
    }

    fn end(&mut self, job: &Job, began: Option<Instant>) {
        if let Some(began) = began {
            self.replies.time(began.elapsed());
        }
        if self.has_readers {
            self.report_settings();
        }
        // An interrupt while readers are looked after would end what is done.
        self.port.end(job.id);
        if self.has_readers && self.looked_at != Some(self.conn.epoch()) {
            self.looked_at = Some(self.conn.epoch());
            self.shareable = self.is_shareable();
        }
        let state = ConnectionState {
            in_transaction: self.conn.in_transaction(),
            shareable: self.shareable,
        };
        self.replies.end(job.id, state);
    }

    fn execute(&mut self, job: &mut Job) -> Outcome {
        match job.op {
            Op::Prepare => return self.prepare(job),
            Op::Run => return self.run_statement(job),
            Op::Get | Op::All => return self.query(job),
            Op::Iterate => return self.iterate(job),
            Op::Next => return self.next(job),
            Op::Exec => self.exec(job)?,
            Op::Undo if self.conn.in_transaction() => self.exec(job)?,
            Op::Undo => {}
            Op::Return => {
                if let Some(iteration) = self.iterations.remove(&job.target) {
                    iteration.running.finish().1?;
                }
            }
            _ => return self.serve_connection(job),
        }
        self.replies.done();
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

    /// Reports changed rows.
    fn report_changed_rows(&mut self) {
        if !self.conn.watches_changed_rows() {
            return;
        }
        let changes = self.conn.take_changed_rows();
        if changes.is_empty() {
            return;
        }
        // They come before the end of the call: without a pending call the front end reads no replies.
        let end = self.replies.put_off_end();
        self.push_changed_rows(changes);
        self.replies.part(end, 0, 0, 0);
    }

    fn push_changed_rows(&mut self, changes: Vec<ChangedRow>) {
        for change in changes {
            self.replies.make_space(4);
            let operation: &[u8] = match change.kind {
                ChangeKind::Insert => b"insert",
                ChangeKind::Update => b"update",
                ChangeKind::Delete => b"delete",
            };
            let start = self.replies.start();
            for text in [operation, &change.database, &change.table] {
                self.replies.push(ValueRef::Text(text), false);
            }
            self.replies.push(ValueRef::Integer(change.rowid), true);
            self.replies.part(Reply::ChangedRow, start, 1, 4);
        }
    }

    /// Reports settings for readers: a name for each, and its SQL.
    fn report_settings(&mut self) {
        for pragma in self.conn.take_settings() {
            let sql = pragma.to_sql();
            let schema = pragma.schema.unwrap_or_default().to_ascii_lowercase();
            let name = format!("{schema}.{}", pragma.name);
            let values = [name.as_bytes(), sql.as_bytes()].map(ValueRef::Text);
            self.replies.push_values(Reply::Setting, &values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::testing::pack;
    use crate::testing::{rounds, seed, Random};

    fn in_memory() -> OpenArgs {
        OpenArgs {
            path: ":memory:".into(),
            readonly: false,
            must_exist: false,
            timeout: 0,
            vfs: None,
            uri: false,
            quoted_strings: false,
            image: None,
            log: Log::Nothing,
            role: Role::Only,
            key: None,
            store: None,
        }
    }

    fn jobs() -> Vec<u8> {
        let text = |text: &'static str| [ValueRef::Text(text.as_bytes())];
        let mut message = Vec::new();
        let mut add = |id, op: Op, target, values: &[ValueRef<'_>]| {
            pack(&mut message, [id, op as u32, target, 2, 0], values);
        };
        add(2, Op::Exec, 0, &text("CREATE TABLE t (a)"));
        add(3, Op::Prepare, 1, &text("INSERT INTO t VALUES (?)"));
        add(4, Op::Run, 1, &[ValueRef::Integer(5)]);
        add(5, Op::Prepare, 2, &text("SELECT a FROM t"));
        add(6, Op::All, 2, &[]);
        add(7, Op::Iterate, 2, &[]);
        add(8, Op::Next, 2, &[]);
        add(9, Op::Close, 0, &[]);
        message
    }

    /// What a worker replied: the kinds of all parts.
    fn replies_to(message: Vec<u8>) -> Vec<i32> {
        let port = Arc::new(Port::new(Box::new(|| {})));
        port.post(message);
        port.close();
        serve(&port, in_memory());
        let blocks = std::iter::from_fn(|| port.take());
        blocks
            .flat_map(|block| block.parts().iter().map(|part| part[0]).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn every_job_has_its_reply() {
        let kinds = [
            Reply::Done,
            Reply::Done,
            Reply::LastRows,
            Reply::LastRows,
            Reply::Columns,
            Reply::LastRows,
            Reply::LastRows,
            Reply::Done,
            Reply::LastRows,
            Reply::Done,
        ];
        assert_eq!(replies_to(jobs()), kinds.map(|kind| kind as i32));
    }

    /// `FUZZ_SEED` repeats a run, `FUZZ_ROUNDS` makes it longer.
    #[test]
    fn a_malformed_message_is_an_error_and_no_panic() {
        let mut random = Random::new(seed("FUZZ_SEED"));
        for _ in 0..rounds("FUZZ_ROUNDS", 500) {
            let mut message = jobs();
            for _ in 0..=random.below(4) {
                let at = random.below(message.len());
                message[at] = random.byte();
            }
            message.truncate(random.below(message.len() + 1));
            replies_to(message);
        }
    }

    #[test]
    fn the_jobs_before_a_malformed_one_are_done() {
        let mut message = jobs();
        message.truncate(message.len() - 8);
        let kinds = replies_to(message);
        assert_eq!(kinds.last(), Some(&(Reply::Error as i32)));
        assert_eq!(kinds.len(), 10);
    }
}
