//! Finds the nearest rows by comparing all of them.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use ferrolite_sqlite::{ModuleError, ValueRef};
use zerocopy::IntoBytes;

use crate::distance::Kernel;
use crate::element::Component;
use crate::filter::{Filter, Test};
use crate::layout::with_kernel;
use crate::load::look;
use crate::measure::Prepared;
use crate::root::Root;
use crate::rounded::{Rounded, RoundedKernel};
use crate::space::{touch, Slots};
use crate::store::Store;

/// Vectors between two looks at whether the statement is to end.
const VECTORS_PER_LOOK: u32 = 4096;
/// Vectors that are fetched together.
const SLOTS_AT_ONCE: usize = 16;

/// A row that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    /// Its distance, as the kernel compares it.
    pub(crate) rank: f32,
    pub(crate) id: i64,
    pub(crate) slot: u32,
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank
            .total_cmp(&other.rank)
            .then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Hit {}

/// What is searched for, and among what.
pub(crate) struct Query {
    pub(crate) prepared: Prepared,
    pub(crate) root: Arc<Root>,
    pub(crate) filter: Filter,
    /// Terms about the distance.
    pub(crate) bounds: Vec<Test>,
    /// The only slots to look at.
    pub(crate) list: Option<Vec<u32>>,
    /// The size of the search list, if the query or the table says so.
    pub(crate) width: Option<usize>,
}

impl Query {
    pub(crate) fn new(root: Arc<Root>, vector: &[u8]) -> Self {
        Self {
            prepared: (root.layout.measure.query(vector)).walking_rounded(root.state.is_rounded),
            root,
            filter: Filter::default(),
            bounds: Vec::new(),
            list: None,
            width: None,
        }
    }

    /// The distance of a rank, as SQL sees it.
    pub(crate) fn distance(&self, rank: f32) -> f64 {
        self.root.layout.measure.distance(rank)
    }

    pub(crate) fn is_within(&self, rank: f32) -> bool {
        let distance = ValueRef::Real(self.distance(rank));
        self.bounds.iter().all(|test| test.holds(distance))
    }

    /// All rows that match, by distance; with `k` the nearest ones.
    pub(crate) fn run(&self, store: &Store, k: Option<usize>) -> Result<Found, ModuleError> {
        if self.filter.is_empty() {
            return Ok(Found::default());
        }
        let mut found = Found {
            limit: k.unwrap_or(usize::MAX),
            ..Found::default()
        };
        with_kernel!(&self.root.layout.kernel, kernel => self.scan(store, kernel, &mut found))?;
        found.turn(k.is_some());
        Ok(found)
    }

    fn scan<E: Component>(
        &self,
        store: &Store,
        kernel: &Kernel<E>,
        found: &mut Found,
    ) -> Result<(), ModuleError> {
        let root = &*self.root;
        let comparing = Comparing::new(self, kernel, found.limit);
        let mut count = 0_u32;
        let mut outcome = Ok(());
        let mut goes_on = move |outcome: &mut Result<(), ModuleError>| {
            count += 1;
            if count.is_multiple_of(VECTORS_PER_LOOK) {
                *outcome = look(store);
            }
            outcome.is_ok()
        };
        match &self.list {
            None if self.filter.is_trivial() && comparing.rounded.is_some() => {
                root.for_each_rounded(|slot, row| {
                    if comparing.may_be_near(row, found) {
                        comparing.compare_slot(slot, found);
                    }
                    goes_on(&mut outcome)
                });
            }
            None if self.filter.is_trivial() => root.for_each_vector(|slot, vector, scale| {
                comparing.compare(slot, vector, scale, found);
                goes_on(&mut outcome)
            }),
            None => {
                let passing = root.passing(&self.filter);
                comparing.each(passing, found, || goes_on(&mut outcome));
            }
            Some(list) => {
                let is_it = |slot: &u32| root.is_live(*slot) && self.filter.holds(root, *slot);
                let passing = list.iter().copied().filter(is_it);
                comparing.each(passing, found, || goes_on(&mut outcome));
            }
        }
        outcome
    }

    /// Compares some slots.
    pub(crate) fn compare(
        &self,
        store: &Store,
        found: &mut Found,
        slots: impl Iterator<Item = u32>,
    ) -> Result<(), ModuleError> {
        let mut count = 0_u32;
        let mut outcome = Ok(());
        with_kernel!(&self.root.layout.kernel, kernel => {
            Comparing::new(self, kernel, found.limit).each(slots, found, || {
                count += 1;
                if count.is_multiple_of(VECTORS_PER_LOOK) {
                    outcome = look(store);
                }
                outcome.is_ok()
            });
        });
        outcome
    }
}

