//! Commit: one slot, or an epoch if there is too much for one.

use std::collections::HashMap;
use std::rc::Rc;

use crate::cache::Image;
use crate::checkpoint::Change;
use crate::database::{now, Database};
use crate::epoch::Created;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::header::header_size;
use crate::history::images;
use crate::key::Version;
use crate::overlay::Overlay;
use crate::recent::Recent;
use crate::record::{self, Kind};
use crate::slot::{Commit, FRAME_HEAD};
use crate::store::StoreError;

/// Slots without a checkpoint, after which there is no room.
const MOST_SLOTS: u32 = 4096;
/// Bytes of them.
const MOST_LOG: usize = 16 << 20;
/// Ranges of an epoch.
const MOST_RANGES: usize = 1000;

/// What became of a slot.
enum Outcome {
    Committed(u64),
    /// A no-op with this checksum, or nothing, stands in its place.
    RolledBack(StoreError),
}

impl Database {
    /// Writes a page.
    pub fn write(&mut self, page: u32, image: impl Into<Rc<[u8]>>) -> Result<()> {
        let image: Image = image.into();
        if let Err(error) = self.check_writing() {
            let done = self.is_rolled_back(page, &image);
            return if done { Ok(()) } else { Err(error) };
        }
        if self.options.readonly {
            return Err(Error::Usage("the database is open for reading".into()));
        }
        if page == 0 || page == u32::MAX || image.len() != self.page_size() {
            let message = format!("a page has {} bytes here", self.page_size());
            return Err(Error::Usage(message));
        }
        self.overlay.write(page, image);
        let bytes = self.overlay.dirty.len() * self.page_size();
        if bytes > self.options.overlay_bytes.max(2 * self.overlay.refused) {
            match self.spill() {
                // SQLite writes pages while it rolls back, too: were that to fail, a half of the transaction would stay.
                // So they stay in memory, and the commit will say what is wrong.
                Err(Error::Store { .. }) => self.overlay.refused = bytes,
                done => return done,
            }
        }
        Ok(())
    }

    /// The size that the first page names, if it may be another one than that of the file.
    fn header_size(&mut self) -> Result<Option<u32>> {
        let overlay = &self.overlay;
        let is_written = overlay.dirty.contains_key(&1) || overlay.spilled.contains_key(&1);
        if overlay.size == 0 || !is_written && overlay.size <= self.size {
            return Ok(None);
        }
        Ok(header_size(&self.read(1)?))
    }

    /// As [`commit`](Self::commit), of a database of the size that its first page names: `SQLite` cuts the file only
    /// after the commit. If that fails it has not written what was to be cut to its journal, so it must still be there.
    pub(crate) fn commit_to_header(&mut self) -> Result<()> {
        if let Err(error) = self.check_writing() {
            // It ends a rollback.
            let is_fenced = matches!(error, Error::Fenced { .. });
            return if is_fenced { Ok(()) } else { Err(error) };
        }
        let cut = self.header_size()?.and_then(|size| self.overlay.cut(size));
        let done = self.commit();
        match (&done, cut) {
            (Err(_), _) if self.broken.is_some() => self.overlay = Overlay::new(self.size),
            (Err(_), Some(cut)) => self.overlay.restore(cut),
            (Ok(()), Some(cut)) => {
                // The file has its length until SQLite cuts it, which a rollback does not: by what it takes for the
                // length, SQLite decides which pages it need not write.
                self.overlay.size = cut.size;
                self.drop_images(&cut.spilled.into_iter().collect::<Vec<_>>());
            }
            _ => {}
        }
        done
    }

    /// Cuts the database.
    pub fn truncate(&mut self, size: u32) -> Result<()> {
        match self.check_writing() {
            Err(error) if size < self.size => Err(error),
            _ => {
                self.overlay.truncate(size);
                Ok(())
            }
        }
    }

    /// Gives up what was written since the last commit.
    pub fn rollback(&mut self) {
        let unused = self.overlay.abandon(self.size);
        self.drop_images(&unused);
    }

    /// Makes what was written since the last commit a part of the database. [`Error::Store`] says that it is not,
    /// and never will be; [`Error::Indeterminate`] that nobody knows.
    pub fn commit(&mut self) -> Result<()> {
        self.commit_as(1)
    }

