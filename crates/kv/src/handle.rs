//! The database behind a connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ferrolite_sqlite::Connection;

use crate::access::Stats;
use crate::error::{Error, Result};
use crate::history::Moment;
use crate::home::Home;
use crate::resident::{Batch, Snapshot};

/// What the engine does with the file.
#[derive(Default)]
pub(crate) struct State {
    /// A statement or a transaction reads.
    pub(crate) reads: Cell<bool>,
    /// Whether a writer may let it go between transactions.
    pub(crate) lets_go: Cell<bool>,
}

/// The database behind a connection.
#[derive(Clone)]
pub struct Handle {
    pub(crate) home: Rc<RefCell<Home>>,
    /// The last error, for whoever has the handle.
    pub(crate) error: Rc<RefCell<Option<Error>>>,
    pub(crate) state: Rc<State>,
}

impl Handle {
    pub(crate) fn new(home: Home) -> Self {
        Self {
            home: Rc::new(RefCell::new(home)),
            error: Rc::default(),
            state: Rc::default(),
        }
    }

    /// What it has asked of its store.
    pub fn stats(&self) -> Stats {
        self.home.borrow().stats()
    }

    /// The reason of the last error of `SQLite`, once.
    pub fn take_error(&self) -> Option<Error> {
        self.error.borrow_mut().take()
    }

    /// The reason of an error that the connection has just given, if the store or what is in it is the reason.
    pub fn reason_of(
        &self,
        connection: &Connection,
        error: &ferrolite_sqlite::Error,
    ) -> Option<Error> {
        const ERROR: i32 = 1;
        // IOERR, CORRUPT, FULL and CANTOPEN
        const OF_FILES: [i32; 4] = [10, 11, 13, 14];
        let ferrolite_sqlite::Error::Sqlite { code, message, .. } = error else {
            return None;
        };
        if *code != ERROR && !OF_FILES.contains(&(code & 0xff)) {
            return None;
        }
        let reason = self.take_error()?;
        // Most errors of this code are of the SQL; a pragma of ours has the message of its reason.
        let is_of_sql = *code == ERROR && **message != *reason.to_string().as_bytes();
        if is_of_sql {
            return None;
        }
        if matches!(reason, Error::Lost { .. } | Error::Indeterminate { .. }) {
            // Pages that it has in memory may be of what is lost. In a transaction the pager forgets them by itself.
            let _ = connection.reset_cache();
        }
        Some(reason)
    }

    /// The epoch that is written, or read.
    pub fn epoch(&self) -> u32 {
        self.home.borrow().epoch()
    }

    /// Waits until the store has every transaction that was reported as committed.
    pub fn flush(&self) -> Result<()> {
        self.home.borrow_mut().flush()
    }

    /// The same before it is closed; a failure that was reported before is not reported again.
    pub fn end(&self) -> Result<()> {
        if self.check_state().is_err() || self.queued().0 == 0 {
            return Ok(());
        }
        self.flush()
    }

    /// An error if nothing can be done with it any more.
    pub fn check_state(&self) -> Result<()> {
        self.home.borrow().check()
    }

    /// An error that did not pass through `SQLite`, as one that did: its reason is known from now on.
    pub fn engine_error(&self, error: Error) -> ferrolite_sqlite::Error {
        let of_engine = ferrolite_sqlite::Error::sqlite(error.result_code(), &error.to_string());
        *self.error.borrow_mut() = Some(error);
        of_engine
    }

    /// Transactions that the store does not have yet, and the bytes that are kept for them.
    pub fn queued(&self) -> (u32, usize) {
        self.home.borrow().queued()
    }

    /// Makes a checkpoint, outside a transaction.
    pub fn checkpoint(&self) -> Result<()> {
        self.home.borrow_mut().stored()?.checkpoint()
    }

    /// The same when nobody waits for it, unless a transaction or a statement goes on: says whether none does. What
    /// waits for the store in a resident database goes on to wait.
    pub fn checkpoint_at_rest(&self, connection: &Connection) -> Result<bool> {
        let reads = connection.has_running_statements().unwrap_or(false);
        if connection.in_transaction() || reads {
            return Ok(false);
        }
        let mut home = self.home.borrow_mut();
        if matches!(*home, Home::Store(_)) || home.queued().0 == 0 {
            home.stored()?.checkpoint()?;
        }
        Ok(true)
    }

    /// Asks the store whether somebody else has taken over.
    pub fn check(&self) -> Result<()> {
        self.home.borrow_mut().stored()?.check_owner()
    }

