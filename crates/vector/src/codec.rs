//! What blobs of the log hold: the state of a table, and what a write changed.

use std::fmt;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed")
    }
}

const VERSION: u8 = 1;

/// No slot: the table has no graph.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Not calibrated yet.
pub(crate) const NOT_CALIBRATED: u16 = u16::MAX;

/// What holds for a table beside its blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct State {
    /// Slots up to the last that was ever used.
    pub(crate) slots: u32,
    /// Where a search starts; [`NO_SLOT`] without a graph.
    pub(crate) start: u32,
    /// The search list that reaches the recall: 0 is a scan, [`NOT_CALIBRATED`] unknown.
    pub(crate) list: u16,
    /// The largest norm when the graph was built, under `dot`.
    pub(crate) largest_norm: f32,
    /// Whether walks compare rounded vectors.
    pub(crate) is_rounded: bool,
}

impl State {
    pub(crate) const EMPTY: Self = Self {
        slots: 0,
        start: NO_SLOT,
        list: NOT_CALIBRATED,
        largest_norm: 0.0,
        is_rounded: false,
    };

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.slots.to_le_bytes());
        bytes.extend(self.start.to_le_bytes());
        bytes.extend(self.list.to_le_bytes());
        bytes.extend(self.largest_norm.to_le_bytes());
        bytes.push(u8::from(self.is_rounded));
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (&version, rest) = bytes.split_first().ok_or(Malformed)?;
        let (slots, rest) = rest.split_first_chunk().ok_or(Malformed)?;
        let (start, rest) = rest.split_first_chunk().ok_or(Malformed)?;
        let (list, rest) = rest.split_first_chunk().ok_or(Malformed)?;
        let (norm, rest) = rest.split_first_chunk().ok_or(Malformed)?;
        let (rounded, rest) = rest.split_first().ok_or(Malformed)?;
        let state = Self {
            slots: u32::from_le_bytes(*slots),
            start: u32::from_le_bytes(*start),
            list: u16::from_le_bytes(*list),
            largest_norm: f32::from_le_bytes(*norm),
            is_rounded: *rounded == 1,
        };
        let is_good = version == VERSION
            && rest.is_empty()
            && *rounded <= 1
            && state.slots != NO_SLOT
            && (state.start < state.slots || state.start == NO_SLOT)
            && state.largest_norm.is_finite();
        is_good.then_some(state).ok_or(Malformed)
    }
}

/// A change of a table, as the next one who reads it has to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Slots that got a row, and its rowid. A slot may have had another row before.
    pub(crate) added: Vec<(u32, i64)>,
    /// Slots that lost their row.
    pub(crate) removed: Vec<u32>,
    /// Slots whose row got other values.
    pub(crate) columns: Vec<u32>,
    /// Blocks of the graph that were written.
    pub(crate) graph: Vec<u32>,
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Numbers, each as its distance from the one before.
fn push_deltas(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = i64>) {
    push_varint(out, values.len() as u64);
    let mut last = 0_i64;
    for value in values {
        push_varint(out, zigzag(value.wrapping_sub(last)));
        last = value;
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn deltas<T>(&mut self, each: impl Fn(i64) -> Option<T>) -> Result<Vec<T>, Malformed> {
        let count = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
        // Each takes a byte at least: a count beyond that is a lie, for which no memory is taken.
        if count > self.rest.len() {
            return Err(Malformed);
        }
        let mut last = 0_i64;
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            last = last.wrapping_add(unzigzag(self.varint()?));
            values.push(each(last).ok_or(Malformed)?);
        }
        Ok(values)
    }
}

impl Changes {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        push_deltas(
            &mut out,
            self.added.iter().map(|(slot, _)| i64::from(*slot)),
        );
        push_deltas(&mut out, self.added.iter().map(|(_, id)| *id));
        for list in [&self.removed, &self.columns, &self.graph] {
            push_deltas(&mut out, list.iter().map(|slot| i64::from(*slot)));
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (&version, rest) = bytes.split_first().ok_or(Malformed)?;
        if version != VERSION {
            return Err(Malformed);
        }
        let mut reader = Reader { rest };
        let number = |value: i64| u32::try_from(value).ok();
        let slots = reader.deltas(number)?;
        let ids = reader.deltas(Some)?;
        if slots.len() != ids.len() {
            return Err(Malformed);
        }
        let changes = Self {
            added: slots.into_iter().zip(ids).collect(),
            removed: reader.deltas(number)?,
            columns: reader.deltas(number)?,
            graph: reader.deltas(number)?,
        };
        reader.rest.is_empty().then_some(changes).ok_or(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_changes_survive() {
        let state = State {
            slots: 70_000,
            start: 69_999,
            list: 48,
            largest_norm: 1.5,
            is_rounded: true,
        };
        for state in [state, State::EMPTY] {
            assert_eq!(State::decode(&state.encode()), Ok(state));
        }
        let changes = Changes {
            added: vec![(5, i64::MAX), (0, i64::MIN), (u32::MAX, -1), (5, 0)],
            removed: vec![9, 1, 300],
            columns: vec![],
            graph: vec![u32::MAX],
        };
        for changes in [changes, Changes::default()] {
            assert_eq!(Changes::decode(&changes.encode()), Ok(changes));
        }
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_is_read_without_a_panic() {
        let changes = Changes {
            added: vec![(5, 1 << 40), (6, -7)],
            removed: vec![9, 1, 300],
            columns: vec![4],
            graph: vec![0, 1],
        };
        for bytes in [changes.encode(), State::EMPTY.encode()] {
            for end in 0..bytes.len() {
                assert!(Changes::decode(&bytes[..end]).is_err());
                assert!(State::decode(&bytes[..end]).is_err());
            }
            for bit in 0..bytes.len() * 8 {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let _ = (Changes::decode(&bytes), State::decode(&bytes));
            }
        }
        assert_eq!(
            Changes::decode(&[1, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            Err(Malformed)
        );
    }
}
