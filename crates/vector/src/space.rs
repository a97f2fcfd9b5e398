//! Stored vectors, as a walk needs them.

use zerocopy::IntoBytes;

use crate::aligned::numbers;
use crate::distance::{Kernel, Metric};
use crate::element::Component;
use crate::graph::{Links, Space, Target};
use crate::rounded::{Rounded, RoundedKernel};

/// Vectors and edges by slot: what a search reads.
pub trait Slots: Sync {
    /// How many slots there are, whatever is in them; fewer than [`crate::graph::MAX_SLOTS`].
    fn slots(&self) -> u32;

    /// The vector of a slot, so aligned that it can be read as numbers in place.
    fn vector(&self, slot: u32) -> &[u8];

    /// What the kernel gave as the scale of that vector.
    fn scale(&self, slot: u32) -> f32;

    /// Both.
    #[inline]
    fn stored(&self, slot: u32) -> (&[u8], f32) {
        (self.vector(slot), self.scale(slot))
    }

    /// The slot's rounded vector, as the kernel wrote it; empty if there is none.
    fn rounded(&self, slot: u32) -> &[u32];

    /// Whether the slot has a row: only then it is in a result.
    fn is_live(&self, slot: u32) -> bool;

    /// Where the edges of a slot lead to; None if it is not in the graph.
    fn edges(&self, slot: u32) -> Option<&[u32]>;
}

/// The graph of stored edges.
pub(crate) struct StoredLinks<'a, R>(pub &'a R);

impl<R: Slots> Links for StoredLinks<'_, R> {
    #[inline]
    fn each(&self, slot: u32, call: impl FnMut(u32)) {
        self.0
            .edges(slot)
            .unwrap_or(&[])
            .iter()
            .copied()
            .for_each(call);
    }

    fn has(&self, slot: u32) -> bool {
        self.0.edges(slot).is_some()
    }

    #[inline]
    fn touch(&self, slot: u32) -> u32 {
        let edges = self.0.edges(slot).unwrap_or(&[]);
        edges.chunks(16).fold(0, |sum, line| sum ^ line[0])
    }
}

/// A vector to which others are compared.
pub(crate) struct Query<'a, R, E: Component> {
    pub slots: &'a R,
    pub kernel: Kernel<E>,
    pub vector: &'a [E],
    pub scale: f32,
    /// The same vector rounded, if it is compared with rounded ones.
    pub rounded: Option<(RoundedKernel, Rounded<'a>)>,
}

impl<R: Slots, E: Component> Query<'_, R, E> {
    /// The rank of a slot, of the vectors as they are stored.
    #[inline]
    pub fn precise(&self, slot: u32) -> f32 {
        let (vector, scale) = self.slots.stored(slot);
        self.kernel
            .rank(self.vector, self.scale, numbers(vector), scale)
    }
}

impl<R: Slots, E: Component> Target for Query<'_, R, E> {
    #[inline]
    fn rank(&self, slot: u32) -> f32 {
        let Some((kernel, own)) = &self.rounded else {
            return self.precise(slot);
        };
        match kernel.read(self.slots.rounded(slot)) {
            Some(other) => kernel.rank(*own, other),
            None => f32::MAX,
        }
    }

    #[inline]
    fn touch(&self, slot: u32) -> u32 {
        if self.rounded.is_some() {
            return touch(self.slots.rounded(slot).as_bytes());
        }
        let (vector, scale) = self.slots.stored(slot);
        touch(vector) ^ scale.to_bits()
    }
}

/// One byte of each cache line, up to as many as the machine fetches by itself from then on. Seen once on a busy machine,
/// 60,000 x 100: 14 % more queries a second at L 32, 3 % at L 64; with the first line alone 3 % more and 1 % fewer.
#[inline]
pub(crate) fn touch(vector: &[u8]) -> u32 {
    let lines = vector.chunks(64).take(8);
    lines.fold(0, |sum, line| sum ^ u32::from(line[0]))
}

/// The space in which a graph is built. Inner products are no distances: with one more coordinate, that gives all
/// vectors the same length, they are in the order of distances.
pub(crate) struct Stored<'a, R, E: Component> {
    slots: &'a R,
    kernel: Kernel<E>,
    bytes: usize,
    rounding: Option<RoundedKernel>,
    /// Whether rounded vectors are compared.
    is_rounded: bool,
    /// That coordinate, by slot, under [`Metric::Dot`], and that metric, by which searches compare.
    extras: Option<Vec<f32>>,
    dot: Option<Kernel<E>>,
}