    /// As [`commit`](Self::commit), of so many transactions.
    pub(crate) fn commit_as(&mut self, transactions: u32) -> Result<()> {
        self.check()?;
        if self.overlay.dirty.is_empty()
            && self.overlay.spilled.is_empty()
            && self.overlay.size == self.size
        {
            return Ok(());
        }
        let changes = self.changes()?;
        if changes.is_empty()
            && self.overlay.spilled.is_empty()
            && self.overlay.size == self.size
            && self.overlay.shortest >= self.size
        {
            self.rollback();
            return Ok(());
        }
        if self.relaxed && self.overlay.spilled.is_empty() {
            return self.enqueue(changes);
        }
        // What this one continues must be there.
        self.flush()?;
        self.make_room()?;
        match self.pack(&changes) {
            Some(frames) => {
                self.send_slot(frames, transactions, self.overlay.size)?;
                self.adopt(changes);
            }
            None => self.commit_epoch(changes)?,
        }
        // The transaction stands, whatever becomes of this.
        if self.is_due() && self.broken.is_none() {
            let _ = self.checkpoint();
        }
        Ok(())
    }

    /// Pages that differ from the committed ones.
    fn changes(&mut self) -> Result<Vec<(u32, Image)>> {
        let page_size = self.page_size();
        self.overlay.fill_holes(page_size);
        let bytes = self.overlay.dirty.len() * page_size;
        // Old images of a large transaction may have left the cache: without them, one that was rolled back would be
        // written.
        let ask = !self.overlay.spilled.is_empty() || bytes > self.options.cache_bytes / 4;
        let pages: Vec<u32> = self.overlay.dirty.keys().copied().collect();
        let mut changes = Vec::new();
        for pages in pages.chunks(self.access.limits.max_read_keys) {
            let read = if ask {
                self.read_before(pages)?
            } else {
                HashMap::new()
            };
            for page in pages {
                let was_there = *page <= self.size && *page <= self.overlay.shortest;
                let before = match read.get(page) {
                    Some(image) => Some(Rc::clone(image)),
                    None if was_there => self.at_hand(*page),
                    None => None,
                };
                let Some(image) = self.overlay.dirty.get(page) else {
                    continue;
                };
                if before.is_none_or(|before| before != *image) {
                    changes.push((*page, Rc::clone(image)));
                }
            }
        }
        Ok(changes)
    }

    /// The committed images of pages, of those that are not at hand.
    fn read_before(&mut self, pages: &[u32]) -> Result<HashMap<u32, Image>> {
        let mut wanted = Vec::new();
        for page in pages {
            let was_there = *page <= self.size && *page <= self.overlay.shortest;
            if !was_there || self.at_hand(*page).is_some() {
                continue;
            }
            let recent = self.recent.get(page);
            let version = if recent.is_none_or(Recent::needs_root) {
                self.root_version(*page)?
            } else {
                Version::NONE
            };
            wanted.push((*page, version));
        }
        let page_size = self.page_size();
        let read = images(&self.access, &mut self.recent, page_size, &wanted);
        let read = read.map_err(|error| self.explain(error))?;
        Ok(read.into_iter().collect())
    }

    /// The frames of a slot, if they fit into one.
    fn pack(&self, changes: &[(u32, Image)]) -> Option<Vec<(u32, Frame)>> {
        if !self.overlay.spilled.is_empty() {
            return None;
        }
        let most = self.most_in_slot();
        let mut bytes = 0;
        let mut frames = Vec::with_capacity(changes.len());
        for (page, image) in changes {
            let was_there = *page <= self.size && *page <= self.overlay.shortest;
            let before = if was_there { self.at_hand(*page) } else { None };
            let frame = Frame::pack(image, before.as_deref());
            bytes += FRAME_HEAD + frame.bytes.len();
            if bytes > most {
                return None;
            }
            frames.push((*page, frame));
        }
        Some(frames)
    }

    /// Creates the next slot.
    pub(crate) fn send_slot(
        &mut self,
        frames: Vec<(u32, Frame)>,
        transactions: u32,
        pages: u32,
    ) -> Result<()> {
        // A checkpoint on the way here may have left an epoch of which nobody knows whether it is there.
        self.check()?;
        self.next_version()?;
        let commit = Commit {
            transactions,
            pages,
            chain: self.chain,
            time: now(),
            attempt: self.attempt,
            frames,
        };
        let key = self.access.keys.slot(self.number, self.slots + 1);
        let (value, sum) = record::encode(&key, Kind::Commit, &commit.encode());
        self.access.deciding();
        let outcome = self.put_slot(&key, &value, sum);
        self.access.decided();
        match outcome.map_err(|error| self.note(error))? {
            Outcome::Committed(sum) => {
                self.add_slot(sum, value.len());
                Ok(())
            }
            Outcome::RolledBack(source) => Err(Error::Store {
                operation: "putIfAbsent",
                key,
                source,
            }),
        }
    }

