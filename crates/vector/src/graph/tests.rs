//! Graphs of made-up vectors: how good, how whole and how repeatable they are.

use std::collections::BTreeSet;

use zerocopy::IntoBytes;

use super::prune::mix;
use super::{
    beam, unreached, Arena, Filtered, Interrupted, Key, Merged, Options, Scratch, Walk, Work,
};
use crate::{AlignedBytes, Component, Element, Measure, Metric, Slots};

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

#[test]
fn recall_is_high_with_each_metric() {
    for metric in [Metric::Cosine, Metric::Euclidean, Metric::Dot] {
        let measure = Measure::new(metric, Element::F32, 32).unwrap();
        let (table, start) = built(&measure, &rows(1, 3000, 32), 2);
        let recall = table.recall(&measure, &rows(2, 100, 32), start, 64);
        assert!(recall >= 0.97, "{metric:?}: {recall}");
    }
}

#[test]
fn recall_is_high_with_each_element() {
    fn check<E: Component>(metric: Metric, dimension: usize, rows: &[Vec<E>]) {
        let measure = Measure::new(metric, E::ELEMENT, dimension).unwrap();
        let (rows, queries) = rows.split_at(rows.len() - 50);
        let mut table = Table::new(&measure, rows);
        let add = table.all();
        let merged = table.merge(
            &measure,
            &OPTIONS,
            &Work {
                add: &add,
                ..Work::default()
            },
        );
        let mut scratch = Scratch::default();
        let mut found = 0;
        for query in queries {
            let query = measure.query(query.as_bytes());
            let mut exact = Vec::new();
            query.scan(&table, 0..table.slots(), K, &mut exact);
            let near = query.beam(&table, merged.start.unwrap(), 64, &mut scratch);
            found += near
                .iter()
                .take(K)
                .filter(|key| key.rank() <= exact[K - 1].rank())
                .count();
        }
        assert!(found >= 480, "{:?}: {found} of 500", E::ELEMENT);
    }
    let rows = rows(3, 2050, 64);
    let each = |x: &f32| half::f16::from_f32(*x);
    check(
        Metric::Cosine,
        64,
        &rows
            .iter()
            .map(|r| r.iter().map(each).collect())
            .collect::<Vec<_>>(),
    );
    #[allow(clippy::cast_possible_truncation)]
    let each = |x: &f32| (x * 90.0) as i8;
    check(
        Metric::Cosine,
        64,
        &rows
            .iter()
            .map(|r| r.iter().map(each).collect())
            .collect::<Vec<_>>(),
    );
    let each = |x: &[f32]| {
        x.iter()
            .fold(0, |byte: u8, x| byte << 1 | u8::from(*x > 0.0))
    };
    check(
        Metric::Hamming,
        64,
        &rows
            .iter()
            .map(|r| r.chunks(8).map(each).collect())
            .collect::<Vec<_>>(),
    );
}

#[test]
fn one_thread_makes_the_same_graph_each_time() {
    let rows = rows(4, 1500, 16);
    let (first, start) = built(&cosine(16), &rows, 1);
    let (second, again) = built(&cosine(16), &rows, 1);
    assert_eq!(start, again);
    assert_eq!(first.edges, second.edges);
}

#[test]
fn a_tail_is_linked_into_a_graph() {
    let measure = cosine(16);
    let all = rows(5, 2000, 16);
    let (mut table, start) = built(&measure, &all[..1500], 2);
    for row in &all[1500..] {
        table.push(&measure, row.as_bytes());
    }
    let tail: Vec<u32> = (1500..2000).collect();
    let work = Work {
        start: Some(start),
        add: &tail,
        ..Work::default()
    };
    let merged = table.merge(&measure, &OPTIONS, &work);
    assert_eq!(merged.start, Some(start));
    assert!((0..2000).all(|slot| merged.arena.is_linked(slot)));
    assert!((0..2000).any(|slot| !merged.arena.is_changed(slot)));
    let recall = table.recall(&measure, &rows(6, 100, 16), start, 64);
    assert!(recall >= 0.97, "{recall}");
}

