//! Graphs of made-up vectors: how good, how whole and how repeatable they are.

mod making;
mod walking;

use std::collections::BTreeSet;

use zerocopy::IntoBytes;

use super::prune::mix;
use super::{
    beam, unreached, Arena, Filtered, Interrupted, Key, Merged, Options, Scratch, Walk, Work,
};
use crate::{AlignedBytes, Component, Element, Measure, Metric, RoundedKernel, Slots};

const K: usize = 10;
const OPTIONS: Options = Options {
    degree: 32,
    width: 75,
    alpha: 1.2,
    threads: 1,
};

/// Vectors and edges in memory.
struct Table {
    vectors: Vec<AlignedBytes>,
    scales: Vec<f32>,
    rounded: Vec<Vec<u32>>,
    live: Vec<bool>,
    edges: Vec<Option<Vec<u32>>>,
}

impl Slots for Table {
    fn slots(&self) -> u32 {
        u32::try_from(self.vectors.len()).unwrap()
    }
    fn vector(&self, slot: u32) -> &[u8] {
        self.vectors[slot as usize].as_bytes()
    }
    fn scale(&self, slot: u32) -> f32 {
        self.scales[slot as usize]
    }
    fn rounded(&self, slot: u32) -> &[u32] {
        &self.rounded[slot as usize]
    }
    fn is_live(&self, slot: u32) -> bool {
        self.live[slot as usize]
    }
    fn edges(&self, slot: u32) -> Option<&[u32]> {
        self.edges[slot as usize].as_deref()
    }
}

impl Table {
    fn new<E: Component>(measure: &Measure, rows: &[Vec<E>]) -> Self {
        let mut table = Self {
            vectors: Vec::new(),
            scales: Vec::new(),
            rounded: Vec::new(),
            live: Vec::new(),
            edges: Vec::new(),
        };
        for row in rows {
            table.push(measure, row.as_bytes());
        }
        table
    }

    fn push(&mut self, measure: &Measure, row: &[u8]) {
        self.vectors.push(row.into());
        self.scales.push(measure.scale(row));
        let mut rounded = vec![0; measure.rounding().map_or(0, RoundedKernel::row)];
        measure.round(row, &mut rounded);
        self.rounded.push(rounded);
        self.live.push(true);
        self.edges.push(None);
    }

    fn all(&self) -> Vec<u32> {
        (0..self.slots()).collect()
    }

    /// Merges, and checks what holds after each merge.
    fn merge(&mut self, measure: &Measure, options: &Options, work: &Work) -> Merged {
        let work = Work {
            slots: self.slots(),
            ..*work
        };
        let merged = measure
            .merge(self, 40.0, options, &work, &mut |_, _| false)
            .unwrap();
        self.keep(&merged.arena, options);
        if let Some(start) = merged.start {
            assert_eq!(unreached(&merged.arena, start), None);
        }
        merged
    }

    fn keep(&mut self, arena: &Arena, options: &Options) {
        for slot in 0..arena.slots() {
            let edges = arena.edges(slot);
            if !arena.is_changed(slot) {
                assert_eq!(edges, self.edges[slot as usize], "{slot} changed unsaid");
            }
            if let Some(list) = &edges {
                assert!(list.len() <= options.degree, "{slot} has too many edges");
                assert!(!list.contains(&slot), "{slot} has an edge to itself");
                assert!(
                    list.iter().all(|&edge| arena.is_linked(edge)),
                    "{slot} leads nowhere"
                );
                let different: BTreeSet<_> = list.iter().collect();
                assert_eq!(different.len(), list.len(), "{slot} has an edge twice");
            }
            self.edges[slot as usize] = edges;
        }
    }

    /// The recall of ten by a beam, against a scan; an equal distance is as good.
    fn recall(&self, measure: &Measure, queries: &[Vec<f32>], start: u32, width: usize) -> f64 {
        let mut scratch = Scratch::default();
        let (mut found, mut wanted) = (0, 0);
        for query in queries {
            let query = measure.query(query.as_bytes());
            let mut exact = Vec::new();
            query.scan(
                self,
                (0..self.slots()).filter(|&slot| self.is_live(slot)),
                K,
                &mut exact,
            );
            let near = query.beam(self, start, width, &mut scratch);
            assert!(near.is_sorted());
            let live = near.iter().filter(|key| self.is_live(key.slot())).take(K);
            found += live
                .filter(|key| key.rank() <= exact[exact.len() - 1].rank())
                .count();
            wanted += exact.len();
        }
        f64::from(u32::try_from(found).unwrap()) / f64::from(u32::try_from(wanted).unwrap())
    }
}

/// A number in −1..1, the same each time.
#[allow(clippy::cast_precision_loss)]
fn number(seed: u64) -> f32 {
    (mix(seed) >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Rows around forty centres.
fn rows(seed: u64, count: u64, dimension: u64) -> Vec<Vec<f32>> {
    let row = |i: u64| {
        let centre = mix(seed << 32 | i) % 40;
        let at = |d| number(centre << 16 | d) + 0.4 * number(seed << 50 | i << 20 | d);
        (0..dimension).map(at).collect()
    };
    (0..count).map(row).collect()
}

fn cosine(dimension: usize) -> Measure {
    Measure::new(Metric::Cosine, Element::F32, dimension).unwrap()
}

fn built(measure: &Measure, rows: &[Vec<f32>], threads: usize) -> (Table, u32) {
    let mut table = Table::new(measure, rows);
    let options = Options { threads, ..OPTIONS };
    let add = table.all();
    let merged = table.merge(
        measure,
        &options,
        &Work {
            add: &add,
            ..Work::default()
        },
    );
    (table, merged.start.unwrap())
}

fn beam_of(measure: &Measure, table: &Table, query: &[f32], start: u32, width: usize) -> Vec<Key> {
    let query = measure.query(query.as_bytes());
    query
        .beam(table, start, width, &mut Scratch::default())
        .to_vec()
}
