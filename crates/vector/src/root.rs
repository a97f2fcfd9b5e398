//! One state of a table in memory. It never changes once others have it: they share its blocks.

use std::sync::{Arc, OnceLock};

use zerocopy::{FromBytes, IntoBytes};

use crate::blocks::Blocks;
use crate::codec::{State, NO_SLOT};
use crate::columns::Column;
use crate::element::Component;
use crate::filter::Filter;
use crate::input::is_finite;
use crate::layout::Layout;
use crate::nodes::GraphBlock;
use crate::rows::Rows;
use crate::space::Slots;

const SLOTS: u32 = 1024;
const WORDS: usize = 16;

/// The count of a slot that is not linked.
const NOT_LINKED: u32 = u32::MAX;

/// Rows of 1024 slots.
#[derive(Debug, Clone)]
struct SlotBlock {
    ids: Box<[i64]>,
    live: [u64; WORDS],
    linked: [u64; WORDS],
}

impl SlotBlock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            ids: vec![0; SLOTS as usize].into(),
            live: [0; WORDS],
            linked: [0; WORDS],
        })
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
    /// The vector of each slot as it is in the file, and its scale under cosine: in one place, as walks need both.
    vectors: Rows,
    /// The rounded vector of each slot, if they are rounded.
    rounded: Option<Rows>,
    slots: Blocks<Arc<SlotBlock>>,
    /// The number of edges of each slot, and where they lead to.
    graph: Rows,
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
        let words = layout.stride.div_ceil(size_of::<u32>()) + usize::from(layout.is_cosine);
        Self {
            layout,
            seq: 0,
            stamp: 0,
            state,
            vectors: Rows::new(words, 0),
            rounded: layout
                .measure
                .rounding()
                .map(|kernel| Rows::new(kernel.row(), 0)),
            slots: Blocks::default(),
            graph: Rows::new(1 + layout.max_degree as usize, NOT_LINKED),
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
    pub(crate) fn vector_block(&self, block: u32) -> Option<Vec<u8>> {
        let per_block = self.layout.vectors_per_block;
        let first = block.checked_mul(per_block)?;
        self.vectors.get(first)?;
        let mut bytes = Vec::with_capacity(self.layout.block_bytes());
        for slot in first..first + per_block {
            bytes.extend_from_slice(self.vector(slot));
            bytes.resize((slot - first + 1) as usize * self.layout.stride, 0);
        }
        Some(bytes)
    }

    /// The bytes of a slot's vector.
    #[inline]
    pub(crate) fn vector(&self, slot: u32) -> &[u8] {
        self.vectors
            .get(slot)
            .and_then(|row| row.as_bytes().get(..self.layout.stride))
            .unwrap_or_default()
    }

    /// A slot's vector as numbers, and its scale.
    #[inline]
    pub(crate) fn numbers<E: Component>(&self, slot: u32) -> Option<(&[E], f32)> {
        let row = self.vectors.get(slot)?;
        let bytes = row.as_bytes().get(..self.layout.stride)?;
        Some((<[E]>::ref_from_bytes(bytes).ok()?, self.scale_of(row)))
    }

    /// The scale behind a vector.
    #[inline]
    fn scale_of(&self, row: &[u32]) -> f32 {
        match row.last() {
            Some(scale) if self.layout.is_cosine => f32::from_bits(*scale),
            _ => 1.0,
        }
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
        self.for_each_row(&self.vectors, |slot, row| {
            let bytes = &row.as_bytes()[..self.layout.stride];
            let vector = <[E]>::ref_from_bytes(bytes);
            vector.is_ok_and(|vector| each(slot, vector, self.scale_of(row)))
        });
    }

    /// Calls `each` with every live slot and its rounded vector, until it says that it is enough.
    #[inline]
    pub(crate) fn for_each_rounded(&self, each: impl FnMut(u32, &[u32]) -> bool) {
        if let Some(rounded) = &self.rounded {
            self.for_each_row(rounded, each);
        }
    }

    #[inline]
    fn for_each_row(&self, rows: &Rows, mut each: impl FnMut(u32, &[u32]) -> bool) {
        for (first, mut rows) in rows.blocks() {
            for first in (first..).step_by(64).take(rows.len().div_ceil(64)) {
                let some = rows.by_ref().take(64);
                let count = u32::try_from(some.len()).unwrap_or(64);
                let live = self.live_mask(first, count);
                for (slot, row) in (first..).zip(some) {
                    if live >> (slot - first) & 1 == 1 && !each(slot, row) {
                        return;
                    }
                }
            }
        }
    }

    /// The live slots whose rows pass a filter, in order.
    pub(crate) fn passing<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = u32> + 'a {
        let words = self.slots.iter().flat_map(|block| block.live);
        let bits = (0..).step_by(64).zip(words).map(|(first, live)| Bits {
            word: if live == 0 {
                0
            } else {
                filter.passing(self, first, live)
            },
            first,
        });
        bits.flatten()
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
        let row = self.vectors.get_mut(slot);
        row.as_mut_bytes()[..vector.len()].copy_from_slice(vector);
        if self.layout.is_cosine {
            let scale = self.layout.measure.scale(&row.as_bytes()[..vector.len()]);
            if let Some(last) = row.last_mut() {
                *last = scale.to_bits();
            }
        }
        if let Some(rounded) = &mut self.rounded {
            let vector = &row.as_bytes()[..vector.len()];
            self.layout.measure.round(vector, rounded.get_mut(slot));
        }
    }

    /// Takes a block of vectors from the file. False if it is not one.
    pub(crate) fn set_vector_block(&mut self, number: u32, bytes: &[u8]) -> bool {
        let first = number.checked_mul(self.layout.vectors_per_block);
        let Some(first) = first.filter(|_| bytes.len() == self.layout.block_bytes()) else {
            return false;
        };
        for (slot, vector) in (first..).zip(bytes.chunks_exact(self.layout.stride)) {
            self.set_vector(slot, vector);
        }
        true
    }

    /// Gives a slot a row. It may have another one.
    pub(crate) fn add(&mut self, slot: u32, id: i64) {
        let (block, word, bit) = split(slot);
        let block = Arc::make_mut(self.slots.get_or_grow(block, SlotBlock::new));
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
        if let Some(block) = self.slots.get_mut(block).map(Arc::make_mut) {
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
        let (count, edges) = self.graph.get(slot)?.split_first()?;
        edges.get(..*count as usize) // none has so many as one that is not linked
    }

    /// All blocks of vectors, as the file has them.
    pub(crate) fn vector_blocks(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let last = self.slots().checked_sub(1).map(|slot| self.block_of(slot));
        (0..last.map_or(0, |last| last + 1)).filter_map(|block| self.vector_block(block))
    }

    /// All blocks of the graph, if there is one.
    pub(crate) fn graph_blocks(&self) -> impl Iterator<Item = GraphBlock> + '_ {
        let per_block = self.layout.nodes_per_block;
        let has_graph = self.state.start != NO_SLOT;
        let end = if has_graph { self.slots() } else { 0 };
        (0..end).step_by(per_block as usize).map(move |first| {
            GraphBlock::new((first..first + per_block).map(|slot| self.edges_of(slot)))
        })
    }

    /// Sets a block of the graph. False if slots are linked that there are not.
    pub(crate) fn set_graph_block(&mut self, number: u32, block: &GraphBlock) -> bool {
        let per_block = self.layout.nodes_per_block;
        let first = number.saturating_mul(per_block);
        for (at, slot) in (0..).zip(first..first.saturating_add(per_block)) {
            let edges = block.edges(at);
            if edges.is_some() && slot >= self.slots() {
                return false;
            }
            self.set_linked(slot, edges.is_some());
            if !self.set_edges(slot, edges) {
                return false;
            }
        }
        true
    }

    /// False if there are more than a slot may have.
    fn set_edges(&mut self, slot: u32, edges: Option<&[u32]>) -> bool {
        if edges.is_none() && self.edges_of(slot).is_none() {
            return true;
        }
        let Some((count, places)) = self.graph.get_mut(slot).split_first_mut() else {
            return false;
        };
        let Some(edges) = edges else {
            *count = NOT_LINKED;
            return true;
        };
        let Some(places) = places.get_mut(..edges.len()) else {
            return false;
        };
        places.copy_from_slice(edges);
        *count = u32::try_from(edges.len()).unwrap_or(NOT_LINKED);
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
        let block = Arc::make_mut(self.slots.get_or_grow(number, SlotBlock::new));
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
        let mut edges = (0..self.slots()).filter_map(|slot| self.edges_of(slot));
        has_start && edges.all(|edges| edges.iter().all(|slot| is_linked(*slot)))
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
        self.vectors.get(slot).map_or(1.0, |row| self.scale_of(row))
    }

    #[inline]
    fn stored(&self, slot: u32) -> (&[u8], f32) {
        let row = self.vectors.get(slot).unwrap_or_default();
        let bytes = row.as_bytes().get(..self.layout.stride);
        (bytes.unwrap_or_default(), self.scale_of(row))
    }

    #[inline]
    fn rounded(&self, slot: u32) -> &[u32] {
        let row = self.rounded.as_ref().and_then(|rows| rows.get(slot));
        row.unwrap_or_default()
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
pub(crate) struct Bits {
    pub(crate) word: u64,
    /// The place of the least.
    pub(crate) first: u32,
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
