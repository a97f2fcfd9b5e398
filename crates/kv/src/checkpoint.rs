//! Checkpoint: the images of all pages since the root, a new root, and the epoch that names it.

use std::collections::BTreeMap;

use crate::cache::Image;
use crate::database::{now, usize_of, Database};
use crate::epoch::{Created, Epoch, Range};
use crate::error::{Error, Result};
use crate::frame::pack_image;
use crate::garbage::{self, Garbage};
use crate::key::Version;
use crate::open::Hint;
use crate::queue::Queue;
use crate::record::{self, Kind};
use crate::store::Entry;

/// Slots more, after which a checkpoint that could not be stored is tried again.
const NEXT_TRY: u32 = 64;

/// Epochs behind which a hint is worth a call.
const HINT_BEHIND: u32 = 8;

/// A transaction that is too large for a slot.
pub(crate) struct Change {
    /// Pages that differ; others were spilled.
    pub(crate) images: Vec<(u32, Image)>,
}

impl Database {
    /// Moves all slots into a new root.
    pub fn checkpoint(&mut self) -> Result<()> {
        self.check()?;
        let has_slots = self.log.1 > 0 || !self.epoch.ranges.is_empty();
        if self.options.readonly || !has_slots && self.queue.is_empty() {
            return Ok(());
        }
        let done = self.store_root(None);
        if done.is_ok() {
            self.clean_up();
        } else {
            self.next_checkpoint = self.log.1 + NEXT_TRY;
        }
        done
    }

    /// Ends it: what is in slots becomes a root. What fails is left for the next writer.
    pub fn close(&mut self) -> Result<()> {
        if self.broken.is_some() || self.options.readonly {
            return Ok(());
        }
        self.rollback();
        self.flush()?;
        self.closes = true;
        self.checkpoint()?;
        // Whoever opens it next need not look for slots, nor far for newer epochs.
        let (epoch, is_closed) = self.hinted;
        let is_far = epoch.saturating_add(HINT_BEHIND) < self.number;
        if is_far || epoch == self.number && !is_closed {
            self.put_hint();
        }
        Ok(())
    }

    pub(crate) fn image_entry(&self, page: u32, version: Version, image: &[u8]) -> Entry {
        let key = self.access.keys.image(page, version);
        let (value, _) = record::encode(&key, Kind::Image, &pack_image(image));
        (key, value)
    }

    /// Deletes images that nothing refers to. If it fails, they are garbage.
    pub(crate) fn drop_images(&self, images: &[(u32, Version)]) {
        if images.is_empty() || self.broken.is_some() {
            return;
        }
        let keys: Vec<String> = images
            .iter()
            .map(|(page, version)| self.access.keys.image(*page, *version))
            .collect();
        let _ = self.access.delete_all(&keys);
    }

    pub(crate) fn ranges(&self) -> Vec<Range> {
        let mut ranges = self.epoch.ranges.clone();
        if self.slots > 0 {
            ranges.push(Range {
                epoch: self.number,
                first: 1,
                last: self.slots,
            });
        }
        ranges
    }

    /// The images that a root adds, and the versions of all pages that it changes.
    fn root_pages(
        &mut self,
        change: Option<&Change>,
        shortest: u32,
        version: Version,
    ) -> Result<(BTreeMap<u32, Image>, BTreeMap<u32, Version>)> {
        let (mut images, mut spilled) = (BTreeMap::new(), BTreeMap::new());
        if let Some(change) = change {
            images.extend(change.images.iter().cloned());
            spilled.clone_from(&self.overlay.spilled);
        }
        let recent: Vec<u32> = self.recent.keys().copied().collect();
        for page in recent {
            let is_newer = images.contains_key(&page) || spilled.contains_key(&page);
            if page <= shortest && !is_newer {
                images.insert(page, self.committed(page)?);
            }
        }
        let mut versions = spilled;
        versions.extend(images.keys().map(|page| (*page, version)));
        Ok((images, versions))
    }

