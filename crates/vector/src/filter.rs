//! What a row has to be: terms of the WHERE clause that the table sees to itself.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use ferrolite_sqlite::{Operator, ValueRef};

use crate::columns::Column;
use crate::root::{Bits, Root};
use crate::value::{order, to_number, Value, Wide};

/// One term.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// An operator and what is on its right.
    Compare(Operator, Value),
    /// More or less than text, where the database keeps text as UTF-16: it compares these bytes.
    Wide(Operator, Wide),
    /// `IN`, in the order of `SQLite`; no NULL is in it.
    In(Vec<Value>),
    /// Text on the left, numbers on the right: compared as text if the numbers are literals or parameters, as
    /// numbers if they come from a column of numbers, as they are if from a column without a type, which nobody
    /// can tell here. What any of them lets pass; `SQLite` looks at the rows once more.
    Either {
        /// The numbers as text.
        text: Box<Self>,
        /// The text as numbers.
        number: Box<Self>,
    },
}

impl Test {
    /// `IN` a list in any order.
    pub(crate) fn any_of(mut values: Vec<Value>) -> Self {
        values.retain(|value| *value != Value::Null);
        values.sort_by(|a, b| order(a.as_ref(), b.as_ref()));
        values.dedup_by(|a, b| order(a.as_ref(), b.as_ref()) == Ordering::Equal);
        Self::In(values)
    }

    /// Whether it is true for a value: neither false nor NULL.
    pub(crate) fn holds(&self, value: ValueRef<'_>) -> bool {
        let is_null = value == ValueRef::Null;
        match self {
            Self::Either { text, number } => {
                text.holds(value) || number.holds(to_number(value).as_ref()) || number.holds(value)
            }
            Self::Wide(operator, other) => match value {
                ValueRef::Text(text) => is(*operator, other.compare(text)),
                // NULL is neither, numbers are less than text, BLOBs more.
                ValueRef::Null => false,
                ValueRef::Blob(_) => is(*operator, Ordering::Greater),
                _ => is(*operator, Ordering::Less),
            },
            Self::In(values) => {
                !is_null
                    && values
                        .binary_search_by(|other| order(other.as_ref(), value))
                        .is_ok()
            }
            Self::Compare(operator, other) => {
                let ordering = || order(value, other.as_ref());
                let no_null = !is_null && *other != Value::Null;
                match operator {
                    Operator::Is => ordering() == Ordering::Equal,
                    Operator::IsNot => ordering() != Ordering::Equal,
                    Operator::IsNull => is_null,
                    Operator::IsNotNull => !is_null,
                    operator => no_null && is(*operator, ordering()),
                }
            }
        }
    }
}

/// Whether an operator is true for two values in this order, none of them NULL.
fn is(operator: Operator, ordering: Ordering) -> bool {
    match operator {
        Operator::Equal => ordering == Ordering::Equal,
        Operator::NotEqual => ordering != Ordering::Equal,
        Operator::Less => ordering == Ordering::Less,
        Operator::LessOrEqual => ordering != Ordering::Greater,
        Operator::Greater => ordering == Ordering::Greater,
        Operator::GreaterOrEqual => ordering != Ordering::Less,
        _ => false,
    }
}

/// A term about a column, made ready for many rows.
enum Ready {
    /// A column of integers, and which it may have: in a range or out of it, and not NULL.
    Range(usize, RangeInclusive<i64>, bool),
    Numbers(usize, Test),
    /// What it says of NULL and of each value of the column's dictionary.
    Dictionary(usize, bool, Vec<bool>),
    Rowid(Test),
}

/// The integers for which a term holds: in a range, or out of it. NULL is none of them.
fn range(test: &Test) -> Option<(RangeInclusive<i64>, bool)> {
    let Test::Compare(operator, Value::Integer(value)) = test else {
        return None;
    };
    let value = *value;
    let nothing = RangeInclusive::new(1, 0);
    Some(match operator {
        Operator::Equal | Operator::Is => (value..=value, false),
        Operator::NotEqual => (value..=value, true),
        Operator::Less => (
            value.checked_sub(1).map_or(nothing, |last| i64::MIN..=last),
            false,
        ),
        Operator::LessOrEqual => (i64::MIN..=value, false),
        Operator::Greater => (
            value
                .checked_add(1)
                .map_or(nothing, |first| first..=i64::MAX),
            false,
        ),
        Operator::GreaterOrEqual => (value..=i64::MAX, false),
        _ => return None,
    })
}

/// All terms.
#[derive(Default)]
pub(crate) struct Filter {
    terms: Vec<Ready>,
    /// A term that nothing satisfies.
    is_empty: bool,
}

impl Filter {
    /// `columns` says, for each term, the column; `None` is the rowid. The columns are loaded.
    pub(crate) fn new(root: &Root, terms: Vec<(Option<usize>, Test)>) -> Self {
        let mut filter = Self::default();
        for (column, test) in terms {
            filter.is_empty |= test == Test::In(Vec::new());
            let Some(number) = column else {
                filter.terms.push(Ready::Rowid(test));
                continue;
            };
            let Some(column) = root.columns.get(number).and_then(|cell| cell.get()) else {
                filter.is_empty = true; // not loaded: a mistake, of which nothing must come
                continue;
            };
            if let Some((range, is_out)) = range(&test).filter(|_| column.is_integer()) {
                filter.terms.push(Ready::Range(number, range, is_out));
                continue;
            }
            filter.terms.push(
                match column.dictionary_matches(&|value| test.holds(value)) {
                    Some(matches) => Ready::Dictionary(number, test.holds(ValueRef::Null), matches),
                    None => Ready::Numbers(number, test),
                },
            );
        }
        filter
    }

