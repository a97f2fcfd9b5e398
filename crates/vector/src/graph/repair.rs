//! Takes slots out of the graph.

use super::arena::Arena;
use super::parallel::{parallel, Interrupted, Poll};
use super::{Links, Space, Target};

/// Slots that leave the graph.
pub(super) struct Leaving {
    bits: Vec<u64>,
}

impl Leaving {
    pub fn new(slots: u32, leaving: &[u32]) -> Self {
        let mut bits = vec![0; slots.div_ceil(64) as usize];
        for &slot in leaving {
            bits[slot as usize / 64] |= 1 << (slot % 64);
        }
        Self { bits }
    }

    pub fn contains(&self, slot: u32) -> bool {
        self.bits[slot as usize / 64] >> (slot % 64) & 1 == 1
    }
}

/// Turns each edge to a slot that leaves into one to the nearest that this one had an edge to, and takes it out.
pub(super) fn repair<S: Space>(
    space: &S,
    arena: &Arena,
    removed: &[u32],
    leaving: &Leaving,
    threads: usize,
    poll: &mut Poll,
) -> Result<(), Interrupted> {
    // Only the edges of slots that stay are changed, and only those of slots that leave are looked up.
    const SLOTS: u32 = 64;
    let chunks = arena.slots().div_ceil(SLOTS) as usize;
    let each = |edges: &mut Vec<u32>, chunk: usize| {
        #[allow(clippy::cast_possible_truncation)] // fewer than there are slots
        let start = chunk as u32 * SLOTS;
        for slot in start..arena.slots().min(start + SLOTS) {
            if !leaving.contains(slot) {
                repair_one(space, arena, leaving, slot, edges);
            }
        }
    };
    parallel(chunks, threads, &mut |_, _| poll(0, 1), Vec::new, each)?;
    for &slot in removed {
        arena.unlink(slot);
    }
    Ok(())
}

fn repair_one<S: Space>(
    space: &S,
    arena: &Arena,
    leaving: &Leaving,
    slot: u32,
    edges: &mut Vec<u32>,
) {
    edges.clear();
    let mut leave = Vec::new();
    arena.each(slot, |edge| {
        let list = if leaving.contains(edge) {
            &mut leave
        } else {
            &mut *edges
        };
        list.push(edge);
    });
    if leave.is_empty() {
        return;
    }
    let target = space.target(slot);
    for gone in leave {
        let mut nearest: Option<(f32, u32)> = None;
        arena.each(gone, |next| {
            if next == slot || leaving.contains(next) || edges.contains(&next) {
                return;
            }
            let rank = target.rank(next);
            if nearest.is_none_or(|(least, _)| rank < least) {
                nearest = Some((rank, next));
            }
        });
        edges.extend(nearest.map(|(_, next)| next));
    }
    arena.set(slot, edges);
}

/// The slot from which walks start when `start` leaves: the first that stays, met from there.
pub(super) fn next_start(arena: &Arena, leaving: &Leaving, start: u32) -> Option<u32> {
    let mut met = vec![false; arena.slots() as usize];
    met[start as usize] = true;
    let mut queue = vec![start];
    let mut next = 0;
    while let Some(&slot) = queue.get(next) {
        if !leaving.contains(slot) {
            return Some(slot);
        }
        arena.each(slot, |edge| {
            if !std::mem::replace(&mut met[edge as usize], true) {
                queue.push(edge);
            }
        });
        next += 1;
    }
    None
}
