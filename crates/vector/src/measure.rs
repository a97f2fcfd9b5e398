//! A metric for vectors of a type that is known at run time only.

use half::f16;
use zerocopy::FromBytes;

use crate::aligned::{numbers, AlignedBytes};
use crate::distance::{Kernel, Metric};
use crate::element::{Component, Element};
use crate::graph::{self, Filtered, Interrupted, Key, Merged, Options, Poll, Target, Work};
use crate::rounded::{Rounded, RoundedKernel};
use crate::space::{Query, Slots, Stored, StoredLinks};

/// A metric and the type and number of what vectors are made of.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    metric: Metric,
    element: Element,
    dimension: usize,
    kernel: AnyKernel,
    rounding: Option<RoundedKernel>,
}

#[derive(Debug, Clone, Copy)]
enum AnyKernel {
    F32(Kernel<f32>),
    F16(Kernel<f16>),
    Int8(Kernel<i8>),
    Bit(Kernel<u8>),
}

/// Calls a generic method of a value with the kernel of a measure.
macro_rules! with_kernel {
    ($measure:expr, $kernel:ident => $call:expr) => {
        match $measure.kernel {
            AnyKernel::F32($kernel) => $call,
            AnyKernel::F16($kernel) => $call,
            AnyKernel::Int8($kernel) => $call,
            AnyKernel::Bit($kernel) => $call,
        }
    };
}

impl Measure {
    /// None if the metric has no sense for the element: bits have [`Metric::Hamming`], numbers have the others.
    pub fn new(metric: Metric, element: Element, dimension: usize) -> Option<Self> {
        let kernel = match element {
            Element::F32 => AnyKernel::F32(Kernel::new(metric, dimension)?),
            Element::F16 => AnyKernel::F16(Kernel::new(metric, dimension)?),
            Element::Int8 => AnyKernel::Int8(Kernel::new(metric, dimension)?),
            Element::Bit => AnyKernel::Bit(Kernel::new(metric, dimension)?),
        };
        Some(Self {
            metric,
            element,
            dimension,
            kernel,
            rounding: RoundedKernel::new(metric, element, dimension),
        })
    }

    /// The metric.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The type of the numbers.
    pub fn element(&self) -> Element {
        self.element
    }

    /// How many numbers a vector has.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The bytes of a vector.
    pub fn bytes(&self) -> usize {
        self.element.bytes(self.dimension)
    }

    /// How vectors are rounded, if that gains something.
    pub fn rounding(&self) -> Option<&RoundedKernel> {
        self.rounding.as_ref()
    }

    /// Rounds a vector into a row of [`Measure::rounding`].
    pub fn round(&self, vector: &[u8], row: &mut [u32]) {
        if let Some(kernel) = &self.rounding {
            with_numbers(vector, |vector| kernel.round(vector, row));
        }
    }

    /// See [`Kernel::scale`].
    pub fn scale(&self, vector: &[u8]) -> f32 {
        with_kernel!(self, kernel => with_numbers(vector, |vector| kernel.scale(vector)))
    }

    /// The length of a vector.
    pub fn norm(&self, vector: &[u8]) -> f64 {
        fn norm<E: Component>(_: Kernel<E>, vector: &[u8]) -> f64 {
            with_numbers(vector, Kernel::<E>::norm)
        }
        with_kernel!(self, kernel => norm(kernel, vector))
    }

    /// The distance of a rank.
    pub fn distance(&self, rank: f32) -> f64 {
        with_kernel!(self, kernel => kernel.distance(rank))
    }

    /// A rank that is greater than that of any vector at that distance, and no other if single precision tells.
    pub fn rank_of(&self, distance: f64) -> f32 {
        with_kernel!(self, kernel => kernel.rank_of(distance))
    }

    /// A vector that others are to be compared to: [`Measure::bytes`] bytes.
    pub fn query(&self, vector: &[u8]) -> Prepared {
        let mut rounded = vec![0; self.rounding.map_or(0, |kernel| kernel.row())];
        self.round(vector, &mut rounded);
        Prepared {
            measure: *self,
            vector: AlignedBytes::from(vector),
            scale: self.scale(vector),
            rounded,
            walks_rounded: false,
        }
    }

    /// Makes a graph: [`graph::merge`]. `largest` is the largest norm, under [`Metric::Dot`].
    pub fn merge<R: Slots>(
        &self,
        slots: &R,
        largest: f32,
        options: &Options,
        work: &Work,
        poll: &mut Poll,
    ) -> Result<Merged, Interrupted> {
        with_kernel!(self, kernel => merge(kernel, slots, self, largest, options, work, poll))
    }
}

fn merge<R: Slots, E: Component>(
    _: Kernel<E>,
    slots: &R,
    measure: &Measure,
    largest: f32,
    options: &Options,
    work: &Work,
    poll: &mut Poll,
) -> Result<Merged, Interrupted> {
    // The kernel exists, so this one does.
    let space = Stored::<R, E>::new(slots, measure.metric, measure.dimension, largest);
    let Some(mut space) = space else {
        return Err(Interrupted);
    };
    graph::merge(&mut space, options, work, |slot| slots.edges(slot), poll)
}

