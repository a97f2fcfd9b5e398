//! A key-value store, as a database needs it.

use std::fmt;
use std::time::Duration;

/// Why a store could not do something. Whether it was done is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// In the store's own words.
    pub message: String,
    /// Whether it did not answer in time.
    pub timed_out: bool,
    /// What the front end knows the reason by; 0 for none.
    pub reason: u32,
}

impl StoreError {
    /// An error that has a message only.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            timed_out: false,
            reason: 0,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}

/// What a call of a store gives.
pub type StoreResult<T> = Result<T, StoreError>;

/// A key with its value.
pub type Entry = (String, Vec<u8>);

/// How much a store takes in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Keys of a batch that writes or deletes.
    pub max_keys: usize,
    /// Keys of a batch that reads.
    pub max_read_keys: usize,
    /// Bytes of one value.
    pub max_value_bytes: usize,
    /// Bytes of all values of one batch.
    pub max_batch_bytes: usize,
}

impl Limits {
    /// The smallest `max_value_bytes`: a leaf of the index must fit.
    pub const MIN_VALUE_BYTES: usize = 40_000;

    /// What is wrong with them, if anything is.
    pub(crate) fn fault(&self) -> Option<String> {
        let named = [
            ("maxKeys", self.max_keys, 1),
            ("maxReadKeys", self.max_read_keys, 1),
            ("maxValueBytes", self.max_value_bytes, Self::MIN_VALUE_BYTES),
            ("maxBatchBytes", self.max_batch_bytes, self.max_value_bytes),
        ];
        named
            .iter()
            .find(|(_, is, least)| is < least)
            .map(|(name, is, least)| format!("{name} must be at least {least}, and is {is}"))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_keys: 128,
            max_read_keys: 128,
            max_value_bytes: 131_072,
            max_batch_bytes: 4 << 20,
        }
    }
}

/// A store. Keys are ASCII. A call that fails may have been done, in part or whole, or may be done later: the
/// protocol takes care of it. No batch needs to be atomic.
pub trait Store {
    /// How much it takes in one call.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// How many calls it answers at the same time, so that a scan asks for windows ahead of those that it uses.
    fn concurrency(&self) -> usize {
        1
    }

    /// Whether it has [`put_if_absent`](Self::put_if_absent).
    fn is_fenced(&self) -> bool;

    /// The value of a key.
    fn get(&self, key: &str) -> StoreResult<Option<Vec<u8>>>;

    /// The values of several keys, in their order.
    fn get_batch(&self, keys: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>>;

    /// Several such batches, in any order or at once. One result for each.
    fn get_batches(&self, batches: &[&[String]]) -> Vec<StoreResult<Vec<Option<Vec<u8>>>>> {
        batches.iter().map(|batch| self.get_batch(batch)).collect()
    }

    /// Sets the value of a key.
    fn put(&self, key: &str, value: &[u8]) -> StoreResult<()>;

    /// Sets the values of several keys.
    fn put_batch(&self, entries: &[Entry]) -> StoreResult<()>;

    /// Several batches, in any order or at once. One result for each.
    fn put_batches(&self, batches: &[Vec<Entry>]) -> Vec<StoreResult<()>> {
        batches.iter().map(|batch| self.put_batch(batch)).collect()
    }

    /// Deletes keys; one that is not there is no error.
    fn delete_batch(&self, keys: &[String]) -> StoreResult<()>;

    /// Sets the value of a key that has none, and says whether it did.
    fn put_if_absent(&self, key: &str, value: &[u8]) -> StoreResult<bool>;

    /// The keys that begin with `prefix`, where the store can tell.
    fn list(&self, _prefix: &str) -> Option<StoreResult<Vec<String>>> {
        None
    }

    /// Whether the call that failed last would fail again, so that it is not repeated.
    fn gives_up(&self) -> bool {
        false
    }

    /// Between `true` and `false` it is decided what becomes of a transaction: whoever has it may not give up
    /// waiting for a call, as long as the store may answer.
    fn decides(&self, _on: bool) {}

    /// Waits before a call is repeated.
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
