//! The tests of the registry once more, in every order of the steps of their threads (loom).

#![allow(dead_code)] // the crate uses the rest

#[path = "../src/registry.rs"]
mod registry;

mod root {
    pub struct Root;
}

mod sync {
    use std::ops::Deref;
    use std::sync::PoisonError;

    use loom::sync::atomic::{AtomicUsize, Ordering};
    pub use loom::sync::{Mutex, MutexGuard};

    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// loom's own has no `Weak`. Each use of the count is a step.
    pub struct Arc<T>(std::sync::Arc<Counted<T>>);

    pub struct Weak<T> {
        value: std::sync::Weak<Counted<T>>,
        count: std::sync::Arc<AtomicUsize>,
    }

    struct Counted<T> {
        value: T,
        count: std::sync::Arc<AtomicUsize>,
    }

    fn step(count: &AtomicUsize) {
        count.fetch_add(1, Ordering::AcqRel);
    }

    impl<T> Arc<T> {
        pub fn new(value: T) -> Self {
            let count = std::sync::Arc::new(AtomicUsize::new(0));
            Self(std::sync::Arc::new(Counted { value, count }))
        }

        pub fn downgrade(this: &Self) -> Weak<T> {
            Weak {
                value: std::sync::Arc::downgrade(&this.0),
                count: this.0.count.clone(),
            }
        }

        pub fn ptr_eq(this: &Self, other: &Self) -> bool {
            std::sync::Arc::ptr_eq(&this.0, &other.0)
        }
    }

    impl<T> Clone for Arc<T> {
        fn clone(&self) -> Self {
            step(&self.0.count);
            Self(self.0.clone())
        }
    }

    impl<T> Deref for Arc<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.0.value
        }
    }

    impl<T> Drop for Arc<T> {
        fn drop(&mut self) {
            step(&self.0.count);
        }
    }

    impl<T> Weak<T> {
        pub fn upgrade(&self) -> Option<Arc<T>> {
            step(&self.count);
            self.value.upgrade().map(Arc)
        }

        pub fn strong_count(&self) -> usize {
            step(&self.count);
            self.value.strong_count()
        }
    }

    pub mod testing {
        pub use loom::thread;

        pub fn model(body: impl Fn() + Send + Sync + 'static) {
            let mut builder = loom::model::Builder::new();
            // More find nothing more here, and take a hundred times as long.
            builder.preemption_bound = Some(3);
            builder.check(body);
        }
    }
}
