//! How far vectors are from each other.

use crate::element::Component;

/// What "near" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// 1 − cos, from 0 to 2.
    Cosine,
    /// The length of the difference.
    Euclidean,
    /// The negative inner product.
    Dot,
    /// The number of bits that differ: of vectors of bits, which have no other metric.
    Hamming,
}

/// Norms whose products and squares an `f32` holds. Beyond them a cosine is worked out in double precision.
const NORMS: std::ops::RangeInclusive<f64> = 1e-16..=1e16;

/// A metric for vectors of one dimension.
///
/// Distances are compared as ranks: a rank is as the distance, but what costs time and keeps the order is left out.
/// No rank is NaN or infinite, whatever the vectors hold, if that is finite.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<E: Component> {
    metric: Metric,
    raw: E::Raw,
}

impl<E: Component> Kernel<E> {
    /// None if the metric has no sense for the element: bits have [`Metric::Hamming`], numbers have the others.
    pub fn new(metric: Metric, dimension: usize) -> Option<Self> {
        Some(Self {
            metric,
            raw: E::raw(metric, dimension)?,
        })
    }

    /// The metric.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// What to keep beside a vector and hand to [`Kernel::rank`]: the inverse of its norm under cosine, else 1.
    #[allow(clippy::cast_possible_truncation)] // the range is an f32's
    pub fn scale(&self, vector: &[E]) -> f32 {
        if self.metric != Metric::Cosine {
            return 1.0;
        }
        let norm = Self::norm(vector);
        if NORMS.contains(&norm) {
            (1.0 / norm) as f32
        } else {
            f32::NAN // `rank` sees that its result is none
        }
    }

    /// The length of a vector.
    pub fn norm(vector: &[E]) -> f64 {
        // Several sums, as each addition waits for the one before.
        let mut sums = [0.0_f64; 8];
        let (chunks, rest) = vector.as_chunks::<8>();
        for part in chunks.iter().map(|chunk| &chunk[..]).chain([rest]) {
            for (at, value) in E::values(part).enumerate() {
                sums[at % 8] += value * value;
            }
        }
        sums.iter().sum::<f64>().sqrt()
    }

    /// The rank of the distance between two vectors of the kernel's dimension, given with their scales.
    #[inline]
    pub fn rank(&self, a: &[E], a_scale: f32, b: &[E], b_scale: f32) -> f32 {
        let raw = E::call(&self.raw, a, b);
        let rank = match self.metric {
            Metric::Cosine => 1.0 + raw * a_scale * b_scale,
            _ => raw,
        };
        if !rank.is_finite() {
            return self.careful(a, b);
        }
        match self.metric {
            Metric::Cosine => rank.clamp(0.0, 2.0),
            _ => rank,
        }
    }

    /// The rank of vectors whose numbers are too large or too small for single precision.
    #[cold]
    #[allow(clippy::cast_possible_truncation)] // clamped before
    fn careful(&self, a: &[E], b: &[E]) -> f32 {
        let distance = self.exact(a, b);
        let rank = match self.metric {
            Metric::Euclidean => distance * distance,
            _ => distance,
        };
        rank.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    }

    /// The distance of a rank.
    pub fn distance(&self, rank: f32) -> f64 {
        match self.metric {
            Metric::Euclidean => f64::from(rank).sqrt(),
            _ => f64::from(rank),
        }
    }

    /// The rank beyond which no distance is less than or equal to this one: for bounds.
    #[allow(clippy::cast_possible_truncation)] // clamped before
    pub fn rank_of(&self, distance: f64) -> f32 {
        let rank = match self.metric {
            Metric::Euclidean if distance < 0.0 => -1.0,
            Metric::Euclidean => distance * distance,
            _ => distance,
        };
        (rank.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32).next_up()
    }

