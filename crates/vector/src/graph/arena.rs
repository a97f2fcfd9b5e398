//! The edges of a graph while it is built, which many threads change.

use std::sync::atomic::{
    AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Links;

/// The count of a node that has no edges because it is not in the graph.
const NOT_LINKED: u32 = u32::MAX;
/// Nodes a chunk: chunks are freed one by one as they are written away.
const CHUNK: u32 = 4096;
/// A node's lock is one of these: so many that threads seldom want the same.
const LOCKS: usize = 1024;

/// Edges by slot, with room for some more than the graph may have in the end.
///
/// A reader takes no lock. It may see a list that is half old and half new: every slot in it is in the graph all the
/// same.
#[derive(Debug)]
pub struct Arena {
    slots: u32,
    /// Edges a node has room for.
    room: usize,
    /// A count, then the edges, for each node.
    chunks: Vec<Box<[AtomicU32]>>,
    changed: Vec<AtomicU64>,
    locks: Vec<Mutex<()>>,
}

impl Arena {
    pub(super) fn new(slots: u32, room: usize) -> Self {
        let words = |count: usize| (0..count).map(|_| AtomicU32::new(0));
        let chunk = |_| {
            let chunk: Box<[AtomicU32]> = words(CHUNK as usize * (room + 1)).collect();
            chunk
                .iter()
                .step_by(room + 1)
                .for_each(|count| count.store(NOT_LINKED, Relaxed));
            chunk
        };
        Self {
            slots,
            room,
            chunks: (0..slots.div_ceil(CHUNK)).map(chunk).collect(),
            changed: (0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
        }
    }

    /// How many slots there are.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// The count and the edges of a node.
    #[inline]
    fn node(&self, slot: u32) -> (&AtomicU32, &[AtomicU32]) {
        let start = (slot % CHUNK) as usize * (self.room + 1);
        let node = &self.chunks[(slot / CHUNK) as usize][start..=start + self.room];
        (&node[0], &node[1..])
    }

    /// Whether a slot is in the graph.
    pub fn is_linked(&self, slot: u32) -> bool {
        self.node(slot).0.load(Relaxed) != NOT_LINKED
    }

    /// The number of edges of a node; none, if it is not in the graph.
    pub(super) fn count(&self, slot: u32) -> usize {
        let count = self.node(slot).0.load(Acquire);
        if count == NOT_LINKED {
            0
        } else {
            count as usize
        }
    }

    /// Whether the edges of a node were changed.
    pub fn is_changed(&self, slot: u32) -> bool {
        self.changed[slot as usize / 64].load(Relaxed) >> (slot % 64) & 1 == 1
    }

    /// The edges of a node, or None if it is not in the graph.
    pub fn edges(&self, slot: u32) -> Option<Vec<u32>> {
        let mut edges = Vec::new();
        self.is_linked(slot)
            .then(|| self.each(slot, |edge| edges.push(edge)))?;
        Some(edges)
    }

    /// What the caller holds while it changes the edges of a node. One at a time: two might be the same lock.
    pub(super) fn lock(&self, slot: u32) -> MutexGuard<'_, ()> {
        self.locks[slot as usize % LOCKS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the edges of a node, at most as many as there is room for.
    pub(super) fn set(&self, slot: u32, edges: &[u32]) {
        self.copy(slot, edges);
        self.changed[slot as usize / 64].fetch_or(1 << (slot % 64), Relaxed);
    }

    /// Sets the edges of a node as they are outside.
    #[allow(clippy::cast_possible_truncation)] // at most `room`
    pub(super) fn copy(&self, slot: u32, edges: &[u32]) {
        let (count, places) = self.node(slot);
        for (place, &edge) in places.iter().zip(edges) {
            place.store(edge, Relaxed);
        }
        count.store(edges.len().min(self.room) as u32, Release);
    }

    /// Adds an edge if there is room.
    #[allow(clippy::cast_possible_truncation)] // at most `room`
    pub(super) fn push(&self, slot: u32, edge: u32) -> bool {
        let (count, places) = self.node(slot);
        let used = self.count(slot);
        let Some(place) = places.get(used) else {
            return false;
        };
        place.store(edge, Relaxed);
        count.store(used as u32 + 1, Release);
        self.changed[slot as usize / 64].fetch_or(1 << (slot % 64), Relaxed);
        true
    }

    /// Takes a node out of the graph.
    pub(super) fn unlink(&self, slot: u32) {
        self.node(slot).0.store(NOT_LINKED, Relaxed);
        self.changed[slot as usize / 64].fetch_or(1 << (slot % 64), Relaxed);
    }

    /// Calls for each slot, in order, with the edges of its node, and frees memory as it goes.
    pub fn drain(self, mut call: impl FnMut(u32, Option<&[u32]>)) {
        let mut edges = Vec::new();
        let mut slot = 0;
        for chunk in self.chunks {
            for node in chunk
                .chunks_exact(self.room + 1)
                .take((self.slots - slot) as usize)
            {
                let count = node[0].load(Relaxed);
                edges.clear();
                if count != NOT_LINKED {
                    edges.extend(
                        node[1..]
                            .iter()
                            .take(count as usize)
                            .map(|e| e.load(Relaxed)),
                    );
                }
                call(slot, (count != NOT_LINKED).then_some(&edges));
                slot += 1;
            }
        }
    }
}

impl Links for Arena {
    fn has(&self, slot: u32) -> bool {
        self.is_linked(slot)
    }

    #[inline]
    fn each(&self, slot: u32, mut call: impl FnMut(u32)) {
        let (count, places) = self.node(slot);
        let count = count.load(Acquire);
        if count == NOT_LINKED {
            return;
        }
        for place in places.iter().take(count as usize) {
            call(place.load(Relaxed));
        }
    }

    #[inline]
    fn touch(&self, slot: u32) -> u32 {
        let (count, places) = self.node(slot);
        let lines = places.iter().step_by(16);
        lines.fold(count.load(Relaxed), |sum, line| sum ^ line.load(Relaxed))
    }
}
