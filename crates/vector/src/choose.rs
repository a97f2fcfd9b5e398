//! Finds the nearest rows by the graph: which way a search takes, and rows that stream in order of distance.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use ferrolite_sqlite::{ModuleError, Operator};

use crate::codec::{NOT_CALIBRATED, NO_SLOT};
use crate::filter::Test;
use crate::graph::{mix, Filtered, Key, Scratch, Walk};
use crate::root::{Kind, Root};
use crate::scan::{Found, Hit, Query};
use crate::space::Slots;
use crate::store::Store;

/// Rows that match up to this, times the root of all, are compared one by one.
const LIST_FACTOR: f64 = 32.0;
/// Slots that are looked at to estimate how many match.
const SAMPLED: u32 = 1024;
/// The search list where none was measured.
const DEFAULT_WIDTH: usize = 64;
/// Measured widths are for so many rows; each more takes half as many again.
const MEASURED_K: usize = 10;
/// After this part of all rows a stream goes on with a scan.
const STREAMED_PART: usize = 8;

/// What searches of a connection use again.
#[derive(Default)]
pub(crate) struct Scratches {
    pub(crate) beam: Scratch,
    pub(crate) walk: Walk,
}

/// Rows that were found, or are still being found.
pub(crate) enum Hits {
    Found(Found),
    Stream(Box<Stream>),
}

impl Hits {
    pub(crate) fn next(
        &mut self,
        query: &Query,
        store: &Store,
    ) -> Result<Option<Hit>, ModuleError> {
        match self {
            Self::Found(found) => Ok(found.next()),
            Self::Stream(stream) => stream.next(query, store),
        }
    }
}

/// Slots as bits.
pub(crate) struct SlotSet {
    words: Vec<u64>,
}

impl SlotSet {
    fn new(slots: &[u32], end: u32) -> Self {
        let mut words = vec![0; (end as usize).div_ceil(64)];
        for slot in slots {
            if let Some(word) = words.get_mut(*slot as usize / 64) {
                *word |= 1 << (slot % 64);
            }
        }
        Self { words }
    }

    fn has(&self, slot: u32) -> bool {
        let word = self.words.get(slot as usize / 64);
        word.is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }
}

/// How a search with a graph goes.
struct Way {
    width: usize,
    /// About how many rows match.
    matching: usize,
    among: Option<SlotSet>,
}

impl Way {
    fn passes(&self, query: &Query, slot: u32) -> bool {
        self.among.as_ref().is_none_or(|among| among.has(slot))
            && (query.filter.is_trivial() || query.filter.holds(&query.root, slot))
    }
}

/// About how many rows the filter lets pass.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn matching(query: &Query) -> usize {
    let root = &*query.root;
    if query.filter.is_trivial() {
        return root.rows() as usize;
    }
    let step = (root.slots() / SAMPLED).max(1);
    let (mut seen, mut passed) = (0_u32, 0_u32);
    for first in (0..root.slots()).step_by(step as usize) {
        // Anywhere in its part: rows may come by turns, the odd ones of one kind.
        let slot = first + (mix(u64::from(first)) % u64::from(step)) as u32;
        if slot < root.slots() && root.is_live(slot) {
            seen += 1;
            passed += u32::from(query.filter.holds(root, slot));
        }
    }
    (f64::from(root.rows()) * f64::from(passed) / f64::from(seen.max(1))) as usize
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn few(rows: u32) -> usize {
    (LIST_FACTOR * f64::from(rows).sqrt()) as usize
}

/// The way by the graph; `None` if comparing all that match is better.
fn way(query: &Query, k: usize) -> Option<Way> {
    let root = &*query.root;
    let measured = root.state.list;
    if root.state.start == NO_SLOT || (measured == 0 && query.width.is_none()) {
        return None;
    }
    let among = query.list.as_deref();
    let matching = match among {
        Some(list) if list.len() <= few(root.rows()) => return None,
        Some(list) => list.len().min(matching(query)),
        None => matching(query),
    };
    if !query.filter.is_trivial() && matching <= few(root.rows()) {
        return None;
    }
    let width = query.width.unwrap_or(match measured {
        0 | NOT_CALIBRATED => DEFAULT_WIDTH,
        measured => usize::from(measured),
    });
    let width = (width + k.saturating_sub(MEASURED_K).saturating_mul(3) / 2).max(k);
    // A walk costs more for each row that it compares, and compares more than it finds.
    if query.width.is_none() && width.saturating_mul(16) > root.rows() as usize {
        return None;
    }
    let among = among.map(|list| SlotSet::new(list, root.slots()));
    Some(Way {
        width,
        matching,
        among,
    })
}

fn hit(root: &Root, key: Key) -> Hit {
    Hit {
        rank: key.rank() + 0.0,
        id: root.id(key.slot()),
        slot: key.slot(),
    }
}

fn budget(matching: usize) -> u64 {
    (matching / 2).max(1) as u64
}

