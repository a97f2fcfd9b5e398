//! How vectors are laid out in blocks, and how they are compared.

use crate::distance::{Kernel, Metric};
use crate::element::Element;
use crate::f16;
use crate::measure::Measure;
use crate::options::Options;

/// A metric for vectors of bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AnyKernel {
    F32(Kernel<f32>),
    F16(Kernel<f16>),
    Int8(Kernel<i8>),
    Bit(Kernel<u8>),
}

/// Calls a function that is generic in the element with the kernel of a table.
macro_rules! with_kernel {
    ($kernel:expr, $name:ident => $body:expr) => {
        match $kernel {
            $crate::layout::AnyKernel::F32($name) => $body,
            $crate::layout::AnyKernel::F16($name) => $body,
            $crate::layout::AnyKernel::Int8($name) => $body,
            $crate::layout::AnyKernel::Bit($name) => $body,
        }
    };
}
pub(crate) use with_kernel;

impl AnyKernel {
    pub(crate) fn new(metric: Metric, element: Element, dimension: usize) -> Option<Self> {
        Some(match element {
            Element::F32 => Self::F32(Kernel::new(metric, dimension)?),
            Element::F16 => Self::F16(Kernel::new(metric, dimension)?),
            Element::Int8 => Self::Int8(Kernel::new(metric, dimension)?),
            Element::Bit => Self::Bit(Kernel::new(metric, dimension)?),
        })
    }
}

/// Divides by the same number again and again: a multiplication, where a division takes five times as long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Divisor {
    divisor: u32,
    /// 2^64 / divisor, rounded up; exact for all of 32 bits. One has none.
    magic: u64,
}

impl Divisor {
    pub(crate) fn new(divisor: u32) -> Self {
        let divisor = divisor.max(1);
        Self {
            divisor,
            magic: if divisor == 1 {
                0
            } else {
                u64::MAX / u64::from(divisor) + 1
            },
        }
    }

    /// Quotient and remainder.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // less than the number
    pub(crate) fn split(self, number: u32) -> (usize, usize) {
        if self.magic == 0 {
            return (number as usize, 0);
        }
        let quotient = ((u128::from(self.magic) * u128::from(number)) >> 64) as u32;
        (
            quotient as usize,
            (number - quotient * self.divisor) as usize,
        )
    }
}

/// What blocks hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) kernel: AnyKernel,
    pub(crate) measure: Measure,
    pub(crate) element: Element,
    /// Bytes of a vector.
    pub(crate) stride: usize,
    pub(crate) vectors_per_block: u32,
    pub(crate) nodes_per_block: u32,
    pub(crate) max_degree: u32,
    /// Scales are kept.
    pub(crate) is_cosine: bool,
}

impl Layout {
    pub(crate) fn new(
        options: &Options,
        vectors_per_block: u32,
        nodes_per_block: u32,
    ) -> Option<Self> {
        let dimension = options.dimension as usize;
        let is_good = (1..=MAX_VECTORS).contains(&vectors_per_block)
            && (1..=MAX_NODES).contains(&nodes_per_block);
        if !is_good {
            return None;
        }
        Some(Self {
            kernel: AnyKernel::new(options.metric, options.element, dimension)?,
            measure: Measure::new(options.metric, options.element, dimension)?,
            element: options.element,
            stride: options.stride(),
            vectors_per_block,
            nodes_per_block,
            max_degree: options.max_degree,
            is_cosine: options.metric == Metric::Cosine,
        })
    }

    /// The bytes of a block of vectors.
    pub(crate) fn block_bytes(&self) -> usize {
        self.stride * self.vectors_per_block as usize
    }
}

const MAX_VECTORS: u32 = 64;
const MAX_NODES: u32 = 4096;
const MAX_BLOCK: usize = 16 * 1024;
/// The share of its pages that a block may waste.
const WASTE: f64 = 0.07;

/// Bytes of a row besides its BLOB: lengths, rowid, header, and the pointer to its cell.
const ROW: usize = 12;

/// How many bytes of pages a row with such a BLOB takes: <https://www.sqlite.org/fileformat2.html#b_tree_pages>.
#[allow(clippy::cast_precision_loss)] // sizes of pages
fn bytes_on_pages(blob: usize, usable: usize) -> f64 {
    let payload = blob + 5;
    let most = usable - 35;
    if payload <= most {
        let rows = ((usable - 8) / (payload + ROW - 5)).max(1);
        return usable as f64 / rows as f64;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let tail = least + (payload - least) % (usable - 4);
    let local = if tail <= most { tail } else { least };
    let overflow = (payload - local).div_ceil(usable - 4) * usable;
    let rows = ((usable - 8) / (local + ROW + 4)).max(1);
    overflow as f64 + usable as f64 / rows as f64
}

/// The least number of vectors in a block that wastes little of its pages.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn vectors_per_block(stride: usize, page_size: usize) -> u32 {
    let mut best = (f64::INFINITY, 1);
    for count in 1..=MAX_VECTORS {
        let bytes = stride * count as usize;
        if bytes > MAX_BLOCK && count > 1 {
            break;
        }
        let waste = 1.0 - bytes as f64 / bytes_on_pages(bytes, page_size);
        if waste <= WASTE {
            return count;
        }
        if waste < best.0 {
            best = (waste, count);
        }
    }
    best.1
}

/// As many nodes of the graph as a page has room for, under a cipher too.
pub(crate) fn nodes_per_block(max_degree: u32, page_size: u32) -> u32 {
    (page_size.saturating_sub(131) / (4 * max_degree + 1)).clamp(1, MAX_NODES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiplication_divides() {
        for divisor in [1, 2, 3, 5, 7, 10, 30, 40, 63, 64, 507, 4096] {
            let by = Divisor::new(divisor);
            for number in [
                0,
                1,
                divisor - 1,
                divisor,
                divisor + 1,
                12_345,
                u32::MAX / 2,
                u32::MAX - 1,
                u32::MAX,
            ] {
                let expected = ((number / divisor) as usize, (number % divisor) as usize);
                assert_eq!(by.split(number), expected, "{number} / {divisor}");
            }
        }
    }

    #[test]
    fn blocks_fill_their_pages() {
        assert_eq!(nodes_per_block(32, 4096), 30);
        for (stride, page) in [
            (400, 4096),
            (512, 4096),
            (3072, 4096),
            (200, 4096),
            (1536, 8192),
            (8, 512),
            (6144, 4096),
        ] {
            let count = vectors_per_block(stride, page);
            let bytes = stride * count as usize;
            #[allow(clippy::cast_precision_loss)]
            let ratio = bytes_on_pages(bytes, page) / bytes as f64;
            assert!(ratio < 1.12, "{stride} {page}: {count}, {ratio}");
            assert!(bytes <= MAX_BLOCK);
        }
        assert_eq!(vectors_per_block(65_536 * 4, 4096), 1);
        for page in [512, 1024, 65_536] {
            assert!(vectors_per_block(1, page) >= 1);
        }
    }
}
