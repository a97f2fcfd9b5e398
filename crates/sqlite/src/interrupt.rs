//! Stop a running statement: from another thread, or when its time is over.

use std::cell::{Cell, OnceCell};
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::connection::Shared;
use crate::ffi;

/// May be sent to any thread; does nothing once the connection is closed.
#[derive(Clone)]
pub struct InterruptHandle {
    pub(crate) db: Arc<Mutex<DbPtr>>,
}

pub(crate) struct DbPtr(pub *mut ffi::sqlite3);

// SAFETY: the pointer is only passed to sqlite3_interrupt, which may be called from any thread while the
// connection is open; the mutex keeps it open meanwhile.
unsafe impl Send for DbPtr {}

impl InterruptHandle {
    /// Makes the statements that run now end with `SQLITE_INTERRUPT`.
    pub fn interrupt(&self) {
        let db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        if !db.0.is_null() {
            // SAFETY: close() takes the lock and nulls the pointer before it closes.
            unsafe { ffi::sqlite3_interrupt(db.0) }
        }
    }
}

/// VM instructions between two looks at the clock: about 50 us of stepping, under 0.1 % of its time.
const OPS_PER_CHECK: c_int = 4000;

/// What the progress handler looks at.
#[derive(Default)]
pub(crate) struct Watch {
    deadline: Cell<Option<Instant>>,
    stop: OnceCell<Box<dyn Fn() -> bool>>,
    installed: Cell<bool>,
}

impl Shared {
    /// Ends statements with `SQLITE_INTERRUPT` after `deadline`, until it is set to `None`.
    pub(crate) fn set_deadline(&self, deadline: Option<Instant>) {
        self.watch.deadline.set(deadline);
        self.install_watch(deadline.is_some());
    }

    /// Ends statements with `SQLITE_INTERRUPT` once `stop` answers true.
    pub(crate) fn set_stop_check(&self, stop: Box<dyn Fn() -> bool>) {
        if self.watch.stop.set(stop).is_ok() {
            self.install_watch(true);
        }
    }

    pub(crate) fn stop_requested(&self) -> bool {
        self.watch.stop.get().is_some_and(|stop| stop())
    }

    fn install_watch(&self, wanted: bool) {
        let wanted = wanted || self.watch.stop.get().is_some();
        if !self.is_open() || self.watch.installed.get() == wanted {
            return;
        }
        self.watch.installed.set(wanted);
        // SAFETY: the connection is open; `self` lives in an Rc that outlives the connection.
        unsafe {
            if wanted {
                let this = ptr::from_ref(self).cast_mut().cast::<c_void>();
                ffi::sqlite3_progress_handler(self.raw(), OPS_PER_CHECK, Some(on_progress), this);
            } else {
                ffi::sqlite3_progress_handler(self.raw(), 0, None, ptr::null_mut());
            }
        }
    }
}

unsafe extern "C" fn on_progress(shared: *mut c_void) -> c_int {
    // SAFETY: registered above with a pointer to the Shared that owns the connection.
    let shared = unsafe { &*shared.cast::<Shared>() };
    let late = shared.watch.deadline.get().is_some_and(|deadline| Instant::now() >= deadline);
    c_int::from(late || shared.stop_requested())
}