/// Compares vectors with the one that is searched for.
struct Comparing<'a, E: Component> {
    query: &'a Query,
    kernel: &'a Kernel<E>,
    vector: &'a [E],
    scale: f32,
    /// The vector rounded, if a rounded one can tell that a row is too far.
    rounded: Option<(RoundedKernel, Rounded<'a>)>,
}

impl<'a, E: Component> Comparing<'a, E> {
    fn new(query: &'a Query, kernel: &'a Kernel<E>, limit: usize) -> Self {
        let (vector, scale) = query.prepared.numbers::<E>();
        let rounded = query.prepared.rounded().filter(|_| limit != usize::MAX);
        Self {
            query,
            kernel,
            vector,
            scale,
            rounded,
        }
    }

    /// False if the rounded vector of a row says that it is too far.
    #[inline]
    fn may_be_near(&self, row: &[u32], found: &Found) -> bool {
        let Some((kernel, own)) = &self.rounded else {
            return true;
        };
        kernel.read(row).is_none_or(|other| {
            let rank = kernel.rank(*own, other);
            found.wants(kernel.least(rank, *own, other))
        })
    }

    #[inline]
    fn compare(&self, slot: u32, vector: &[E], scale: f32, found: &mut Found) {
        let rank = self.kernel.rank(self.vector, self.scale, vector, scale);
        let rank = rank + 0.0; // a zero has one sign, so that equal distances are equal here
        let query = self.query;
        if found.wants(rank) && (query.bounds.is_empty() || query.is_within(rank)) {
            found.push(Hit {
                rank,
                id: query.root.id(slot),
                slot,
            });
        }
    }

    fn compare_slot(&self, slot: u32, found: &mut Found) {
        if let Some((vector, scale)) = self.query.root.numbers(slot) {
            self.compare(slot, vector, scale, found);
        }
    }

    /// Compares slots here and there, as long as `goes_on` says. Some vectors are on their way from memory while the
    /// first of them is compared.
    fn each(
        &self,
        mut slots: impl Iterator<Item = u32>,
        found: &mut Found,
        mut goes_on: impl FnMut() -> bool,
    ) {
        let root = &*self.query.root;
        let mut part = Vec::with_capacity(SLOTS_AT_ONCE);
        loop {
            part.clear();
            part.extend(slots.by_ref().take(SLOTS_AT_ONCE));
            let touched = part.iter().fold(0, |sum, slot| {
                sum ^ match self.rounded {
                    Some(_) => touch(root.rounded(*slot).as_bytes()),
                    None => touch(root.vector(*slot)),
                }
            });
            std::hint::black_box(touched);
            for slot in &part {
                if self.may_be_near(root.rounded(*slot), found) {
                    self.compare_slot(*slot, found);
                }
                if !goes_on() {
                    return;
                }
            }
            if part.len() < SLOTS_AT_ONCE {
                return;
            }
        }
    }
}

/// Rows that were found, which come in order.
#[derive(Default)]
pub(crate) struct Found {
    limit: usize,
    /// While it is filled: the nearest, of which the farthest goes first.
    nearest: BinaryHeap<Hit>,
    all: Vec<Hit>,
    /// When it is read.
    rest: BinaryHeap<Reverse<Hit>>,
}

impl Found {
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(crate) fn wants(&self, rank: f32) -> bool {
        self.limit == usize::MAX
            || self.nearest.len() < self.limit
            || self.nearest.peek().is_some_and(|worst| rank <= worst.rank)
    }

    pub(crate) fn push(&mut self, hit: Hit) {
        if self.limit == usize::MAX {
            self.all.push(hit);
            return;
        }
        if self.nearest.len() < self.limit {
            self.nearest.push(hit);
        } else if let Some(mut worst) = self.nearest.peek_mut() {
            if hit < *worst {
                *worst = hit;
            }
        }
    }

    /// From filling to reading.
    pub(crate) fn turn(&mut self, is_sorted: bool) {
        if is_sorted {
            self.all = std::mem::take(&mut self.nearest).into_sorted_vec();
            self.all.reverse();
        } else {
            self.rest = std::mem::take(&mut self.all)
                .into_iter()
                .map(Reverse)
                .collect();
        }
    }

    /// The next row.
    pub(crate) fn next(&mut self) -> Option<Hit> {
        self.all
            .pop()
            .or_else(|| self.rest.pop().map(|Reverse(hit)| hit))
    }
}
