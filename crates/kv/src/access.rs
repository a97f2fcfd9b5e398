//! Calls of the store: cut to its limits, checked, counted, and repeated where that is safe.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::key::Keys;
use crate::store::{Entry, Limits, Store, StoreError, StoreResult};

/// What a database has asked of its store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls that read.
    pub reads: u64,
    /// Keys that were read.
    pub keys_read: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Calls that wrote.
    pub writes: u64,
    /// Keys that were written.
    pub keys_written: u64,
    /// Bytes that were written.
    pub bytes_written: u64,
    /// Calls that deleted.
    pub deletes: u64,
    /// Keys that were deleted.
    pub keys_deleted: u64,
    /// Calls that were repeated.
    pub retries: u64,
    /// Pages that were in the cache.
    pub hits: u64,
    /// Pages that were not.
    pub misses: u64,
    /// Pages that were read ahead.
    pub ahead: u64,
    /// Those of them that were used.
    pub ahead_used: u64,
    /// Checkpoints that stand.
    pub checkpoints: u64,
    /// Transactions in slots.
    pub commits: u64,
}

/// How often a call is repeated.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// How often it is tried at all.
    pub attempts: u32,
    /// How long before the second time; twice as long before each one after it, up to a second.
    pub pause: Duration,
    /// After so long it is not tried again.
    pub deadline: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 10,
            pause: Duration::from_millis(10),
            deadline: Duration::from_secs(30),
        }
    }
}

pub(crate) struct Access {
    store: Rc<dyn Store>,
    pub(crate) keys: Keys,
    pub(crate) limits: Limits,
    pub(crate) fenced: bool,
    retry: Retry,
    stats: Cell<Stats>,
    /// Decisions that are being made, one inside the other.
    decisions: Cell<u32>,
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn same_length<T>(values: Vec<T>, keys: &[String]) -> StoreResult<Vec<T>> {
    if values.len() == keys.len() {
        return Ok(values);
    }
    let (got, asked) = (values.len(), keys.len());
    Err(StoreError::new(format!("{got} values for {asked} keys")))
}

impl Access {
    pub(crate) fn new(store: Rc<dyn Store>, keys: Keys, retry: Retry) -> Result<Self> {
        let limits = store.limits();
        if let Some(fault) = limits.fault() {
            return Err(Error::Usage(fault));
        }
        Ok(Self {
            limits,
            fenced: store.is_fenced(),
            store,
            keys,
            retry,
            stats: Cell::default(),
            decisions: Cell::default(),
        })
    }

    /// Keys that are read ahead at once: in several calls, where the store answers them at the same time.
    pub(crate) fn most_ahead(&self) -> usize {
        // A long scan then waits once for four calls.
        const CALLS: usize = 4;
        let calls = self.store.concurrency().clamp(1, CALLS);
        self.limits.max_read_keys.saturating_mul(calls)
    }

    pub(crate) fn stats(&self) -> Stats {
        self.stats.get()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        change(&mut stats);
        self.stats.set(stats);
    }

    /// What follows decides about a transaction, until [`decided`](Self::decided).
    pub(crate) fn deciding(&self) {
        let before = self.decisions.get();
        self.decisions.set(before + 1);
        if before == 0 {
            self.store.decides(true);
        }
    }

    /// The decision is made.
    pub(crate) fn decided(&self) {
        let left = self.decisions.get().saturating_sub(1);
        self.decisions.set(left);
        if left == 0 {
            self.store.decides(false);
        }
    }

    /// The numbers of attempts, with a pause before all but the first, until the deadline.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = u32> + '_ {
        let began = Instant::now();
        (0..self.retry.attempts.max(1)).take_while(move |attempt| {
            let Some(before) = attempt.checked_sub(1) else {
                return true;
            };
            let pause = self.retry.pause.saturating_mul(1 << before.min(10));
            let pause = pause.min(Duration::from_secs(1));
            if self.store.gives_up() || began.elapsed() + pause >= self.retry.deadline {
                return false;
            }
            self.count(|stats| stats.retries += 1);
            self.store.pause(pause);
            true
        })
    }

    /// Repeats what can do no harm.
    fn repeat<T>(
        &self,
        operation: &'static str,
        key: &str,
        mut call: impl FnMut() -> StoreResult<T>,
    ) -> Result<T> {
        let mut source = StoreError::new("it was not called");
        for _ in self.attempts() {
            match call() {
                Ok(value) => return Ok(value),
                Err(error) => source = error,
            }
        }
        Err(Error::Store {
            operation,
            key: key.into(),
            source,
        })
    }

    pub(crate) fn read_once(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        let value = self.store.get(key)?;
        self.count(|stats| {
            stats.reads += 1;
            stats.keys_read += 1;
            stats.bytes_read += length(value.as_ref().map_or(0, Vec::len));
        });
        Ok(value)
    }

    pub(crate) fn read(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.repeat("get", key, || self.read_once(key))
    }