    /// The distance in double precision: slow. The cosine of a zero vector with any other is 0.
    pub fn exact(&self, a: &[E], b: &[E]) -> f64 {
        let products = E::products(a, b);
        match self.metric {
            Metric::Cosine => {
                let norms = products.aa.sqrt() * products.bb.sqrt();
                let cos = if norms > 0.0 {
                    products.ab / norms
                } else {
                    0.0
                };
                (1.0 - cos).clamp(0.0, 2.0)
            }
            Metric::Euclidean => products.squared.sqrt(),
            Metric::Dot => -products.ab,
            Metric::Hamming => products.squared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    const NUMBERS: [Metric; 3] = [Metric::Cosine, Metric::Euclidean, Metric::Dot];
    const DIMENSIONS: [usize; 14] = [1, 2, 3, 7, 8, 15, 16, 31, 33, 100, 128, 384, 768, 1536];

    /// Numbers in −1..1, the same ones each time.
    fn numbers(seed: u32, count: usize) -> Vec<f64> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 23) - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// Plain arithmetic, apart from what the crate has.
    fn plain(metric: Metric, a: &[f64], b: &[f64]) -> f64 {
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        match metric {
            Metric::Cosine => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
            Metric::Euclidean => a
                .iter()
                .zip(b)
                .map(|(a, b)| (a - b).powi(2))
                .sum::<f64>()
                .sqrt(),
            Metric::Dot => -dot(a, b),
            Metric::Hamming => a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum(),
        }
    }

    fn check<E: Component>(metrics: &[Metric], make: impl Fn(f64) -> E, read: impl Fn(E) -> f64) {
        for dimension in DIMENSIONS {
            for &metric in metrics {
                let kernel = Kernel::<E>::new(metric, dimension).unwrap();
                let [a, b]: [Vec<E>; 2] =
                    [1, 2].map(|seed| numbers(seed, dimension).into_iter().map(&make).collect());
                let [plain_a, plain_b]: [Vec<f64>; 2] =
                    [&a, &b].map(|vector| vector.iter().map(|&x| read(x)).collect());
                let expected = plain(metric, &plain_a, &plain_b);
                let rank = kernel.rank(&a, kernel.scale(&a), &b, kernel.scale(&b));
                let distance = kernel.distance(rank);
                let scale = plain(Metric::Dot, &plain_a, &plain_a).abs().max(1.0);
                assert!(
                    (distance - expected).abs() <= 2e-6 * scale,
                    "{metric:?} {dimension}: {distance}, not {expected}"
                );
                let exact = kernel.exact(&a, &b);
                assert!(
                    (exact - expected).abs() <= 1e-9 * scale,
                    "{metric:?} {dimension}"
                );
                assert!(rank <= kernel.rank_of(distance));
            }
        }
    }

    #[test]
    fn numbers_of_three_types_are_as_far_as_plain_arithmetic_says() {
        #[allow(clippy::cast_possible_truncation)]
        check::<f32>(&NUMBERS, |x| x as f32, f64::from);
        check::<f16>(&NUMBERS, f16::from_f64, f64::from);
        #[allow(clippy::cast_possible_truncation)]
        check::<i8>(
            &NUMBERS,
            |x| (x * 128.0).round().clamp(-128.0, 127.0) as i8,
            f64::from,
        );
    }

    #[test]
    fn the_lowest_and_highest_bytes_do_not_overflow() {
        for (a, b) in [(-128_i8, 127_i8), (-128, -128), (127, 127)] {
            let (a, b) = (vec![a; 4096], vec![b; 4096]);
            for metric in NUMBERS {
                let kernel = Kernel::<i8>::new(metric, 4096).unwrap();
                let rank = kernel.rank(&a, kernel.scale(&a), &b, kernel.scale(&b));
                let (distance, exact) = (kernel.distance(rank), kernel.exact(&a, &b));
                assert!(
                    (distance - exact).abs() <= 1e-6 * exact.abs().max(1.0),
                    "{metric:?}"
                );
            }
        }
    }

    #[test]
    fn bits_that_differ_are_counted() {
        for bytes in [1, 2, 7, 8, 9, 16, 31, 96, 1000] {
            let kernel = Kernel::<u8>::new(Metric::Hamming, bytes * 8).unwrap();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let [a, b]: [Vec<u8>; 2] = [3, 4].map(|seed| {
                numbers(seed, bytes)
                    .into_iter()
                    .map(|x| ((x + 1.0) * 127.0) as u8)
                    .collect()
            });
            let bits = |v: &[u8]| -> Vec<f64> {
                v.iter()
                    .flat_map(|byte| (0..8).map(move |i| f64::from(byte >> i & 1)))
                    .collect()
            };
            let expected = plain(Metric::Hamming, &bits(&a), &bits(&b));
            assert_eq!(
                kernel.distance(kernel.rank(&a, 1.0, &b, 1.0)).to_bits(),
                expected.to_bits()
            );
            assert_eq!(kernel.exact(&a, &b).to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn bits_have_one_metric_and_numbers_have_the_others() {
        assert!(Kernel::<f32>::new(Metric::Hamming, 8).is_none());
        assert!(Kernel::<i8>::new(Metric::Hamming, 8).is_none());
        for metric in NUMBERS {
            assert!(Kernel::<u8>::new(metric, 8).is_none());
        }
    }

    #[test]
    fn huge_and_tiny_numbers_have_ranks_that_are_numbers() {
        let vectors: Vec<Vec<f32>> = [0.0, 1e-45, 1e-30, 1.0, 1e19, 3e38]
            .iter()
            .flat_map(|&x| {
                [
                    vec![x; 20],
                    vec![-x; 20],
                    [vec![x; 10], vec![-x; 10]].concat(),
                ]
            })
            .collect();
        for metric in NUMBERS {
            let kernel = Kernel::<f32>::new(metric, 20).unwrap();
            for a in &vectors {
                for b in &vectors {
                    let rank = kernel.rank(a, kernel.scale(a), b, kernel.scale(b));
                    assert!(rank.is_finite(), "{metric:?} {a:?} {b:?}");
                    if metric == Metric::Cosine {
                        let off = kernel.distance(rank) - kernel.exact(a, b);
                        assert!(off.abs() < 1e-5, "{a:?} {b:?}: {off}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_vector_is_at_no_distance_from_itself() {
        #[allow(clippy::cast_possible_truncation)]
        let a: Vec<f32> = numbers(9, 100).into_iter().map(|x| x as f32).collect();
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let kernel = Kernel::<f32>::new(metric, 100).unwrap();
            let rank = kernel.rank(&a, kernel.scale(&a), &a, kernel.scale(&a));
            assert!((0.0..1e-6).contains(&rank), "{rank}");
        }
    }

    #[test]
    fn bytes_of_vectors_are_what_a_blob_has() {
        use crate::Element;
        let bytes = |element: Element| element.bytes(100);
        assert_eq!(
            [Element::F32, Element::F16, Element::Int8, Element::Bit].map(bytes),
            [400, 200, 100, 13]
        );
    }
}
