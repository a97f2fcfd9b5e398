//! One state of a table in memory. It never changes once others have it: they share its blocks.

use std::sync::OnceLock;

use zerocopy::{FromBytes, IntoBytes};

use crate::blocks::Blocks;
use crate::codec::{State, NO_SLOT};
use crate::columns::Column;
use crate::element::Component;
use crate::input::is_finite;
use crate::layout::Layout;
use crate::nodes::GraphBlock;
use crate::space::Slots;

const SLOTS: u32 = 1024;
const WORDS: usize = 16;

/// Vectors, as they are in the file.
#[derive(Debug, Clone)]
struct VectorBlock {
    /// Words, so that numbers of any type are aligned.
    words: Box<[u32]>,
    /// One for each vector, under cosine.
    scales: Box<[f32]>,
}

impl VectorBlock {
    fn new(layout: &Layout) -> Self {
        let count = layout.vectors_per_block as usize;
        let words = layout.block_bytes().div_ceil(size_of::<u32>());
        Self {
            words: vec![0; words].into(),
            scales: vec![1.0; if layout.is_cosine { count } else { 0 }].into(),
        }
    }

    fn bytes(&self, layout: &Layout) -> &[u8] {
        &self.words.as_bytes()[..layout.block_bytes()]
    }

    fn set(&mut self, layout: &Layout, at: usize, vector: &[u8]) {
        let place = at * layout.stride..(at + 1) * layout.stride;
        self.words.as_mut_bytes()[place].copy_from_slice(vector);
        if layout.is_cosine {
            self.scales[at] = layout.kernel.scale(vector);
        }
    }
}

/// Rows of 1024 slots.
#[derive(Debug, Clone)]
struct SlotBlock {
    ids: Box<[i64]>,
    live: [u64; WORDS],
    linked: [u64; WORDS],
}

impl SlotBlock {
    fn new() -> Self {
        Self {
            ids: vec![0; SLOTS as usize].into(),
            live: [0; WORDS],
            linked: [0; WORDS],
        }
    }
}

/// Which slots of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Those with a row.
    Live,
    /// Those with a row that no edge leads to.
    Tail,
    /// Those without a row that edges lead to.
    Tombstone,
    /// Those with a row that edges lead to.
    Linked,
    /// Those that can be used.
    #[cfg(test)]
    Free,
}

/// One state of a table.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) layout: Layout,
    /// The number and the stamp of the write that made it.
    pub(crate) seq: i64,
    pub(crate) stamp: i64,
    pub(crate) state: State,
    vectors: Blocks<VectorBlock>,
    slots: Blocks<SlotBlock>,
    graph: Blocks<GraphBlock>,
    rows: u32,
    /// Slots that are linked, and those of them with a row.
    linked: u32,
    linked_rows: u32,
    /// No slot below is free.
    free_from: u32,
    /// Columns that a filter has named.
    pub(crate) columns: Vec<OnceLock<Column>>,
}

fn split(slot: u32) -> (usize, usize, u64) {
    let at = slot % SLOTS;
    ((slot / SLOTS) as usize, (at / 64) as usize, 1 << (at % 64))
}

