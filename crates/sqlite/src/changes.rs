//! Rows that change, as the update hook tells of them.

use std::ffi::c_void;
use std::ptr;

use crate::connection::Connection;
use crate::error::Result;
use crate::ffi;
use crate::hooks::{on_update, Change};

impl Connection {
    /// Collects changed rows, or stops to.
    pub fn watch_changes(&self, watch: bool) -> Result<()> {
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

    /// True while changes are collected.
    #[inline]
    pub fn watches_changes(&self) -> bool {
        self.shared.hooks.watching.get()
    }

    /// How many changed rows nobody has taken yet.
    pub fn untold(&self) -> usize {
        self.shared.hooks.changes.borrow().len()
    }

    /// Forgets those after the first `untold`: a statement that failed has undone them.
    pub(crate) fn forget_changes(&self, untold: usize) {
        self.shared.hooks.changes.borrow_mut().truncate(untold);
    }

    /// The rows changed since the last call, in order.
    pub fn take_changes(&self) -> Vec<Change> {
        self.shared.hooks.changes.take()
    }
}
