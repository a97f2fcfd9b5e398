//! Calls of the store: cut to its limits, checked, counted, and repeated where that is safe.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

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
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 10,
            pause: Duration::from_millis(10),
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
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
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
        })
    }

    pub(crate) fn stats(&self) -> Stats {
        self.stats.get()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        change(&mut stats);
        self.stats.set(stats);
    }

    /// The numbers of attempts, with a pause before all but the first.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.retry.attempts.max(1)).inspect(|attempt| {
            if let Some(before) = attempt.checked_sub(1) {
                self.count(|stats| stats.retries += 1);
                let pause = self.retry.pause.saturating_mul(1 << before.min(10));
                self.store.pause(pause.min(Duration::from_secs(1)));
            }
        })
    }

    /// Repeats what can do no harm.
    fn repeat<T>(
        &self,
        operation: &'static str,
        key: &str,
        mut call: impl FnMut() -> StoreResult<T>,
    ) -> Result<T> {
        let mut source = StoreError("it was not called".into());
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
        let mut values = Vec::with_capacity(keys.len());
        for some in keys.chunks(self.limits.max_read_keys) {
            let key = some.first().map_or("", String::as_str);
            let answer = self.repeat("getBatch", key, || {
                let answer = self.store.get_batch(some)?;
                if answer.len() == some.len() {
                    return Ok(answer);
                }
                let (got, asked) = (answer.len(), some.len());
                Err(StoreError(format!("{got} values for {asked} keys")))
            })?;
            self.count(|stats| {
                stats.reads += 1;
                stats.keys_read += length(some.len());
                let bytes = answer.iter().flatten().map(Vec::len).sum();
                stats.bytes_read += length(bytes);
            });
            values.extend(answer);
        }
        Ok(values)
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
        for _ in self.attempts() {
            if batches.is_empty() {
                return Ok(());
            }
            for batch in &batches {
                self.count(|stats| {
                    stats.writes += 1;
                    stats.keys_written += length(batch.len());
                    stats.bytes_written += length(batch.iter().map(|(_, value)| value.len()).sum());
                });
            }
            let mut results = self.store.put_batches(&batches).into_iter();
            let missing = || Err(StoreError("it gave too few results".into()));
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