    /// Stores a root of all slots, and of `change` if there is one, and creates its epoch.
    pub(crate) fn store_root(&mut self, change: Option<&Change>) -> Result<()> {
        self.check()?;
        let version = self.next_version()?;
        let (size, shortest) = match change {
            Some(_) => (
                self.overlay.size,
                self.overlay.shortest.min(self.overlay.size),
            ),
            None => (self.size, self.size),
        };
        let (images, versions) = self.root_pages(change, shortest, version)?;
        let new = self
            .index
            .change(&self.access, &versions, size, version)
            .map_err(|error| self.explain(error))?;
        let mut garbage = new.garbage;
        garbage.extend(self.ranges().into_iter().map(Garbage::Slots));
        let (lists, garbage_parts) = garbage::encode(&self.access.keys, version, &garbage)?;
        let mut entries: Vec<Entry> = images
            .iter()
            .map(|(page, image)| self.image_entry(*page, version, image))
            .collect();
        entries.extend(new.entries);
        entries.extend(lists);
        let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
        if let Err(error) = self.access.write_all(entries) {
            // Nothing refers to what was stored.
            let _ = self.access.delete_all(&keys);
            return Err(error);
        }
        let epoch = Epoch {
            pages: size,
            // It has a transaction in it that has no slot.
            chain: if change.is_some() || !self.queue.is_empty() {
                chain_after(self.chain, version)
            } else {
                self.chain
            },
            root: version,
            root_parts: new.parts,
            garbage_parts,
            ..self.next_epoch()
        };
        self.put_epoch(epoch).map_err(|error| self.note(error))?;
        self.index = new.index;
        self.size = size;
        self.shortest = u32::MAX;
        self.recent.clear();
        self.queue = Queue::default();
        self.log = (0, 0);
        self.next_checkpoint = self.options.checkpoint_slots;
        for (page, image) in images {
            self.ahead.learn(page, &image);
            self.cache.insert(page, version, image, false);
        }
        self.access.count(|stats| stats.checkpoints += 1);
        Ok(())
    }

    /// The epoch of a checkpoint, but for its root.
    fn next_epoch(&self) -> Epoch {
        let oldest = (self.number + 2).saturating_sub(self.options.keep_epochs);
        Epoch {
            ranges: Vec::new(),
            oldest: oldest.max(self.epoch.oldest),
            cleaned: self.cleaned,
            owner: self.reason(),
            time: now(),
            ..self.epoch.clone()
        }
    }

    /// Who makes an epoch; in an unfenced store, why.
    fn reason(&self) -> [u8; 16] {
        if self.access.fenced {
            return self.owner;
        }
        let mut reason = [0; 16];
        reason[..4].copy_from_slice(&self.number.to_le_bytes());
        reason[4..8].copy_from_slice(&self.slots.to_le_bytes());
        reason[8..12].copy_from_slice(&self.attempt.to_le_bytes());
        reason
    }

    /// Creates the next epoch. One of which nobody knows whether it is there cannot be rolled back.
    pub(crate) fn put_epoch(&mut self, epoch: Epoch) -> Result<()> {
        let key = self.access.keys.epoch(self.number + 1);
        let (value, _) = record::encode(&key, Kind::Epoch, &epoch.encode());
        self.access.deciding();
        let created = self.access.create_surely(&key, &value);
        self.access.decided();
        match created {
            Created::Ours => {}
            Created::Other(_) => return Err(Error::Fenced { key }),
            Created::Unknown(source) => return Err(Error::Indeterminate { key, source }),
        }
        self.number += 1;
        self.slots = 0;
        self.chain = epoch.chain;
        self.epoch = epoch;
        Ok(())
    }

    /// After an epoch: the hint, and what is no longer needed. The epoch stands whatever becomes of it.
    pub(crate) fn clean_up(&mut self) {
        self.put_hint();
        if self.cleaned < self.epoch.oldest {
            self.cleaned = self.access.clean(self.cleaned, self.epoch.oldest);
        }
        if self.dropped < self.passed() {
            self.dropped = self.access.drop_epochs(self.dropped, self.passed());
        }
    }

    /// Before this epoch, only those are needed that fence somebody off, or show the way. The garbage of all of them is
    /// gone, and the newest epoch says so.
    pub(crate) fn passed(&self) -> u32 {
        self.epoch.cleaned.saturating_sub(self.options.trail)
    }

    /// Says where to begin to look. It may fail.
    fn put_hint(&mut self) {
        let key = self.access.keys.hint();
        let hint = Hint {
            epoch: self.number,
            root: self.epoch.root,
            leaf: self.index.leaf_version(0),
            page: self.index.known(1).unwrap_or(Version::NONE),
            is_closed: self.closes,
        };
        let (value, _) = record::encode(&key, Kind::Hint, &hint.encode());
        if self.access.hint(&key, &value).is_ok() {
            self.hinted = (self.number, self.closes);
        }
    }

    /// Pages of a checkpoint that nothing else counts.
    pub fn pages_in_log(&self) -> usize {
        self.recent.len().min(usize_of(self.size))
    }
}

/// The chain behind a transaction that has no slot: a late epoch that lacks it must not pass for this one.
fn chain_after(chain: u64, version: Version) -> u64 {
    let bytes = [chain.to_le_bytes(), version.number().to_le_bytes()].concat();
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &bytes)
}
