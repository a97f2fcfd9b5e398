//! Bytes in memory that can be read as numbers in place.

use zerocopy::{FromBytes, IntoBytes};

use crate::element::Component;

/// Bytes whose first is where a number of any type may start.
#[derive(Debug, Clone, Default)]
pub struct AlignedBytes {
    words: Box<[u64]>,
    len: usize,
}

impl AlignedBytes {
    /// Zeros.
    pub fn new(len: usize) -> Self {
        Self {
            words: vec![0; len.div_ceil(8)].into_boxed_slice(),
            len,
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.words.as_bytes()[..self.len]
    }

    /// The bytes, to be changed.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        &mut self.words.as_mut_bytes()[..self.len]
    }

    /// `count` numbers from the byte `start` on, a multiple of the size of one. Empty if the bytes end before.
    #[inline]
    pub fn numbers<E: Component>(&self, start: usize, count: usize) -> &[E] {
        let end = start + count * size_of::<E>();
        self.as_bytes().get(start..end).map_or(&[], numbers)
    }
}

impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut copy = Self::new(bytes.len());
        copy.as_mut_bytes().copy_from_slice(bytes);
        copy
    }
}

/// Bytes as numbers. Empty if they are not aligned or their length is not that of whole numbers.
#[inline]
pub fn numbers<E: Component>(bytes: &[u8]) -> &[E] {
    <[E]>::ref_from_bytes(bytes).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_numbers_where_they_are() {
        let floats = [1.0_f32, -2.5, 3.25];
        let block = AlignedBytes::from(floats.as_bytes());
        assert_eq!(block.as_bytes().len(), 12);
        assert_eq!(block.numbers::<f32>(0, 3), floats);
        assert_eq!(block.numbers::<f32>(4, 2), &floats[1..]);
    }

    #[test]
    fn what_is_not_there_or_not_aligned_is_empty() {
        let block = AlignedBytes::from([0_u8; 12].as_slice());
        assert!(block.numbers::<f32>(8, 2).is_empty());
        assert!(block.numbers::<f32>(2, 1).is_empty());
        assert!(numbers::<f32>(&block.as_bytes()[..7]).is_empty());
        assert!(AlignedBytes::new(0).as_bytes().is_empty());
    }
}