/// Calls with the numbers of bytes that need not be aligned.
fn with_numbers<E: Component, T>(vector: &[u8], call: impl FnOnce(&[E]) -> T) -> T {
    match <[E]>::ref_from_bytes(vector) {
        Ok(vector) => call(vector),
        Err(_) => call(numbers(AlignedBytes::from(vector).as_bytes())),
    }
}

/// A vector that others are compared to.
#[derive(Debug, Clone)]
pub struct Prepared {
    measure: Measure,
    vector: AlignedBytes,
    scale: f32,
    /// The vector as a row of rounded ones.
    rounded: Vec<u32>,
    /// Whether walks compare it with rounded ones.
    walks_rounded: bool,
}

impl Prepared {
    /// Walks compare rounded vectors, or the vectors as they are.
    #[must_use]
    pub fn walking_rounded(self, walks_rounded: bool) -> Self {
        Self {
            walks_rounded: walks_rounded && self.measure.rounding.is_some(),
            ..self
        }
    }

    /// The rank of one slot.
    pub fn rank<R: Slots>(&self, slots: &R, slot: u32) -> f32 {
        with_kernel!(self.measure, kernel => self.typed(kernel, slots).rank(slot))
    }

    /// The `k` nearest of some slots, nearest first, which `out` gets. Other than those in `out` before.
    pub fn scan<R: Slots>(
        &self,
        slots: &R,
        among: impl Iterator<Item = u32>,
        k: usize,
        out: &mut Vec<Key>,
    ) {
        with_kernel!(self.measure, kernel => scan(&self.typed(kernel, slots), among, k, out));
    }

    /// The rounded vector and its kernel.
    pub(crate) fn rounded(&self) -> Option<(RoundedKernel, Rounded<'_>)> {
        let kernel = self.measure.rounding?;
        Some((kernel, kernel.read(&self.rounded)?))
    }

    /// The `width` nearest in the graph, live or not, nearest first.
    pub fn beam<'s, R: Slots>(
        &self,
        slots: &R,
        start: u32,
        width: usize,
        scratch: &'s mut graph::Scratch,
    ) -> &'s [Key] {
        let links = StoredLinks(slots);
        with_kernel!(self.measure, kernel => {
            graph::search(&self.walking(kernel, slots), &links, start, slots.slots(), width, scratch)
        })
    }

    /// Begins a walk.
    pub fn start<R: Slots>(&self, slots: &R, start: u32, walk: &mut graph::Walk) {
        let links = StoredLinks(slots);
        with_kernel!(self.measure, kernel => {
            walk.start(&self.walking(kernel, slots), &links, start, slots.slots());
        });
    }

    /// Goes on with a walk: [`graph::Walk::widen`]. Only live slots are asked for.
    pub fn widen<R: Slots>(
        &self,
        slots: &R,
        walk: &mut graph::Walk,
        width: usize,
        budget: u64,
        mut pass: impl FnMut(u32) -> bool,
    ) -> Filtered {
        let links = StoredLinks(slots);
        let pass = |slot| slots.is_live(slot) && pass(slot);
        with_kernel!(self.measure, kernel => {
            walk.widen(&self.walking(kernel, slots), &links, width, budget, pass)
        })
    }

    /// The vector and its scale.
    pub(crate) fn numbers<E: Component>(&self) -> (&[E], f32) {
        (numbers(self.vector.as_bytes()), self.scale)
    }

    fn typed<'a, R: Slots, E: Component>(
        &'a self,
        kernel: Kernel<E>,
        slots: &'a R,
    ) -> Query<'a, R, E> {
        let vector = numbers::<E>(self.vector.as_bytes());
        Query {
            slots,
            kernel,
            vector,
            scale: self.scale,
            rounded: None,
        }
    }

    fn walking<'a, R: Slots, E: Component>(
        &'a self,
        kernel: Kernel<E>,
        slots: &'a R,
    ) -> Query<'a, R, E> {
        Query {
            rounded: self.rounded().filter(|_| self.walks_rounded),
            ..self.typed(kernel, slots)
        }
    }
}

fn scan(target: &impl Target, among: impl Iterator<Item = u32>, k: usize, out: &mut Vec<Key>) {
    if k == 0 {
        return;
    }
    let mut heap = std::collections::BinaryHeap::with_capacity(k.min(1 << 16) + 1);
    for slot in among {
        let key = Key::new(target.rank(slot), slot);
        if heap.len() < k {
            heap.push(key);
        } else if let Some(mut worst) = heap.peek_mut() {
            if key < *worst {
                *worst = key;
            }
        }
    }
    out.extend(heap.into_sorted_vec());
}