#[test]
fn half_of_the_rows_are_replaced_bit_by_bit_and_recall_stays() {
    let measure = cosine(16);
    let (old, new) = (rows(7, 2000, 16), rows(8, 1000, 16));
    let (mut table, mut start) = built(&measure, &old, 1);
    for (step, added) in new.chunks(100).enumerate() {
        let step = u32::try_from(step).unwrap();
        let removed: Vec<u32> = (0..100).map(|i| (i * 10 + step) * 2).collect();
        let first = table.slots();
        for row in added {
            table.push(&measure, row.as_bytes());
        }
        for &slot in &removed {
            table.live[slot as usize] = false;
        }
        let add: Vec<u32> = (first..table.slots()).collect();
        let work = Work {
            start: Some(start),
            add: &add,
            remove: &removed,
            ..Work::default()
        };
        let merged = table.merge(&measure, &OPTIONS, &work);
        start = merged.start.unwrap();
        assert!(removed.iter().all(|&slot| !merged.arena.is_linked(slot)));
    }
    let queries = rows(9, 200, 16);
    let repaired = table.recall(&measure, &queries, start, 32);
    let live: Vec<Vec<f32>> = old.into_iter().skip(1).step_by(2).chain(new).collect();
    let (fresh, fresh_start) = built(&measure, &live, 1);
    let fresh = fresh.recall(&measure, &queries, fresh_start, 32);
    assert!(repaired >= fresh - 0.01, "{repaired}, fresh {fresh}");
}

#[test]
fn the_start_may_leave_and_so_may_all() {
    let measure = cosine(8);
    let (mut table, start) = built(&measure, &rows(10, 300, 8), 1);
    let work = Work {
        start: Some(start),
        remove: &[start],
        ..Work::default()
    };
    let next = table.merge(&measure, &OPTIONS, &work).start.unwrap();
    assert_ne!(next, start);
    let rest: Vec<u32> = (0..300).filter(|&slot| slot != start).collect();
    let work = Work {
        start: Some(next),
        remove: &rest,
        add: &[start],
        ..Work::default()
    };
    let merged = table.merge(&measure, &OPTIONS, &work);
    assert_eq!(merged.start, Some(start), "the only one");
    let work = Work {
        start: Some(start),
        remove: &[start],
        ..Work::default()
    };
    assert_eq!(table.merge(&measure, &OPTIONS, &work).start, None);
}

#[test]
fn tombstones_are_walked_through_and_never_returned() {
    let measure = cosine(8);
    let (mut table, start) = built(&measure, &rows(11, 500, 8), 1);
    (0..500)
        .filter(|slot| slot % 3 != 0)
        .for_each(|slot| table.live[slot] = false);
    let query = measure.query(rows(12, 1, 8)[0].as_bytes());
    let (mut walk, mut out) = (Walk::default(), Vec::new());
    query.start(&table, start, &mut walk);
    assert_eq!(
        query.widen(&table, &mut walk, 1000, u64::MAX, |_| true),
        Filtered::Exhausted
    );
    walk.take(1000, &mut out);
    let mut slots: Vec<u32> = out.iter().map(|key| key.slot()).collect();
    assert!(out.is_sorted());
    slots.sort_unstable();
    assert_eq!(slots, (0..500).step_by(3).collect::<Vec<_>>());
}

#[test]
fn a_filter_gives_k_rows_whenever_there_are_k() {
    let measure = cosine(16);
    let (table, start) = built(&measure, &rows(13, 2000, 16), 1);
    let (mut walk, mut found) = (Walk::default(), 0);
    for (i, query) in rows(14, 50, 16).iter().enumerate() {
        let query = measure.query(query.as_bytes());
        for one_in in [2, 10, 100] {
            let pass = |slot: u32| mix(u64::from(slot)).is_multiple_of(one_in);
            let mut exact = Vec::new();
            query.scan(&table, (0..2000).filter(|&slot| pass(slot)), K, &mut exact);
            let mut out = Vec::new();
            query.start(&table, start, &mut walk);
            query.widen(&table, &mut walk, 32, u64::MAX, pass);
            walk.take(K, &mut out);
            assert_eq!(out.len(), exact.len(), "query {i}, one in {one_in}");
            assert!(out.is_sorted() && out.iter().all(|key| pass(key.slot())));
            found += out.iter().filter(|key| exact.contains(key)).count();
        }
    }
    assert!(found >= 1455, "{found} of 1500");
}

