//! Node-API, below Neon and through it.

mod boxed;
mod call;
mod module;
mod symbols;
mod views;
mod waker;

use std::marker::PhantomData;

pub use neon::sys::bindings as napi;
pub use neon::types::Finalize;

use super::{ok, Env, ErrorKind, Result, Thrown, Value};

pub(crate) use call::callback;
pub use call::{caught, enter, remember_panic, Call};
pub(super) use symbols::extra;
pub use symbols::load;
pub use waker::{Hold, Waker};

pub type Callback = unsafe extern "C" fn(napi::Env, napi::CallbackInfo) -> napi::Value;
