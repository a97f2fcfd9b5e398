//! What a virtual table reports of work that takes long.

use std::rc::Rc;

use super::TableConnection;
use crate::connection::Connection;
use crate::error::Result;

/// How far a table is with work that takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work<'a> {
    /// Its name.
    pub table: &'a str,
    /// How much is done,
    pub done: u64,
    /// and how much there is to do.
    pub total: u64,
}

/// Hears of work while it is done, on the thread that does it, and says whether to go on. It must not use the
/// connection.
pub type OnWork = Rc<dyn Fn(&Work<'_>) -> bool>;

impl Connection {
    /// Has `listener` hear of long work of tables, or nobody.
    pub fn on_work(&self, listener: Option<OnWork>) -> Result<()> {
        self.shared.open_db()?;
        self.shared.hooks.on_work.replace(listener);
        Ok(())
    }
}

impl TableConnection {
    /// Whether somebody hears of long work.
    pub fn is_heard(&self) -> bool {
        self.listener().is_some()
    }

    /// Reports long work. False: it is to end, with [`Interrupted`](super::ModuleError::Interrupted).
    pub fn report(&self, work: &Work<'_>) -> bool {
        // It may take itself away while it runs.
        self.listener().is_none_or(|listener| listener(work))
    }

    fn listener(&self) -> Option<OnWork> {
        let shared = self.shared().ok()?;
        let listener = shared.hooks.on_work.borrow();
        listener.clone()
    }
}
