//! What a transaction has written and not committed.

use std::collections::BTreeMap;

use crate::cache::Image;
use crate::key::Version;

/// The pages of a transaction.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Images that were written.
    pub(crate) dirty: BTreeMap<u32, Image>,
    /// Images that are in the store already, because there were too many.
    pub(crate) spilled: BTreeMap<u32, Version>,
    /// Spilled images that nothing needs.
    pub(crate) superseded: Vec<(u32, Version)>,
    /// Pages of the database as the transaction sees it.
    pub(crate) size: u32,
    /// The fewest that it had in this transaction: what was behind them is gone.
    pub(crate) shortest: u32,
    /// Bytes that the store has refused to take: they stay in memory until there are twice as many.
    pub(crate) refused: usize,
}

/// What was behind the new end.
pub(crate) struct Cut {
    dirty: BTreeMap<u32, Image>,
    pub(crate) spilled: BTreeMap<u32, Version>,
    /// Pages before the cut.
    pub(crate) size: u32,
    shortest: u32,
}

impl Overlay {
    /// An empty one over a database of `size` pages.
    pub(crate) fn new(size: u32) -> Self {
        Self {
            size,
            shortest: size,
            ..Self::default()
        }
    }

    pub(crate) fn write(&mut self, page: u32, image: Image) {
        if let Some(version) = self.spilled.remove(&page) {
            self.superseded.push((page, version));
        }
        self.dirty.insert(page, image);
        self.size = self.size.max(page);
    }

    pub(crate) fn truncate(&mut self, size: u32) {
        if size >= self.size {
            return;
        }
        self.dirty.split_off(&(size + 1));
        self.superseded.extend(self.spilled.split_off(&(size + 1)));
        self.size = size;
        self.shortest = self.shortest.min(size);
    }

    /// Gives it so many pages: what is added is zeros.
    pub(crate) fn resize(&mut self, size: u32) {
        self.truncate(size);
        self.size = size;
    }

    /// Cuts it, and keeps what was behind.
    pub(crate) fn cut(&mut self, size: u32) -> Option<Cut> {
        if size >= self.size {
            return None;
        }
        let cut = Cut {
            dirty: self.dirty.split_off(&(size + 1)),
            spilled: self.spilled.split_off(&(size + 1)),
            size: self.size,
            shortest: self.shortest,
        };
        self.size = size;
        self.shortest = self.shortest.min(size);
        Some(cut)
    }

    /// As it was before the cut.
    pub(crate) fn restore(&mut self, cut: Cut) {
        self.dirty.extend(cut.dirty);
        self.spilled.extend(cut.spilled);
        self.size = cut.size;
        self.shortest = cut.shortest;
    }

    /// Gives every page that was added and never written an image of zeros: a database has no holes.
    pub(crate) fn fill_holes(&mut self, page_size: usize) {
        for page in self.shortest + 1..=self.size {
            if !self.dirty.contains_key(&page) && !self.spilled.contains_key(&page) {
                self.dirty.insert(page, vec![0; page_size].into());
            }
        }
    }

    /// All images become ones that nothing needs.
    pub(crate) fn abandon(&mut self, size: u32) -> Vec<(u32, Version)> {
        let mut old = std::mem::replace(self, Self::new(size));
        old.superseded.extend(old.spilled);
        old.superseded
    }
}
