//! What vectors are made of.

use diskann_vector::distance::{Distance, DistanceProvider, Metric as Simd};
use diskann_wide::arch::{self, Dispatched2, FTarget2, Target};
use diskann_wide::lifetime::Ref;
use diskann_wide::Architecture;
use half::f16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::distance::Metric;

// Vectors are kept as they are stored, little-endian, and read in place.
#[cfg(target_endian = "big")]
compile_error!("vectors are read in place, so a little-endian machine is needed");

/// The type of the numbers of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 half precision.
    F16,
    /// Signed bytes.
    Int8,
    /// Bits, eight to a byte.
    Bit,
}

impl Element {
    /// The bytes of a vector of that dimension. Bits fill the last byte up with zeros.
    pub fn bytes(self, dimension: usize) -> usize {
        match self {
            Element::F32 => dimension * 4,
            Element::F16 => dimension * 2,
            Element::Int8 => dimension,
            Element::Bit => dimension.div_ceil(8),
        }
    }
}

/// One number of a stored vector, or eight bits of it: `f32`, `f16`, `i8`, `u8`.
pub trait Component:
    Copy + Send + Sync + FromBytes + IntoBytes + Immutable + KnownLayout + std::fmt::Debug + 'static
{
    /// The element type whose vectors these make.
    const ELEMENT: Element;

    /// A function that the machine runs fastest, found at run time.
    #[doc(hidden)]
    type Raw: Copy + Send + Sync + std::fmt::Debug;

    /// The squared length, the negative inner product or the number of other bits. None if the metric has no sense
    /// for the element.
    #[doc(hidden)]
    fn raw(metric: Metric, dimension: usize) -> Option<Self::Raw>;

    #[doc(hidden)]
    fn call(raw: &Self::Raw, a: &[Self], b: &[Self]) -> f32;

    /// The inner products a·a, a·b, b·b and the squared length of a − b, in double precision. The bits of a byte are
    /// numbers too, 0 and 1.
    #[doc(hidden)]
    fn products(a: &[Self], b: &[Self]) -> Products;

    /// The numbers of a vector.
    #[doc(hidden)]
    fn values(vector: &[Self]) -> impl Iterator<Item = f64> + '_;
}

#[doc(hidden)]
#[derive(Debug, Default, Clone, Copy)]
pub struct Products {
    pub aa: f64,
    pub ab: f64,
    pub bb: f64,
    pub squared: f64,
}

impl Products {
    fn of(pairs: impl Iterator<Item = (f64, f64)>) -> Products {
        pairs.fold(Products::default(), |sum, (a, b)| Products {
            aa: sum.aa + a * a,
            ab: sum.ab + a * b,
            bb: sum.bb + b * b,
            squared: sum.squared + (a - b) * (a - b),
        })
    }
}

macro_rules! number {
    ($type:ty, $element:expr) => {
        impl Component for $type {
            const ELEMENT: Element = $element;
            type Raw = Distance<$type, $type>;

            fn raw(metric: Metric, dimension: usize) -> Option<Self::Raw> {
                let simd = match metric {
                    Metric::Euclidean => Simd::L2,
                    Metric::Cosine | Metric::Dot => Simd::InnerProduct,
                    Metric::Hamming => return None,
                };
                Some(<$type>::distance_comparer(simd, Some(dimension)))
            }

            #[inline]
            fn call(raw: &Self::Raw, a: &[Self], b: &[Self]) -> f32 {
                raw.call(a, b)
            }

            fn products(a: &[Self], b: &[Self]) -> Products {
                Products::of(Self::values(a).zip(Self::values(b)))
            }

            fn values(vector: &[Self]) -> impl Iterator<Item = f64> + '_ {
                vector.iter().map(|&value| f64::from(value))
            }
        }
    };
}

number!(f32, Element::F32);
number!(f16, Element::F16);
number!(i8, Element::Int8);

impl Component for u8 {
    const ELEMENT: Element = Element::Bit;
    type Raw = Dispatched2<f32, Ref<[u8]>, Ref<[u8]>>;

    fn raw(metric: Metric, _: usize) -> Option<Self::Raw> {
        (metric == Metric::Hamming).then(|| arch::dispatch_no_features(OtherBits))
    }

    #[inline]
    fn call(raw: &Self::Raw, a: &[Self], b: &[Self]) -> f32 {
        raw.call(a, b)
    }

    fn products(a: &[Self], b: &[Self]) -> Products {
        Products::of(Self::values(a).zip(Self::values(b)))
    }

    fn values(vector: &[Self]) -> impl Iterator<Item = f64> + '_ {
        vector
            .iter()
            .flat_map(|&byte| (0..8).map(move |i| f64::from(byte >> i & 1)))
    }
}

/// Counts bits that differ.
struct OtherBits;

impl<A: Architecture> Target<A, <u8 as Component>::Raw> for OtherBits {
    fn run(self, arch: A) -> <u8 as Component>::Raw {
        arch.dispatch2::<Self, f32, Ref<[u8]>, Ref<[u8]>>()
    }
}

impl<A: Architecture> FTarget2<A, f32, &[u8], &[u8]> for OtherBits {
    // Inlined into a function for the machine's own instructions, which count bits.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    #[allow(clippy::cast_precision_loss)] // exact up to 2^24 bits
    fn run(_: A, a: &[u8], b: &[u8]) -> f32 {
        let ((words_a, rest_a), (words_b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
        let words = words_a.iter().zip(words_b).map(|(a, b)| {
            u64::from((u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)).count_ones())
        });
        let rest = rest_a
            .iter()
            .zip(rest_b)
            .map(|(a, b)| u64::from((a ^ b).count_ones()));
        (words.sum::<u64>() + rest.sum::<u64>()) as f32
    }
}
