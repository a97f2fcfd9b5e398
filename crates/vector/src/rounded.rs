//! Vectors rounded to one byte a number. Walks and scans read these first, a quarter of the memory, and then the vectors
//! of the few that may be in the result: memory is what they wait for.
//!
//! A vector is about `scale` times its rounded numbers, the largest of which is 127 or −127. No number is off by more
//! than half a `scale`, from which follows how far off a distance can be.

use zerocopy::{FromBytes, IntoBytes};

use crate::distance::Metric;
use crate::element::{Component, Element};

/// Vectors of fewer numbers are short already, and rounding would hide how near they are.
const LEAST_DIMENSION: usize = 32;
const LARGEST: f32 = 127.0;
/// Added to a number, leaves its nearest integer in the lowest bits: 1.5 * 2^23.
const TO_INTEGER: f32 = 12_582_912.0;
/// Numbers that are as exact when multiplied by others of this range.
const NORMAL: std::ops::Range<f32> = 1e-30..1e30;

/// A rounded vector.
#[derive(Debug, Clone, Copy)]
pub struct Rounded<'a> {
    numbers: &'a [i8],
    /// Under cosine the inverse of the length of the rounded numbers, else what they are to be multiplied by.
    scale: f32,
    /// The squared length of the product; 1 under cosine.
    square: f32,
}

/// A metric for rounded vectors of one dimension.
#[derive(Debug, Clone, Copy)]
pub struct RoundedKernel {
    metric: Metric,
    raw: <i8 as Component>::Raw,
    /// Words of the numbers, four to a word.
    words: usize,
    /// The length of a vector of halves: no rounded vector is farther off, in scales.
    off: f32,
}

impl RoundedKernel {
    /// None if rounding gains nothing.
    #[allow(clippy::cast_precision_loss)] // dimensions are small
    pub fn new(metric: Metric, element: Element, dimension: usize) -> Option<Self> {
        if element != Element::F32 || dimension < LEAST_DIMENSION {
            return None;
        }
        let words = dimension.div_ceil(4);
        Some(Self {
            metric,
            raw: i8::raw(Metric::Dot, words * 4)?,
            words,
            off: (dimension as f32).sqrt() * 0.5005,
        })
    }

    /// The same vectors under another metric, not cosine.
    #[must_use]
    pub fn with_metric(self, metric: Metric) -> Self {
        Self { metric, ..self }
    }

    /// Words that a rounded vector takes.
    pub fn row(&self) -> usize {
        self.words + if self.metric == Metric::Cosine { 1 } else { 2 }
    }

