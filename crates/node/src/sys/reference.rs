//! Values that outlive a call.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

use super::{napi, ok, out_value, Env, RawEnv, Result, Value};

/// A reference that keeps a value alive; dropped on the thread of its environment.
pub struct Ref {
    pub(super) env: napi::Env,
    pub(super) raw: napi::Ref,
}

impl Ref {
    pub fn get<'e>(&self, env: Env<'e>) -> Result<Value<'e>> {
        let raw = out_value!(|out| napi::get_reference_value(env.raw, self.raw, out.as_mut_ptr()));
        Ok(Env::wrap(raw))
    }
}

impl Drop for Ref {
    fn drop(&mut self) {
        // SAFETY: made by `Env::reference`, deleted once; connections close before the environment ends.
        let _ = unsafe { napi::delete_reference(self.env, self.raw) };
    }
}

/// A function that `SQLite` calls again and again. During one execution its handle is fetched once and
/// kept, and a call without arguments makes no handle at all: it costs one Node-API call.
pub struct HotFunction {
    function: Ref,
    /// The execution that `value` was fetched in, and the handle, which lives as long as that runs.
    cached: Cell<(u64, napi::Value)>,
}

impl HotFunction {
    pub fn new(env: Env<'_>, function: Value<'_>) -> Result<Self> {
        Ok(Self {
            function: env.reference(function)?,
            cached: Cell::new((0, ptr::null_mut())),
        })
    }

    /// Calls it with `args`; what it returns is not looked at. `execution` is unique for each time that
    /// JavaScript called into this addon, and 0 when that is not known.
    #[inline]
    pub fn call(&self, env: RawEnv, execution: u64, args: &[Value<'_>]) -> Result<()> {
        let (fetched_in, mut function) = self.cached.get();
        if execution == 0 || fetched_in != execution {
            let env = Env {
                raw: env.0,
                scope: PhantomData,
            };
            function = self.function.get(env)?.raw;
            self.cached.set((execution, function));
        }
        let argv = args.as_ptr().cast::<napi::Value>();
        // SAFETY: on the thread of the environment, inside a call from JavaScript; the handle was made in
        // that call. The function takes no `this`, so any value serves; no result is asked for.
        ok(unsafe {
            napi::call_function(env.0, function, function, args.len(), argv, ptr::null_mut())
        })
    }
}