    /// In as many calls as its limits ask for.
    pub(crate) fn read_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        let batches: Vec<&[String]> = keys.chunks(self.limits.max_read_keys).collect();
        if batches.is_empty() {
            return Ok(Vec::new());
        }
        let mut answers: Vec<Option<Vec<Option<Vec<u8>>>>> = vec![None; batches.len()];
        let mut failure = None;
        for _ in self.attempts() {
            let missing: Vec<usize> = (0..batches.len())
                .filter(|at| answers[*at].is_none())
                .collect();
            let asked: Vec<&[String]> = missing.iter().map(|at| batches[*at]).collect();
            for (at, answer) in missing.into_iter().zip(self.store.get_batches(&asked)) {
                match answer.and_then(|values| same_length(values, batches[at])) {
                    Ok(values) => answers[at] = Some(self.counted(values)),
                    Err(source) => failure = Some(source),
                }
            }
            // Before the next attempt, which would begin with a pause.
            if answers.iter().all(Option::is_some) {
                break;
            }
        }
        let mut values = Vec::with_capacity(keys.len());
        for (at, answer) in answers.into_iter().enumerate() {
            values.extend(answer.ok_or_else(|| {
                let key = batches[at].first().cloned().unwrap_or_default();
                let source = failure
                    .take()
                    .unwrap_or_else(|| StoreError::new("it gave too few results"));
                Error::Store {
                    operation: "getBatch",
                    key,
                    source,
                }
            })?);
        }
        Ok(values)
    }

    fn counted(&self, values: Vec<Option<Vec<u8>>>) -> Vec<Option<Vec<u8>>> {
        self.count(|stats| {
            stats.reads += 1;
            stats.keys_read += length(values.len());
            stats.bytes_read += length(values.iter().flatten().map(Vec::len).sum());
        });
        values
    }

    /// Creates a key that nobody else may create; once. Where the store cannot tell, it is written.
    pub(crate) fn create(&self, key: &str, value: &[u8]) -> StoreResult<bool> {
        self.count(|stats| {
            stats.writes += 1;
            stats.keys_written += 1;
            stats.bytes_written += length(value.len());
        });
        if self.fenced {
            self.store.put_if_absent(key, value)
        } else {
            self.store.put(key, value).map(|()| true)
        }
    }

    /// Writes a key that is not needed.
    pub(crate) fn hint(&self, key: &str, value: &[u8]) -> StoreResult<()> {
        self.count(|stats| {
            stats.writes += 1;
            stats.keys_written += 1;
            stats.bytes_written += length(value.len());
        });
        self.store.put(key, value)
    }

    /// Writes keys that are written once: whatever fails is written again with the same bytes.
    pub(crate) fn write_all(&self, entries: Vec<Entry>) -> Result<()> {
        let mut batches = self.batches(entries);
        let mut failure = None;
        if batches.is_empty() {
            return Ok(());
        }
        for _ in self.attempts() {
            for batch in &batches {
                self.count(|stats| {
                    stats.writes += 1;
                    stats.keys_written += length(batch.len());
                    stats.bytes_written += length(batch.iter().map(|(_, value)| value.len()).sum());
                });
            }
            let mut results = self.store.put_batches(&batches).into_iter();
            let missing = || Err(StoreError::new("it gave too few results"));
            batches.retain(|batch| match results.next().unwrap_or_else(missing) {
                Ok(()) => false,
                Err(source) => {
                    let key = batch.first().map_or("", |(key, _)| key.as_str()).into();
                    failure = Some(Error::Store {
                        operation: "putBatch",
                        key,
                        source,
                    });
                    true
                }
            });
            // Before the next attempt, which would begin with a pause.
            if batches.is_empty() {
                return Ok(());
            }
        }
        match failure {
            Some(error) if !batches.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    fn batches(&self, entries: Vec<Entry>) -> Vec<Vec<Entry>> {
        let mut batches: Vec<Vec<Entry>> = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            let len = entry.0.len() + entry.1.len();
            match batches.last_mut() {
                Some(last)
                    if last.len() < self.limits.max_keys
                        && bytes + len <= self.limits.max_batch_bytes =>
                {
                    bytes += len;
                    last.push(entry);
                }
                _ => {
                    bytes = len;
                    batches.push(vec![entry]);
                }
            }
        }
        batches
    }

    /// All keys of the database, where the store can tell.
    pub(crate) fn list(&self) -> Result<Option<Vec<String>>> {
        let prefix = self.keys.prefix();
        self.repeat("list", prefix, || self.store.list(prefix).transpose())
    }

    /// Deletes keys; what could not be deleted is left for the next time.
    pub(crate) fn delete_all(&self, keys: &[String]) -> StoreResult<()> {
        for some in keys.chunks(self.limits.max_keys) {
            self.count(|stats| {
                stats.deletes += 1;
                stats.keys_deleted += length(some.len());
            });
            self.store.delete_batch(some)?;
        }
        Ok(())
    }
}
