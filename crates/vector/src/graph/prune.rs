//! Which of the slots nearby get an edge: robust prune.

use super::key::Key;
use super::{Space, Target};

#[derive(Debug, Clone, Copy)]
struct Candidate {
    key: Key,
    /// How many of the kept ones it was compared with.
    checked: usize,
    /// How much nearer it is to one of those than to the slot itself.
    factor: f32,
}

/// What pruning needs, kept for the next time.
#[derive(Debug, Default)]
pub(super) struct Pruner {
    candidates: Vec<Candidate>,
    /// Kept.
    pub edges: Vec<u32>,
    /// How many ranks were asked for, ever.
    pub compared: u64,
}

impl Pruner {
    /// Chooses at most `degree` of the candidates, sorted, for `slot`; the result is in `edges`.
    ///
    /// One is left out if one that is kept is nearer to it than the slot is: there is a way over that one. First
    /// nearer, then nearer by `alpha`: the second round fills up with edges that shorten the way.
    pub fn prune<S: Space>(
        &mut self,
        space: &S,
        slot: u32,
        nearby: impl Iterator<Item = Key>,
        degree: usize,
        alpha: f32,
    ) {
        self.edges.clear();
        self.candidates.clear();
        let candidates = nearby.filter(|key| key.slot() != slot);
        self.candidates.extend(candidates.map(|key| Candidate {
            key,
            checked: 0,
            factor: 0.0,
        }));
        for alpha in [1.0, alpha] {
            for candidate in &mut self.candidates {
                if self.edges.len() == degree {
                    return;
                }
                while candidate.factor < alpha {
                    let Some(&kept) = self.edges.get(candidate.checked) else {
                        break;
                    };
                    let between = space.between(kept, candidate.key.slot());
                    // 0 / 0 is no number, and `max` leaves it out.
                    let factor = if between > 0.0 {
                        candidate.key.rank() / between
                    } else {
                        f32::INFINITY
                    };
                    candidate.factor = candidate.factor.max(factor);
                    candidate.checked += 1;
                    self.compared += 1;
                }
                if candidate.factor < alpha {
                    self.edges.push(candidate.key.slot());
                    candidate.factor = f32::INFINITY;
                }
            }
        }
        self.fill_with_equals(space, slot, degree);
    }

    /// Leaves out the farthest of the candidates, sorted, to which there is a way over a nearer one, until there are
    /// `degree`; the rest is in `edges`. False if that does not do. It costs a tenth of choosing anew.
    pub fn trim<S: Space>(&mut self, space: &S, nearby: &[Key], degree: usize) -> bool {
        self.edges.clear();
        self.edges.extend(nearby.iter().map(|key| key.slot()));
        for (at, key) in nearby.iter().enumerate().rev() {
            if self.edges.len() <= degree {
                return true;
            }
            let candidate = space.target(key.slot());
            let is_way = |nearer: &Key| candidate.rank(nearer.slot()) < key.rank();
            let way = nearby[..at].iter().position(is_way);
            self.compared += way.map_or(at, |way| way + 1) as u64;
            if way.is_some() {
                self.edges.remove(at);
            }
        }
        self.edges.len() <= degree
    }

    /// Equal vectors hide each other, and one edge to each would make a chain of them. Some more edges, a part of
    /// which is different for each slot, keep the way to all of them short.
    fn fill_with_equals<S: Space>(&mut self, space: &S, slot: u32, degree: usize) {
        let same = space.same();
        let equals = self
            .candidates
            .iter()
            .take_while(|candidate| candidate.key.rank() <= same);
        let mut equals: Vec<u32> = equals.map(|candidate| candidate.key.slot()).collect();
        if equals.len() < 2 {
            return;
        }
        equals.sort_unstable_by_key(|&other| mix(u64::from(slot) << 32 | u64::from(other)));
        for other in equals.into_iter().take(degree / 2) {
            if self.edges.len() < degree && !self.edges.contains(&other) {
                self.edges.push(other);
            }
        }
    }
}

/// A number that looks random: `SplitMix64`.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
