//! What a root does without: keys that can be deleted once no epoch before it can be opened.

use crate::access::Access;
use crate::epoch::{passed_at, Epoch, Range, MOST_SLOTS};
use crate::error::{Error, Result};
use crate::key::{Keys, Version};
use crate::record::{self, Kind, Reader};
use crate::store::{Entry, StoreResult};

/// Bytes of one item.
const ITEM: usize = 13;
/// Items of one value.
const ITEMS: usize = 2048;
/// Epochs whose garbage is deleted after one checkpoint.
const EPOCHS_AT_ONCE: u32 = 64;

/// Keys that are no longer needed. Seals are not among them: a writer that slept for long must find them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// The image of a page.
    Image(u32, Version),
    /// A leaf of the index.
    Leaf(u32, Version),
    /// A root of so many parts.
    Root(u16, Version),
    /// Slots.
    Slots(Range),
}

impl Garbage {
    /// Whether there is nothing to delete.
    pub(crate) fn is_nothing(&self) -> bool {
        match self {
            Self::Image(_, version) | Self::Leaf(_, version) | Self::Root(_, version) => {
                version.is_none()
            }
            Self::Slots(range) => range.is_empty(),
        }
    }

    fn encode(&self, body: &mut Vec<u8>) {
        let (tag, first, second) = match *self {
            Self::Image(page, version) => (1, page, version.number()),
            Self::Leaf(leaf, version) => (2, leaf, version.number()),
            Self::Root(parts, version) => (3, u32::from(parts), version.number()),
            Self::Slots(range) => {
                let (first, last) = (u64::from(range.first), u64::from(range.last));
                (4, range.epoch, first << 32 | last)
            }
        };
        body.push(tag);
        body.extend_from_slice(&first.to_le_bytes());
        body.extend_from_slice(&second.to_le_bytes());
    }

    fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        let (tag, first, second) = (reader.u8()?, reader.u32()?, reader.u64()?);
        let version = Version::from_number(second);
        match tag {
            1 => Some(Self::Image(first, version)),
            2 => Some(Self::Leaf(first, version)),
            3 => Some(Self::Root(u16::try_from(first).ok()?, version)),
            4 => {
                let range = Range {
                    epoch: first,
                    first: u32::try_from(second >> 32).ok()?,
                    last: u32::try_from(second & u64::from(u32::MAX)).ok()?,
                };
                let sound = range.last < u32::MAX && u64::from(range.len()) <= MOST_SLOTS;
                sound.then_some(Self::Slots(range))
            }
            _ => None,
        }
    }

    fn keys(&self, keys: &Keys, all: &mut Vec<String>) {
        match *self {
            Self::Image(page, version) => all.push(keys.image(page, version)),
            Self::Leaf(leaf, version) => all.push(keys.leaf(leaf, version)),
            Self::Root(parts, version) => {
                all.extend((0..u32::from(parts)).map(|part| keys.root(version, part)));
            }
            Self::Slots(range) => {
                all.extend((range.first..=range.last).map(|slot| keys.slot(range.epoch, slot)));
            }
        }
    }
}

/// The values of the garbage of a root, and how many there are.
pub(crate) fn encode(
    keys: &Keys,
    version: Version,
    garbage: &[Garbage],
) -> Result<(Vec<Entry>, u16)> {
    let mut entries = Vec::new();
    for (part, items) in garbage.chunks(ITEMS).enumerate() {
        let mut body = Vec::with_capacity(items.len() * ITEM);
        for item in items {
            item.encode(&mut body);
        }
        let part = u32::try_from(part).map_err(|_| Error::Full)?;
        let key = keys.garbage(version, part);
        let (value, _) = record::encode(&key, Kind::Garbage, &body);
        entries.push((key, value));
    }
    let parts = u16::try_from(entries.len()).map_err(|_| Error::Full)?;
    Ok((entries, parts))
}

/// The items of a value.
pub fn decode(key: &str, value: &[u8]) -> Result<Vec<Garbage>> {
    let mut reader = Reader(record::body(key, value, Kind::Garbage)?);
    let mut items = Vec::new();
    while !reader.is_empty() {
        let item = Garbage::parse(&mut reader);
        items.push(item.ok_or_else(|| Error::corrupt(key, "is no list of keys"))?);
    }
    Ok(items)
}

impl Access {
    /// Deletes what epochs up to `oldest` list, and says up to which one all is gone. What fails is left.
    pub(crate) fn clean(&self, cleaned: u32, oldest: u32) -> u32 {
        let last = oldest.min(cleaned.saturating_add(EPOCHS_AT_ONCE));
        let keys: Vec<String> = (cleaned + 1..=last)
            .map(|epoch| self.keys.epoch(epoch))
            .collect();
        let Ok(epochs) = self.read_many(&keys) else {
            return cleaned;
        };
        let mut done = cleaned;
        for (key, value) in keys.iter().zip(epochs) {
            let Some(Ok(epoch)) = value.map(|value| Epoch::decode(key, &value)) else {
                return done;
            };
            if !self.clean_epoch(&epoch).is_ok_and(|cleaned| cleaned) {
                return done;
            }
            done += 1;
        }
        done
    }

    /// Deletes the epochs that have passed since the end was `from`, and says up to where. What fails is left.
    pub(crate) fn drop_epochs(&self, from: u32, end: u32) -> u32 {
        let end = end.min(from.saturating_add(EPOCHS_AT_ONCE));
        let passed = (from + 1..=end).flat_map(passed_at);
        let keys: Vec<String> = passed.map(|epoch| self.keys.epoch(epoch)).collect();
        match self.that_fence_nobody(keys) {
            Ok(unused) if self.delete_all(&unused).is_ok() => end,
            _ => from,
        }
    }

    /// Of the keys of epochs, those that fence nobody off: whoever made the next epoch itself has gone on to it, and where
    /// another one made it, the writer of before may sleep and try to.
    pub(crate) fn that_fence_nobody(&self, mut keys: Vec<String>) -> Result<Vec<String>> {
        let mut values = self.read_many(&keys)?.into_iter();
        keys.retain(|key| {
            let epoch = values
                .next()
                .flatten()
                .map(|value| Epoch::decode(key, &value));
            match (epoch, self.keys.epoch_of(key)) {
                (Some(Ok(epoch)), Some(number)) => !self.fenced || epoch.is_checkpoint(number),
                _ => false,
            }
        });
        Ok(keys)
    }

    fn clean_epoch(&self, epoch: &Epoch) -> StoreResult<bool> {
        for part in 0..u32::from(epoch.garbage_parts) {
            let key = self.keys.garbage(epoch.root, part);
            // Absent: a writer before this one has deleted it, after all that it lists.
            let Some(value) = self.read_once(&key)? else {
                continue;
            };
            let Ok(items) = decode(&key, &value) else {
                return Ok(false);
            };
            let mut all = Vec::new();
            for item in &items {
                item.keys(&self.keys, &mut all);
            }
            self.delete_all(&all)?;
            self.delete_all(&[key])?;
        }
        Ok(true)
    }
}
