//! Calls from JavaScript.

use std::ptr;
use std::rc::Rc;

use super::{imports, napi, Env, ErrorKind, PhantomData, Result, Value};

/// What the panic hook does: a panic ends the instance, and JavaScript says why.
pub fn remember_panic(panic: &str) {
    // SAFETY: pointer and length of a string.
    unsafe { imports::panic(panic.as_ptr(), panic.len()) };
}

/// `None` when an exception is pending.
pub fn caught<R>(_: Env<'_>, body: impl FnOnce() -> Result<R>) -> Option<R> {
    body().ok()
}

/// One call from JavaScript.
pub struct Call<'e> {
    pub env: Env<'e>,
    /// The place of `this`; the arguments follow.
    first: usize,
    count: usize,
    data: usize,
}

impl<'e> Call<'e> {
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// An argument; `undefined` out of range.
    #[inline]
    pub fn arg(&self, at: usize) -> Value<'e> {
        if at < self.count {
            Env::wrap(ptr::without_provenance_mut(self.first + 1 + at))
        } else {
            Env::wrap(napi::UNDEFINED)
        }
    }

    /// The handle that the function was called on.
    #[inline]
    pub fn this<T: 'static>(&self) -> Result<&'e T> {
        let this = Env::wrap(ptr::without_provenance_mut(self.first));
        match this.unbox(self.env) {
            Some(handle) => Ok(handle),
            None => Err(self.env.throw_error(ErrorKind::Type, "Illegal invocation")),
        }
    }

    /// What the function was exported with.
    ///
    /// Sound because [`Env::export`] is only called with a pointer of `Rc::into_raw` of that type, whose
    /// count is never given back.
    pub fn data<T: 'static>(&self) -> Rc<T> {
        let data = ptr::with_exposed_provenance::<T>(self.data);
        // SAFETY: see above.
        unsafe {
            Rc::increment_strong_count(data);
            Rc::from_raw(data)
        }
    }
}

/// Enters Rust from JavaScript.
///
/// # Safety
/// The places of the table are those of a call.
#[inline]
pub unsafe fn enter<'e>(
    first: usize,
    count: usize,
    data: usize,
    body: impl FnOnce(&Call<'e>) -> Result<Value<'e>>,
) -> napi::Value {
    let env = Env {
        raw: ptr::null_mut(),
        scope: PhantomData,
    };
    let call = Call {
        env,
        first,
        count,
        data,
    };
    body(&call).map_or(ptr::null_mut(), |value| value.raw)
}

/// Makes a callback of a function over a [`Call`].
macro_rules! callback {
    ($body:path) => {{
        unsafe extern "C" fn callback(
            first: usize,
            count: usize,
            data: usize,
        ) -> $crate::sys::napi::Value {
            // SAFETY: called by JavaScript of ours.
            unsafe { $crate::sys::enter(first, count, data, |call| $body(call)) }
        }
        callback
    }};
}
pub(crate) use callback;
