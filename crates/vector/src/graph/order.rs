//! In which order slots are linked.

use super::key::Key;
use super::parallel::{parallel, Interrupted, Poll};
use super::prune::mix;
use super::{Space, Target};

/// While the graph has fewer slots than this, the order is random: it fits into a cache.
const FIRST: usize = 4096;
/// Places by which slots are sorted: their vectors fit into a cache too.
const MOST_PLACES: usize = 256;
/// Slots that follow each other near one place, before those near another.
pub(super) const RUN: usize = 64;

/// The slots in an order that has nothing to do with how they came, and is the same each time.
#[allow(clippy::cast_possible_truncation)] // a remainder
pub(super) fn shuffled(slots: &[u32]) -> Vec<u32> {
    let mut slots = slots.to_vec();
    for i in (1..slots.len()).rev() {
        slots.swap(i, (mix(i as u64) % (i as u64 + 1)) as usize);
    }
    slots
}

/// Sorts shuffled slots, to be linked to a graph of `linked`, so that what is near follows what is near.
///
/// The walks of such slots meet the same vectors, which are in the cache then. Seen once, on a busy machine, in a plain
/// program that links 60,000 x 100: 14.3 against 17.4 CPU-s.
/// A round has as many slots as the graph before it, and each is spread over all places, so that the graph is as good
/// as one of a random order. Threads work at places that are far from each other: what they link at one time does not
/// see each other.
pub(super) fn by_place<S: Space>(
    space: &S,
    slots: &mut [u32],
    linked: usize,
    threads: usize,
    poll: &mut Poll,
) -> Result<(), Interrupted> {
    let mut done = FIRST.saturating_sub(linked).min(slots.len());
    while done < slots.len() {
        let end = (linked + done * 2).min(slots.len());
        sort(space, &mut slots[done..end], threads, poll)?;
        done = end;
    }
    Ok(())
}

fn sort<S: Space>(
    space: &S,
    round: &mut [u32],
    threads: usize,
    poll: &mut Poll,
) -> Result<(), Interrupted> {
    let places = chain(space, &round[..round.len().isqrt().min(MOST_PLACES)]);
    let slots = &*round;
    let each = |sorted: &mut Vec<([usize; 2], u32)>, i: usize| {
        let target = space.target(slots[i]);
        let (mut first, mut second) = ((f32::INFINITY, 0), (f32::INFINITY, 0));
        for (at, &place) in places.iter().enumerate() {
            let rank = target.rank(place);
            if rank < first.0 {
                second = first;
                first = (rank, at);
            } else if rank < second.0 {
                second = (rank, at);
            }
        }
        sorted.push(([first.1, second.1], slots[i]));
    };
    let sorted = parallel(slots.len(), threads, &mut |_, _| poll(0, 1), Vec::new, each)?;
    let mut sorted = sorted.concat();
    sorted.sort_unstable();
    let part = sorted.len().div_ceil(threads.max(1)).max(1);
    let parts: Vec<_> = sorted.chunks(part).collect();
    let runs = (0..part).step_by(RUN).flat_map(|start| {
        let run = move |part: &&[_]| part.len().min(start)..part.len().min(start + RUN);
        parts.iter().map(move |part| &part[run(part)])
    });
    for (slot, (_, sorted)) in round.iter_mut().zip(runs.flatten()) {
        *slot = *sorted;
    }
    Ok(())
}

/// Slots so that each is near the one before.
fn chain<S: Space>(space: &S, slots: &[u32]) -> Vec<u32> {
    let mut left = slots.to_vec();
    let mut chain: Vec<u32> = left.pop().into_iter().collect();
    while let Some(&last) = chain.last() {
        let target = space.target(last);
        let ranks = left.iter().zip(0..);
        let nearest = ranks
            .map(|(&slot, at)| Key::new(target.rank(slot), at))
            .min();
        let Some(nearest) = nearest else { break };
        chain.push(left.swap_remove(nearest.slot() as usize));
    }
    chain
}
