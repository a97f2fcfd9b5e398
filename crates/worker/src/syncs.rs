//! What a replica's worker reports of its syncs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When a sync began: by the calendar, and by a clock that nobody sets.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    date: SystemTime,
    at: Instant,
}

impl Moment {
    pub fn now() -> Self {
        Self {
            date: SystemTime::now(),
            at: Instant::now(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }

    /// Since 1970.
    pub fn since_epoch(&self) -> Duration {
        self.date.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

#[derive(Default)]
pub struct Syncs {
    /// JavaScript is notified of each.
    reported: AtomicBool,
    /// When the last that succeeded began: the file has all that the primary had then.
    last: Mutex<Option<Moment>>,
}

impl Syncs {
    pub fn report(&self, on: bool) {
        self.reported.store(on, Ordering::Release);
    }

    pub fn are_reported(&self) -> bool {
        self.reported.load(Ordering::Acquire)
    }

    pub fn last(&self) -> Option<Moment> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn succeeded(&self, began: Moment) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(began);
    }
}