    /// Rounds a vector into a row.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_possible_wrap
    )] // the lowest byte is the integer; sums of squares are below 2^31
    pub fn round(&self, vector: &[f32], row: &mut [u32]) {
        let Some((words, rest)) = row.split_at_mut_checked(self.words) else {
            return;
        };
        words.fill(0);
        let largest = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let bytes = words.as_mut_bytes();
        if NORMAL.contains(&largest) {
            let times = LARGEST / largest;
            for (byte, x) in bytes.iter_mut().zip(vector) {
                *byte = (x * times + TO_INTEGER).to_bits() as u8;
            }
        } else if largest > 0.0 {
            let times = f64::from(LARGEST) / f64::from(largest);
            for (byte, x) in bytes.iter_mut().zip(vector) {
                *byte = ((f64::from(*x) * times) as f32 + TO_INTEGER).to_bits() as u8;
            }
        }
        let squares = |sum: i32, byte: &u8| sum + i32::from(*byte as i8) * i32::from(*byte as i8);
        let square = bytes.iter().fold(0, squares) as f32;
        let own = match self.metric {
            Metric::Cosine if square > 0.0 => [square.sqrt().recip(), 1.0],
            Metric::Cosine => [0.0, 1.0],
            _ => {
                let scale = largest / LARGEST;
                // As `rank` multiplies: equal vectors are at no distance.
                [scale, square * scale * scale]
            }
        };
        for (word, own) in rest.iter_mut().zip(own) {
            *word = own.to_bits();
        }
    }

    /// What a row holds; None if it is none.
    #[inline]
    pub fn read<'a>(&self, row: &'a [u32]) -> Option<Rounded<'a>> {
        let (words, rest) = row.split_at_checked(self.words)?;
        let (scale, rest) = rest.split_first()?;
        Some(Rounded {
            numbers: <[i8]>::ref_from_bytes(words.as_bytes()).ok()?,
            scale: f32::from_bits(*scale),
            square: rest.first().map_or(1.0, |square| f32::from_bits(*square)),
        })
    }

    /// The rank of two rounded vectors, as [`crate::Kernel::rank`] of what they stand for.
    #[inline]
    pub fn rank(&self, a: Rounded, b: Rounded) -> f32 {
        let product = i8::call(&self.raw, a.numbers, b.numbers) * a.scale * b.scale;
        let rank = match self.metric {
            Metric::Cosine => return (1.0 + product).clamp(0.0, 2.0),
            Metric::Euclidean => a.square + b.square + 2.0 * product,
            _ => product,
        };
        if !rank.is_finite() {
            return self.careful(a, b);
        }
        match self.metric {
            Metric::Euclidean => rank.max(0.0),
            _ => rank,
        }
    }

    /// The rank of vectors whose numbers are too large for single precision.
    #[cold]
    #[allow(clippy::cast_possible_truncation)] // clamped before
    fn careful(&self, a: Rounded, b: Rounded) -> f32 {
        let products = i8::products(a.numbers, b.numbers);
        let (a, b) = (f64::from(a.scale), f64::from(b.scale));
        let product = products.ab * a * b;
        let rank = match self.metric {
            Metric::Euclidean => products.aa * a * a + products.bb * b * b - 2.0 * product,
            _ => -product,
        };
        rank.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    }

    /// The least rank that vectors may have whose rounded ones have this rank: they are off by half a scale a number.
    #[inline]
    pub fn least(&self, rank: f32, a: Rounded, b: Rounded) -> f32 {
        if a.scale.min(b.scale) < f32::MIN_POSITIVE {
            return f32::MIN; // too small to be exact
        }
        let (a_off, b_off) = (self.off * a.scale, self.off * b.scale);
        let least = match self.metric {
            Metric::Cosine => {
                if a_off.max(b_off) > 0.5 {
                    return f32::MIN;
                }
                // An angle whose sine is up to a half is at most 1.05 times that.
                rank - 1.05 * (a_off + b_off) - 2e-5
            }
            Metric::Euclidean => {
                let length = (rank - 1e-5 * (a.square + b.square)).max(0.0).sqrt();
                (length - (a_off + b_off)).max(0.0).powi(2) * 0.9999
            }
            _ => {
                let (a_length, b_length) = (a.square.sqrt(), b.square.sqrt());
                let off = a_off * (b_length + b_off) + a_length * b_off;
                rank - off * 1.0001 - 1e-5 * a_length * b_length
            }
        };
        if least.is_finite() {
            least
        } else {
            f32::MIN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Kernel;

    /// Numbers in −1..1, the same ones each time.
    #[allow(clippy::cast_precision_loss)]
    fn numbers(seed: u32, count: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn row(kernel: &RoundedKernel, vector: &[f32]) -> Vec<u32> {
        let mut row = vec![0; kernel.row()];
        kernel.round(vector, &mut row);
        row
    }

    const METRICS: [Metric; 3] = [Metric::Cosine, Metric::Euclidean, Metric::Dot];

    #[test]
    fn no_rank_is_less_than_the_rounded_one_says() {
        for metric in METRICS {
            for dimension in [32, 33, 100, 128, 768, 1023] {
                let rounded = RoundedKernel::new(metric, Element::F32, dimension).unwrap();
                let exact = Kernel::<f32>::new(metric, dimension).unwrap();
                let mut off: f32 = 0.0;
                for seed in 0..200_u16 {
                    let a = numbers(seed.into(), dimension);
                    let mut b = numbers(u32::from(seed) + 1000, dimension);
                    // From apart to nearly equal, of several lengths, some with one large number.
                    let near = f32::from(seed % 8) / 7.0;
                    let length = 10_f32.powi(i32::from(seed % 5) - 2);
                    for (b, a) in b.iter_mut().zip(&a) {
                        *b = (a * near + *b * (1.0 - near)) * length;
                    }
                    if seed % 3 == 0 {
                        b[7] *= 50.0;
                    }
                    let (a_row, b_row) = (row(&rounded, &a), row(&rounded, &b));
                    let read = |row| rounded.read(row).unwrap();
                    let rank = rounded.rank(read(&a_row), read(&b_row));
                    let least = rounded.least(rank, read(&a_row), read(&b_row));
                    let real = exact.rank(&a, exact.scale(&a), &b, exact.scale(&b));
                    assert!(
                        least <= real,
                        "{metric:?} {dimension} {seed}: {least} {real}"
                    );
                    off = off.max((rank - real).abs() / real.abs().max(1.0));
                }
                assert!(off < 0.1, "{metric:?} {dimension}: {off}");
            }
        }
    }

    #[test]
    fn huge_and_tiny_numbers_have_ranks_that_are_numbers() {
        for metric in METRICS {
            let rounded = RoundedKernel::new(metric, Element::F32, 40).unwrap();
            let exact = Kernel::<f32>::new(metric, 40).unwrap();
            let vectors: Vec<Vec<f32>> = [1e-45, 1e-39, 1e-30, 1.0, 1e19, 3e38]
                .iter()
                .flat_map(|&x: &f32| [vec![x; 40], [vec![x; 20], vec![-x; 20]].concat()])
                .collect();
            for a in &vectors {
                for b in &vectors {
                    let (a_row, b_row) = (row(&rounded, a), row(&rounded, b));
                    let read = |row| rounded.read(row).unwrap();
                    let rank = rounded.rank(read(&a_row), read(&b_row));
                    let least = rounded.least(rank, read(&a_row), read(&b_row));
                    assert!(rank.is_finite() && least.is_finite(), "{metric:?}");
                    let real = exact.rank(a, exact.scale(a), b, exact.scale(b));
                    assert!(least <= real, "{metric:?} {a:?} {b:?}: {least} {real}");
                }
            }
        }
    }

    #[test]
    fn a_zero_vector_is_as_far_from_itself_as_it_is() {
        for metric in [Metric::Euclidean, Metric::Dot] {
            let rounded = RoundedKernel::new(metric, Element::F32, 64).unwrap();
            let zero = row(&rounded, &[0.0; 64]);
            let read = rounded.read(&zero).unwrap();
            assert_eq!(rounded.rank(read, read).abs().to_bits(), 0);
        }
    }

    #[test]
    fn what_is_not_rounded_has_no_kernel() {
        assert!(RoundedKernel::new(Metric::Cosine, Element::F16, 100).is_none());
        assert!(RoundedKernel::new(Metric::Cosine, Element::F32, 31).is_none());
        let kernel = RoundedKernel::new(Metric::Cosine, Element::F32, 100).unwrap();
        assert!(kernel.read(&[0; 25]).is_none());
    }
}
