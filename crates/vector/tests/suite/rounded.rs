//! Tables whose vectors are rounded too, for scans and walks: what they give is what the vectors themselves say.

use std::collections::HashSet;

use crate::common::random::{setting, Random};
use crate::common::{check, exec, open, rows};
use ferrolite_sqlite::Connection;

const DIMENSION: usize = 40;
const ROWS: u32 = 1500;

/// From −1 to 1.
fn number(random: &mut Random) -> f32 {
    let thousandths = i16::try_from(random.below(2001)).unwrap() - 1000;
    f32::from(thousandths) / 1000.0
}

/// Vectors around places, of several lengths; some with one large number, which rounds the others off.
fn vectors(random: &mut Random, count: u32) -> Vec<Vec<f32>> {
    let places: Vec<Vec<f32>> = (0..20)
        .map(|_| (0..DIMENSION).map(|_| number(random)).collect())
        .collect();
    let mut vector = || {
        let place = random.pick(&places).clone();
        let length = *random.pick(&[0.5, 1.0, 2.0]);
        let mut vector: Vec<f32> = place
            .iter()
            .map(|x| (x + 0.3 * number(random)) * length)
            .collect();
        if random.below(10) == 0 {
            vector[random.below(DIMENSION)] *= 5.0;
        }
        vector
    };
    (0..count).map(|_| vector()).collect()
}

fn distance(metric: &str, a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    match metric {
        "cosine" => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        "euclidean" => (dot(a, a) + dot(b, b) - 2.0 * dot(a, b)).max(0.0).sqrt(),
        _ => -dot(a, b),
    }
}

fn json(vector: &[f32]) -> String {
    format!("{vector:?}").replace(' ', "")
}

fn table(metric: &str, least_rows: u32, vectors: &[Vec<f32>]) -> Connection {
    let connection = open(":memory:").unwrap();
    connection.set_defensive(false).unwrap();
    exec(
        &connection,
        &format!(
            "CREATE VIRTUAL TABLE t USING diskann(dimension={DIMENSION}, metric={metric}, part INTEGER, owner INTEGER INDEXED);
            INSERT INTO t_config VALUES ('least_rows', {least_rows})"
        ),
    )
    .unwrap();
    let values: Vec<String> = vectors
        .iter()
        .enumerate()
        .map(|(i, vector)| format!("({}, '{}', {}, {})", i + 1, json(vector), i % 3, i % 7))
        .collect();
    exec(
        &connection,
        &format!(
            "INSERT INTO t(rowid, vector, part, owner) VALUES {}",
            values.join(", ")
        ),
    )
    .unwrap();
    connection
}

/// Rowids and distances.
fn found(connection: &Connection, query: &[f32], rest: &str) -> Vec<(usize, f64)> {
    let sql = format!(
        "SELECT rowid || '=' || distance FROM t WHERE vector MATCH '{}' {rest}",
        json(query)
    );
    let text = rows(connection, &sql).unwrap();
    let pairs = text.split(' ').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(id, distance)| (id.parse().unwrap(), distance.parse().unwrap()))
        .collect()
}

struct Truth<'a> {
    metric: &'a str,
    vectors: &'a [Vec<f32>],
    query: &'a [f32],
    /// How often a row may be nearer than the one before.
    turns: usize,
}

