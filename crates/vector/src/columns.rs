//! Columns in memory, by slot.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock};

use ferrolite_sqlite::ValueRef;

use crate::blocks::Blocks;
use crate::options::Type;

const PER_BLOCK: usize = 1024;

#[derive(Debug, Clone)]
struct ColumnBlock {
    /// An integer, the bits of a double, or a number in the dictionary.
    values: Box<[i64]>,
    is_set: [u64; PER_BLOCK / 64],
}

impl ColumnBlock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            values: vec![0; PER_BLOCK].into(),
            is_set: [0; PER_BLOCK / 64],
        })
    }
}

/// Text or BLOBs, each once. It only grows, so that states share it.
#[derive(Debug, Default)]
struct Dictionary {
    values: Vec<Arc<[u8]>>,
    numbers: HashMap<Arc<[u8]>, i64>,
}

impl Dictionary {
    fn number(&mut self, value: &[u8]) -> i64 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = i64::try_from(self.values.len()).unwrap_or(i64::MAX);
        let value: Arc<[u8]> = value.into();
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }
}

/// One column of a state.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    of: Type,
    blocks: Blocks<Arc<ColumnBlock>>,
    dictionary: Arc<RwLock<Dictionary>>,
}

impl Column {
    pub(crate) fn new(column_type: Type) -> Self {
        Self {
            of: column_type,
            blocks: Blocks::default(),
            dictionary: Arc::default(),
        }
    }

    /// Sets the value of a slot. False if it is not of the column's type.
    pub(crate) fn set(&mut self, slot: u32, value: ValueRef<'_>) -> bool {
        let value = match (self.of, value) {
            (_, ValueRef::Null) => None,
            (Type::Integer, ValueRef::Integer(value)) => Some(value),
            (Type::Real, ValueRef::Real(value)) => Some(value.to_bits().cast_signed()),
            (Type::Text, ValueRef::Text(value)) | (Type::Blob, ValueRef::Blob(value)) => {
                let mut dictionary = self
                    .dictionary
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                Some(dictionary.number(value))
            }
            _ => return false,
        };
        let (block, at) = split(slot);
        let block = Arc::make_mut(self.blocks.get_or_grow(block, ColumnBlock::new));
        let bit = 1 << (at % 64);
        match value {
            Some(value) => {
                block.values[at] = value;
                block.is_set[at / 64] |= bit;
            }
            None => block.is_set[at / 64] &= !bit,
        }
        true
    }

    fn raw(&self, slot: u32) -> Option<i64> {
        let (block, at) = split(slot);
        let block = self.blocks.get(block)?;
        (block.is_set[at / 64] & (1 << (at % 64)) != 0).then(|| block.values[at])
    }

    /// Whether it holds integers.
    pub(crate) fn is_integer(&self) -> bool {
        self.of == Type::Integer
    }

    /// Whether a slot's value is not NULL, and in a range of integers or, if so asked for, out of it.
    #[inline]
    pub(crate) fn is_in(&self, slot: u32, range: &RangeInclusive<i64>, is_out: bool) -> bool {
        self.raw(slot)
            .is_some_and(|value| range.contains(&value) != is_out)
    }

    /// The same for 64 slots from `first`, a multiple of 64.
    pub(crate) fn are_in(&self, first: u32, range: &RangeInclusive<i64>, is_out: bool) -> u64 {
        let (block, at) = split(first);
        let Some(block) = self.blocks.get(block) else {
            return 0;
        };
        let values = block.values.iter().skip(at).take(64).zip(0..);
        let bits = values.map(|(value, bit)| u64::from(range.contains(value) != is_out) << bit);
        bits.fold(0, |mask, bit| mask | bit) & block.is_set[at / 64]
    }

    /// The value of a slot in a column of numbers.
    pub(crate) fn number(&self, slot: u32) -> ValueRef<'static> {
        match (self.raw(slot), self.of) {
            (Some(value), Type::Integer) => ValueRef::Integer(value),
            (Some(value), Type::Real) => ValueRef::Real(f64::from_bits(value.cast_unsigned())),
            _ => ValueRef::Null,
        }
    }

    /// Which value of the dictionary a slot has; `None` is NULL.
    pub(crate) fn entry(&self, slot: u32) -> Option<usize> {
        self.raw(slot)
            .and_then(|number| usize::try_from(number).ok())
    }

    /// What a test says of each value of the dictionary; `None` for a column of numbers.
    pub(crate) fn dictionary_matches(
        &self,
        test: &dyn Fn(ValueRef<'_>) -> bool,
    ) -> Option<Vec<bool>> {
        if matches!(self.of, Type::Integer | Type::Real) {
            return None;
        }
        let dictionary = self
            .dictionary
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Some(
            dictionary
                .values
                .iter()
                .map(|value| test(self.own(value)))
                .collect(),
        )
    }

    /// Calls `with` with the value of a slot.
    pub(crate) fn with_value<R>(&self, slot: u32, with: impl FnOnce(ValueRef<'_>) -> R) -> R {
        if matches!(self.of, Type::Integer | Type::Real) {
            return with(self.number(slot));
        }
        let Some(entry) = self.entry(slot) else {
            return with(ValueRef::Null);
        };
        let dictionary = self
            .dictionary
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let value = dictionary.values.get(entry).cloned().unwrap_or_default();
        drop(dictionary);
        with(self.own(&value))
    }

    /// A value of the dictionary.
    fn own<'v>(&self, value: &'v [u8]) -> ValueRef<'v> {
        match self.of {
            Type::Blob => ValueRef::Blob(value),
            _ => ValueRef::Text(value),
        }
    }
}

fn split(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot / PER_BLOCK, slot % PER_BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_by_slot() {
        let mut text = Column::new(Type::Text);
        assert!(text.set(5000, ValueRef::Text(b"de")));
        assert!(text.set(1, ValueRef::Text(b"en")));
        assert!(text.set(2, ValueRef::Text(b"de")));
        assert!(!text.set(2, ValueRef::Integer(1)));
        let before = text.clone();
        assert!(text.set(2, ValueRef::Null));
        assert_eq!(
            text.dictionary_matches(&|value| value == ValueRef::Text(b"de")),
            Some(vec![true, false])
        );
        assert_eq!(
            (text.entry(5000), text.entry(1), text.entry(2)),
            (Some(0), Some(1), None)
        );
        assert_eq!(before.entry(2), Some(0));
        text.with_value(1, |value| assert_eq!(value, ValueRef::Text(b"en")));
        let mut real = Column::new(Type::Real);
        assert!(real.set(0, ValueRef::Real(-0.5)));
        assert_eq!(
            (real.number(0), real.number(1)),
            (ValueRef::Real(-0.5), ValueRef::Null)
        );
    }
}
