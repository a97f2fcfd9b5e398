//! Sees to it that every slot in the graph is reached from the start.

use super::arena::Arena;
use super::beam::{beam, Scratch};
use super::options::Options;
use super::{Links, Space};

/// From which slot a slot was first reached.
const NOT_REACHED: u32 = u32::MAX;

/// A tree of edges by which slots are reached.
struct Tree<'a> {
    arena: &'a Arena,
    parents: Vec<u32>,
    queue: Vec<u32>,
}

impl Tree<'_> {
    /// Reaches a slot by an edge of `parent`, and all that are reached from there.
    fn grow(&mut self, slot: u32, parent: u32) {
        self.parents[slot as usize] = parent;
        self.queue.push(slot);
        while let Some(slot) = self.queue.pop() {
            let (parents, queue) = (&mut self.parents, &mut self.queue);
            self.arena.each(slot, |next| {
                if let Some(parent @ &mut NOT_REACHED) = parents.get_mut(next as usize) {
                    *parent = slot;
                    queue.push(next);
                }
            });
        }
    }

    /// Gives `from`, which is reached, an edge to `to`. If it has as many as it may have, one goes that reaches
    /// nothing by itself: one that is not in the tree.
    fn attach(&mut self, from: u32, to: u32, degree: usize) -> bool {
        let mut edges = self.arena.edges(from).unwrap_or_default();
        if edges.len() < degree {
            edges.push(to);
        } else {
            let spare = |&edge: &u32| self.parents[edge as usize] != from;
            let Some(place) = edges.iter().rposition(spare) else {
                return false;
            };
            edges[place] = to;
        }
        self.arena.set(from, &edges);
        self.grow(to, from);
        true
    }
}

/// How many slots had to be given an edge.
pub(super) fn reach_all<S: Space>(
    space: &S,
    arena: &Arena,
    options: &Options,
    start: u32,
    mut stop: impl FnMut() -> bool,
) -> Option<usize> {
    let parents = vec![NOT_REACHED; arena.slots() as usize];
    let mut tree = Tree {
        arena,
        parents,
        queue: Vec::new(),
    };
    let mut scratch = Scratch::default();
    let mut attached = 0;
    tree.grow(start, start);
    for slot in 0..arena.slots() {
        if tree.parents[slot as usize] != NOT_REACHED || !arena.is_linked(slot) {
            continue;
        }
        if stop() {
            return None;
        }
        let target = space.target(slot);
        let near = beam(
            &target,
            arena,
            start,
            arena.slots(),
            options.width,
            &mut scratch,
        );
        // Somewhere an edge is to be spared: a tree has fewer edges than it has slots.
        let all = near.iter().map(|key| key.slot()).chain(0..arena.slots());
        let reached = all.filter(|&from| from != slot);
        for from in reached {
            if tree.parents[from as usize] != NOT_REACHED && tree.attach(from, slot, options.degree)
            {
                break;
            }
        }
        attached += 1;
    }
    Some(attached)
}

/// The first slot in the graph, if any, that is not reached from the start, or an edge to one that is not in the graph.
pub fn unreached(arena: &Arena, start: u32) -> Option<u32> {
    let parents = vec![NOT_REACHED; arena.slots() as usize];
    let mut tree = Tree {
        arena,
        parents,
        queue: Vec::new(),
    };
    tree.grow(start, start);
    (0..arena.slots())
        .find(|&slot| arena.is_linked(slot) != (tree.parents[slot as usize] != NOT_REACHED))
}
