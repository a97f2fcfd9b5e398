//! A small Node-API of our own, which JavaScript gives to a WASM instance (`packages/wasm`): the functions that this
//! crate uses, and no others. A value is the number of a place in a table.

mod boxed;
mod call;
mod files;
mod imports;
mod module;
pub mod napi;
mod views;

use std::marker::PhantomData;

use super::{Env, ErrorKind, Result, Thrown, Value};

pub(crate) use call::callback;
pub use call::{caught, enter, remember_panic, Call};
pub(super) use napi::extra;

/// What a handle of JavaScript may hold.
pub trait Finalize {}

/// The table of values, where a call's begin: `this`, then the arguments.
pub type Callback = unsafe extern "C" fn(first: usize, count: usize, data: usize) -> napi::Value;

/// Every function is imported: without one of them there is no instance.
pub fn load() -> bool {
    files::register()
}
