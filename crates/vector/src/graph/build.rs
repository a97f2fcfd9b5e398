//! Builds a graph, or takes slots into one and out of it.

use super::arena::Arena;
use super::calibrate::{HeldBack, HELD_BACK, LEAST};
use super::link::Linker;
use super::options::Options;
use super::order::{by_place, shuffled};
use super::parallel::{parallel, Interrupted, Poll};
use super::reach::reach_all;
use super::repair::{next_start, repair, Leaving};
use super::start::middle;
use super::Space;

/// What a graph is made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work<'a> {
    /// How many slots there are, linked and not.
    pub slots: u32,
    /// Where walks start in the graph that there is.
    pub start: Option<u32>,
    /// Slots to be linked.
    pub add: &'a [u32],
    /// Linked slots to be taken out.
    pub remove: &'a [u32],
    /// Measures how wide a beam gives this recall.
    pub recall: Option<f64>,
    /// Whether the graph that there is was made of rounded vectors. A new one is if it is measured, and they serve.
    pub is_rounded: bool,
}

/// A graph that was made.
#[derive(Debug)]
pub struct Merged {
    /// Its edges, and which of them changed.
    pub arena: Arena,
    /// Where walks start; None if the graph is empty.
    pub start: Option<u32>,
    /// The width of the beam, if it was measured: 0 if a scan of all is better.
    pub width: Option<u16>,
    /// Whether walks compare rounded vectors.
    pub is_rounded: bool,
    /// How many ranks were asked for.
    pub compared: u64,
}

/// Edges beyond the degree, before they are pruned back.
fn room(degree: usize) -> usize {
    degree + degree * 3 / 10
}

/// Slots are linked one after the other until the graph has this many.
const ALONE: usize = 64;

/// Makes a graph of one that there is, `edges` of its slots, or of nothing. One thread makes the same graph each time.
pub fn merge<'e, S: Space>(
    space: &mut S,
    options: &Options,
    work: &Work,
    edges: impl Fn(u32) -> Option<&'e [u32]>,
    poll: &mut Poll,
) -> Result<Merged, Interrupted> {
    let is_rounded = space.round(work.is_rounded);
    let arena = Arena::new(work.slots, room(options.degree));
    let all = work.remove.len() + work.add.len();
    let (mut start, mut linked) = (None, 0);
    if let Some(old) = work.start {
        linked = copy(&arena, work.slots, edges);
        start = Some(old);
        if !work.remove.is_empty() {
            let leaving = Leaving::new(work.slots, work.remove);
            start = next_start(&arena, &leaving, old);
            repair(
                &*space,
                &arena,
                work.remove,
                &leaving,
                options.threads,
                &mut |done, _| poll(done, all),
            )?;
        }
    }
    let mut add = shuffled(work.add);
    let is_new = start.is_none();
    if is_new {
        start = middle(&*space, &add);
        if let Some(start) = start {
            add.retain(|&slot| slot != start);
            arena.set(start, &[]);
        }
    }
    let Some(start) = start else {
        return Ok(Merged {
            arena,
            start: None,
            width: None,
            is_rounded,
            compared: 0,
        });
    };
    let mut merging = Merging {
        space,
        options,
        arena,
        start,
        linked,
        is_new,
        compared: 0,
    };
    // Some are done already: those that leave, and the first of a new graph.
    let before = all - add.len();
    let width = merging.link_and_measure(&mut add, work.recall, &mut |done, _| {
        poll(done + before, all)
    })?;
    let Merging {
        arena,
        compared,
        space,
        ..
    } = merging;
    Ok(Merged {
        arena,
        start: Some(start),
        width,
        is_rounded: space.is_rounded(),
        compared,
    })
}

/// Copies the edges that there are, and says how many slots have some.
fn copy<'e>(arena: &Arena, slots: u32, edges: impl Fn(u32) -> Option<&'e [u32]>) -> usize {
    let linked = (0..slots).filter_map(|slot| Some((slot, edges(slot)?)));
    linked.map(|(slot, edges)| arena.copy(slot, edges)).count()
}

