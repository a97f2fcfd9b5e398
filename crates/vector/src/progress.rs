//! Reports how far a build is, and hears whether it is to go on.

use std::time::{Duration, Instant};

use ferrolite_sqlite::{ModuleError, Work};

use crate::store::Store;

/// With the first and the last one there are at most ten in a second.
const REPORT_EVERY: Duration = Duration::from_millis(125);

/// A build that goes on.
pub(crate) struct Progress<'s> {
    store: &'s Store,
    table: String,
    reported: Option<Instant>,
    done: usize,
    total: usize,
}

impl<'s> Progress<'s> {
    pub(crate) fn new(store: &'s Store, total: usize) -> Self {
        Self {
            store,
            table: store.name(),
            reported: None,
            done: 0,
            total,
        }
    }

    /// Whether the build is to end.
    pub(crate) fn poll(&mut self, done: usize) -> bool {
        // What threads have done is counted in passing: it must not seem to become less. All is done at the end alone.
        self.done = self.done.max(done.min(self.total.saturating_sub(1)));
        let is_time = self
            .reported
            .is_none_or(|reported| reported.elapsed() >= REPORT_EVERY);
        self.store.connection.is_interrupted() || (is_time && !self.report(self.done))
    }

    /// Everything is done, and written.
    pub(crate) fn end(mut self) -> Result<(), ModuleError> {
        let goes_on = self.report(self.total);
        goes_on.then_some(()).ok_or(ModuleError::Interrupted)
    }

    fn report(&mut self, done: usize) -> bool {
        self.reported = Some(Instant::now());
        self.store.connection.report(&Work {
            table: &self.table,
            done: done as u64,
            total: self.total as u64,
        })
    }
}
