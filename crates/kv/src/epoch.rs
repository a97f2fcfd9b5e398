//! Epochs: checkpoint and fence. The newest one says where the state of the database begins.

use crate::access::Access;
use crate::error::{Error, Result};
use crate::key::Version;
use crate::record::{self, Kind, Reader};
use crate::store::StoreError;

/// What `SQLite` can have.
pub const MOST_PAGES: u32 = u32::MAX - 1;
/// Slots without a root: more than any writer leaves.
pub const MOST_SLOTS: u64 = 1 << 16;

/// Slots of an epoch that are a part of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Whose they are.
    pub epoch: u32,
    /// The first of them.
    pub first: u32,
    /// The last of them.
    pub last: u32,
}

impl Range {
    /// How many there are.
    pub fn len(&self) -> u32 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.last < self.first
    }
}

/// What an epoch says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Bytes of a page.
    pub page_size: u32,
    /// Pages of the database.
    pub pages: u32,
    /// What the first slot must continue.
    pub chain: u64,
    /// The version of the root; none for an empty one.
    pub root: Version,
    /// How many values the root has.
    pub root_parts: u16,
    /// How many values the garbage of this root has.
    pub garbage_parts: u16,
    /// Slots that are applied to the root.
    pub ranges: Vec<Range>,
    /// The oldest epoch that can be opened.
    pub oldest: u32,
    /// The garbage of all epochs up to this one is gone.
    pub cleaned: u32,
    /// Who made it; in an unfenced store, why.
    pub owner: [u8; 16],
    /// When, in ms since 1970.
    pub time: u64,
}

impl Epoch {
    /// The body of its value.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(68 + 12 * self.ranges.len());
        body.extend_from_slice(&self.page_size.to_le_bytes());
        body.extend_from_slice(&self.pages.to_le_bytes());
        body.extend_from_slice(&self.chain.to_le_bytes());
        body.extend_from_slice(&self.root.number().to_le_bytes());
        body.extend_from_slice(&self.root_parts.to_le_bytes());
        body.extend_from_slice(&self.garbage_parts.to_le_bytes());
        // There are never more: a database with so many is checkpointed.
        let ranges = u16::try_from(self.ranges.len()).unwrap_or(u16::MAX);
        body.extend_from_slice(&ranges.to_le_bytes());
        for range in &self.ranges {
            for number in [range.epoch, range.first, range.last] {
                body.extend_from_slice(&number.to_le_bytes());
            }
        }
        body.extend_from_slice(&self.oldest.to_le_bytes());
        body.extend_from_slice(&self.cleaned.to_le_bytes());
        body.extend_from_slice(&self.owner);
        body.extend_from_slice(&self.time.to_le_bytes());
        body
    }

    /// What stands before the first one.
    pub fn empty() -> Self {
        Self {
            page_size: 0,
            pages: 0,
            chain: 0,
            root: Version::NONE,
            root_parts: 0,
            garbage_parts: 0,
            ranges: Vec::new(),
            oldest: 1,
            cleaned: 0,
            owner: [0; 16],
            time: 0,
        }
    }

    /// Whether the writer of the epoch before this one has made it: the root is of that epoch.
    pub(crate) fn is_checkpoint(&self, number: u32) -> bool {
        !self.root.is_none() && self.root.epoch().checked_add(1) == Some(number)
    }

    /// What the value of `key` says.
    pub fn decode(key: &str, value: &[u8]) -> Result<Self> {
        let body = record::body(key, value, Kind::Epoch)?;
        Self::parse(&mut Reader(body)).ok_or_else(|| Error::corrupt(key, "is no epoch"))
    }

    fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        let (page_size, pages, chain) = (reader.u32()?, reader.u32()?, reader.u64()?);
        let root = Version::from_number(reader.u64()?);
        let (root_parts, garbage_parts) = (reader.u16()?, reader.u16()?);
        let mut ranges = Vec::new();
        for _ in 0..reader.u16()? {
            let (epoch, first, last) = (reader.u32()?, reader.u32()?, reader.u32()?);
            if first == 0 || last < first || last == u32::MAX {
                return None;
            }
            ranges.push(Range { epoch, first, last });
        }
        let epoch = Self {
            page_size,
            pages,
            chain,
            root,
            root_parts,
            garbage_parts,
            ranges,
            oldest: reader.u32()?,
            cleaned: reader.u32()?,
            owner: reader.bytes(16)?.try_into().ok()?,
            time: reader.u64()?,
        };
        let slots: u64 = epoch
            .ranges
            .iter()
            .map(|range| u64::from(range.len()))
            .sum();
        let sound = is_page_size(page_size)
            && pages <= MOST_PAGES
            && slots <= MOST_SLOTS
            && epoch.cleaned <= epoch.oldest
            && epoch.oldest < u32::MAX >> 1
            && reader.is_empty();
        sound.then_some(epoch)
    }
}

/// Whether pages can have so many bytes.
pub fn is_page_size(size: u32) -> bool {
    (512..=65536).contains(&size) && size.is_power_of_two()
}