    /// Reads everything, and says in a line each what is damaged or missing.
    pub fn verify(&self) -> Result<Vec<String>> {
        self.home.borrow_mut().stored()?.verify()
    }

    /// Deletes what nothing refers to, and says how many keys there were.
    pub fn collect(&self) -> Result<u64> {
        self.home.borrow_mut().stored()?.collect()
    }

    /// Moves a reader to the newest state, between its transactions. The connection's cache must be reset if it is
    /// another one.
    pub fn refresh(&self) -> Result<bool> {
        self.is_at_rest("refreshed")?;
        self.home
            .borrow_mut()
            .change(crate::database::Database::refresh)
    }

    /// The epochs that are kept now, the oldest first.
    pub fn history(&self) -> Result<Vec<Moment>> {
        self.home.borrow_mut().stored()?.history()
    }

    /// Commits the state of an epoch once more, through the connection that this is the handle of.
    pub fn restore(&self, connection: &Connection, epoch: u32) -> Result<()> {
        self.behind(connection, "restored", || {
            let mut home = self.home.borrow_mut();
            home.change(|database| database.restore(epoch).map(|()| true))
                .map(|_| ())
        })
    }

    /// What waits for the store, if the batch before it is known to be there. Only of [`connect_resident`].
    ///
    /// [`connect_resident`]: crate::connect_resident
    pub fn take_batch(&self) -> Result<Option<Batch>> {
        self.home.borrow_mut().take_batch()
    }

    /// Has a function called when there is a batch to take, in the middle of a commit: it must not use the connection.
    /// Only of [`connect_resident`].
    ///
    /// [`connect_resident`]: crate::connect_resident
    pub fn on_queued(&self, on_queued: impl Fn() + 'static) -> Result<()> {
        let mut home = self.home.borrow_mut();
        home.resident()?.on_queued(Box::new(on_queued));
        Ok(())
    }

    /// Whether commits fail from now on, as another state is about to take the place of this one. Only of
    /// [`connect_resident`].
    ///
    /// [`connect_resident`]: crate::connect_resident
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        self.home.borrow_mut().resident()?.freeze(frozen);
        Ok(())
    }

    /// What became of the batch that was taken. An error ends the connection, and says what is lost.
    pub fn settle_batch(&self, done: Result<()>) -> Result<()> {
        self.home.borrow_mut().settle_batch(done)
    }

    /// Another state takes the place of this one. Only of [`connect_resident`], and if nothing waits.
    ///
    /// [`connect_resident`]: crate::connect_resident
    pub fn replace(&self, connection: &Connection, snapshot: Snapshot) -> Result<()> {
        self.behind(connection, "replaced", || {
            self.home.borrow_mut().replace(snapshot)
        })
    }

    /// Changes the database behind the back of its connection.
    fn behind(
        &self,
        connection: &Connection,
        what: &str,
        action: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if connection.in_transaction() {
            return Err(in_use(what));
        }
        let writes = !self.home.borrow().is_readonly();
        if writes {
            // A writer keeps its lock, and with it the size and the pages that it knows: it has to let go once.
            self.state.lets_go.set(true);
            let let_go = "PRAGMA locking_mode=NORMAL; SELECT 1 FROM sqlite_master LIMIT 1";
            if let Err(error) = run(connection, let_go) {
                self.state.lets_go.set(false);
                return Err(self.take_error().unwrap_or(error));
            }
        }
        let done = self
            .is_at_rest(what)
            .and_then(|()| action())
            .and_then(|()| connection.reset_cache().map_err(|error| engine(&error)));
        let mut back = Ok(());
        if writes {
            back = run(connection, "PRAGMA locking_mode=EXCLUSIVE");
            self.state.lets_go.set(false);
        }
        done.and(back)
    }

    fn is_at_rest(&self, what: &str) -> Result<()> {
        if self.state.reads.get() {
            return Err(in_use(what));
        }
        Ok(())
    }
}

fn in_use(what: &str) -> Error {
    let message = "while a transaction or a statement reads it";
    Error::Usage(format!("the database cannot be {what} {message}"))
}

pub(crate) fn engine(error: &ferrolite_sqlite::Error) -> Error {
    Error::Usage(error.to_string())
}

pub(crate) fn run(connection: &Connection, sql: &str) -> Result<()> {
    let text = format!("{sql}\0");
    let done = connection.exec(text.as_bytes(), &mut |_| Ok(()));
    done.map(|_| ()).map_err(|error| engine(&error))
}
