//! A vector index, `DiskANN`, as a transactional virtual table of `SQLite`. It knows no JavaScript.
//!
//! The part that knows no SQL is here: what vectors are made of ([`Element`]), how far they are from each other
//! ([`Kernel`]) and the [`graph`] that finds the nearest.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod aligned;
mod blocks;
mod choose;
mod codec;
mod columns;
mod command;
mod cursor;
mod distance;
mod each;
mod element;
mod filter;
#[cfg(test)]
mod fuzz;
pub mod graph;
mod input;
mod kept;
mod layout;
mod load;
mod log;
mod measure;
mod merge;
mod nodes;
mod optimize;
mod options;
mod plan;
mod progress;
mod registry;
mod root;
mod rounded;
mod rows;
mod scan;
mod secure;
mod space;
mod state;
mod store;
mod sync;
mod table;
mod value;
mod verify;

pub use aligned::{numbers, AlignedBytes};
pub use distance::{Kernel, Metric};
pub use element::{Component, Element};
pub use half::f16;
pub use measure::{Measure, Prepared};
pub use rounded::{Rounded, RoundedKernel};
pub use space::Slots;

use ferrolite_sqlite::{Connection, FunctionFlags, Result};

/// Registers `diskann`, `vector_each` and `vector_to_json` on a connection.
pub fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags {
        deterministic: true,
        direct_only: false,
        innocuous: true,
    };
    connection.create_writable_module("diskann", table::DiskAnn::default())?;
    connection.create_module("vector_each", true, each::Each)?;
    connection.create_scalar("vector_to_json", 1, flags, each::ToJson)?;
    connection.create_scalar("vector_to_json", 2, flags, each::ToJson)
}
