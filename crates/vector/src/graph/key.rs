//! A slot and its rank in one number, which sorts as ranks do.

/// Slots are below this: a key has a bit for the walk's own use.
pub const MAX_SLOTS: u32 = 1 << 31;

/// A rank, a slot and whether the walk has been there. Sorts by rank, then by slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64);

impl Key {
    /// A key of a slot below [`MAX_SLOTS`].
    #[inline]
    pub fn new(rank: f32, slot: u32) -> Self {
        let bits = rank.to_bits();
        // Floats sort as integers do, once negative ones are turned round.
        let sorted = if bits >> 31 == 0 {
            bits | 1 << 31
        } else {
            !bits
        };
        Key(u64::from(sorted) << 32 | u64::from(slot) << 1)
    }

    /// The slot.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the lower half
    pub fn slot(self) -> u32 {
        (self.0 as u32) >> 1
    }

    /// The rank.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the upper half
    pub fn rank(self) -> f32 {
        let sorted = (self.0 >> 32) as u32;
        f32::from_bits(if sorted >> 31 == 1 {
            sorted ^ 1 << 31
        } else {
            !sorted
        })
    }

    #[inline]
    pub(super) fn is_expanded(self) -> bool {
        self.0 & 1 == 1
    }

    #[inline]
    pub(super) fn expanded(self) -> Self {
        Key(self.0 | 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_ranks_then_slots_do() {
        let ranks = [f32::MIN, -2.5, -1e-30, 0.0, 1e-30, 0.5, 2.0, f32::MAX];
        let keys: Vec<Key> = ranks
            .iter()
            .flat_map(|&rank| [0, 7, MAX_SLOTS - 1].map(|s| Key::new(rank, s)))
            .collect();
        assert!(keys.is_sorted());
        for (i, key) in keys.iter().enumerate() {
            assert_eq!(key.rank().to_bits(), ranks[i / 3].to_bits());
            assert_eq!(key.slot(), [0, 7, MAX_SLOTS - 1][i % 3]);
            assert_eq!(key.expanded().slot(), key.slot());
            assert!(key.expanded().is_expanded() && !key.is_expanded());
        }
    }
}