/// What became of something that only one may create.
pub(crate) enum Created {
    /// Ours stands there.
    Ours,
    /// Another value does.
    Other(Vec<u8>),
    /// Nobody knows.
    Unknown(StoreError),
}

impl Access {
    /// Creates a key, with the same bytes again until it is known what stands there.
    pub(crate) fn create_surely(&self, key: &str, value: &[u8]) -> Created {
        let mut last = StoreError::new("the key stays absent");
        for _ in self.attempts() {
            match self.create(key, value) {
                Ok(true) => return Created::Ours,
                Ok(false) => {}
                Err(error) => last = error,
            }
            match self.read_once(key) {
                Ok(Some(there)) if there == value => return Created::Ours,
                Ok(Some(there)) => return Created::Other(there),
                Ok(None) => {}
                Err(error) => last = error,
            }
        }
        Created::Unknown(last)
    }

    /// Whether there is a newer epoch than this one.
    pub(crate) fn has_newer(&self, epoch: u32) -> Result<bool> {
        let keys = self.keys_of(&behind(epoch));
        let values = self.read_many(&keys)?;
        Ok(values.iter().any(Option::is_some))
    }

    fn keys_of(&self, epochs: &[u32]) -> Vec<String> {
        epochs.iter().map(|epoch| self.keys.epoch(*epoch)).collect()
    }

    /// The newest epoch, of which `low` is there; 0 if there is none. `asked`: where others would be that were looked for.
    pub(crate) fn newest(&self, low: u32, asked: &[u32]) -> Result<(u32, Option<Vec<u8>>)> {
        let (mut low, mut value, mut asked) = (low, None, asked.to_vec());
        while !behind(low).iter().all(|epoch| asked.contains(epoch)) {
            asked = probes(low);
            let values = self.read_many(&self.keys_of(&asked))?;
            let mut found = asked.iter().zip(values).rev();
            let Some((epoch, there)) = found.find_map(|(epoch, value)| Some((*epoch, value?)))
            else {
                break;
            };
            // What is there and damaged may be no epoch at all.
            Epoch::decode(&self.keys.epoch(epoch), &there)?;
            (low, value) = (epoch, Some(there));
        }
        Ok((low, value))
    }
}

/// Where to look for a newer epoch: most often it is one of the next.
pub(crate) fn probes(epoch: u32) -> Vec<u32> {
    const NEXT: u32 = 6;
    let mut probes = behind(epoch);
    probes.extend(epoch + 1..=epoch + NEXT);
    probes.sort_unstable();
    probes.dedup();
    probes
}

/// Epochs of which one is there if any newer one than this is, in their order: newer numbers have a bit where this one
/// has none, and of each number what is before that bit is kept. See [`is_passed`].
pub(crate) fn behind(epoch: u32) -> Vec<u32> {
    const FIRST: u32 = 14;
    let Some(top) = epoch.checked_ilog2() else {
        return (0..FIRST).map(|bit| 1 << bit).collect();
    };
    let is_zero = |bit: &u32| epoch >> bit & 1 == 0;
    let within = (0..top).filter(is_zero);
    let within = within.map(|bit| ((epoch >> bit) + 1) << bit);
    within.chain(1_u32.checked_shl(top + 1)).collect()
}

/// Whether nobody looks for an epoch any more, if the newest one is `end` or a later one: no number from there on begins
/// with its bits. Those of one bit are kept for ever: without a hint, they are where to begin to look.
pub(crate) fn is_passed(epoch: u32, end: u32) -> bool {
    let lowest = epoch & epoch.wrapping_neg();
    !epoch.is_power_of_two() && epoch.saturating_add(lowest) <= end
}

/// Epochs that have passed when the end moves here from the number before it.
pub(crate) fn passed_at(end: u32) -> impl Iterator<Item = u32> {
    let bits = if end == 0 { 0 } else { end.trailing_zeros() };
    let passed = (0..bits).map(move |bit| end - (1 << bit));
    passed.filter(|epoch| !epoch.is_power_of_two())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_epoch_is_found_from_every_other_one() {
        for newest in 1..=300_u32 {
            let end = newest.saturating_sub(3);
            let kept: Vec<u32> = (1..=newest).filter(|it| !is_passed(*it, end)).collect();
            assert!(kept.len() <= 3 + 20, "{newest}: {kept:?}");
            for start in 0..=newest {
                let mut at = start;
                while let Some(next) = behind(at).into_iter().rfind(|it| kept.contains(it)) {
                    assert!(next > at);
                    at = next;
                }
                assert_eq!(at, newest, "from {start}");
            }
        }
    }

    #[test]
    fn an_epoch_passes_once() {
        let mut passed = Vec::new();
        for end in 0..=300 {
            passed.extend(passed_at(end));
            let mut all: Vec<u32> = (1..=300).filter(|it| is_passed(*it, end)).collect();
            all.sort_unstable();
            passed.sort_unstable();
            assert_eq!(passed, all, "{end}");
        }
    }
}
