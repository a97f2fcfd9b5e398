//! What a slot holds.

use crate::epoch::MOST_PAGES;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::record::{self, Kind, Reader};

/// A slot that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// Transactions.
    Commit(Commit),
    /// The end of its epoch. `ahead`: slots before it may be missing, and its epoch goes on up to the first of them.
    Seal {
        /// An opener has put it in the way of a writer that was too fast.
        ahead: bool,
    },
    /// Nothing, after this chain.
    Noop(u64),
}

/// The transactions of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// How many.
    pub transactions: u32,
    /// Pages of the database after them.
    pub pages: u32,
    /// The checksum of the slot before, or what its epoch continues.
    pub chain: u64,
    /// When, in ms since 1970.
    pub time: u64,
    /// Counted by the writer.
    pub attempt: u32,
    /// Pages that differ.
    pub frames: Vec<(u32, Frame)>,
}

/// Bytes of an owner.
const OWNER: usize = 16;

/// The body of a seal.
pub(crate) fn seal(owner: [u8; OWNER], ahead: bool) -> Vec<u8> {
    let mut body = owner.to_vec();
    body.extend(ahead.then_some(1));
    body
}

/// What a frame takes beside its bytes.
pub const FRAME_HEAD: usize = 13;

impl Commit {
    /// The body of its value.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&self.transactions.to_le_bytes());
        body.extend_from_slice(&self.pages.to_le_bytes());
        body.extend_from_slice(&self.chain.to_le_bytes());
        body.extend_from_slice(&self.time.to_le_bytes());
        body.extend_from_slice(&self.attempt.to_le_bytes());
        let len = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
        for (page, frame) in &self.frames {
            body.extend_from_slice(&page.to_le_bytes());
            body.push(frame.form);
            body.extend_from_slice(&len(frame.bytes.len()));
            body.extend_from_slice(&frame.sum.to_le_bytes());
            body.extend_from_slice(&frame.bytes);
        }
        body
    }

    fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        let mut commit = Self {
            transactions: reader.u32()?,
            pages: reader.u32()?,
            chain: reader.u64()?,
            time: reader.u64()?,
            attempt: reader.u32()?,
            frames: Vec::new(),
        };
        if commit.pages > MOST_PAGES {
            return None;
        }
        while !reader.is_empty() {
            let (page, form) = (reader.u32()?, reader.u8()?);
            let (len, sum) = (reader.u32()?, reader.u32()?);
            let bytes = reader.bytes(usize::try_from(len).ok()?)?.to_vec();
            if page == 0 || page > commit.pages {
                return None;
            }
            commit.frames.push((page, Frame { form, sum, bytes }));
        }
        Some(commit)
    }
}

impl Slot {
    /// What the value of `key` says, and its checksum.
    pub fn decode(key: &str, value: &[u8]) -> Result<(Self, u64)> {
        let record = record::decode(key, value)?;
        let mut reader = Reader(record.body);
        let slot = match record.kind {
            Kind::Commit => Commit::parse(&mut reader).map(Self::Commit),
            Kind::Seal => Some(Self::Seal {
                ahead: record.body.len() > OWNER,
            }),
            Kind::Noop => reader.u64().map(Self::Noop),
            _ => return Err(Error::corrupt(key, "is of another kind")),
        };
        let slot = slot.ok_or_else(|| Error::corrupt(key, "is no slot"))?;
        Ok((slot, record.sum))
    }
}
