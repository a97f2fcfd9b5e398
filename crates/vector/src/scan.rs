//! Finds the nearest rows by comparing all of them.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use ferrolite_sqlite::{ModuleError, ValueRef};

use crate::distance::Kernel;
use crate::element::Component;
use crate::filter::{Filter, Test};
use crate::layout::with_kernel;
use crate::load::look;
use crate::measure::Prepared;
use crate::root::Root;
use crate::space::{touch, Slots};
use crate::store::{corrupt, Store};

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
            prepared: root.layout.measure.query(vector),
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
        let (query, query_scale) = self.prepared.numbers::<E>();
        let mut count = 0_u32;
        let mut outcome = Ok(());
        let each = |slot: u32, vector: &[E], scale: f32| {
            count += 1;
            if count.is_multiple_of(VECTORS_PER_LOOK) {
                outcome = look(store);
                if outcome.is_err() {
                    return false;
                }
            }
            // A zero has one sign, so that equal distances are equal here.
            let rank = kernel.rank(query, query_scale, vector, scale) + 0.0;
            if found.wants(rank) && (self.bounds.is_empty() || self.is_within(rank)) {
                found.push(Hit {
                    rank,
                    id: root.id(slot),
                    slot,
                });
            }
            true
        };
        match &self.list {
            None if self.filter.is_trivial() => root.for_each_vector(each),
            None => in_parts(root, root.passing(&self.filter), each)?,
            Some(list) => {
                let is_it = |slot: &u32| root.is_live(*slot) && self.filter.holds(root, *slot);
                in_parts(root, list.iter().copied().filter(is_it), each)?;
            }
        }
        outcome
    }
}

/// Calls `each` with slots here and there, until it says that it is enough. Some vectors are on their way from memory
/// while the first of them is compared.
fn in_parts<E: Component>(
    root: &Root,
    mut slots: impl Iterator<Item = u32>,
    mut each: impl FnMut(u32, &[E], f32) -> bool,
) -> Result<(), ModuleError> {
    let mut part = Vec::with_capacity(SLOTS_AT_ONCE);
    loop {
        part.clear();
        part.extend(slots.by_ref().take(SLOTS_AT_ONCE));
        let touched = part.iter().fold(0, |sum, slot| {
            let (vector, scale) = root.stored(*slot);
            sum ^ touch(vector) ^ scale.to_bits()
        });
        std::hint::black_box(touched);
        for slot in &part {
            let (vector, scale) = root.numbers(*slot).ok_or_else(corrupt)?;
            if !each(*slot, vector, scale) {
                return Ok(());
            }
        }
        if part.len() < SLOTS_AT_ONCE {
            return Ok(());
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
