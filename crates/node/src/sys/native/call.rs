//! Calls from JavaScript.

use std::cell::RefCell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;

use super::{napi, ok, Env, ErrorKind, Result, Thrown, Value};

thread_local! {
    /// The last panic of this thread: what it said, and where.
    static PANIC: RefCell<String> = RefCell::default();
}

/// What the panic hook does instead of printing to the standard error of somebody's server, unless the process is about
/// to abort.
pub fn remember_panic(panic: &str) {
    PANIC.with_borrow_mut(|known| {
        if panic.contains("cannot unwind") {
            eprintln!("Internal error in Ferrolite: please report it ({known})");
        }
        panic.clone_into(known);
    });
}

/// Lets no panic out: it becomes an exception. `None` when one is pending.
pub fn caught<R>(env: Env<'_>, body: impl FnOnce() -> Result<R>) -> Option<R> {
    let Ok(result) = catch_unwind(AssertUnwindSafe(body)) else {
        let panic = PANIC.take();
        let message = format!("Internal error in Ferrolite: please report it ({panic})");
        let Thrown = env.throw_error(ErrorKind::Type, &message);
        return None;
    };
    result.ok()
}

/// Arguments that one call may have without allocating.
const INLINE_ARGS: usize = 8;

/// One call from JavaScript.
pub struct Call<'e> {
    pub env: Env<'e>,
    this: napi::Value,
    data: *const c_void,
    count: usize,
    inline: [napi::Value; INLINE_ARGS],
    more: Vec<napi::Value>,
}

impl<'e> Call<'e> {
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// An argument; `undefined` out of range.
    #[inline]
    pub fn arg(&self, at: usize) -> Value<'e> {
        let raw = if self.count > INLINE_ARGS {
            self.more.get(at)
        } else {
            self.inline.get(at)
        };
        match raw {
            Some(raw) if !raw.is_null() => Env::wrap(*raw),
            _ => self.env.undefined().unwrap_or(Env::wrap(self.this)),
        }
    }

    /// The handle that the function was called on.
    #[inline]
    pub fn this<T: 'static>(&self) -> Result<&'e T> {
        match Env::wrap(self.this).unbox(self.env) {
            Some(handle) => Ok(handle),
            None => Err(self.env.throw_error(ErrorKind::Type, "Illegal invocation")),
        }
    }

    /// What the function was exported with.
    ///
    /// Sound because [`Env::export`] is only called with a pointer of `Rc::into_raw` of that type, whose
    /// count is never given back.
    pub fn data<T: 'static>(&self) -> Rc<T> {
        // SAFETY: see above.
        unsafe {
            Rc::increment_strong_count(self.data.cast::<T>());
            Rc::from_raw(self.data.cast::<T>())
        }
    }

    /// Where that is; it stays there for good.
    pub(in crate::sys) fn data_address<T: 'static>(&self) -> *const T {
        self.data.cast()
    }
}

/// Enters Rust from JavaScript: collects the call, and lets no panic out.
///
/// # Safety
/// `env` and `info` are those that Node-API passed to the callback.
#[inline]
pub unsafe fn enter<'e>(
    env: napi::Env,
    info: napi::CallbackInfo,
    body: impl FnOnce(&Call<'e>) -> Result<Value<'e>>,
) -> napi::Value {
    let env = Env {
        raw: env,
        scope: PhantomData,
    };
    let result = caught(env, || {
        let mut call = Call {
            env,
            this: ptr::null_mut(),
            data: ptr::null(),
            count: INLINE_ARGS,
            inline: [ptr::null_mut(); INLINE_ARGS],
            more: Vec::new(),
        };
        let mut data = ptr::null_mut();
        // SAFETY: the inline array holds `count` values; Node-API fills the rest with undefined.
        unsafe {
            let argv = call.inline.as_mut_ptr();
            ok(napi::get_cb_info(
                env.raw,
                info,
                &raw mut call.count,
                argv,
                &raw mut call.this,
                &raw mut data,
            ))?;
        }
        if call.count > INLINE_ARGS {
            call.more.resize(call.count, ptr::null_mut());
            // SAFETY: as above, with the larger array.
            unsafe {
                let argv = call.more.as_mut_ptr();
                ok(napi::get_cb_info(
                    env.raw,
                    info,
                    &raw mut call.count,
                    argv,
                    ptr::null_mut(),
                    ptr::null_mut(),
                ))?;
            }
        }
        call.data = data;
        body(&call)
    });
    result.map_or(ptr::null_mut(), |value| value.raw)
}

/// Makes a Node-API callback of a function over a [`Call`].
macro_rules! callback {
    ($body:path) => {{
        unsafe extern "C" fn callback(
            env: $crate::sys::napi::Env,
            info: $crate::sys::napi::CallbackInfo,
        ) -> $crate::sys::napi::Value {
            // SAFETY: called by Node-API.
            unsafe { $crate::sys::enter(env, info, |call| $body(call)) }
        }
        callback
    }};
}
pub(crate) use callback;