    fn add_slot(&mut self, sum: u64, len: usize) {
        self.chain = sum;
        self.slots += 1;
        self.log.0 += len;
        self.log.1 += 1;
    }

    /// Creates the slot, or makes sure that it will never be there.
    fn put_slot(&mut self, key: &str, value: &[u8], sum: u64) -> Result<Outcome> {
        let source = match self.access.create_surely(key, value) {
            Created::Ours => return Ok(Outcome::Committed(sum)),
            Created::Other(_) => return Err(Error::Fenced { key: key.into() }),
            Created::Unknown(source) => source,
        };
        if !self.access.fenced {
            return self.leave_slot(key, source);
        }
        let (noop, noop_sum) = record::encode(key, Kind::Noop, &self.chain.to_le_bytes());
        match self.access.create_surely(key, &noop) {
            Created::Ours => {}
            Created::Other(there) if there == value => return Ok(Outcome::Committed(sum)),
            Created::Other(_) => return Err(Error::Fenced { key: key.into() }),
            Created::Unknown(source) => {
                return Err(Error::Indeterminate {
                    key: key.into(),
                    source,
                })
            }
        }
        // Another writer may have taken over with our slot, and deleted it since: then the no-op says nothing.
        match self.access.has_newer(self.number) {
            Ok(false) => {
                self.add_slot(noop_sum, noop.len());
                Ok(Outcome::RolledBack(source))
            }
            _ => Err(Error::Indeterminate {
                key: key.into(),
                source,
            }),
        }
    }

    /// In an unfenced store: a new epoch ends before the slot, so that it does not matter when it comes.
    fn leave_slot(&mut self, key: &str, source: StoreError) -> Result<Outcome> {
        let mut epoch = self.epoch.clone();
        epoch.garbage_parts = 0;
        epoch.ranges = self.ranges();
        epoch.pages = self.stored_size();
        epoch.chain = self.chain;
        // What an opener would write: it does no harm when it comes late.
        epoch.owner = [0; 16];
        epoch.time = 0;
        match self.put_epoch(epoch) {
            Ok(()) => Ok(Outcome::RolledBack(source)),
            Err(Error::Fenced { key }) => Err(Error::Fenced { key }),
            Err(_) => Err(Error::Indeterminate {
                key: key.into(),
                source,
            }),
        }
    }

    /// The transaction becomes a part of a new root; its epoch is the commit.
    fn commit_epoch(&mut self, changes: Vec<(u32, Image)>) -> Result<()> {
        self.store_root(Some(&Change { images: changes }))?;
        let unused = std::mem::take(&mut self.overlay.superseded);
        self.overlay = Overlay::new(self.size);
        self.drop_images(&unused);
        self.access.count(|stats| stats.commits += 1);
        self.clean_up();
        Ok(())
    }

    /// Whether a checkpoint should be made.
    pub(crate) fn is_due(&self) -> bool {
        let tried = self.next_checkpoint > self.options.checkpoint_slots;
        self.log.1 >= self.next_checkpoint
            || self.log.0 >= self.options.checkpoint_bytes && !tried
            || self.epoch.ranges.len() >= MOST_RANGES
    }

    pub(crate) fn make_room(&mut self) -> Result<()> {
        let is_full = self.log.1 >= MOST_SLOTS
            || self.log.0 >= MOST_LOG
            || self.epoch.ranges.len() >= MOST_RANGES;
        if !is_full {
            return Ok(());
        }
        match self.checkpoint() {
            Err(error) if error.is_final() => Err(error),
            Err(_) => Err(Error::Full),
            Ok(()) => Ok(()),
        }
    }

    /// Moves images of a large transaction into the store.
    fn spill(&mut self) -> Result<()> {
        let version = self.next_version()?;
        let dirty = std::mem::take(&mut self.overlay.dirty);
        let entries = dirty
            .iter()
            .map(|(page, image)| self.image_entry(*page, version, image))
            .collect();
        if let Err(error) = self.access.write_all(entries) {
            let pages: Vec<_> = dirty.keys().map(|page| (*page, version)).collect();
            self.overlay.dirty = dirty;
            self.drop_images(&pages);
            return Err(error);
        }
        for (page, image) in dirty {
            self.overlay.spilled.insert(page, version);
            self.cache.insert(page, version, image, false);
        }
        Ok(())
    }
}
