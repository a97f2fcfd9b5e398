//! Rows as bytes: the one form in which rows leave the engine.
//!
//! A block holds whole rows, value after value. Each value has a one-byte [`Tag`] and an 8-byte slot: an
//! `i32` (in its low half), a double, an `i64`, or a start and an end (two `u32`) into the block's
//! text, wide text or bytes. ASCII and Latin-1 text of a block is one Latin-1 string, all other text
//! one UTF-16 string: a JavaScript engine makes two strings a block, and values are slices of them.
//! Values too large to share a block are handed over one by one ([`Large`]).

use crate::running::Row;
use crate::value::ValueRef;

/// Values that fit in a block. The engine allows 2,000 columns, so any row fits.
pub const SLOTS_PER_BLOCK: usize = 4096;

/// Bytes of blobs, and units of either text, that a block takes before it counts as full: what a single
/// kept value can hold in memory.
pub const BYTES_PER_BLOCK: usize = 64 * 1024;

/// Text and blobs longer than this cross by themselves; below it sharing a block is cheaper.
const LARGE: usize = 4096;

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// `NULL`
    Null = 0,
    /// A whole number within 32 bits
    Int32 = 1,
    /// A double that is no such integer, or a larger integer rounded to one
    Double = 2,
    /// Start and end in the block's Latin-1 text
    Latin1 = 3,
    /// Start and end in the block's UTF-16 text
    Utf16 = 4,
    /// Start and end in the block's bytes
    Bytes = 5,
    /// Index among the large values
    Large = 6,
    /// A 64-bit integer
    Int64 = 7,
}

