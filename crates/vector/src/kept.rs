//! Values of rows that are changed while a scan goes on: it reads them as they were when it began.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use ferrolite_sqlite::{ModuleError, ValueRef};

use crate::store::Store;
use crate::value::Value;

/// The columns of a row; NULLs if there is none.
pub(crate) fn read(store: &Store, id: i64, columns: usize) -> Result<Vec<Value>, ModuleError> {
    let statement = store.statement("SELECT * FROM {rows} WHERE id = ?")?;
    let parameters = [ValueRef::Integer(id)];
    let mut rows = statement.query(&parameters)?;
    Ok(match rows.next()? {
        None => vec![Value::Null; columns],
        Some(row) => (0..columns).map(|at| row.get(at + 2).into()).collect(),
    })
}

/// What one scan keeps, by rowid.
#[derive(Default)]
pub(crate) struct Kept(RefCell<HashMap<i64, Vec<Value>>>);

impl Kept {
    pub(crate) fn get(&self, id: i64) -> Option<Vec<Value>> {
        self.0.borrow().get(&id).cloned()
    }
}

/// The scans of a table that go on.
#[derive(Default)]
pub(crate) struct Scans(RefCell<Vec<Weak<Kept>>>);

impl Scans {
    /// A scan begins.
    pub(crate) fn begin(&self) -> Rc<Kept> {
        let kept = Rc::new(Kept::default());
        let mut scans = self.0.borrow_mut();
        scans.retain(|scan| scan.strong_count() > 0);
        scans.push(Rc::downgrade(&kept));
        kept
    }

    /// A row is going to change.
    pub(crate) fn keep(&self, store: &Store, id: i64, columns: usize) -> Result<(), ModuleError> {
        let mut scans: Vec<_> = self.0.borrow().iter().filter_map(Weak::upgrade).collect();
        scans.retain(|scan| !scan.0.borrow().contains_key(&id));
        if scans.is_empty() {
            return Ok(());
        }
        let values = read(store, id, columns)?;
        for scan in scans {
            scan.0.borrow_mut().insert(id, values.clone());
        }
        Ok(())
    }
}
