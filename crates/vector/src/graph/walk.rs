//! A walk that finds what passes a test, and can be gone on with.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::beam::Scratch;
use super::key::Key;
use super::{Links, Target};

/// How a search with a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filtered {
    /// The nearest that pass were found, as far as the width of the beam goes.
    Found,
    /// Every slot that can be reached was compared.
    Exhausted,
    /// So much was compared that a scan would have been cheaper.
    TooFar,
}

/// A walk from a start, whose beam can grow: the slots that pass a test come out in order of distance.
#[derive(Debug, Default)]
pub struct Walk {
    scratch: Scratch,
    /// Seen, and their edges not followed yet.
    frontier: BinaryHeap<Reverse<Key>>,
    /// The nearest that passed, the farthest of them first.
    near: BinaryHeap<Key>,
    /// Passed too, but not among the nearest.
    far: Vec<Key>,
    late: Vec<Key>,
    last: Option<Key>,
    /// Where the walk began, until it goes on from there.
    untested: Vec<Key>,
}

impl Walk {
    /// Begins a walk. What an earlier one took of memory is used again.
    pub fn start(&mut self, target: &impl Target, links: &impl Links, start: u32, slots: u32) {
        let scratch = &mut self.scratch;
        scratch.seed(target, links, start, slots);
        scratch.compared = scratch.fresh.len() as u64;
        self.frontier.clear();
        self.near.clear();
        self.far.clear();
        self.late.clear();
        self.last = None;
        self.untested.clear();
        for &slot in &scratch.fresh {
            if scratch.visited.insert(slot) {
                let key = Key::new(target.rank(slot), slot);
                self.frontier.push(Reverse(key));
                self.untested.push(key);
            }
        }
    }

    /// How many slots were compared since the start.
    pub fn compared(&self) -> u64 {
        self.scratch.compared
    }

    /// Walks on until `width` slots that pass, and were not taken, are nearer than all that is left to follow; or
    /// until more than `budget` were compared since the start.
    ///
    /// `pass` is asked once for each slot that is met.
    pub fn widen(
        &mut self,
        target: &impl Target,
        links: &impl Links,
        width: usize,
        budget: u64,
        mut pass: impl FnMut(u32) -> bool,
    ) -> Filtered {
        self.near.extend(self.far.drain(..));
        while self.near.len() > width {
            self.far.extend(self.near.pop());
        }
        while let Some(key) = self.untested.pop() {
            if pass(key.slot()) {
                self.found(key, width);
            }
        }
        while let Some(Reverse(current)) = self.frontier.pop() {
            if self.near.len() >= width && self.near.peek().is_none_or(|worst| current > *worst) {
                self.frontier.push(Reverse(current));
                return Filtered::Found;
            }
            if self.scratch.compared > budget {
                self.frontier.push(Reverse(current));
                return Filtered::TooFar;
            }
            self.scratch.gather(target, links, current.slot());
            for i in 0..self.scratch.fresh.len() {
                let slot = self.scratch.fresh[i];
                let key = Key::new(target.rank(slot), slot);
                self.frontier.push(Reverse(key));
                if pass(slot) {
                    self.found(key, width);
                }
            }
        }
        Filtered::Exhausted
    }

    fn found(&mut self, key: Key, width: usize) {
        if self.near.len() < width {
            self.near.push(key);
        } else if let Some(mut worst) = self.near.peek_mut() {
            if key < *worst {
                self.far.push(std::mem::replace(&mut *worst, key));
            } else {
                drop(worst);
                self.far.push(key);
            }
        }
    }

    /// Takes the nearest `count` of those found into `out`, nearest first. Those nearer than one that was taken
    /// before are put by: [`Walk::late`].
    pub fn take(&mut self, count: usize, out: &mut Vec<Key>) {
        let mut near = std::mem::take(&mut self.near).into_sorted_vec();
        let late = self
            .last
            .map_or(0, |last| near.partition_point(|key| *key < last));
        self.late.extend(near.drain(..late));
        let count = count.min(near.len());
        out.extend(near.drain(..count));
        self.last = out.last().copied().or(self.last);
        self.near = near.into();
    }

    /// Slots that were found after farther ones had been taken.
    pub fn late(&self) -> &[Key] {
        &self.late
    }
}