#[test]
fn a_filter_that_few_pass_gives_up_where_a_scan_is_cheaper() {
    let measure = cosine(16);
    let (table, start) = built(&measure, &rows(15, 2000, 16), 1);
    let query = measure.query(rows(16, 1, 16)[0].as_bytes());
    let mut walk = Walk::default();
    query.start(&table, start, &mut walk);
    assert_eq!(
        query.widen(&table, &mut walk, 32, 500, |slot| slot == 7),
        Filtered::TooFar
    );
    assert!((501..600).contains(&walk.compared()));
    // It can be gone on with all the same.
    assert_eq!(
        query.widen(&table, &mut walk, 32, 9999, |slot| slot == 7),
        Filtered::Exhausted
    );
}

#[test]
fn rows_stream_in_order_until_the_last() {
    let measure = cosine(16);
    let (table, start) = built(&measure, &rows(17, 1500, 16), 1);
    let query = measure.query(rows(18, 1, 16)[0].as_bytes());
    let (mut walk, mut out, mut batch) = (Walk::default(), Vec::new(), 10);
    query.start(&table, start, &mut walk);
    let mut first = 0;
    while query.widen(&table, &mut walk, batch + 30, u64::MAX, |_| true) != Filtered::Exhausted {
        walk.take(batch, &mut out);
        assert!(out.is_sorted());
        first = if first == 0 { walk.compared() } else { first };
        batch *= 2;
    }
    walk.take(usize::MAX, &mut out);
    assert!(first < 700, "{first} compared for ten");
    assert!(out.is_sorted() && walk.late().len() < 30);
    let mut slots: Vec<u32> = out
        .iter()
        .chain(walk.late())
        .map(|key| key.slot())
        .collect();
    slots.sort_unstable();
    assert_eq!(slots, table.all());
}

#[test]
fn width_is_measured_on_rows_held_back() {
    let measure = cosine(64);
    let mut table = Table::new(&measure, &rows(19, 6000, 64));
    let add = table.all();
    let work = Work {
        add: &add,
        recall: Some(0.95),
        ..Work::default()
    };
    let merged = table.merge(&measure, &OPTIONS, &work);
    assert!(
        add.iter().all(|&slot| merged.arena.is_linked(slot)),
        "those held back too"
    );
    let width = merged.width.unwrap();
    assert!((16..=128).contains(&width), "{width}");
    let start = merged.start.unwrap();
    let recall = table.recall(&measure, &rows(20, 200, 64), start, usize::from(width));
    assert!(recall >= 0.935, "{recall}");
}

#[test]
fn where_no_width_is_enough_a_scan_is_advised() {
    let measure = cosine(64);
    let random: Vec<Vec<f32>> = (0..1000)
        .map(|i| (0..64).map(|d| number(i << 16 | d)).collect())
        .collect();
    let mut table = Table::new(&measure, &random);
    let add = table.all();
    let work = Work {
        add: &add,
        recall: Some(0.999),
        ..Work::default()
    };
    assert_eq!(table.merge(&measure, &OPTIONS, &work).width, Some(0));
}

#[test]
fn vectors_that_are_all_equal_are_all_reached() {
    for metric in [Metric::Cosine, Metric::Euclidean, Metric::Dot] {
        let measure = Measure::new(metric, Element::F32, 4).unwrap();
        let rows = vec![vec![0.5_f32, 0.25, -1.0, 3.0]; 1000];
        let (table, start) = built(&measure, &rows, 2);
        assert_eq!(
            table.recall(&measure, &rows[..3], start, 16).to_bits(),
            1.0_f64.to_bits()
        );
        let near = beam_of(&measure, &table, &rows[0], start, 1000);
        assert_eq!(near.len(), 1000, "{metric:?}");
    }
}