/// Starts a search: all at once if there is a `k`, else row by row.
pub(crate) fn search(
    query: &Query,
    store: &Store,
    k: Option<usize>,
    scratches: &mut Scratches,
) -> Result<Hits, ModuleError> {
    if query.filter.is_empty() {
        return Ok(Hits::Found(Found::default()));
    }
    let Some(way) = way(query, k.unwrap_or(1)) else {
        return Ok(Hits::Found(query.run(store, k)?));
    };
    match k {
        Some(k) if query.bounds.is_empty() => {
            let keys = nearest(query, &way, k, scratches);
            let Some(keys) = keys else {
                return Ok(Hits::Found(query.run(store, Some(k))?));
            };
            let mut found = Found::with_limit(k);
            for key in keys {
                found.push(hit(&query.root, key));
            }
            query.scan_tail(store, &mut found, &|slot| way.passes(query, slot))?;
            found.turn(true);
            Ok(Hits::Found(found))
        }
        _ => Ok(Hits::Stream(Box::new(Stream::new(query, store, way, k)?))),
    }
}

/// The nearest linked rows; `None` if a scan is better after all.
fn nearest(query: &Query, way: &Way, k: usize, scratches: &mut Scratches) -> Option<Vec<Key>> {
    let root = &*query.root;
    let (start, is_rounded) = (root.state.start, root.state.is_rounded);
    if query.filter.is_trivial() && way.among.is_none() {
        let found = query
            .prepared
            .beam(root, start, way.width, &mut scratches.beam);
        let live = found.iter().copied().filter(|key| root.is_live(key.slot()));
        let live = nearest_of(query, live, k);
        if live.len() >= k.min(root.linked_rows() as usize) {
            return Some(live);
        }
    }
    let walk = &mut scratches.walk;
    query.prepared.start(root, start, walk);
    let pass = |slot| way.passes(query, slot);
    let end = query
        .prepared
        .widen(root, walk, way.width, budget(way.matching), pass);
    if end == Filtered::TooFar {
        return None;
    }
    let mut keys = Vec::new();
    walk.take(if is_rounded { way.width } else { k }, &mut keys);
    Some(nearest_of(query, keys.into_iter(), k))
}

/// The `k` nearest of keys that are in order. If that is the order of rounded vectors, the vectors themselves say.
fn nearest_of(query: &Query, keys: impl Iterator<Item = Key>, k: usize) -> Vec<Key> {
    let root = &*query.root;
    let rounded = query.prepared.rounded();
    let Some((kernel, own)) = rounded.filter(|_| root.state.is_rounded) else {
        return keys.take(k).collect();
    };
    let mut nearest = BinaryHeap::with_capacity(k.saturating_add(1).min(1 << 16));
    for key in keys {
        if nearest.len() == k {
            let Some(other) = kernel.read(root.rounded(key.slot())) else {
                break;
            };
            let least = kernel.least(key.rank(), own, other);
            let worst: Option<&Key> = nearest.peek();
            if worst.is_none_or(|worst| least > worst.rank()) {
                continue;
            }
        }
        nearest.push(precise(query, key));
        if nearest.len() > k {
            nearest.pop();
        }
    }
    nearest.into_sorted_vec()
}

/// The key of a slot, with the rank of the vector as it is.
fn precise(query: &Query, key: Key) -> Key {
    if !query.root.state.is_rounded {
        return key;
    }
    Key::new(
        query.prepared.rank(&*query.root, key.slot()) + 0.0,
        key.slot(),
    )
}

/// Rows one by one, nearest first.
pub(crate) struct Stream {
    way: Way,
    walk: Walk,
    batch: usize,
    left: usize,
    /// Found by the walk, with the ranks of vectors as they are.
    taken: BinaryHeap<Reverse<Key>>,
    /// What is left to be found by the walk is no nearer, as far as the walk knows.
    until: f32,
    last: Option<Key>,
    emitted: HashSet<u32>,
    /// Rows that are not linked.
    tail: Found,
    next_of_tail: Option<Hit>,
    is_walking: bool,
    /// What a scan of the rest has found.
    rest: Option<Found>,
}

impl Stream {
    fn new(query: &Query, store: &Store, way: Way, k: Option<usize>) -> Result<Self, ModuleError> {
        let mut tail = Found::with_limit(usize::MAX);
        query.scan_tail(store, &mut tail, &|slot| way.passes(query, slot))?;
        tail.turn(false);
        let root = &*query.root;
        let mut walk = Walk::default();
        query.prepared.start(root, root.state.start, &mut walk);
        Ok(Self {
            batch: way.width.max(16) / 2,
            way,
            walk,
            left: k.unwrap_or(usize::MAX),
            taken: BinaryHeap::new(),
            until: f32::MIN,
            last: None,
            emitted: HashSet::new(),
            next_of_tail: tail.next(),
            tail,
            is_walking: true,
            rest: None,
        })
    }