/// A value that does not share a block.
#[derive(Debug, PartialEq)]
pub enum Large<'a> {
    /// Latin-1 text, which ASCII is too
    Latin1(&'a [u8]),
    /// Any other text
    Utf16(&'a [u16]),
    /// Bytes
    Blob(&'a [u8]),
}

/// Writes rows into a block whose slots, tags and bytes the caller owns.
#[derive(Debug, Default)]
pub struct Encoder {
    /// Latin-1 text of the block.
    pub latin1: Vec<u8>,
    /// UTF-16 text of the block.
    pub utf16: Vec<u16>,
    scratch: Vec<u8>,
    scratch16: Vec<u16>,
    used_slots: usize,
    used_bytes: usize,
}

/// Where the values of a block go.
pub struct Target<'a> {
    /// One byte a value
    pub tags: &'a mut [u8],
    /// Eight bytes a value
    pub slots: &'a mut [u64],
    /// Blob bytes
    pub bytes: &'a mut [u8],
}

impl Encoder {
    /// Starts an empty block.
    #[inline]
    pub fn clear(&mut self) {
        self.latin1.clear();
        self.utf16.clear();
        self.used_slots = 0;
        self.used_bytes = 0;
    }

    /// True if a row of `columns` may still be added.
    #[inline]
    pub fn has_space(&self, columns: usize) -> bool {
        self.used_slots + columns <= SLOTS_PER_BLOCK
            && self.latin1.len().max(self.utf16.len()).max(self.used_bytes) < BYTES_PER_BLOCK
    }

    /// Values written so far.
    pub fn used_slots(&self) -> usize {
        self.used_slots
    }

    /// Blob bytes written so far.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Appends the first `columns` values of a row. `int64` keeps integers whole instead of rounding them
    /// to doubles; `large` takes what does not fit a block and returns its index.
    #[inline]
    pub fn push_row(
        &mut self,
        row: Row<'_>,
        columns: usize,
        int64: bool,
        target: &mut Target<'_>,
        large: &mut dyn FnMut(Large<'_>) -> u32,
    ) {
        for value in row.values(columns) {
            self.push(value, int64, target, large);
        }
    }

    /// Appends one value. Values beyond the end of the block are dropped: ask [`has_space`](Self::has_space).
    #[inline]
    pub fn push(
        &mut self,
        value: ValueRef<'_>,
        int64: bool,
        target: &mut Target<'_>,
        large: &mut dyn FnMut(Large<'_>) -> u32,
    ) {
        let at = self.used_slots;
        let (Some(tag), Some(slot)) = (target.tags.get_mut(at), target.slots.get_mut(at)) else {
            return;
        };
        self.used_slots = at + 1;
        let (kind, bits) = match value {
            ValueRef::Null => (Tag::Null, 0),
            ValueRef::Integer(value) if int64 => (Tag::Int64, value.cast_unsigned()),
            ValueRef::Integer(value) => match i32::try_from(value) {
                Ok(value) => (Tag::Int32, u64::from(value.cast_unsigned())),
                // JavaScript numbers are doubles; beyond 2^53 this rounds, as documented.
                #[allow(clippy::cast_precision_loss)]
                Err(_) => (Tag::Double, (value as f64).to_bits()),
            },
            ValueRef::Real(value) => real(value),
            ValueRef::Text(text) => self.text(text, large),
            ValueRef::Blob(blob) => {
                let start = self.used_bytes;
                match target.bytes.get_mut(start..start + blob.len()) {
                    Some(target) if blob.len() <= LARGE => {
                        target.copy_from_slice(blob);
                        self.used_bytes += blob.len();
                        (Tag::Bytes, range(start, self.used_bytes))
                    }
                    _ => (Tag::Large, u64::from(large(Large::Blob(blob)))),
                }
            }
        };
        *tag = kind as u8;
        *slot = bits;
    }

    #[inline]
    fn text(&mut self, text: &[u8], large: &mut dyn FnMut(Large<'_>) -> u32) -> (Tag, u64) {
        if text.is_ascii() {
            if text.len() > LARGE {
                return (Tag::Large, u64::from(large(Large::Latin1(text))));
            }
            let start = self.latin1.len();
            self.latin1.extend_from_slice(text);
            return (Tag::Latin1, range(start, self.latin1.len()));
        }
        self.wide_text(text, large)
    }

    fn wide_text(&mut self, text: &[u8], large: &mut dyn FnMut(Large<'_>) -> u32) -> (Tag, u64) {
        let owned;
        let text = if let Ok(text) = std::str::from_utf8(text) {
            text
        } else {
            owned = String::from_utf8_lossy(text);
            &*owned
        };
        // Bytes above 0xC3 lead characters above U+00FF.
        let latin1 = text.bytes().all(|byte| byte <= 0xC3);
        let is_large = text.len() > LARGE;
        if latin1 {
            let out = if is_large {
                &mut self.scratch
            } else {
                &mut self.latin1
            };
            if is_large {
                out.clear();
            }
            let start = out.len();
            out.extend(
                text.chars()
                    .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')),
            );
            if is_large {
                return (Tag::Large, u64::from(large(Large::Latin1(out))));
            }
            return (Tag::Latin1, range(start, out.len()));
        }
        let out = if is_large {
            &mut self.scratch16
        } else {
            &mut self.utf16
        };
        if is_large {
            out.clear();
        }
        let start = out.len();
        out.extend(text.encode_utf16());
        if is_large {
            return (Tag::Large, u64::from(large(Large::Utf16(out))));
        }
        (Tag::Utf16, range(start, out.len()))
    }
}

/// A whole number within 32 bits is one to JavaScript engines however it is stored, and as such it needs
/// no memory of its own. -0 stays a double.
#[inline]
fn real(value: f64) -> (Tag, u64) {
    #[allow(clippy::cast_possible_truncation)] // `as` saturates, and the result is compared
    let whole = value as i32;
    if f64::from(whole).to_bits() == value.to_bits() {
        (Tag::Int32, u64::from(whole.cast_unsigned()))
    } else {
        (Tag::Double, value.to_bits())
    }
}

/// Start in the low half, end in the high half; a block is far smaller than 4 GiB.
#[inline]
fn range(start: usize, end: usize) -> u64 {
    (start as u64) | ((end as u64) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder for tests: what JavaScript does with a block.
    fn decode(values: &[ValueRef<'_>], int64: bool) -> Vec<String> {
        let mut encoder = Encoder::default();
        let mut tags = vec![0; SLOTS_PER_BLOCK];
        let mut slots = vec![0; SLOTS_PER_BLOCK];
        let mut bytes = vec![0; BYTES_PER_BLOCK];
        let mut large = Vec::new();
        let mut target = Target {
            tags: &mut tags,
            slots: &mut slots,
            bytes: &mut bytes,
        };
        for value in values {
            encoder.push(*value, int64, &mut target, &mut |value| {
                large.push(format!("{value:?}").len());
                u32::try_from(large.len() - 1).unwrap_or(0)
            });
        }
        (0..encoder.used_slots())
            .map(|i| {
                let slot = slots[i].to_le_bytes();
                let [low, high] =
                    [0, 4].map(|at| i32::from_le_bytes([0, 1, 2, 3].map(|n| slot[at + n])));
                let part = usize::try_from(low).unwrap_or(0)..usize::try_from(high).unwrap_or(0);
                match tags[i] {
                    0 => "null".into(),
                    1 => format!("i32 {low}"),
                    2 => format!("f64 {:?}", f64::from_bits(slots[i])),
                    3 => encoder.latin1[part]
                        .iter()
                        .map(|b| char::from(*b))
                        .collect(),
                    4 => String::from_utf16_lossy(&encoder.utf16[part]),
                    5 => format!("{:?}", &bytes[part]),
                    6 => format!("large {low}"),
                    _ => format!("i64 {}", slots[i].cast_signed()),
                }
            })
            .collect()
    }

    #[test]
    fn values_survive_the_block() {
        let long = vec![b'a'; LARGE + 1];
        let values = [
            ValueRef::Null,
            ValueRef::Integer(-5),
            ValueRef::Integer(1 << 40),
            ValueRef::Real(-0.0),
            ValueRef::Real(7.0),
            ValueRef::Text(b"plain\0text"),
            ValueRef::Text("caf\u{e9}".as_bytes()),
            ValueRef::Text("\u{1F600}z".as_bytes()),
            ValueRef::Text(b"\xff!"),
            ValueRef::Text(b""),
            ValueRef::Blob(&[1, 2]),
            ValueRef::Blob(&[]),
            ValueRef::Text(&long),
        ];
        let expected = [
            "null",
            "i32 -5",
            "f64 1099511627776.0",
            "f64 -0.0",
            "i32 7",
            "plain\0text",
            "caf\u{e9}",
            "\u{1F600}z",
            "\u{FFFD}!",
            "",
            "[1, 2]",
            "[]",
            "large 0",
        ];
        assert_eq!(decode(&values, false), expected);
        assert_eq!(decode(&values[1..2], true), ["i64 -5"]);
    }
}