impl Root {
    pub(crate) fn new(layout: Layout, state: State, columns: usize) -> Self {
        Self {
            layout,
            seq: 0,
            stamp: 0,
            state,
            vectors: Blocks::default(),
            slots: Blocks::default(),
            graph: Blocks::default(),
            rows: 0,
            linked: 0,
            linked_rows: 0,
            free_from: 0,
            columns: (0..columns).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Rows that no edge leads to.
    pub(crate) fn tail(&self) -> u32 {
        self.rows - self.linked_rows
    }

    /// Rows that edges lead to.
    pub(crate) fn linked_rows(&self) -> u32 {
        self.linked_rows
    }

    /// Slots without a row that edges lead to.
    pub(crate) fn tombstones(&self) -> u32 {
        self.linked - self.linked_rows
    }

    /// Slots in use, and those that were.
    pub(crate) fn slots(&self) -> u32 {
        self.state.slots
    }

    /// The block of a slot's vector.
    pub(crate) fn block_of(&self, slot: u32) -> u32 {
        slot / self.layout.vectors_per_block
    }

    /// Whether no slot behind this one is in its block.
    pub(crate) fn is_last_of_block(&self, slot: u32) -> bool {
        slot % self.layout.vectors_per_block == self.layout.vectors_per_block - 1
    }

    /// A block of vectors as the file has it.
    pub(crate) fn vector_block(&self, block: u32) -> Option<&[u8]> {
        let block = self.vectors.get(block as usize)?;
        Some(block.bytes(&self.layout))
    }

    /// The bytes of a slot's vector.
    #[inline]
    pub(crate) fn vector(&self, slot: u32) -> &[u8] {
        let (block, at) = self.layout.by_vectors.split(slot);
        let stride = self.layout.stride;
        let bytes = self.vectors.get(block).and_then(|block| {
            let bytes = block.words.as_bytes();
            bytes.get(at * stride..(at + 1) * stride)
        });
        bytes.unwrap_or_default()
    }

    /// A slot's vector as numbers, and its scale.
    #[inline]
    pub(crate) fn numbers<E: Component>(&self, slot: u32) -> Option<(&[E], f32)> {
        let (block, at) = self.layout.by_vectors.split(slot);
        let block = self.vectors.get(block)?;
        let stride = self.layout.stride;
        let bytes = block.words.as_bytes().get(at * stride..(at + 1) * stride)?;
        let numbers = <[E]>::ref_from_bytes(bytes).ok()?;
        Some((numbers, block.scales.get(at).copied().unwrap_or(1.0)))
    }

    pub(crate) fn is_live(&self, slot: u32) -> bool {
        let (block, word, bit) = split(slot);
        let block = self.slots.get(block);
        block.is_some_and(|block| block.live[word] & bit != 0)
    }

    /// The rowid of a slot that is live.
    pub(crate) fn id(&self, slot: u32) -> i64 {
        let block = self.slots.get((slot / SLOTS) as usize);
        block.map_or(0, |block| block.ids[(slot % SLOTS) as usize])
    }

    /// The slots of a kind, in order.
    pub(crate) fn slots_of(&self, kind: Kind) -> impl Iterator<Item = u32> + '_ {
        let words = self.slots.iter().flat_map(move |block| {
            let pairs = block.live.iter().zip(&block.linked);
            pairs.map(move |(live, linked)| match kind {
                Kind::Live => *live,
                Kind::Tail => live & !linked,
                Kind::Tombstone => !live & linked,
                Kind::Linked => live & linked,
                #[cfg(test)]
                Kind::Free => !live & !linked,
            })
        });
        let slots = words
            .zip((0..).step_by(64))
            .flat_map(|(word, first)| Bits { word, first });
        let end = self.slots();
        slots.take_while(move |slot| *slot < end)
    }

    /// Calls `each` with every live slot, its vector and its scale, until it says that it is enough.
    #[inline]
    pub(crate) fn for_each_vector<E: Component>(
        &self,
        mut each: impl FnMut(u32, &[E], f32) -> bool,
    ) {
        let per_block = self.layout.vectors_per_block;
        for (first, block) in (0..).step_by(per_block as usize).zip(self.vectors.iter()) {
            let bytes = block.bytes(&self.layout);
            let Ok(numbers) = <[E]>::ref_from_bytes(bytes) else {
                return;
            };
            let dimension = self.layout.stride / size_of::<E>();
            for at in (Bits {
                word: self.live_mask(first, per_block),
                first: 0,
            }) {
                let at = at as usize;
                let vector = &numbers[at * dimension..(at + 1) * dimension];
                let scale = block.scales.get(at).copied().unwrap_or(1.0);
                if !each(first + u32::try_from(at).unwrap_or(0), vector, scale) {
                    return;
                }
            }
        }
    }

    /// Which of up to 64 slots are live.
    fn live_mask(&self, first: u32, count: u32) -> u64 {
        let word = |slot: u32| {
            let block = self.slots.get((slot / SLOTS) as usize);
            block.map_or(0, |block| block.live[(slot % SLOTS / 64) as usize])
        };
        let shift = first % 64;
        let mut mask = word(first) >> shift;
        if shift != 0 {
            mask |= word(first + 64 - shift) << (64 - shift);
        }
        if count < 64 {
            mask &= (1 << count) - 1;
        }
        mask
    }

    /// A slot for a new row.
    pub(crate) fn next_free(&self) -> u32 {
        let mut slot = self.free_from;
        while slot < self.slots() {
            let (block, word, bit) = split(slot);
            let Some(block) = self.slots.get(block) else {
                return slot;
            };
            let free = !block.live[word] & !block.linked[word] & !(bit - 1);
            if free != 0 {
                return ((slot / 64) * 64 + free.trailing_zeros()).min(self.slots());
            }
            slot = (slot / 64 + 1) * 64;
        }
        self.slots()
    }

    /// Puts a vector in a slot that is free, which does not make it live.
    pub(crate) fn set_vector(&mut self, slot: u32, vector: &[u8]) {
        let layout = self.layout;
        let at = (slot % layout.vectors_per_block) as usize;
        let block = (slot / layout.vectors_per_block) as usize;
        let block = self
            .vectors
            .get_or_grow(block, || VectorBlock::new(&layout));
        block.set(&layout, at, vector);
    }

    /// Takes a block of vectors from the file. False if it is not one.
    pub(crate) fn set_vector_block(&mut self, number: u32, bytes: &[u8]) -> bool {
        let layout = self.layout;
        if bytes.len() != layout.block_bytes() {
            return false;
        }
        let block = self
            .vectors
            .get_or_grow(number as usize, || VectorBlock::new(&layout));
        block.words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        if layout.is_cosine {
            for (scale, vector) in block
                .scales
                .iter_mut()
                .zip(bytes.chunks_exact(layout.stride))
            {
                *scale = layout.kernel.scale(vector);
            }
        }
        true
    }

    /// Gives a slot a row. It may have another one.
    pub(crate) fn add(&mut self, slot: u32, id: i64) {
        let (block, word, bit) = split(slot);
        let block = self.slots.get_or_grow(block, SlotBlock::new);
        block.ids[(slot % SLOTS) as usize] = id;
        if block.live[word] & bit == 0 {
            block.live[word] |= bit;
            self.rows += 1;
            self.linked_rows += u32::from(block.linked[word] & bit != 0);
        }
        self.state.slots = self.state.slots.max(slot + 1);
        if slot == self.free_from {
            self.free_from += 1;
        }
    }

    /// Takes a slot's row. False if it has none.
    pub(crate) fn remove(&mut self, slot: u32) -> bool {
        if !self.is_live(slot) {
            return false;
        }
        let (block, word, bit) = split(slot);
        if let Some(block) = self.slots.get_mut(block) {
            block.live[word] &= !bit;
            self.rows -= 1;
            if block.linked[word] & bit == 0 {
                self.free_from = self.free_from.min(slot);
            } else {
                self.linked_rows -= 1;
            }
        }
        true
    }

    /// The edges of a slot.
    #[inline]
    fn edges_of(&self, slot: u32) -> Option<&[u32]> {
        let (block, at) = self.layout.by_nodes.split(slot);
        self.graph.get(block)?.edges(at)
    }

    /// All blocks of vectors, as the file has them.
    pub(crate) fn vector_blocks(&self) -> impl Iterator<Item = &[u8]> {
        self.vectors.iter().map(|block| block.bytes(&self.layout))
    }

    /// All blocks of the graph.
    pub(crate) fn graph_blocks(&self) -> impl Iterator<Item = &GraphBlock> {
        self.graph.iter()
    }

    /// Sets a block of the graph. False if slots are linked that there are not.
    pub(crate) fn set_graph_block(&mut self, number: u32, block: GraphBlock) -> bool {
        let per_block = self.layout.nodes_per_block;
        let first = number.saturating_mul(per_block);
        for (at, slot) in (0..).zip(first..first.saturating_add(per_block)) {
            let is_linked = block.edges(at).is_some();
            if is_linked && slot >= self.slots() {
                return false;
            }
            self.set_linked(slot, is_linked);
        }
        let empty = || GraphBlock::new((0..per_block).map(|_| None));
        *self.graph.get_or_grow(number as usize, empty) = block;
        true
    }

    fn set_linked(&mut self, slot: u32, is_linked: bool) {
        let (number, word, bit) = split(slot);
        let was_linked = self
            .slots
            .get(number)
            .is_some_and(|block| block.linked[word] & bit != 0);
        if was_linked == is_linked {
            return;
        }
        let block = self.slots.get_or_grow(number, SlotBlock::new);
        block.linked[word] ^= bit;
        let is_live = block.live[word] & bit != 0;
        if is_linked {
            self.linked += 1;
            self.linked_rows += u32::from(is_live);
        } else {
            self.linked -= 1;
            self.linked_rows -= u32::from(is_live);
            if !is_live {
                self.free_from = self.free_from.min(slot);
            }
        }
    }

    /// Whether each edge leads to a slot that is linked, and a walk has where to start.
    pub(crate) fn has_good_graph(&self) -> bool {
        let is_linked = |slot: u32| {
            let (number, word, bit) = split(slot);
            self.slots
                .get(number)
                .is_some_and(|block| block.linked[word] & bit != 0)
        };
        let start = self.state.start;
        let has_start = if start == NO_SLOT {
            self.linked == 0
        } else {
            is_linked(start)
        };
        has_start
            && self
                .graph
                .iter()
                .all(|block| block.targets().iter().all(|slot| is_linked(*slot)))
    }

    /// How many linked rows no walk can come to.
    pub(crate) fn unreachable(&self) -> usize {
        let mut is_seen = vec![false; self.slots() as usize];
        let mut left: Vec<u32> = (self.state.start != NO_SLOT)
            .then_some(self.state.start)
            .into_iter()
            .collect();
        while let Some(slot) = left.pop() {
            let Some(seen) = is_seen.get_mut(slot as usize) else {
                continue;
            };
            if !std::mem::replace(seen, true) {
                left.extend(self.edges_of(slot).unwrap_or_default());
            }
        }
        let rows = self.slots_of(Kind::Linked);
        rows.filter(|slot| !is_seen[*slot as usize]).count()
    }

    /// Whether every live slot has a vector of finite numbers.
    pub(crate) fn has_good_vectors(&self, mut slots: impl Iterator<Item = u32>) -> bool {
        slots.all(|slot| {
            let vector = self.vector(slot);
            vector.len() == self.layout.stride && is_finite(self.layout.element, vector)
        })
    }
}

impl Slots for Root {
    fn slots(&self) -> u32 {
        self.state.slots
    }

