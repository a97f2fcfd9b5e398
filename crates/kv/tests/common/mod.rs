//! What the tests share: a store in memory, and SQL in short.
#![allow(dead_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ferrolite_kv::{Entry, Limits, Store, StoreResult};
use ferrolite_sqlite::{Connection, Params, Result, Step, ValueRef};

pub type Data = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

/// A store that does what it should.
#[derive(Clone, Default)]
pub struct Memory {
    pub data: Data,
    pub limits: Limits,
    pub unfenced: bool,
}

impl Store for Memory {
    fn limits(&self) -> Limits {
        self.limits
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
}

/// Runs a script.
pub fn exec(connection: &Connection, sql: &str) -> Result<()> {
    connection
        .exec(format!("{sql}\0").as_bytes(), &mut |_| Ok(()))
        .map(|_| ())
}

/// Rows as `a|b` each, separated by spaces.
pub fn rows(connection: &Connection, sql: &str) -> Result<String> {
    let statement = connection.prepare(sql.as_bytes())?;
    let columns = usize::from(statement.column_count()?);
    let mut running = statement.start(Params::default())?;
    let mut rows = Vec::new();
    while running.step()? == Step::Row {
        let values = running.row().values(columns).map(show);
        rows.push(values.collect::<Vec<_>>().join("|"));
    }
    running.finish().1?;
    Ok(rows.join(" "))
}

fn show(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(blob) => format!("{} bytes", blob.len()),
    }
}
