//! A vector index, `DiskANN`, as a transactional virtual table of `SQLite`. It knows no JavaScript.
//!
//! The part that knows no SQL is here: what vectors are made of ([`Element`]), how far they are from each other
//! ([`Kernel`]) and the [`graph`] that finds the nearest.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod aligned;
mod distance;
mod element;
pub mod graph;
mod measure;
mod space;

pub use aligned::{numbers, AlignedBytes};
pub use distance::{Kernel, Metric};
pub use element::{Component, Element};
pub use half::f16;
pub use measure::{Measure, Prepared};
pub use space::Slots;
