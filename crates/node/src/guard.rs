//! Who may use a connection now: open, busy, iterating. The texts are better-sqlite3's.

use ferrolite_sqlite::Error;

use crate::database::Database;

type Check = Result<(), Error>;

const DATABASE_BUSY: Error = Error::Type("This database connection is busy executing a query");
const STORE_BUSY: Error = Error::Type(
    "This database connection is busy executing a query: its store cannot use the very database that calls it",
);
const STATEMENT_BUSY: Error = Error::Type("This statement is busy executing a query");

/// The connection executes a query while this lives.
pub struct Busy<'db> {
    db: &'db Database,
}

impl Drop for Busy<'_> {
    #[inline]
    fn drop(&mut self) {
        self.db.busy.set(false);
        self.db.environment.end_execution();
    }
}

impl Database {
    #[inline]
    pub fn enter_busy(&self) -> Busy<'_> {
        self.busy.set(true);
        self.environment.begin_execution();
        Busy { db: self }
    }

    #[inline]
    pub fn require_open(&self) -> Check {
        if self.conn.is_open() {
            Ok(())
        } else {
            Err(Error::closed())
        }
    }

    #[inline]
    pub fn require_not_busy(&self) -> Check {
        if self.busy.get() {
            Err(self.busy_error())
        } else {
            Ok(())
        }
    }

    #[cold]
    fn busy_error(&self) -> Error {
        match &*self.kept.borrow() {
            Some(kept) if kept.is_called() => STORE_BUSY,
            _ => DATABASE_BUSY,
        }
    }

    #[inline]
    pub fn require_no_iterators(&self) -> Check {
        if self.iterators.get() != 0 {
            Err(DATABASE_BUSY)
        } else {
            Ok(())
        }
    }

    #[inline]
    pub fn require_no_iterators_unless_unsafe(&self) -> Check {
        if self.iterators.get() != 0 && !self.unsafe_mode.get() {
            Err(DATABASE_BUSY)
        } else {
            Ok(())
        }
    }

    /// Open and not executing.
    #[inline]
    pub fn require_ready(&self) -> Check {
        self.require_open()?;
        self.require_not_busy()
    }

    /// Open, not executing, and nothing iterates.
    pub fn require_idle(&self) -> Check {
        self.require_ready()?;
        self.require_no_iterators()
    }
}

#[inline]
pub fn require_not_locked(locked: bool) -> Check {
    if locked {
        Err(STATEMENT_BUSY)
    } else {
        Ok(())
    }
}
