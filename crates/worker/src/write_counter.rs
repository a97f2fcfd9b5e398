//! What a connection has written to a primary, for the replica that is to show it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::protocol::DOUBT;

/// Counts writes, and says how far in the primary's log they are.
#[derive(Default)]
pub struct WriteCounter {
    /// One more than frames of a primary's log, or 0: the last that is known to have come from here, and that of
    /// the last write.
    written: AtomicU64,
    last: AtomicU64,
    /// How often something was written to a primary, and `DOUBT` for each time that this is not known.
    count: AtomicU64,
    /// A replica follows what is written from here.
    followed: AtomicBool,
}

impl WriteCounter {
    /// From now on, a replica follows what is written from here.
    pub fn follow(&self) {
        self.followed.store(true, Ordering::Release);
    }

    /// Whether a replica follows what is written from here.
    pub fn is_followed(&self) -> bool {
        self.followed.load(Ordering::Acquire)
    }

    /// The last frame of a primary's log that is known to have come from here.
    pub fn written(&self) -> Option<u64> {
        self.written.load(Ordering::Acquire).checked_sub(1)
    }

    /// The frame that the last write has become, where that is known.
    pub fn last(&self) -> Option<u64> {
        self.last.load(Ordering::Acquire).checked_sub(1)
    }

    /// How often something was written to a primary, and 2^32 for each time that this is not known.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// How often the primary was asked to write something, and what came of it is not known.
    pub fn doubts(&self) -> u64 {
        self.count() / DOUBT
    }

    /// Something was written, or was not: that is not known.
    pub fn doubt(&self) {
        // What it has become may be behind all that is known.
        self.last.store(0, Ordering::Release);
        self.count.fetch_add(DOUBT, Ordering::AcqRel);
    }

    /// Something was written, and has become this frame of the primary's log if that is known.
    pub fn add(&self, frame: Option<u64>) {
        let next = frame.map_or(0, |frame| frame.saturating_add(1));
        self.last.store(next, Ordering::Release);
        if next != 0 {
            self.written.store(next, Ordering::Release);
        }
        self.count.fetch_add(1, Ordering::AcqRel);
    }
}