impl Truth<'_> {
    /// Checks that rows are in order, as far as they say, and of the kind.
    fn check(&self, found: &[(usize, f64)], passes: impl Fn(usize) -> bool) {
        let ids: HashSet<usize> = found.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), found.len(), "a row is there twice");
        // A stream by a walk goes on with a scan at some time, which begins with what the walk has missed.
        let before = found.iter().zip(found.iter().skip(1));
        let turns = before.filter(|(a, b)| a.1 > b.1).count();
        assert!(turns <= self.turns, "not in order");
        for (id, far) in found {
            assert!(passes(*id));
            let real = distance(self.metric, &self.vectors[id - 1], self.query);
            let scale = real.abs().max(1.0);
            assert!(
                (far - real).abs() <= 1e-3 * scale,
                "{id}: {far}, not {real}"
            );
        }
    }

    /// How many of the nearest are among those found, where as near is as good.
    fn share(&self, found: &[(usize, f64)], passes: impl Fn(usize) -> bool) -> usize {
        let ids = (1..=self.vectors.len()).filter(|id| passes(*id));
        let mut all: Vec<f64> = ids
            .map(|id| distance(self.metric, &self.vectors[id - 1], self.query))
            .collect();
        all.sort_unstable_by(f64::total_cmp);
        let worst = all[found.len() - 1];
        let is_near = |(id, _): &&(usize, f64)| {
            distance(self.metric, &self.vectors[id - 1], self.query) <= worst + 1e-6 * worst.abs()
        };
        found.iter().filter(is_near).count()
    }
}

#[test]
fn scans_find_exactly_the_nearest_and_walks_nearly_all() {
    let seed = setting("SEED", 1_u64);
    for metric in ["cosine", "euclidean", "dot"] {
        let mut random = Random::new(seed);
        let vectors = vectors(&mut random, ROWS);
        for least_rows in [1_000_000, 500] {
            let is_scan = least_rows > ROWS;
            let connection = table(metric, least_rows, &vectors);
            let graph = rows(&connection, "SELECT count(*) > 0 FROM t_graph").unwrap();
            assert_eq!(graph == "0", is_scan);
            let (mut near, mut all) = (0, 0);
            for _ in 0..15 {
                let query: Vec<f32> = random
                    .pick(&vectors)
                    .iter()
                    .map(|x| x + 0.05 * number(&mut Random::new(seed + 7)))
                    .collect();
                let truth = Truth {
                    metric,
                    vectors: &vectors,
                    query: &query,
                    turns: usize::from(!is_scan),
                };
                for (rest, part) in [
                    ("AND k = 10", None),
                    ("AND k = 60 AND part = 1", Some((3, 1))),
                    ("AND k = 5 AND owner = 3", Some((7, 3))),
                    ("ORDER BY distance LIMIT 100", None),
                    ("AND part = 2 ORDER BY distance LIMIT 30", Some((3, 2))),
                ] {
                    let passes = |id: usize| part.is_none_or(|(of, is)| (id - 1) % of == is);
                    let list = if is_scan {
                        ""
                    } else {
                        "AND search_list_size = 120"
                    };
                    let got = found(&connection, &query, &format!("{list} {rest}"));
                    assert!(!got.is_empty(), "{metric} {rest}");
                    truth.check(&got, passes);
                    let share = truth.share(&got, passes);
                    if is_scan {
                        assert_eq!(share, got.len(), "{metric} {rest}");
                    }
                    near += share;
                    all += got.len();
                }
                let every = found(&connection, &query, "ORDER BY distance");
                assert_eq!(every.len(), vectors.len());
                truth.check(&every, |_| true);
            }
            assert!(near * 100 >= all * 97, "{metric}: {near} of {all}");
            check(&connection, "t");
        }
    }
}

#[test]
fn rows_that_change_are_rounded_anew() {
    let mut random = Random::new(setting("SEED", 2_u64));
    let mut vectors = vectors(&mut random, 1000);
    let connection = table("cosine", 500, &vectors);
    for id in (1..=1000).step_by(9) {
        vectors[id - 1] = (0..DIMENSION).map(|_| number(&mut random)).collect();
        exec(
            &connection,
            &format!(
                "UPDATE t SET vector = '{}' WHERE rowid = {id}",
                json(&vectors[id - 1])
            ),
        )
        .unwrap();
        let nearest = found(&connection, &vectors[id - 1], "AND k = 1");
        assert_eq!(nearest[0].0, id);
    }
    exec(&connection, "INSERT INTO t(t) VALUES ('merge')").unwrap();
    for id in [1, 10, 19, 991] {
        assert_eq!(found(&connection, &vectors[id - 1], "AND k = 1")[0].0, id);
    }
    check(&connection, "t");
}
