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

    /// Whether an epoch was created.
    pub(crate) fn has_epoch(&self, epoch: u32) -> Result<bool> {
        self.read(&self.keys.epoch(epoch))
            .map(|value| value.is_some())
    }

    /// The newest epoch, of which `low` is there and `high` was not; 0 if there is none.
    pub(crate) fn newest(
        &self,
        mut low: u32,
        mut high: Option<u32>,
    ) -> Result<(u32, Option<Vec<u8>>)> {
        const PROBES: u32 = 16;
        let mut value = None;
        while high.is_none_or(|high| high - low > 1) {
            let probes: Vec<u32> = match high {
                None => (0..PROBES)
                    .map(|bit| low.saturating_add(1 << bit))
                    .collect(),
                Some(high) if high - low <= PROBES => (low + 1..high).collect(),
                Some(high) => {
                    let step = (high - low) / PROBES;
                    (1..PROBES).map(|at| low + at * step).collect()
                }
            };
            let keys: Vec<String> = probes.iter().map(|epoch| self.keys.epoch(*epoch)).collect();
            let values = self.read_many(&keys)?;
            // A batch is no snapshot; what is there has all before it.
            for (epoch, found) in probes.iter().zip(&values) {
                if found.is_some() {
                    low = low.max(*epoch);
                }
            }
            let absent = probes
                .iter()
                .zip(&values)
                .filter(|(epoch, found)| found.is_none() && **epoch > low)
                .map(|(epoch, _)| *epoch)
                .min();
            let known = high.filter(|high| *high > low);
            high = absent.into_iter().chain(known).min();
            if let Some(at) = probes.iter().position(|epoch| *epoch == low) {
                value = values.into_iter().nth(at).flatten();
            }
            if low == u32::MAX {
                return Err(Error::Full);
            }
        }
        Ok((low, value))
    }
}
