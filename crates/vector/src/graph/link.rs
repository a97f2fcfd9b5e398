//! Gives a slot its edges, and those it has edges to an edge back.

use super::arena::Arena;
use super::beam::{beam, Scratch};
use super::key::Key;
use super::options::Options;
use super::prune::Pruner;
use super::{Links, Space, Target};

/// Up to this part of a node's edges are left out one by one.
const FEW_PART: usize = 8;

/// What linking needs, for each thread.
#[derive(Debug, Default)]
pub(super) struct Linker {
    pub scratch: Scratch,
    pub pruner: Pruner,
    keys: Vec<Key>,
    edges: Vec<u32>,
}

impl Linker {
    /// How many ranks were asked for, ever.
    pub fn compared(&self) -> u64 {
        self.scratch.compared + self.pruner.compared
    }

    /// Links a slot into the graph that has `start` in it.
    pub fn link<S: Space>(
        &mut self,
        space: &S,
        arena: &Arena,
        options: &Options,
        start: u32,
        slot: u32,
    ) {
        let target = space.target(slot);
        beam(
            &target,
            arena,
            start,
            arena.slots(),
            options.width,
            &mut self.scratch,
        );
        self.scratch.expanded.sort_unstable();
        let nearby = self.scratch.expanded.iter().copied();
        self.pruner
            .prune(space, slot, nearby, options.degree, options.alpha);
        std::mem::swap(&mut self.edges, &mut self.pruner.edges);
        {
            let _lock = arena.lock(slot);
            arena.set(slot, &self.edges);
        }
        for i in 0..self.edges.len() {
            self.link_back(space, arena, options, self.edges[i], slot);
        }
    }

    fn link_back<S: Space>(
        &mut self,
        space: &S,
        arena: &Arena,
        options: &Options,
        slot: u32,
        edge: u32,
    ) {
        let _lock = arena.lock(slot);
        let mut has_it = false;
        arena.each(slot, |other| has_it |= other == edge);
        if has_it || arena.push(slot, edge) {
            return;
        }
        self.shorten(space, arena, options, slot, Some(edge));
    }

    /// Prunes the edges of a node, and one more. The caller holds its lock.
    pub fn shorten<S: Space>(
        &mut self,
        space: &S,
        arena: &Arena,
        options: &Options,
        slot: u32,
        edge: Option<u32>,
    ) {
        let target = space.target(slot);
        self.keys.clear();
        let keys = &mut self.keys;
        arena.each(slot, |other| keys.push(Key::new(target.rank(other), other)));
        keys.extend(edge.map(|edge| Key::new(target.rank(edge), edge)));
        keys.sort_unstable();
        keys.dedup();
        self.scratch.compared += keys.len() as u64;
        let is_few = self.keys.len() <= options.degree + options.degree / FEW_PART;
        if !is_few || !self.pruner.trim(space, &self.keys, options.degree) {
            let nearby = self.keys.iter().copied();
            self.pruner
                .prune(space, slot, nearby, options.degree, options.alpha);
        }
        arena.set(slot, &self.pruner.edges);
    }
}
