//! Blocks: packed values of many replies, and what each part of them is.

use ferrolite_sqlite::{
    Encoder, Large, Row, Tag, Target, ValueRef, BYTES_PER_BLOCK, SLOTS_PER_BLOCK,
};

use crate::protocol::{part, Reply, BYTES_OVER, PARTS_PER_BLOCK};

/// Slots, and bytes of text and blobs, from which on what is packed becomes a block of its own: to copy it behind
/// what is there would cost more than another block does.
const OWN_SLOTS: usize = SLOTS_PER_BLOCK / 4;
const OWN_BYTES: usize = BYTES_PER_BLOCK / 4;

/// Kind, first slot, rows, columns.
pub type Part = [i32; part::LENGTH];

/// A value too large to share a block.
pub enum OwnedLarge {
    /// Latin-1 text
    Latin1(Vec<u8>),
    /// Any other text
    Utf16(Vec<u16>),
    /// Bytes
    Blob(Vec<u8>),
}

impl OwnedLarge {
    fn new(value: &Large<'_>) -> Self {
        match *value {
            Large::Latin1(text) => Self::Latin1(text.to_vec()),
            Large::Utf16(text) => Self::Utf16(text.to_vec()),
            Large::Blob(blob) => Self::Blob(blob.to_vec()),
        }
    }

    /// The value as the encoder has it.
    pub fn borrow(&self) -> Large<'_> {
        match self {
            Self::Latin1(text) => Large::Latin1(text),
            Self::Utf16(text) => Large::Utf16(text),
            Self::Blob(blob) => Large::Blob(blob),
        }
    }
}

/// What the front end knows of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionState {
    /// A transaction is open.
    pub in_transaction: bool,
    /// Others may read the same file instead.
    pub shareable: bool,
}

/// Memory for values: a byte and eight bytes a value, and the bytes of blobs.
#[derive(Default)]
struct Memory {
    tags: Vec<u8>,
    slots: Vec<u64>,
    bytes: Vec<u8>,
}

impl Memory {
    fn full_size() -> Self {
        Self {
            tags: vec![0; SLOTS_PER_BLOCK],
            slots: vec![0; SLOTS_PER_BLOCK],
            bytes: vec![0; BYTES_PER_BLOCK + BYTES_OVER],
        }
    }

    fn target(&mut self) -> Target<'_> {
        Target {
            tags: &mut self.tags,
            slots: &mut self.slots,
            bytes: &mut self.bytes,
        }
    }
}

/// A block on its way to the front end.
#[derive(Default)]
pub struct Block {
    memory: Memory,
    used_slots: usize,
    used_bytes: usize,
    latin1: Vec<u8>,
    utf16: Vec<u16>,
    larges: Vec<OwnedLarge>,
    parts: Vec<Part>,
    state: Option<ConnectionState>,
    /// Its memory was a packer's: nothing is added to it.
    is_whole: bool,
}

impl Block {
    /// What each value is
    pub fn tags(&self) -> &[u8] {
        &self.memory.tags[..self.used_slots]
    }

    /// The values, or where they are
    pub fn slots(&self) -> &[u64] {
        &self.memory.slots[..self.used_slots]
    }

    /// Bytes of blobs
    pub fn bytes(&self) -> &[u8] {
        &self.memory.bytes[..self.used_bytes]
    }

    /// Text that is Latin-1
    pub fn latin1(&self) -> &[u8] {
        &self.latin1
    }

    /// All other text
    pub fn utf16(&self) -> &[u16] {
        &self.utf16
    }

    /// Values that do not share the block
    pub fn larges(&self) -> &[OwnedLarge] {
        &self.larges
    }

    /// What it consists of
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// How the connection was when the last job of it ended; `None` if none did.
    pub fn state(&self) -> Option<ConnectionState> {
        self.state
    }

    /// Empties a block that was read. True if its memory has the full size, which a packer can use again.
    pub fn recycle(&mut self) -> bool {
        self.latin1.clear();
        self.utf16.clear();
        self.larges.clear();
        self.parts.clear();
        self.is_whole
    }