struct Merging<'a, S> {
    space: &'a mut S,
    options: &'a Options,
    arena: Arena,
    start: u32,
    /// How many slots were in the graph before.
    linked: usize,
    /// Nothing was in the graph before.
    is_new: bool,
    compared: u64,
}

impl<S: Space> Merging<'_, S> {
    fn link_and_measure(
        &mut self,
        add: &mut [u32],
        recall: Option<f64>,
        poll: &mut Poll,
    ) -> Result<Option<u16>, Interrupted> {
        let total = add.len();
        let measured = recall.filter(|_| total >= LEAST * 2);
        let count = if measured.is_some() {
            HELD_BACK.min(total / 2)
        } else {
            0
        };
        let (first, last) = add.split_at_mut(total - count);
        let threads = self.options.threads;
        let held_back = match measured {
            Some(_) => Some(self.hold_back(first, last, &mut |_, _| poll(0, total))?),
            None => None,
        };
        by_place(&*self.space, first, self.linked, threads, &mut |_, _| {
            poll(0, total)
        })?;
        // Alone until there is a graph to walk, then together.
        let (alone, together) = first.split_at(first.len().min(ALONE));
        self.link(alone, 1, &mut |done, _| poll(done, total))?;
        self.link(together, threads, &mut |done, _| {
            poll(alone.len() + done, total)
        })?;
        let mut width = None;
        if let (Some(recall), Some(held_back)) = (measured, held_back) {
            self.finish(&mut |_, _| poll(first.len(), total))?;
            let arena = &self.arena;
            let mut poll = |_, _| poll(first.len(), total);
            width = Some(held_back.width(
                &*self.space,
                arena,
                self.start,
                recall,
                threads,
                &mut poll,
            )?);
            self.link(last, threads, &mut poll)?;
        }
        self.finish(&mut |_, _| poll(total, total))?;
        Ok(width)
    }

    /// What the slots held back are to find. A new graph is made of rounded vectors if those find it.
    fn hold_back(
        &mut self,
        first: &[u32],
        last: &[u32],
        poll: &mut Poll,
    ) -> Result<HeldBack, Interrupted> {
        let threads = self.options.threads;
        let mut others = first.to_vec();
        others.extend((0..self.arena.slots()).filter(|slot| self.arena.is_linked(*slot)));
        let held_back = HeldBack::new(&*self.space, &others, last, threads, poll)?;
        if self.is_new && self.space.round(true) {
            let serves = held_back.is_found_rounded(&*self.space, &others, threads, poll)?;
            self.space.round(serves);
        }
        Ok(held_back)
    }

    fn link(&mut self, slots: &[u32], threads: usize, poll: &mut Poll) -> Result<(), Interrupted> {
        let (space, options) = (&*self.space, self.options);
        let (arena, start) = (&self.arena, self.start);
        let each = |linker: &mut Linker, i: usize| {
            linker.link(space, arena, options, start, slots[i]);
        };
        let linkers = parallel(slots.len(), threads, poll, Linker::default, each)?;
        self.compared += linkers.iter().map(Linker::compared).sum::<u64>();
        Ok(())
    }

    /// Prunes back what has more edges than it may have, and makes everything reached.
    fn finish(&mut self, poll: &mut Poll) -> Result<(), Interrupted> {
        let (space, options, arena) = (&*self.space, self.options, &self.arena);
        #[allow(clippy::cast_possible_truncation)] // fewer than there are slots
        let each = |linker: &mut Linker, i: usize| {
            let slot = i as u32;
            if arena.count(slot) > options.degree {
                linker.shorten(space, arena, options, slot, None);
            }
        };
        let slots = arena.slots() as usize;
        let linkers = parallel(slots, options.threads, poll, Linker::default, each)?;
        self.compared += linkers.iter().map(Linker::compared).sum::<u64>();
        reach_all(space, arena, options, self.start, || poll(0, 1))
            .ok_or(Interrupted)
            .map(|_| ())
    }
}
