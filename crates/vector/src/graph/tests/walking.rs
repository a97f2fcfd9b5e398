//! Walks over graphs.

use super::*;

struct Nothing;
impl crate::graph::Target for Nothing {
    fn rank(&self, _: u32) -> f32 {
        0.0
    }
    fn touch(&self, _: u32) -> u32 {
        0
    }
}
impl crate::graph::Links for Nothing {
    fn each(&self, _: u32, _: impl FnMut(u32)) {}
    fn has(&self, _: u32) -> bool {
        false
    }
    fn touch(&self, _: u32) -> u32 {
        0
    }
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