    /// It lets every row pass.
    pub(crate) fn is_trivial(&self) -> bool {
        self.terms.is_empty() && !self.is_empty
    }

    /// No row passes, whatever it holds.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Whether a live slot's row satisfies all terms.
    pub(crate) fn holds(&self, root: &Root, slot: u32) -> bool {
        !self.is_empty && self.terms.iter().all(|term| term.holds(root, slot))
    }

    /// Those of 64 slots, live ones from `first`, a multiple of 64, whose rows satisfy all terms.
    pub(crate) fn passing(&self, root: &Root, first: u32, live: u64) -> u64 {
        let live = if self.is_empty { 0 } else { live };
        self.terms
            .iter()
            .fold(live, |left, term| left & term.passing(root, first, left))
    }
}

impl Ready {
    fn passing(&self, root: &Root, first: u32, live: u64) -> u64 {
        if let Self::Range(number, range, is_out) = self {
            let column = root.columns.get(*number).and_then(|cell| cell.get());
            return column.map_or(0, |column| column.are_in(first, range, *is_out));
        }
        let slots = Bits { word: live, first };
        slots
            .filter(|slot| self.holds(root, *slot))
            .fold(0, |mask, slot| mask | 1 << (slot - first))
    }

    fn holds(&self, root: &Root, slot: u32) -> bool {
        let column = |number: usize| -> Option<&Column> { root.columns.get(number)?.get() };
        match self {
            Ready::Range(number, range, is_out) => {
                column(*number).is_some_and(|column| column.is_in(slot, range, *is_out))
            }
            Ready::Rowid(test) => test.holds(ValueRef::Integer(root.id(slot))),
            Ready::Numbers(number, test) => {
                column(*number).is_some_and(|column| test.holds(column.number(slot)))
            }
            Ready::Dictionary(number, of_null, matches) => {
                column(*number).is_some_and(|column| match column.entry(slot) {
                    None => *of_null,
                    Some(entry) => matches.get(entry).copied().unwrap_or(false),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_what_the_term_says() {
        let values = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
        for operator in [
            Operator::Equal,
            Operator::NotEqual,
            Operator::Is,
            Operator::Less,
            Operator::LessOrEqual,
            Operator::Greater,
            Operator::GreaterOrEqual,
        ] {
            for other in values {
                let test = Test::Compare(operator, Value::Integer(other));
                let (range, is_out) = range(&test).unwrap();
                let mut column = Column::new(crate::options::Type::Integer);
                for (slot, value) in (64..).zip(values) {
                    let expected = test.holds(ValueRef::Integer(value));
                    assert_eq!(
                        range.contains(&value) != is_out,
                        expected,
                        "{value} {test:?}"
                    );
                    assert!(column.set(slot, ValueRef::Integer(value)));
                    assert_eq!(column.is_in(slot, &range, is_out), expected);
                    assert_eq!(
                        column.are_in(64, &range, is_out) >> (slot - 64) & 1 == 1,
                        expected
                    );
                }
                assert_eq!(
                    column.are_in(64, &range, is_out) >> values.len(),
                    0,
                    "NULLs"
                );
                assert_eq!(column.are_in(0, &range, is_out), 0, "NULLs");
                assert_eq!(column.are_in(1 << 20, &range, is_out), 0, "no slots");
            }
        }
        assert_eq!(
            range(&Test::Compare(Operator::IsNot, Value::Integer(1))),
            None
        );
        assert_eq!(
            range(&Test::Compare(Operator::Equal, Value::Real(1.0))),
            None
        );
    }

    #[test]
    fn null_is_neither_more_nor_less() {
        let null = Value::Null;
        for operator in [
            Operator::Equal,
            Operator::NotEqual,
            Operator::Less,
            Operator::GreaterOrEqual,
        ] {
            for (a, b) in [
                (ValueRef::Null, Value::Integer(1)),
                (ValueRef::Integer(1), Value::Null),
                (ValueRef::Null, Value::Null),
            ] {
                assert!(!Test::Compare(operator, b).holds(a));
            }
        }
        assert!(Test::Compare(Operator::Is, null.clone()).holds(ValueRef::Null));
        assert!(!Test::Compare(Operator::IsNot, null.clone()).holds(ValueRef::Null));
        assert!(Test::Compare(Operator::IsNot, null.clone()).holds(ValueRef::Integer(0)));
        let list = Test::any_of(vec![
            Value::Text(b"x".to_vec()),
            null,
            Value::Real(2.0),
            Value::Integer(2),
            Value::Integer(-1),
        ]);
        for (value, expected) in [
            (ValueRef::Integer(2), true),
            (ValueRef::Real(2.0), true),
            (ValueRef::Integer(0), false),
            (ValueRef::Null, false),
            (ValueRef::Text(b"x"), true),
            (ValueRef::Blob(b"x"), false),
        ] {
            assert_eq!(list.holds(value), expected, "{value:?}");
        }
    }
}
