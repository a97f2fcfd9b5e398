//! The tests of the port once more, in every order of the steps of their threads (loom): no wait there ends by time,
//! so that a wake-up which gets lost is a deadlock.

#![allow(dead_code)] // the crate uses the rest

#[path = "../src/port/mod.rs"]
mod port;
#[path = "../src/protocol.rs"]
mod protocol;

mod sync {
    pub use loom::sync::atomic::{AtomicBool, Ordering};
    pub use loom::sync::{Condvar, Mutex, MutexGuard};

    use std::sync::PoisonError;
    use std::time::Duration;

    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wait_for<'a, T>(
        condvar: &Condvar,
        guard: MutexGuard<'a, T>,
        _limit: Duration,
    ) -> MutexGuard<'a, T> {
        wait(condvar, guard)
    }

    pub fn spin(flag: &AtomicBool, _limit: Duration) {
        flag.load(Ordering::Acquire);
    }

    /// Time stands still.
    #[derive(Clone, Copy)]
    pub struct Instant;

    impl Instant {
        pub fn now() -> Self {
            Self
        }

        pub fn elapsed(self) -> Duration {
            Duration::ZERO
        }

        pub fn saturating_duration_since(self, _: Self) -> Duration {
            Duration::ZERO
        }
    }

    pub mod testing {
        pub use loom::sync::Arc;
        pub use loom::thread;

        pub fn model(body: impl Fn() + Send + Sync + 'static) {
            let mut builder = loom::model::Builder::new();
            // More are possible and find nothing more here; they take minutes.
            builder.preemption_bound = Some(3);
            builder.check(body);
        }
    }
}

mod job {
    pub type Rules = ();
}

mod syncs {
    #[derive(Default)]
    pub struct Syncs;
}

mod exchange {
    #[derive(Default)]
    pub struct Exchange;
}

mod write_counter {
    #[derive(Default)]
    pub struct WriteCounter;
}

/// Replies that are numbers.
mod block {
    #[derive(Default)]
    pub struct Block(Vec<i32>);
    pub type Packer = Block;

    impl Block {
        pub fn has_parts(&self) -> bool {
            !self.0.is_empty()
        }

        pub fn fits(&self, other: &Self) -> bool {
            self.0.len() + other.0.len() <= 2
        }

        pub fn append(&mut self, other: &mut Self) {
            self.0.append(&mut other.0);
        }

        pub fn take_block(&mut self, _spare: Option<Self>) -> Self {
            std::mem::take(self)
        }

        pub fn recycle(&mut self) -> bool {
            true
        }
    }

    pub mod testing {
        use super::Block;

        pub fn packed(number: i32) -> Block {
            Block(vec![number])
        }

        pub fn unpacked(block: &Block) -> Vec<i32> {
            block.0.clone()
        }
    }
}
