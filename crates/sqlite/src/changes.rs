//! Changed rows, as the update hook reports them.

use std::ffi::c_void;
use std::ptr;

use crate::connection::Connection;
use crate::error::Result;
use crate::ffi;
use crate::hooks::{on_update, ChangedRow};

impl Connection {
    /// Starts or stops collecting changed rows.
    pub fn watch_changed_rows(&self, watch: bool) -> Result<()> {
        let db = self.shared.open_db()?;
        let hooks = ptr::from_ref(&self.shared.hooks)
            .cast_mut()
            .cast::<c_void>();
        self.shared.hooks.watching.set(watch);
        // SAFETY: open; the hooks live as long as the connection.
        unsafe {
            if watch {
                ffi::sqlite3_update_hook(db, Some(on_update), hooks);
            } else {
                ffi::sqlite3_update_hook(db, None, ptr::null_mut());
            }
        }
        Ok(())
    }

    /// True while changed rows are collected.
    #[inline]
    pub fn watches_changed_rows(&self) -> bool {
        self.shared.hooks.watching.get()
    }

    /// How many changed rows are collected, and not taken yet.
    pub fn changed_row_count(&self) -> usize {
        self.shared.hooks.changes.borrow().len()
    }

    /// Drops all but the first `count`: a statement that failed has undone the others.
    pub(crate) fn forget_changed_rows(&self, count: usize) {
        self.shared.hooks.changes.borrow_mut().truncate(count);
    }

    /// The rows changed since the last call, in order.
    pub fn take_changed_rows(&self) -> Vec<ChangedRow> {
        self.shared.hooks.changes.take()
    }
}