    fn next(&mut self, query: &Query, store: &Store) -> Result<Option<Hit>, ModuleError> {
        while self.left > 0 {
            let Some(hit) = self.advance(query, store)? else {
                return Ok(None);
            };
            if query.is_within(hit.rank) {
                self.left -= 1;
                return Ok(Some(hit));
            }
            if self.rest.is_none() && query.bounds.iter().any(|test| ends(test, query, &hit)) {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn advance(&mut self, query: &Query, store: &Store) -> Result<Option<Hit>, ModuleError> {
        while self.is_walking
            && self
                .taken
                .peek()
                .is_none_or(|key| key.0.rank() > self.until)
        {
            self.refill(query, store)?;
        }
        if let Some(rest) = &mut self.rest {
            if self.taken.is_empty() && self.next_of_tail.is_none() {
                return Ok(rest.next());
            }
        }
        let walked = self.taken.peek().map(|key| hit(&query.root, key.0));
        match (walked, self.next_of_tail) {
            (None, Some(tail)) => {
                self.next_of_tail = self.tail.next();
                Ok(Some(tail))
            }
            (Some(walked), Some(tail)) if tail < walked => {
                self.next_of_tail = self.tail.next();
                Ok(Some(tail))
            }
            (walked, _) => {
                if let Some(Reverse(key)) = self.taken.pop() {
                    self.last = Some(key);
                    self.emitted.insert(key.slot());
                }
                Ok(walked)
            }
        }
    }

    /// Takes what the walk found. False if there is nothing.
    fn take(&mut self, query: &Query, keys: &[Key]) -> bool {
        let Some(farthest) = keys.last() else {
            return false;
        };
        let root = &*query.root;
        let rounded = query.prepared.rounded();
        let rounded = rounded.filter(|_| root.state.is_rounded);
        let least = rounded.and_then(|(kernel, own)| {
            let other = kernel.read(root.rounded(farthest.slot()))?;
            Some(kernel.least(farthest.rank(), own, other))
        });
        self.until = least.unwrap_or(farthest.rank());
        // One that is nearer than what is gone already is left to the scan, which has its own order.
        let keys = keys.iter().map(|key| precise(query, *key));
        let keys = keys.filter(|key| self.last.is_none_or(|last| *key > last));
        self.taken.extend(keys.map(Reverse));
        true
    }

    /// Walks on. What the walk does not find is found by a scan at the end.
    fn refill(&mut self, query: &Query, store: &Store) -> Result<(), ModuleError> {
        crate::load::look(store)?;
        let root = &*query.root;
        let is_long = self.emitted.len() >= root.rows() as usize / STREAMED_PART;
        if !is_long {
            let way = &self.way;
            let width = way.width.max(self.batch * 2);
            let pass = |slot| way.passes(query, slot);
            let budget = budget(way.matching);
            let end = query
                .prepared
                .widen(root, &mut self.walk, width, budget, pass);
            if end == Filtered::Found {
                let mut keys = Vec::new();
                self.walk.take(self.batch, &mut keys);
                self.batch *= 2;
                if self.take(query, &keys) {
                    return Ok(());
                }
            }
        }
        self.is_walking = false;
        self.taken.clear(); // the scan finds them too
        let mut rest = Found::with_limit(usize::MAX);
        let (way, emitted) = (&self.way, &self.emitted);
        query.scan_linked(store, &mut rest, &|slot| {
            !emitted.contains(&slot) && way.passes(query, slot)
        })?;
        // The tail goes with the rest, in one order.
        while let Some(hit) = self.next_of_tail.take() {
            rest.push(hit);
            self.next_of_tail = self.tail.next();
        }
        rest.turn(false);
        self.rest = Some(rest);
        Ok(())
    }
}

/// Whether no row that is farther can satisfy a term about the distance that this one does not.
fn ends(test: &Test, query: &Query, hit: &Hit) -> bool {
    let is_upper = matches!(
        test,
        Test::Compare(Operator::Less | Operator::LessOrEqual, _)
    );
    is_upper && !test.holds(ferrolite_sqlite::ValueRef::Real(query.distance(hit.rank)))
}

impl Query {
    /// Compares rows that are not linked.
    fn scan_tail(
        &self,
        store: &Store,
        found: &mut Found,
        pass: &dyn Fn(u32) -> bool,
    ) -> Result<(), ModuleError> {
        if self.root.tail() == 0 {
            return Ok(());
        }
        self.compare(
            store,
            found,
            self.root.slots_of(Kind::Tail).filter(|slot| pass(*slot)),
        )
    }

    /// Compares rows that are linked.
    fn scan_linked(
        &self,
        store: &Store,
        found: &mut Found,
        pass: &dyn Fn(u32) -> bool,
    ) -> Result<(), ModuleError> {
        self.compare(
            store,
            found,
            self.root.slots_of(Kind::Linked).filter(|slot| pass(*slot)),
        )
    }
}
