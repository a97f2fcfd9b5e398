//! What threads wait for each other with. `model/port.rs` puts a model checker's in their place.

use std::time::Duration;

pub use std::sync::atomic::{AtomicBool, Ordering};
pub use std::sync::{Condvar, Mutex, MutexGuard};
pub use std::time::Instant;

use std::sync::PoisonError;

/// Locks; what a thread that panicked has left is used all the same.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until it is notified.
pub fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Waits until it is notified, `limit` at most.
pub fn wait_for<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    limit: Duration,
) -> MutexGuard<'a, T> {
    let waited = condvar.wait_timeout(guard, limit);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

/// Waits for a flag without sleeping, `limit` at most.
pub fn spin(flag: &AtomicBool, limit: Duration) {
    let since = Instant::now();
    while !flag.load(Ordering::Acquire) && since.elapsed() < limit {
        for _ in 0..16 {
            std::hint::spin_loop();
        }
    }
}

/// What tests of threads need; they run in the model, too.
#[cfg(test)]
pub mod testing {
    pub use std::sync::Arc;
    pub use std::thread;

    /// Runs a test of threads often enough to see most orders of their steps.
    pub fn model(body: impl Fn() + Send + Sync + 'static) {
        for _ in 0..200 {
            body();
        }
    }
}
