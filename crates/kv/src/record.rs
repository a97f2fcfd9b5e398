//! The frame around every value: magic, kind, length, checksum over key and all.
//!
//! `"FLKV"`, format u8 = 1, kind u8, reserved u16, body length u32, body, CRC-64/NVME u64; little-endian.

use crc_fast::{checksum, CrcAlgorithm, Digest};

use crate::error::{Error, Result};

const MAGIC: &[u8; 4] = b"FLKV";
const FORMAT: u8 = 1;
const HEAD: usize = 12;
/// What a value is longer than its body.
pub const OVERHEAD: usize = HEAD + 8;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An epoch.
    Epoch = 1,
    /// A part of a root.
    Root = 2,
    /// A leaf of the index.
    Leaf = 3,
    /// The image of a page.
    Image = 4,
    /// A slot with transactions.
    Commit = 5,
    /// A slot behind which its epoch ends.
    Seal = 6,
    /// A slot that was given up.
    Noop = 7,
    /// Keys that can be deleted.
    Garbage = 8,
    /// The hint.
    Hint = 9,
}

const KINDS: [Kind; 9] = [
    Kind::Epoch,
    Kind::Root,
    Kind::Leaf,
    Kind::Image,
    Kind::Commit,
    Kind::Seal,
    Kind::Noop,
    Kind::Garbage,
    Kind::Hint,
];

/// A value that was read and found to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub body: &'a [u8],
    /// Its checksum.
    pub sum: u64,
}

fn sum(key: &str, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    digest.update(key.as_bytes());
    digest.update(bytes);
    digest.finalize()
}

/// The CRC-32 of a page.
pub fn page_sum(image: &[u8]) -> u32 {
    // The algorithm has 32 bits.
    u32::try_from(checksum(CrcAlgorithm::Crc32IsoHdlc, image)).unwrap_or(0)
}

/// The value of `key`, and its checksum.
pub fn encode(key: &str, kind: Kind, body: &[u8]) -> (Vec<u8>, u64) {
    let mut value = Vec::with_capacity(body.len() + OVERHEAD);
    value.extend_from_slice(MAGIC);
    value.extend_from_slice(&[FORMAT, kind as u8, 0, 0]);
    // A body fits a value of the store, and those are shorter than 4 GiB: `Limits` is asked before.
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    value.extend_from_slice(&len.to_le_bytes());
    value.extend_from_slice(body);
    let sum = sum(key, &value);
    value.extend_from_slice(&sum.to_le_bytes());
    (value, sum)
}

/// What the value of `key` says.
pub fn decode<'a>(key: &str, value: &'a [u8]) -> Result<Record<'a>> {
    let fail = |what| Err(Error::corrupt(key, what));
    if value.len() < OVERHEAD || !value.starts_with(MAGIC) {
        return fail("is none of a database");
    }
    if value[4] != FORMAT {
        return fail("has a format that this version does not know");
    }
    let (bytes, tail) = value.split_at(value.len() - 8);
    let (body, mut tail, mut head) = (&bytes[HEAD..], Reader(tail), Reader(&bytes[8..HEAD]));
    let stored = tail.u64().unwrap_or(0);
    if head.u32().map(u64::from) != u64::try_from(body.len()).ok() {
        return fail("has a wrong length");
    }
    if stored != sum(key, bytes) {
        return fail("has a wrong checksum, or is that of another key");
    }
    match KINDS.iter().find(|kind| **kind as u8 == value[5]) {
        Some(kind) if value[6..8] == [0, 0] => Ok(Record {
            kind: *kind,
            body,
            sum: stored,
        }),
        _ => fail("is of a kind that this version does not know"),
    }
}

/// The body of the value of `key`, which must be of this kind.
pub fn body<'a>(key: &str, value: &'a [u8], kind: Kind) -> Result<&'a [u8]> {
    let record = decode(key, value)?;
    if record.kind == kind {
        Ok(record.body)
    } else {
        Err(Error::corrupt(key, "is of another kind"))
    }
}

/// Reads numbers, first to last.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next bytes.
    pub fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    /// The next 2 bytes.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next 4 bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next 8 bytes.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
