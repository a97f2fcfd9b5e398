//! Interrupt a running statement of the engine: from another thread, or when its time is over. A call of the promise API
//! is interrupted through its port (crates/worker/src/port).

use std::cell::{Cell, OnceCell};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::ffi;

/// May be sent to any thread; does nothing once the connection is closed.
#[derive(Clone)]
pub struct InterruptHandle {
    pub(crate) db: Arc<Mutex<DbPtr>>,
}

pub(crate) struct DbPtr(pub *mut ffi::sqlite3);

// SAFETY: the pointer is only passed to sqlite3_interrupt, which may be called from any thread while the
// connection is open; the mutex keeps it open meanwhile.
unsafe impl Send for DbPtr {}

impl InterruptHandle {
    /// Makes the statements that run now end with `SQLITE_INTERRUPT`.
    pub fn interrupt(&self) {
        let db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        if !db.0.is_null() {
            // SAFETY: close() takes the lock and nulls the pointer before it closes.
            unsafe { ffi::sqlite3_interrupt(db.0) }
        }
    }
}

/// What may end a statement before its time, besides `interrupt()`.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) deadline: Cell<Option<Instant>>,
    /// The deadline has ended something.
    pub(crate) timed_out: Cell<bool>,
    pub(crate) interrupt_check: OnceCell<Box<dyn Fn() -> bool>>,
    /// The connection's busy timeout in ms, and the epoch it was read in.
    pub(crate) busy_timeout: Cell<(u32, Option<u32>)>,
    pub(crate) waiting_since: Cell<Option<Instant>>,
}

impl Watch {
    /// With the busy timeout, in ms, that the connection is opened with.
    pub(crate) fn new(busy_timeout: u32) -> Self {
        Self {
            busy_timeout: Cell::new((busy_timeout, None)),
            ..Self::default()
        }
    }

    #[inline]
    pub(crate) fn is_overdue(&self) -> bool {
        let deadline = self.deadline.get();
        let is_overdue = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_overdue {
            self.timed_out.set(true);
        }
        is_overdue
    }

    /// Whether what runs is to end: its time is over, or the interrupt check says so.
    pub(crate) fn is_over(&self) -> bool {
        self.is_overdue() || self.interrupt_check.get().is_some_and(|check| check())
    }
}
