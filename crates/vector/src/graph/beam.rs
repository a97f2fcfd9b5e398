//! The walk that keeps the L nearest it has seen, and goes on from the nearest where it has not been.

use super::key::Key;
use super::prune::mix;
use super::visited::Visited;
use super::{Links, Target};

/// What a walk needs, kept for the next one.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) visited: Visited,
    pub(super) fresh: Vec<u32>,
    beam: Vec<Key>,
    /// The slots whose edges were followed, in the order of that.
    pub(super) expanded: Vec<Key>,
    /// How many ranks were asked for, ever.
    pub compared: u64,
}

impl Scratch {
    /// The slots that an edge leads to and where the walk has not been: [`Scratch::fresh`].
    #[inline]
    pub(super) fn gather(&mut self, target: &impl Target, links: &impl Links, slot: u32) {
        let (visited, fresh) = (&mut self.visited, &mut self.fresh);
        fresh.clear();
        links.each(slot, |next| {
            if visited.insert(next) {
                fresh.push(next);
            }
        });
        self.compared += fresh.len() as u64;
        self.touch(target);
    }

    /// All are on their way from memory while the first is compared.
    #[inline]
    fn touch(&self, target: &impl Target) {
        let fresh = self.fresh.iter();
        std::hint::black_box(fresh.fold(0, |sum, &next| sum ^ target.touch(next)));
    }

    /// Begins anew with the slots that a search walks from.
    pub(super) fn seed(
        &mut self,
        target: &impl Target,
        links: &impl Links,
        start: u32,
        slots: u32,
    ) {
        self.visited.reset(slots);
        self.fresh.clear();
        self.fresh.push(start);
        let part = slots / SEEDS;
        if part > 0 {
            // Anywhere in its part: rows may come by turns.
            #[allow(clippy::cast_possible_truncation)] // a remainder
            let any = |i: u32| i * part + (mix(u64::from(i)) % u64::from(part)) as u32;
            let seeds = (0..SEEDS).map(any);
            self.fresh
                .extend(seeds.filter(|&slot| slot != start && links.has(slot)));
        }
        self.touch(target);
    }
}

/// Slots from which searches walk, besides the start: among vectors in clusters that are far from each other, a walk
/// from one place ends in the wrong one.
const SEEDS: u32 = 32;

/// Finds the `width` slots nearest to the target, nearest first, walking from `start`. `slots` is how many there are.
pub fn beam<'s>(
    target: &impl Target,
    links: &impl Links,
    start: u32,
    slots: u32,
    width: usize,
    scratch: &'s mut Scratch,
) -> &'s [Key] {
    scratch.visited.reset(slots);
    scratch.fresh.clear();
    scratch.fresh.push(start);
    walk(target, links, width, scratch)
}

/// The same, walking from slots all over the graph too.
pub fn search<'s>(
    target: &impl Target,
    links: &impl Links,
    start: u32,
    slots: u32,
    width: usize,
    scratch: &'s mut Scratch,
) -> &'s [Key] {
    scratch.seed(target, links, start, slots);
    walk(target, links, width, scratch)
}

/// Walks from the slots in [`Scratch::fresh`].
fn walk<'s>(
    target: &impl Target,
    links: &impl Links,
    width: usize,
    scratch: &'s mut Scratch,
) -> &'s [Key] {
    scratch.expanded.clear();
    let mut beam = std::mem::take(&mut scratch.beam);
    beam.clear();
    beam.reserve(width + 1);
    scratch.compared += scratch.fresh.len() as u64;
    for &slot in &scratch.fresh {
        if scratch.visited.insert(slot) {
            beam.push(Key::new(target.rank(slot), slot));
        }
    }
    beam.sort_unstable();
    beam.truncate(width);
    let mut next = 0;
    while let Some(key) = beam.get_mut(next) {
        let current = *key;
        *key = current.expanded();
        scratch.expanded.push(current);
        scratch.gather(target, links, current.slot());
        let mut nearest = next + 1;
        for &slot in &scratch.fresh {
            let key = Key::new(target.rank(slot), slot);
            if beam.len() == width {
                if beam.last().is_some_and(|last| key >= *last) {
                    continue;
                }
                beam.pop();
            }
            let at = beam.partition_point(|other| *other < key);
            beam.insert(at, key);
            if at < nearest {
                // Its edges may be followed next.
                nearest = at;
                std::hint::black_box(links.touch(slot));
            }
        }
        next = nearest;
        while beam.get(next).is_some_and(|key| key.is_expanded()) {
            next += 1;
        }
    }
    scratch.beam = beam;
    &scratch.beam
}