#[test]
fn many_equal_vectors_among_others_do_not_hide_them() {
    let measure = cosine(16);
    let mut all = rows(21, 1000, 16);
    all.extend(vec![all[0].clone(); 500]);
    let (table, start) = built(&measure, &all, 1);
    let recall = table.recall(&measure, &rows(22, 100, 16), start, 64);
    assert!(recall >= 0.97, "{recall}");
    let near = beam_of(&measure, &table, &all[0], start, 100);
    assert!(near.iter().all(|key| key.rank() < 1e-6), "equals first");
}

fn beam_of(measure: &Measure, table: &Table, query: &[f32], start: u32, width: usize) -> Vec<Key> {
    let query = measure.query(query.as_bytes());
    query
        .beam(table, start, width, &mut Scratch::default())
        .to_vec()
}

#[test]
fn degenerate_tables_are_searched_all_the_same() {
    for metric in [Metric::Cosine, Metric::Euclidean, Metric::Dot] {
        for (count, dimension) in [(1, 1), (2, 1), (3, 2), (200, 1)] {
            let measure =
                Measure::new(metric, Element::F32, usize::try_from(dimension).unwrap()).unwrap();
            let mut rows = rows(23, count, dimension);
            rows.iter_mut().step_by(3).for_each(|row| row.fill(0.0)); // zero vectors
            let (table, start) = built(&measure, &rows, 2);
            let near = beam_of(&measure, &table, &rows[0], start, 1000);
            assert_eq!(near.len(), rows.len(), "{metric:?} {count} {dimension}");
        }
        let measure = Measure::new(metric, Element::F32, 8).unwrap();
        let mut none = Table::new::<f32>(&measure, &[]);
        assert_eq!(none.merge(&measure, &OPTIONS, &Work::default()).start, None);
    }
}

#[test]
fn a_small_degree_still_reaches_everything() {
    for degree in [1, 2, 4] {
        let measure = cosine(8);
        let mut table = Table::new(&measure, &rows(24, 500, 8));
        let add = table.all();
        let options = Options { degree, ..OPTIONS };
        table.merge(
            &measure,
            &options,
            &Work {
                add: &add,
                ..Work::default()
            },
        );
    }
}

#[test]
fn an_interrupt_at_any_poll_ends_the_work() {
    let measure = cosine(32);
    let table = Table::new(&measure, &rows(25, 4000, 32));
    let add = table.all();
    let work = Work {
        slots: 4000,
        add: &add,
        recall: Some(0.9),
        ..Work::default()
    };
    for stop_at in [1, 2, 5] {
        let (mut polls, mut most) = (0, 0);
        let mut poll = |done, total| {
            assert!(done <= total && total == 4000);
            most = most.max(done);
            polls += 1;
            polls == stop_at
        };
        let options = Options {
            threads: 2,
            ..OPTIONS
        };
        let stopped = measure.merge(&table, 1.0, &options, &work, &mut poll);
        assert_eq!(stopped.err(), Some(Interrupted));
        assert_eq!(polls, stop_at);
        assert!(most < 4000);
    }
}

struct Nothing;
impl super::Target for Nothing {
    fn rank(&self, _: u32) -> f32 {
        0.0
    }
    fn touch(&self, _: u32) -> u8 {
        0
    }
}
impl super::Links for Nothing {
    fn each(&self, _: u32, _: impl FnMut(u32)) {}
}

#[test]
fn a_walk_of_no_width_finds_nothing() {
    let measure = cosine(8);
    let (table, start) = built(&measure, &rows(26, 100, 8), 1);
    assert!(beam_of(&measure, &table, &[1.0; 8], start, 0).is_empty());
    let mut scratch = Scratch::default();
    assert!(
        beam(&Nothing, &Nothing, 5, 3, 10, &mut scratch).is_empty(),
        "no such start"
    );
}