    #[inline]
    fn vector(&self, slot: u32) -> &[u8] {
        Root::vector(self, slot)
    }

    #[inline]
    fn scale(&self, slot: u32) -> f32 {
        if !self.layout.is_cosine {
            return 1.0;
        }
        let (block, at) = self.layout.by_vectors.split(slot);
        let scale = self
            .vectors
            .get(block)
            .and_then(|block| block.scales.get(at));
        scale.copied().unwrap_or(1.0)
    }

    #[inline]
    fn is_live(&self, slot: u32) -> bool {
        Root::is_live(self, slot)
    }

    #[inline]
    fn edges(&self, slot: u32) -> Option<&[u32]> {
        self.edges_of(slot)
    }
}

/// The places of bits that are set.
struct Bits {
    word: u64,
    first: u32,
}

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.word == 0 {
            return None;
        }
        let at = self.word.trailing_zeros();
        self.word &= self.word - 1;
        Some(self.first + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn root() -> Root {
        let options = Options::parse(&[b"dimension=2", b"element=int8"]).unwrap();
        Root::new(Layout::new(&options, 3, 30).unwrap(), State::EMPTY, 0)
    }

    #[test]
    fn slots_are_used_again() {
        let mut root = root();
        for number in 0..3000_u16 {
            let slot = root.next_free();
            assert_eq!(slot, u32::from(number));
            root.set_vector(slot, &[1, number.to_le_bytes()[0]]);
            root.add(slot, i64::from(number) * 2);
        }
        assert_eq!((root.rows(), root.slots()), (3000, 3000));
        assert_eq!((root.id(2999), root.vector(258)), (5998, &[1_u8, 2][..]));
        let other = root.clone();
        for slot in [2000, 5, 700] {
            assert!(root.remove(slot));
            assert!(!root.remove(slot));
        }
        assert_eq!(
            root.slots_of(Kind::Free).collect::<Vec<_>>(),
            [5, 700, 2000]
        );
        for slot in [5, 700, 2000, 3000] {
            assert_eq!(root.next_free(), slot);
            root.add(slot, 1);
        }
        assert_eq!(other.slots_of(Kind::Live).count(), 3000);
        assert_eq!(root.slots_of(Kind::Tail).count(), 3001);
        assert_eq!(root.slots_of(Kind::Tombstone).count(), 0);
    }
}
