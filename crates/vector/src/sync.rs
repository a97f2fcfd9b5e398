//! What threads share. `model/registry.rs` puts a model checker's in its place.

pub(crate) use std::sync::{Arc, Mutex, MutexGuard, Weak};

use std::sync::PoisonError;

/// Locks. What a thread that panicked has left is whole: it is changed in one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What tests of threads need; they run in the model, too.
#[cfg(test)]
pub(crate) mod testing {
    pub(crate) use std::thread;

    /// Runs a test of threads often enough to see most orders of their steps.
    pub(crate) fn model(body: impl Fn() + Send + Sync + 'static) {
        for _ in 0..200 {
            body();
        }
    }
}
