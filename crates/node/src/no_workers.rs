//! In WASM there are no threads to start.

use std::ffi::c_void;

use crate::sys::{Env, Result, Value};

/// What an environment keeps of its workers.
#[derive(Default)]
pub struct Workers;

impl Workers {
    pub fn shut_down(self) {}
}

/// There are no functions for workers.
pub fn export_all(_: Env<'_>, _: Value<'_>, _: *const c_void) -> Result<()> {
    Ok(())
}