impl<'a, R: Slots, E: Component> Stored<'a, R, E> {
    /// `largest` is the largest norm, under [`Metric::Dot`].
    #[allow(clippy::cast_possible_truncation)] // beyond the range it is infinite, and ranks are clamped
    pub fn new(slots: &'a R, metric: Metric, dimension: usize, largest: f32) -> Option<Self> {
        let bytes = E::ELEMENT.bytes(dimension);
        let rounding = RoundedKernel::new(metric, E::ELEMENT, dimension);
        if metric != Metric::Dot {
            let kernel = Kernel::new(metric, dimension)?;
            return Some(Self {
                slots,
                kernel,
                bytes,
                rounding,
                is_rounded: false,
                extras: None,
                dot: None,
            });
        }
        let kernel = Kernel::new(Metric::Euclidean, dimension)?;
        let dot = Kernel::new(Metric::Dot, dimension)?;
        let extra = |slot| {
            let vector = numbers::<E>(slots.vector(slot));
            let square = f64::from(-dot.rank(vector, 1.0, vector, 1.0));
            (f64::from(largest).powi(2) - square).max(0.0).sqrt() as f32
        };
        Some(Self {
            slots,
            kernel,
            bytes,
            rounding: rounding.map(|kernel| kernel.with_metric(Metric::Euclidean)),
            is_rounded: false,
            extras: Some((0..slots.slots()).map(extra).collect()),
            dot: Some(dot),
        })
    }

    #[inline]
    fn slot(&self, slot: u32, is_rounded: bool) -> Slot<'_, R, E> {
        let (slots, kernel) = (self.slots, self.kernel);
        let rounding = self.rounding.filter(|_| is_rounded);
        let rounded = rounding.and_then(|kernel| Some((kernel, kernel.read(slots.rounded(slot))?)));
        // Not even looked up, if the rounded one is compared.
        let (vector, scale) = match rounded {
            Some(_) => Default::default(),
            None => slots.stored(slot),
        };
        Slot {
            query: Query {
                slots,
                kernel,
                vector: numbers(vector),
                scale,
                rounded,
            },
            extras: self.extras.as_deref(),
            extra: self.extra(slot),
        }
    }

    /// A slot's vector as a search compares it: without that coordinate.
    fn sought(&self, slot: u32, is_rounded: bool) -> Slot<'_, R, E> {
        let mut target = self.slot(slot, is_rounded);
        if let Some(dot) = self.dot {
            let rounded = target.query.rounded.take();
            target.query.kernel = dot;
            target.query.rounded =
                rounded.map(|(kernel, own)| (kernel.with_metric(Metric::Dot), own));
            target.extras = None;
        }
        target
    }

    fn extra(&self, slot: u32) -> f32 {
        let extra = self
            .extras
            .as_ref()
            .and_then(|extras| extras.get(slot as usize));
        extra.copied().unwrap_or_default()
    }
}

/// A slot's vector, with the coordinate more.
struct Slot<'a, R, E: Component> {
    query: Query<'a, R, E>,
    extras: Option<&'a [f32]>,
    extra: f32,
}

impl<R: Slots, E: Component> Slot<'_, R, E> {
    #[inline]
    fn extend(&self, rank: f32, slot: u32) -> f32 {
        match self.extras {
            None => rank,
            Some(extras) => {
                let off = extras.get(slot as usize).copied().unwrap_or_default() - self.extra;
                (rank + off * off).min(f32::MAX)
            }
        }
    }
}

impl<R: Slots, E: Component> Target for Slot<'_, R, E> {
    #[inline]
    fn rank(&self, slot: u32) -> f32 {
        self.extend(self.query.rank(slot), slot)
    }

    #[inline]
    fn touch(&self, slot: u32) -> u32 {
        self.query.touch(slot)
    }
}

impl<R: Slots, E: Component> Space for Stored<'_, R, E> {
    #[inline]
    fn between(&self, a: u32, b: u32) -> f32 {
        self.target(a).rank(b)
    }

    #[inline]
    fn target(&self, slot: u32) -> impl Target + '_ {
        self.slot(slot, self.is_rounded)
    }

    fn query(&self, slot: u32) -> impl Target + '_ {
        self.sought(slot, self.is_rounded)
    }

    fn precise(&self, slot: u32) -> impl Target + '_ {
        self.sought(slot, false)
    }

    fn round(&mut self, is_rounded: bool) -> bool {
        self.is_rounded = is_rounded && self.rounding.is_some();
        self.is_rounded
    }

    fn is_rounded(&self) -> bool {
        self.is_rounded
    }

    fn same(&self) -> f32 {
        match self.kernel.metric() {
            Metric::Cosine => 1e-6, // a vector is as far from itself in single precision
            _ => 0.0,
        }
    }

    #[allow(clippy::cast_precision_loss)] // an estimate
    fn walk_cost(&self) -> f64 {
        let bytes = match self.rounding {
            Some(kernel) if self.is_rounded => kernel.row() * size_of::<u32>(),
            _ => self.bytes,
        };
        // A walk misses the cache and keeps its beam in order. Seen on a busy machine: 5 to 11 with 400 and 512 bytes,
        // 1.5 to 2.2 with 3,072; this is a low guess between them.
        2.0 + 1200.0 / bytes.max(100) as f64
    }

    fn numbers(&self, slot: u32) -> impl Iterator<Item = f64> + '_ {
        let scale = self.slots.scale(slot);
        let scale = if scale.is_nan() {
            0.0
        } else {
            f64::from(scale)
        };
        E::values(numbers::<E>(self.slots.vector(slot))).map(move |value| value * scale)
    }
}
