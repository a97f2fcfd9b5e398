//! How wide a beam must be for the recall that is asked for, measured.

use super::arena::Arena;
use super::beam::{beam, Scratch};
use super::parallel::{parallel, Interrupted, Poll};
use super::{Space, Target};

/// Slots held back as queries: on slots that are linked the estimate is far too good.
pub(super) const HELD_BACK: usize = 128;
/// Fewer than this say nothing.
pub(super) const LEAST: usize = 32;
/// The recall of so many is measured.
const K: usize = 10;
const WIDTHS: [u16; 11] = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

/// The least width whose recall of the `queries`, less its standard error, is what is asked for; 0 if a scan of all is
/// cheaper or no width is enough.
#[allow(clippy::cast_precision_loss)] // small counts
pub(super) fn calibrate<S: Space>(
    space: &S,
    arena: &Arena,
    start: u32,
    queries: &[u32],
    recall: f64,
    threads: usize,
    poll: &mut Poll,
) -> Result<u16, Interrupted> {
    let linked: Vec<u32> = (0..arena.slots())
        .filter(|&slot| arena.is_linked(slot))
        .collect();
    let worst = exact(space, &linked, queries, threads, poll)?;
    for width in WIDTHS {
        let each = |(scratch, found): &mut (Scratch, Vec<usize>), i: usize| {
            let target = space.target(queries[i]);
            let near = beam(
                &target,
                arena,
                start,
                arena.slots(),
                usize::from(width),
                scratch,
            );
            found.push(
                near.iter()
                    .take(K)
                    .filter(|key| key.rank() <= worst[i])
                    .count(),
            );
        };
        let states = parallel(queries.len(), threads, poll, Default::default, each)?;
        let compared: u64 = states.iter().map(|(scratch, _)| scratch.compared).sum();
        if compared as f64 * space.walk_cost() > (linked.len() * queries.len()) as f64 {
            return Ok(0);
        }
        let n = queries.len() as f64;
        let recalls = states.iter().flat_map(|(_, found)| found);
        let recalls: Vec<f64> = recalls
            .map(|&found| found as f64 / linked.len().min(K) as f64)
            .collect();
        let mean = recalls.iter().sum::<f64>() / n;
        let variance = recalls.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        if mean - (variance / n).sqrt() >= recall {
            return Ok(width);
        }
    }
    Ok(0)
}

/// The rank of the K-th nearest of each query.
fn exact<S: Space>(
    space: &S,
    linked: &[u32],
    queries: &[u32],
    threads: usize,
    poll: &mut Poll,
) -> Result<Vec<f32>, Interrupted> {
    // Parts of all slots, so that a poll does not wait for a whole scan.
    const PART: usize = 1 << 16;
    let parts = linked.len().div_ceil(PART).max(1);
    let each = |found: &mut Vec<(usize, Vec<f32>)>, i: usize| {
        let (query, part) = (i / parts, i % parts);
        let target = space.target(queries[query]);
        let mut nearest: Vec<f32> = Vec::with_capacity(K + 1);
        for &slot in linked.iter().skip(part * PART).take(PART) {
            let rank = target.rank(slot);
            if nearest.len() < K || nearest.last().is_some_and(|worst| rank < *worst) {
                nearest.insert(nearest.partition_point(|other| *other <= rank), rank);
                nearest.truncate(K);
            }
        }
        found.push((query, nearest));
    };
    let found = parallel(queries.len() * parts, threads, poll, Vec::new, each)?;
    let mut nearest = vec![Vec::new(); queries.len()];
    found
        .into_iter()
        .flatten()
        .for_each(|(query, ranks)| nearest[query].extend(ranks));
    let worst = |mut ranks: Vec<f32>| {
        ranks.sort_unstable_by(f32::total_cmp);
        ranks
            .get(K - 1)
            .or(ranks.last())
            .copied()
            .unwrap_or_default()
    };
    Ok(nearest.into_iter().map(worst).collect())
}