    /// True if all that is packed may join.
    pub fn fits(&self, packer: &Packer) -> bool {
        let encoder = &packer.encoder;
        !self.is_whole
            && !packer.is_block()
            && self.used_slots + encoder.used_slots() <= SLOTS_PER_BLOCK
            && self.parts.len() + packer.parts.len() <= PARTS_PER_BLOCK
            && self.latin1.len() + encoder.latin1.len() <= BYTES_PER_BLOCK
            && self.utf16.len() + encoder.utf16.len() <= BYTES_PER_BLOCK
            && self.used_bytes + encoder.used_bytes() <= BYTES_PER_BLOCK
            && self.larges.is_empty()
            && packer.larges.is_empty()
    }

    /// Appends all that is packed; places in texts and bytes move behind those that are here.
    pub fn append(&mut self, packer: &mut Packer) {
        let encoder = &packer.encoder;
        let (first, count) = (self.used_slots, encoder.used_slots());
        let (tags, slots) = (&mut self.memory.tags, &mut self.memory.slots);
        tags.extend_from_slice(&packer.memory.tags[..count]);
        slots.extend_from_slice(&packer.memory.slots[..count]);
        let move_by = |by: usize| by as u64 | (by as u64) << 32;
        let (latin1, utf16) = (move_by(self.latin1.len()), move_by(self.utf16.len()));
        let (bytes, large) = (move_by(self.used_bytes), self.larges.len() as u64);
        if latin1 | utf16 | bytes | large != 0 {
            for (tag, slot) in tags[first..].iter().zip(&mut slots[first..]) {
                *slot += match *tag {
                    tag if tag == Tag::Latin1 as u8 => latin1,
                    tag if tag == Tag::Utf16 as u8 => utf16,
                    tag if tag == Tag::Bytes as u8 => bytes,
                    tag if tag == Tag::Large as u8 => large,
                    _ => 0,
                };
            }
        }
        self.used_slots += count;
        self.latin1.extend_from_slice(&encoder.latin1);
        self.utf16.extend_from_slice(&encoder.utf16);
        let blobs = &packer.memory.bytes[..encoder.used_bytes()];
        self.memory.bytes.extend_from_slice(blobs);
        self.used_bytes += blobs.len();
        self.larges.append(&mut packer.larges);
        let first = i32::try_from(first).unwrap_or(i32::MAX);
        let parts = packer.parts.drain(..);
        self.parts
            .extend(parts.map(|[kind, start, rows, columns]| [kind, start + first, rows, columns]));
        self.state = packer.state.or(self.state);
        packer.clear();
    }
}

/// Where a worker packs values before they join a block, or become one.
pub struct Packer {
    encoder: Encoder,
    memory: Memory,
    larges: Vec<OwnedLarge>,
    large_bytes: usize,
    parts: Vec<Part>,
    /// `None` while nothing has ended.
    state: Option<ConnectionState>,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            encoder: Encoder::default(),
            memory: Memory::full_size(),
            larges: Vec::new(),
            large_bytes: 0,
            parts: Vec::new(),
            state: None,
        }
    }
}

impl Packer {
    fn clear(&mut self) {
        self.encoder.clear();
        self.larges.clear();
        self.large_bytes = 0;
        self.parts.clear();
    }

    /// True if so much is packed that it becomes a block of its own.
    fn is_block(&self) -> bool {
        let encoder = &self.encoder;
        let bytes = encoder.latin1.len() + 2 * encoder.utf16.len() + encoder.used_bytes();
        encoder.used_slots() >= OWN_SLOTS || bytes >= OWN_BYTES
    }

    /// All that is packed as a block; the packer goes on with the memory of `spare`.
    pub fn take_block(&mut self, spare: Option<Block>) -> Block {
        let mut block = Block::default();
        if !self.is_block() {
            block.append(self);
            return block;
        }
        let spare = spare.unwrap_or_else(|| Block {
            memory: Memory::full_size(),
            ..Block::default()
        });
        block.used_slots = self.encoder.used_slots();
        block.used_bytes = self.encoder.used_bytes();
        block.memory = std::mem::replace(&mut self.memory, spare.memory);
        block.latin1 = std::mem::replace(&mut self.encoder.latin1, spare.latin1);
        block.utf16 = std::mem::replace(&mut self.encoder.utf16, spare.utf16);
        block.larges = std::mem::take(&mut self.larges);
        block.parts = std::mem::replace(&mut self.parts, spare.parts);
        block.state = self.state;
        block.is_whole = true;
        self.clear();
        block
    }

