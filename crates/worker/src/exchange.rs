//! What passes between a database that is in memory on the thread of the front end, and the worker that stores it.

use ferrolite_kv::{Batch, Result, Snapshot};

use crate::sync::{lock, Mutex};

/// A place for each kind of thing: a job says that it is there, or its reply.
#[derive(Default)]
pub struct Exchange {
    batch: Mutex<Option<Batch>>,
    snapshot: Mutex<Option<Snapshot>>,
    outcome: Mutex<Option<Result<()>>>,
}

impl Exchange {
    /// Leaves transactions for the worker.
    pub fn leave_batch(&self, batch: Batch) {
        *lock(&self.batch) = Some(batch);
    }

    /// Transactions for the worker.
    pub fn take_batch(&self) -> Option<Batch> {
        lock(&self.batch).take()
    }

    /// Leaves a state for the front end.
    pub fn leave_snapshot(&self, snapshot: Snapshot) {
        *lock(&self.snapshot) = Some(snapshot);
    }

    /// A state for the front end.
    pub fn take_snapshot(&self) -> Option<Snapshot> {
        lock(&self.snapshot).take()
    }

    /// Leaves what became of a batch for the front end.
    pub fn leave_outcome(&self, outcome: Result<()>) {
        *lock(&self.outcome) = Some(outcome);
    }

    /// What became of the last batch.
    pub fn take_outcome(&self) -> Option<Result<()>> {
        lock(&self.outcome).take()
    }
}

#[cfg(test)]
mod tests {
    use ferrolite_kv::Error;

    use super::Exchange;

    #[test]
    fn what_was_left_is_taken_once_and_the_newest_counts() {
        let exchange = Exchange::default();
        assert!(exchange.take_batch().is_none());
        assert!(exchange.take_snapshot().is_none());
        assert!(exchange.take_outcome().is_none());
        let failed = || Err(Error::Usage("no".into()));
        exchange.leave_outcome(Ok(()));
        exchange.leave_outcome(failed());
        assert_eq!(exchange.take_outcome(), Some(failed()));
        assert_eq!(exchange.take_outcome(), None);
    }

    #[test]
    fn it_is_left_by_one_thread_and_taken_by_another() {
        let exchange = Exchange::default();
        std::thread::scope(|scope| {
            scope.spawn(|| exchange.leave_outcome(Ok(())));
        });
        assert_eq!(exchange.take_outcome(), Some(Ok(())));
    }
}
