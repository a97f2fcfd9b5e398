//! How a graph is made.

/// How a graph is made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The most edges a slot has.
    pub degree: usize,
    /// The width of the beam that finds what is near a slot.
    pub width: usize,
    /// How much nearer than the slot something must be to hide what is behind it.
    pub alpha: f32,
    /// How many threads work.
    pub threads: usize,
}
