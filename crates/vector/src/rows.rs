//! Rows of words, all as long, in blocks that states of a table share.

use std::sync::Arc;

use crate::blocks::Blocks;
use crate::layout::Divisor;

/// Sizes of blocks that an allocator wastes nothing of, and what stands before the rows.
const SIZES: [usize; 5] = [16 << 10, 20 << 10, 24 << 10, 28 << 10, 32 << 10];
const HEAD: usize = 16;

/// Rows by number.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// Words of a row.
    width: usize,
    per_block: u32,
    by_block: Divisor,
    /// What a row is before it is set.
    unset: u32,
    blocks: Blocks<Arc<[u32]>>,
}

impl Rows {
    pub(crate) fn new(width: usize, unset: u32) -> Self {
        let bytes = width.max(1) * size_of::<u32>();
        let waste = |size: &usize| (size - HEAD) % bytes * SIZES[SIZES.len() - 1] / size;
        let size = SIZES.into_iter().min_by_key(waste).unwrap_or(SIZES[0]);
        let per_block = u32::try_from((size - HEAD) / bytes).unwrap_or(1).max(1);
        Self {
            width,
            per_block,
            by_block: Divisor::new(per_block),
            unset,
            blocks: Blocks::default(),
        }
    }

    /// A row; `None` if neither it nor one of its block was set.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&[u32]> {
        let (block, at) = self.by_block.split(number);
        let start = at * self.width;
        self.blocks.get(block)?.get(start..start + self.width)
    }

    /// A row to change, in a copy of its block if another state has that too.
    pub(crate) fn get_mut(&mut self, number: u32) -> &mut [u32] {
        let (block, at) = self.by_block.split(number);
        let (words, unset) = (self.per_block as usize * self.width, self.unset);
        let new = || std::iter::repeat_n(unset, words).collect();
        let block = self.blocks.get_or_grow(block, new);
        &mut Arc::make_mut(block)[at * self.width..][..self.width]
    }

    /// The rows of each block, and the number of the first.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (u32, std::slice::ChunksExact<'_, u32>)> {
        let firsts = (0..).step_by(self.per_block as usize);
        let blocks = self.blocks.iter();
        firsts.zip(blocks.map(|block| block.chunks_exact(self.width)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_row_is_seen_by_its_state_alone() {
        for width in [1, 33, 101, 769, 20_000] {
            let mut first = Rows::new(width, 7);
            for number in 0..500 {
                first.get_mut(number)[0] = number;
            }
            let mut second = first.clone();
            second.get_mut(300)[width - 1] = 1000;
            let sum = |rows: &Rows, number| rows.get(number).unwrap().iter().sum::<u32>();
            let rest = u32::try_from(width - 1).unwrap() * 7;
            assert_eq!(sum(&first, 299), 299 + rest);
            assert_eq!(sum(&first, 300), 300 + rest);
            let changed = if width == 1 { 1000 } else { 300 + rest + 993 };
            assert_eq!(sum(&second, 300), changed);
            assert!(second.get(500 + 20_000).is_none());
            let all = second
                .blocks()
                .flat_map(|(first, rows)| (first..).zip(rows));
            for (number, row) in all.take(500) {
                assert_eq!(Some(row), second.get(number));
            }
        }
    }

    #[test]
    fn blocks_fill_what_is_allocated_for_them() {
        for width in [26, 33, 101, 129, 385, 769] {
            let rows = Rows::new(width, 0);
            let bytes = rows.per_block as usize * width * 4 + HEAD;
            let taken = bytes.next_multiple_of(4096);
            assert!(bytes * 20 >= taken * 19, "{width}: {bytes} of {taken}");
            assert!(taken <= 32 << 10);
        }
    }
}
