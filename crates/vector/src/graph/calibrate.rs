//! How wide a beam must be for the recall that is asked for, measured.

use super::arena::Arena;
use super::beam::{search, Scratch};
use super::parallel::{parallel, Interrupted, Poll};
use super::{Space, Target};

/// Slots held back as queries: on slots that are linked the estimate is far too good.
pub(super) const HELD_BACK: usize = 128;
/// Fewer than this say nothing.
pub(super) const LEAST: usize = 32;
/// The recall of so many is measured.
const K: usize = 10;
/// Widths that are tried, as long as walks are cheaper than a scan.
const WIDTHS: [u16; 17] = [
    16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096,
];
/// Among so many of the nearest rounded vectors the K nearest are to be.
const NEAREST_ROUNDED: usize = 4 * K;
/// So much of them at least.
const FOUND_ROUNDED: f64 = 0.998;

/// Slots that are queries, and what they are to find.
pub(super) struct HeldBack {
    queries: Vec<u32>,
    /// The rank of the K-th nearest of each.
    worst: Vec<f32>,
    /// How many there were to be found.
    others: usize,
}

impl HeldBack {
    /// Compares the queries with all `others`.
    pub fn new<S: Space>(
        space: &S,
        others: &[u32],
        queries: &[u32],
        threads: usize,
        poll: &mut Poll,
    ) -> Result<Self, Interrupted> {
        let target = |query| space.precise(query);
        let nearest = nearest(target, others, queries, K, threads, poll)?;
        let worst = nearest
            .iter()
            .map(|found| found.last().map_or(0.0, |last| last.0));
        Ok(Self {
            worst: worst.collect(),
            queries: queries.to_vec(),
            others: others.len(),
        })
    }

    /// Whether the nearest are among the nearest of the space's rounded vectors.
    #[allow(clippy::cast_precision_loss)] // small counts
    pub fn is_found_rounded<S: Space>(
        &self,
        space: &S,
        others: &[u32],
        threads: usize,
        poll: &mut Poll,
    ) -> Result<bool, Interrupted> {
        // A quarter of the queries says enough.
        let queries = &self.queries[..self.queries.len().div_ceil(4)];
        let target = |query| space.query(query);
        let nearest = nearest(target, others, queries, NEAREST_ROUNDED, threads, poll)?;
        let mut found = 0;
        for ((query, worst), nearest) in queries.iter().zip(&self.worst).zip(&nearest) {
            let target = space.precise(*query);
            let is_near = |(_, slot): &&(f32, u32)| target.rank(*slot) <= *worst;
            found += nearest.iter().filter(is_near).count().min(K);
        }
        let wanted = queries.len() * self.others.min(K);
        Ok(found as f64 >= wanted as f64 * FOUND_ROUNDED)
    }

    /// The least width whose recall of the queries, less its standard error, is what is asked for; 0 if a scan of all
    /// is cheaper or no width is enough.
    #[allow(clippy::cast_precision_loss)] // small counts
    pub fn width<S: Space>(
        &self,
        space: &S,
        arena: &Arena,
        start: u32,
        recall: f64,
        threads: usize,
        poll: &mut Poll,
    ) -> Result<u16, Interrupted> {
        let queries = &self.queries;
        for width in WIDTHS {
            let each = |(scratch, found): &mut (Scratch, Vec<usize>), i: usize| {
                let target = space.query(queries[i]);
                let precise = space.precise(queries[i]);
                let slots = arena.slots();
                let near = search(&target, arena, start, slots, usize::from(width), scratch);
                let ranks = near.iter().map(|key| precise.rank(key.slot()));
                found.push(ranks.filter(|rank| *rank <= self.worst[i]).count().min(K));
            };
            let states = parallel(queries.len(), threads, poll, Default::default, each)?;
            let compared: u64 = states.iter().map(|(scratch, _)| scratch.compared).sum();
            if compared as f64 * space.walk_cost() > (self.others * queries.len()) as f64 {
                return Ok(0);
            }
            let n = queries.len() as f64;
            let recalls = states.iter().flat_map(|(_, found)| found);
            let recalls: Vec<f64> = recalls
                .map(|&found| found as f64 / self.others.min(K) as f64)
                .collect();
            let mean = recalls.iter().sum::<f64>() / n;
            let squares = recalls.iter().map(|r| (r - mean).powi(2));
            let variance = squares.sum::<f64>() / (n - 1.0).max(1.0);
            if mean - (variance / n).sqrt() >= recall {
                return Ok(width);
            }
        }
        Ok(0)
    }
}

/// The `count` nearest of each query among `others`, by rank.
fn nearest<T: Target>(
    target: impl Fn(u32) -> T + Sync,
    others: &[u32],
    queries: &[u32],
    count: usize,
    threads: usize,
    poll: &mut Poll,
) -> Result<Vec<Vec<(f32, u32)>>, Interrupted> {
    // Parts of all slots, so that a poll does not wait for a whole scan.
    const PART: usize = 1 << 16;
    let parts = others.len().div_ceil(PART).max(1);
    let each = |found: &mut Vec<(usize, Vec<(f32, u32)>)>, i: usize| {
        let (query, part) = (i / parts, i % parts);
        let target = target(queries[query]);
        let mut nearest: Vec<(f32, u32)> = Vec::with_capacity(count + 1);
        for &slot in others.iter().skip(part * PART).take(PART) {
            let rank = target.rank(slot);
            if nearest.len() < count || nearest.last().is_some_and(|worst| rank < worst.0) {
                nearest.insert(
                    nearest.partition_point(|other| other.0 <= rank),
                    (rank, slot),
                );
                nearest.truncate(count);
            }
        }
        found.push((query, nearest));
    };
    let found = parallel(queries.len() * parts, threads, poll, Vec::new, each)?;
    let mut nearest = vec![Vec::new(); queries.len()];
    for (query, ranks) in found.into_iter().flatten() {
        nearest[query].extend(ranks);
    }
    for ranks in &mut nearest {
        ranks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        ranks.truncate(count);
    }
    Ok(nearest)
}
