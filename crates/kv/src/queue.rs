//! Relaxed commits: transactions that were reported as committed and are not yet in the store.
//!
//! They are a part of the state that the connection sees, and merge into one slot, or one epoch, when they are flushed.

use std::collections::BTreeMap;

use crate::cache::Image;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::recent::Recent;
use crate::record::OVERHEAD;
use crate::slot::FRAME_HEAD;

/// What waits for the store.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) transactions: u32,
    /// The pages that they changed, with the images that the store has, where those were at hand.
    pages: BTreeMap<u32, Option<Image>>,
    /// Pages of the database in the store.
    size: u32,
    /// Bytes of images that are kept for it.
    bytes: usize,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.transactions == 0
    }
}

impl Database {
    /// Transactions that are not yet in the store, and the bytes that are kept for them.
    pub fn queued(&self) -> (u32, usize) {
        (self.queue.transactions, self.queue.bytes)
    }

    /// Whether a commit returns before it is in the store.
    pub fn is_relaxed(&self) -> bool {
        self.relaxed
    }

    /// From now on a commit returns at once, or waits for the store.
    pub fn set_relaxed(&mut self, relaxed: bool) {
        self.relaxed = relaxed;
    }

    /// Puts a transaction into the queue. There is none that was spilled.
    pub(crate) fn enqueue(&mut self, changes: Vec<(u32, Image)>) -> Result<()> {
        if self.queue.is_empty() {
            self.queue.size = self.size;
        }
        let page_size = self.page_size();
        for (page, _) in &changes {
            if self.queue.pages.contains_key(page) {
                continue;
            }
            let was_there = *page <= self.size && *page <= self.overlay.shortest;
            let before = if was_there { self.at_hand(*page) } else { None };
            self.queue.bytes += page_size * if before.is_some() { 2 } else { 1 };
            self.queue.pages.insert(*page, before);
        }
        self.queue.transactions = self.queue.transactions.saturating_add(1);
        self.adopt(changes);
        if self.queue.bytes > self.options.max_queued_bytes {
            return self.flush();
        }
        Ok(())
    }

    /// A transaction becomes a part of the state.
    pub(crate) fn adopt(&mut self, changes: Vec<(u32, Image)>) {
        self.shortest = self.shortest.min(self.overlay.shortest);
        self.size = self.overlay.size;
        let size = self.size.min(self.overlay.shortest);
        self.recent.retain(|page, _| *page <= size);
        for (page, image) in changes {
            self.ahead.learn(page, &image);
            self.recent.insert(page, Recent::of(image));
        }
        let unused = self.overlay.abandon(self.size);
        self.drop_images(&unused);
        self.access.count(|stats| stats.commits += 1);
    }

    /// Waits until every transaction that was reported as committed is in the store. If one cannot be stored, nothing
    /// can be done with this database any more: it was not there for whoever opens it next.
    pub fn flush(&mut self) -> Result<()> {
        self.check()?;
        if self.queue.is_empty() {
            return Ok(());
        }
        // Given up half-way, it would lose all of them.
        self.access.deciding();
        let done = self.make_room().and_then(|()| self.send());
        self.access.decided();
        done.map_err(|error| self.lose(error))?;
        if self.is_due() && self.broken.is_none() {
            let _ = self.checkpoint();
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        // Making room was a checkpoint, which has them in it.
        if self.queue.is_empty() {
            return Ok(());
        }
        let Some(frames) = self.pack_queue()? else {
            let done = self.store_root(None);
            if done.is_ok() {
                self.clean_up();
            }
            return done;
        };
        if frames.is_empty() && self.queue.size == self.size {
            self.queue = Queue::default();
            return Ok(());
        }
        self.send_slot(frames, self.queue.transactions, self.size)?;
        self.queue = Queue::default();
        Ok(())
    }

    /// The frames of all that is queued, if they fit into one slot.
    fn pack_queue(&mut self) -> Result<Option<Vec<(u32, Frame)>>> {
        let most = self.most_in_slot();
        let mut bytes = 0;
        let mut frames = Vec::new();
        let pages = std::mem::take(&mut self.queue.pages);
        let mut fits = true;
        for (page, before) in pages.range(..=self.size) {
            let image = self.committed(*page)?;
            if before.as_ref().is_some_and(|before| **before == *image) {
                continue;
            }
            let frame = Frame::pack(&image, before.as_deref());
            bytes += FRAME_HEAD + frame.bytes.len();
            if bytes > most {
                fits = false;
                break;
            }
            frames.push((*page, frame));
        }
        self.queue.pages = pages;
        Ok(fits.then_some(frames))
    }

    /// Pages of the database in the store.
    pub(crate) fn stored_size(&self) -> u32 {
        if self.queue.is_empty() {
            self.size
        } else {
            self.queue.size
        }
    }

    pub(crate) fn most_in_slot(&self) -> usize {
        let most = self.access.limits.max_value_bytes;
        self.options
            .slot_bytes
            .min(most)
            .saturating_sub(OVERHEAD + 64)
    }

    /// What was reported as committed is not in the store: nobody may go on as if it were.
    fn lose(&mut self, error: Error) -> Error {
        if let Some(broken) = &self.broken {
            return broken.clone();
        }
        let lost = Error::Lost {
            transactions: self.queue.transactions,
            source: Box::new(error),
        };
        self.broken = Some(lost.clone());
        lost
    }
}
