//! Node-API, as far as the hot path goes below Neon: all `unsafe` of this crate. In WASM its functions are imported
//! from JavaScript of ours.
//!
//! A Neon call costs about 45 ns, a bare Node-API call about 19 ns; a point read takes about 1,000 ns.
//! Values live as long as the call that they came with, which the lifetime of [`Env`] stands for.

mod block;
mod env;
#[cfg(not(target_family = "wasm"))]
#[path = "native/mod.rs"]
mod host;
#[cfg(target_family = "wasm")]
#[path = "wasm/mod.rs"]
mod host;
mod reference;
mod value;

use std::marker::PhantomData;

pub use block::SharedBlock;
pub use host::*;
pub use napi::ValueType;
pub use reference::{HotFunction, Ref};

/// The environment during one call into or out of JavaScript.
#[derive(Clone, Copy)]
pub struct Env<'e> {
    raw: napi::Env,
    scope: PhantomData<&'e ()>,
}

/// A JavaScript value of that call.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Value<'e> {
    raw: napi::Value,
    scope: PhantomData<&'e ()>,
}

/// A JavaScript exception is pending, or the environment is shutting down.
#[derive(Debug, Clone, Copy)]
pub struct Thrown;

pub type Result<T> = std::result::Result<T, Thrown>;

/// An environment to come back to from a callback of `SQLite`; it stays on its thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawEnv(napi::Env);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    Plain,
    Type,
    Range,
}

#[inline]
fn ok(status: std::result::Result<(), napi::Status>) -> Result<()> {
    status.map_err(|_| Thrown)
}

/// Runs a Node-API call that returns its result through a pointer.
macro_rules! out_value {
    (|$out:ident| $call:expr) => {{
        let mut $out = MaybeUninit::uninit();
        // SAFETY: the environment is live for `'e`, and values of it are only used within that.
        let status = unsafe { $call };
        ok(status)?;
        // SAFETY: Node-API filled it in when it answered Ok.
        unsafe { $out.assume_init() }
    }};
}
use out_value;
