//! A graph in which the nearest vectors are found by walking: Vamana, of `DiskANN`.
//!
//! A node is a slot, a number. The walk knows neither what a vector is nor where edges are kept: [`Target`], [`Space`]
//! and [`Links`] tell, and are compiled into it.

mod arena;
mod beam;
mod build;
mod calibrate;
mod key;
mod link;
mod options;
mod order;
mod parallel;
mod prune;
mod reach;
mod repair;
mod start;
#[cfg(test)]
mod tests;
mod visited;
mod walk;

pub use arena::Arena;
pub use beam::{beam, search, Scratch};
pub use build::{merge, Merged, Work};
pub use key::{Key, MAX_SLOTS};
pub use options::Options;
pub use parallel::{threads, Interrupted, Poll};
pub(crate) use prune::mix;
pub use reach::unreached;
pub use walk::{Filtered, Walk};

/// What is looked for.
pub trait Target {
    /// How far a slot is from it: see [`crate::Kernel::rank`].
    fn rank(&self, slot: u32) -> f32;

    /// Reads a little of what [`Target::rank`] will need, so that it is on its way from memory.
    fn touch(&self, slot: u32) -> u32;
}

/// How far slots are from each other.
pub trait Space: Sync {
    /// The rank of two slots: zero or more, and the same either way.
    fn between(&self, a: u32, b: u32) -> f32;

    /// A slot as what is looked for.
    fn target(&self, slot: u32) -> impl Target + '_;

    /// A slot's vector as a search looks for it: under the metric of the table.
    fn query(&self, slot: u32) -> impl Target + '_;

    /// The same, compared with vectors as they are, though walks compare rounded ones.
    fn precise(&self, slot: u32) -> impl Target + '_;

    /// From now on rounded vectors are compared, or not. Gives what is now.
    fn round(&mut self, is_rounded: bool) -> bool;

    /// Whether rounded vectors are compared.
    fn is_rounded(&self) -> bool;

    /// The rank up to which vectors are taken for equal.
    fn same(&self) -> f32;

    /// What comparing a slot costs on a walk, against one in a scan of all.
    fn walk_cost(&self) -> f64;

    /// The numbers of a vector, for their mean.
    fn numbers(&self, slot: u32) -> impl Iterator<Item = f64> + '_;
}

/// The edges of a graph.
pub trait Links: Sync {
    /// Calls for each slot that an edge leads to.
    fn each(&self, slot: u32, call: impl FnMut(u32));

    /// Whether a slot is in the graph.
    fn has(&self, slot: u32) -> bool;

    /// Reads a little of what [`Links::each`] will need.
    fn touch(&self, slot: u32) -> u32;
}
