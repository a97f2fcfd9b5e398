//! Graphs that are built, merged and measured.

use super::*;

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

#[test]
fn a_graph_is_made_of_rounded_vectors_where_they_tell_which_are_near() {
    fn is_rounded(metric: Metric, rows: &[Vec<f32>]) -> bool {
        let measure = Measure::new(metric, Element::F32, rows[0].len()).unwrap();
        let mut table = Table::new(&measure, rows);
        let add = table.all();
        let work = Work {
            add: &add,
            recall: Some(0.9),
            ..Work::default()
        };
        table.merge(&measure, &OPTIONS, &work).is_rounded
    }
    let spread = rows(3, 1500, 48);
    // A thousandth around one place: rounded, all are the same.
    let close = |middle: f32| -> Vec<Vec<f32>> {
        let near = |row: &Vec<f32>| row.iter().map(|x| middle + x / 1000.0).collect();
        spread.iter().map(near).collect()
    };
    for metric in [Metric::Cosine, Metric::Euclidean, Metric::Dot] {
        assert!(is_rounded(metric, &spread), "{metric:?}");
    }
    for metric in [Metric::Cosine, Metric::Euclidean] {
        assert!(!is_rounded(metric, &close(1.0)), "{metric:?}");
    }
    assert!(!is_rounded(Metric::Cosine, &rows(3, 1500, 31)), "too short");
}

#[test]
fn walks_over_rounded_vectors_find_the_nearest() {
    let rows = rows(4, 3000, 64);
    let measure = cosine(64);
    let mut table = Table::new(&measure, &rows);
    let add = table.all();
    let work = Work {
        add: &add,
        recall: Some(0.95),
        ..Work::default()
    };
    let merged = table.merge(&measure, &OPTIONS, &work);
    assert!(merged.is_rounded);
    let mut found = 0;
    for query in &rows[..100] {
        let query = measure.query(query.as_bytes());
        let mut exact = Vec::new();
        query.scan(&table, 0..table.slots(), K, &mut exact);
        let mut scratch = Scratch::default();
        let walking = query.walking_rounded(true);
        let near = walking.beam(&table, merged.start.unwrap(), 100, &mut scratch);
        assert_eq!(near.len(), 100);
        let near: BTreeSet<u32> = near.iter().map(|key| key.slot()).collect();
        found += exact
            .iter()
            .filter(|key| near.contains(&key.slot()))
            .count();
    }
    assert!(found >= 980, "{found} of 1000");
}
