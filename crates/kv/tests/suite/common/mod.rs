//! What the tests share: a store in memory, and SQL in short.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ferrolite_kv::{Entry, Limits, Store, StoreResult};

#[path = "../../../../sqlite/tests/suite/common/sql.rs"]
mod sql;

pub use sql::{exec, rows};

pub type Data = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

/// A store that does what it should.
#[derive(Clone, Default)]
pub struct Memory {
    pub data: Data,
    pub limits: Limits,
    pub unfenced: bool,
    /// It can list its keys.
    pub lists: bool,
    /// Calls at the same time, if not 0.
    pub concurrency: usize,
    /// Times that it was asked for several batches, or one.
    pub rounds: Rc<Cell<u64>>,
}

impl Store for Memory {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn concurrency(&self) -> usize {
        self.concurrency.max(1)
    }

    fn get_batches(&self, batches: &[&[String]]) -> Vec<StoreResult<Vec<Option<Vec<u8>>>>> {
        self.rounds.set(self.rounds.get() + 1);
        batches.iter().map(|batch| self.get_batch(batch)).collect()
    }

    fn is_fenced(&self) -> bool {
        !self.unfenced
    }

    fn get(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        Ok(self.data.borrow().get(key).cloned())
    }

    fn get_batch(&self, keys: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        assert!(keys.len() <= self.limits.max_read_keys);
        let data = self.data.borrow();
        Ok(keys.iter().map(|key| data.get(key).cloned()).collect())
    }

    fn put(&self, key: &str, value: &[u8]) -> StoreResult<()> {
        self.put_batch(&[(key.into(), value.into())])
    }

    fn put_batch(&self, entries: &[Entry]) -> StoreResult<()> {
        assert!(entries.len() <= self.limits.max_keys);
        for (key, value) in entries {
            assert!(value.len() <= self.limits.max_value_bytes);
            self.data.borrow_mut().insert(key.clone(), value.clone());
        }
        Ok(())
    }

    fn delete_batch(&self, keys: &[String]) -> StoreResult<()> {
        for key in keys {
            self.data.borrow_mut().remove(key);
        }
        Ok(())
    }

    fn put_if_absent(&self, key: &str, value: &[u8]) -> StoreResult<bool> {
        assert!(!self.unfenced);
        let mut data = self.data.borrow_mut();
        if data.contains_key(key) {
            return Ok(false);
        }
        data.insert(key.into(), value.into());
        Ok(true)
    }

    fn list(&self, prefix: &str) -> Option<StoreResult<Vec<String>>> {
        let data = self.data.borrow();
        let keys = data.keys().filter(|key| key.starts_with(prefix));
        self.lists.then(|| Ok(keys.cloned().collect()))
    }
}