    /// Large values count too: a block of them is what the front end takes in one go.
    pub fn has_space(&self, columns: usize) -> bool {
        self.encoder.has_space(columns)
            && self.large_bytes < 16 * BYTES_PER_BLOCK
            && self.parts.len() + 2 < PARTS_PER_BLOCK
    }

    /// Whether there is something to send.
    pub fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// First slot of the part that is begun now.
    pub fn start(&self) -> usize {
        self.encoder.used_slots()
    }

    /// Ends a part that began at slot `start`.
    pub fn part(&mut self, kind: Reply, start: usize, rows: i32, columns: usize) {
        let int = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        self.parts
            .push([kind as i32, int(start), rows, int(columns)]);
    }

    /// A part with one row of values.
    pub fn push_values(&mut self, kind: Reply, values: &[ValueRef<'_>]) {
        let start = self.start();
        for value in values {
            self.push(*value, false);
        }
        self.part(kind, start, 1, values.len());
    }

    /// The first `columns` values of a row.
    pub fn push_row(&mut self, row: Row<'_>, columns: usize, int64: bool) {
        let (larges, size) = (&mut self.larges, &mut self.large_bytes);
        let mut target = self.memory.target();
        self.encoder
            .push_row(row, columns, int64, &mut target, &mut |value| {
                push_large(larges, size, &value)
            });
    }

    /// One value.
    pub fn push(&mut self, value: ValueRef<'_>, int64: bool) {
        let (larges, size) = (&mut self.larges, &mut self.large_bytes);
        let mut target = self.memory.target();
        self.encoder.push(value, int64, &mut target, &mut |value| {
            push_large(larges, size, &value)
        });
    }

    /// The parts so far, the last of which may end a job.
    pub fn parts_mut(&mut self) -> &mut Vec<Part> {
        &mut self.parts
    }

    /// How the connection is now that a job has ended.
    pub fn set_state(&mut self, state: ConnectionState) {
        self.state = Some(state);
    }
}

/// Index 0 is the block's UTF-16 text.
fn push_large(larges: &mut Vec<OwnedLarge>, size: &mut usize, value: &Large<'_>) -> u32 {
    *size += match value {
        Large::Latin1(text) => text.len(),
        Large::Utf16(text) => 2 * text.len(),
        Large::Blob(blob) => blob.len(),
    };
    larges.push(OwnedLarge::new(value));
    u32::try_from(larges.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub mod testing {
    use super::*;

    /// A reply that is a number.
    pub fn packed(number: i32) -> Packer {
        let mut packer = Packer::default();
        packer.push_values(Reply::LastRows, &[ValueRef::Integer(number.into())]);
        packer
    }

    /// The numbers that a block has.
    pub fn unpacked(block: &Block) -> Vec<i32> {
        let slots = block.slots().iter();
        slots
            .map(|slot| i32::from_le_bytes(slot.to_le_bytes()[..4].try_into().unwrap()))
            .collect()
    }

    /// What a front end reads: of each part its kind, and its values as texts.
    pub fn read(block: &Block) -> Vec<(i32, Vec<String>)> {
        let parts = block.parts().iter();
        parts
            .map(|part| {
                let [kind, start, rows, columns] =
                    part.map(|field| usize::try_from(field).unwrap());
                let values = (start..start + rows * columns).map(|at| value(block, at));
                (i32::try_from(kind).unwrap(), values.collect())
            })
            .collect()
    }

    fn value(block: &Block, at: usize) -> String {
        let slot = block.slots()[at];
        let bytes = slot.to_le_bytes();
        let [start, end] = [&bytes[..4], &bytes[4..]]
            .map(|half| usize::try_from(u32::from_le_bytes(half.try_into().unwrap())).unwrap());
        let latin1 = |text: &[u8]| text.iter().map(|byte| char::from(*byte)).collect();
        match block.tags()[at] {
            0 => "null".into(),
            1 => i32::from_le_bytes(bytes[..4].try_into().unwrap()).to_string(),
            2 => format!("{:?}", f64::from_bits(slot)),
            3 => latin1(&block.latin1()[start..end]),
            4 => String::from_utf16(&block.utf16()[start..end]).unwrap(),
            5 => format!("{:?}", &block.bytes()[start..end]),
            6 => match block.larges()[start - 1].borrow() {
                Large::Latin1(text) => latin1(text),
                Large::Utf16(text) => String::from_utf16(text).unwrap(),
                Large::Blob(blob) => format!("{blob:?}"),
            },
            _ => format!("{}n", slot.cast_signed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::read;
    use super::*;
    use crate::testing::{rounds, seed, Random};

    /// A value and how a front end reads it.
    fn random_value(random: &mut Random) -> (ValueRef<'static>, String) {
        let len = [0, 3, 40, 5000][random.below(4)];
        let len = if len == 5000 && random.below(20) != 0 {
            7
        } else {
            len
        };
        let text = |c: char| c.to_string().repeat(len);
        let leak = |text: String| ValueRef::Text(Box::leak(text.into_boxed_str()).as_bytes());
        match random.below(7) {
            0 => (ValueRef::Null, "null".into()),
            1 => (ValueRef::Integer(-5), "-5".into()),
            2 => (ValueRef::Real(0.25), "0.25".into()),
            3 => (leak(text('a')), text('a')),
            4 => (leak(text('\u{e9}')), text('\u{e9}')),
            5 => (leak(text('\u{1f600}')), text('\u{1f600}')),
            _ => {
                let blob = vec![random.byte(); len];
                let read = format!("{blob:?}");
                (ValueRef::Blob(blob.leak()), read)
            }
        }
    }

    /// As a port does it.
    fn send(packer: &mut Packer, blocks: &mut Vec<Block>) {
        match blocks.last_mut() {
            Some(last) if last.fits(packer) => last.append(packer),
            _ => {
                let block = packer.take_block(None);
                blocks.push(block);
            }
        }
        assert!(!packer.has_parts());
    }

    #[test]
    fn what_is_packed_is_read_whatever_block_it_comes_in() {
        let mut random = Random::new(seed("BLOCK_SEED"));
        for _ in 0..rounds("BLOCK_ROUNDS", 10) {
            let (mut packer, mut blocks, mut expected) =
                (Packer::default(), Vec::new(), Vec::new());
            for _ in 0..random.below(200) {
                let count = if random.below(10) == 0 {
                    1500
                } else {
                    random.below(30)
                };
                if !packer.has_space(count) {
                    send(&mut packer, &mut blocks);
                }
                let (values, texts): (Vec<_>, Vec<_>) =
                    (0..count).map(|_| random_value(&mut random)).unzip();
                packer.push_values(Reply::Rows, &values);
                expected.push((Reply::Rows as i32, texts));
                if random.below(3) != 0 {
                    send(&mut packer, &mut blocks);
                }
            }
            if packer.has_parts() {
                send(&mut packer, &mut blocks);
            }
            let found: Vec<_> = blocks.iter().flat_map(read).collect();
            assert!(found == expected, "what was read differs");
            for block in &blocks {
                assert!(block.slots().len() <= SLOTS_PER_BLOCK);
                assert!(block.parts().len() <= PARTS_PER_BLOCK);
                assert!(block.bytes().len() <= BYTES_PER_BLOCK + BYTES_OVER);
            }
        }
    }

    #[test]
    fn much_is_not_copied_and_its_room_is_used_again() {
        let mut packer = Packer::default();
        let values = vec![ValueRef::Integer(1); OWN_SLOTS];
        packer.push_values(Reply::LastRows, &values);
        let at = packer.memory.slots.as_ptr();
        let mut block = packer.take_block(None);
        assert_eq!(block.slots().as_ptr(), at);
        assert!(!packer.has_parts());
        assert!(block.recycle());
        packer.push_values(Reply::LastRows, &values);
        packer.take_block(Some(block));
        assert_eq!(packer.memory.slots.as_ptr(), at);
        packer.push_values(Reply::LastRows, &values[..3]);
        let small = packer.take_block(None);
        assert_eq!((small.slots().len(), small.memory.slots.len()), (3, 3));
        assert_eq!(packer.memory.slots.as_ptr(), at);
    }
}
