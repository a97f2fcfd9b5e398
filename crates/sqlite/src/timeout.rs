//! Time limits of statements, and how long a connection waits for a lock.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::time::{Duration, Instant};

use crate::connection::{Connection, Shared};
use crate::ffi;
use crate::statement::Statement;

/// VM instructions between two looks at the clock: about 50 us of stepping, under 0.1 % of its time.
const OPS_PER_CHECK: c_int = 4000;

impl Connection {
    /// Asks `check` while a watched statement runs or waits for a lock; true ends it.
    pub fn set_interrupt_check(&self, check: Box<dyn Fn() -> bool>) {
        // Set once, when the connection is opened.
        let _ = self.shared.watch.interrupt_check.set(check);
    }

    /// Until [`unwatch`](Self::unwatch), ends what runs with `SQLITE_INTERRUPT`, and what waits for a lock
    /// with `SQLITE_BUSY`, after `limit` or when the interrupt check says so.
    pub fn watch(&self, limit: Option<Duration>) {
        let shared = &*self.shared;
        if !shared.is_open() {
            return;
        }
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        shared.watch.deadline.set(deadline);
        shared.watch.timed_out.set(false);
        self.read_busy_timeout();
        let this = ptr::from_ref(shared).cast_mut().cast::<c_void>();
        // SAFETY: open; `shared` outlives the connection.
        unsafe {
            ffi::sqlite3_progress_handler(shared.raw(), OPS_PER_CHECK, Some(on_progress), this);
            ffi::sqlite3_busy_handler(shared.raw(), Some(on_busy), this);
        }
    }

    /// True once the time of what runs is over: the engine looks between VM instructions only, of which
    /// there may be few between two calls of a slow function.
    #[inline]
    pub fn is_overdue(&self) -> bool {
        self.shared.watch.is_overdue()
    }

    /// Whether it was the time that ended what ran last; asked once.
    pub fn take_timed_out(&self) -> bool {
        self.shared.watch.timed_out.take()
    }

    /// Lets statements run again as long as they take.
    pub fn unwatch(&self) {
        let shared = &*self.shared;
        shared.watch.deadline.set(None);
        if !shared.is_open() {
            return;
        }
        let (timeout, epoch) = shared.watch.busy_timeout.get();
        let set = if epoch == Some(shared.epoch()) {
            None
        } else {
            // 0 while our handler is there; else a PRAGMA has put a timeout in its place.
            self.ask_busy_timeout().filter(|timeout| *timeout != 0)
        };
        let timeout = set.unwrap_or(timeout);
        shared.watch.busy_timeout.set((timeout, epoch));
        let timeout = c_int::try_from(timeout).unwrap_or(c_int::MAX);
        // SAFETY: open. Setting the timeout replaces the busy handler.
        unsafe {
            ffi::sqlite3_progress_handler(shared.raw(), 0, None, ptr::null_mut());
            ffi::sqlite3_busy_timeout(shared.raw(), timeout);
        }
    }

    /// How long the connection waits for a lock, in ms.
    pub fn busy_timeout(&self) -> u32 {
        self.read_busy_timeout();
        self.shared.watch.busy_timeout.get().0
    }

    /// Calls `body`, in which the connection, which is open, does not wait for locks.
    pub(crate) fn without_waiting<R>(&self, body: impl FnOnce() -> R) -> R {
        let timeout = c_int::try_from(self.busy_timeout()).unwrap_or(c_int::MAX);
        let set = |timeout| {
            // SAFETY: open, as the caller says; `body` is of this crate and does not close it.
            unsafe { ffi::sqlite3_busy_timeout(self.shared.raw(), timeout) };
        };
        set(0);
        let result = body();
        set(timeout);
        result
    }

    /// A busy handler takes the place of the timeout, which PRAGMA may have changed.
    fn read_busy_timeout(&self) {
        let epoch = Some(self.shared.epoch());
        if self.shared.watch.busy_timeout.get().1 == epoch {
            return;
        }
        // An authorizer may deny the PRAGMA; it has denied changing the timeout too, then.
        let (known, _) = self.shared.watch.busy_timeout.get();
        let timeout = self.ask_busy_timeout().unwrap_or(known);
        self.shared.watch.busy_timeout.set((timeout, epoch));
    }

    fn ask_busy_timeout(&self) -> Option<u32> {
        let (pragma, _) = Statement::compile(&self.shared, b"PRAGMA busy_timeout\0").ok()?;
        u32::try_from(pragma?.first_integer()?).ok()
    }
}

unsafe extern "C" fn on_progress(shared: *mut c_void) -> c_int {
    // SAFETY: registered above with the Shared that owns the connection.
    let shared = unsafe { &*shared.cast::<Shared>() };
    c_int::from(shared.watch.is_over())
}

/// Waits as `SQLite`'s own handler does, but looks up at least every 10 ms.
unsafe extern "C" fn on_busy(shared: *mut c_void, calls: c_int) -> c_int {
    const SLICES_MS: [u64; 3] = [1, 2, 5];
    // SAFETY: registered above with the Shared that owns the connection.
    let watch = unsafe { &(*shared.cast::<Shared>()).watch };
    let now = Instant::now();
    if calls == 0 {
        watch.waiting_since.set(Some(now));
    }
    let since = watch.waiting_since.get().unwrap_or(now);
    let limit = Duration::from_millis(watch.busy_timeout.get().0.into());
    if now.duration_since(since) >= limit || watch.is_over() {
        return 0;
    }
    let slice = usize::try_from(calls)
        .ok()
        .and_then(|calls| SLICES_MS.get(calls))
        .unwrap_or(&10);
    std::thread::sleep(Duration::from_millis(*slice));
    1
}
