//! Handles of JavaScript that hold a value of Rust.

use std::any::Any;
use std::ptr;

use super::{imports, Env, Finalize, Value};

impl<'e> Env<'e> {
    /// A handle with `value`, which is dropped some time after JavaScript has forgotten the handle.
    #[allow(clippy::unused_self)] // what the lifetime is taken from
    pub fn boxed<T: Finalize + 'static>(self, value: T) -> Value<'e> {
        let value: Box<dyn Any> = Box::new(value);
        let at = Box::into_raw(Box::new(value));
        // SAFETY: `finalize` takes the box back, once.
        Self::wrap(unsafe { imports::external(at.expose_provenance()) })
    }
}

/// Called by JavaScript for a handle that nobody has any more.
///
/// # Safety
/// `at` is that of a handle, which this is called for once.
#[no_mangle]
unsafe extern "C" fn ferrolite_finalize(at: usize) {
    // SAFETY: made by `boxed`.
    drop(unsafe { Box::from_raw(ptr::with_exposed_provenance_mut::<Box<dyn Any>>(at)) });
}

impl<'e> Value<'e> {
    /// What a handle of this instance holds.
    #[inline]
    pub fn unbox<T: 'static>(self, _: Env<'e>) -> Option<&'e T> {
        // SAFETY: JavaScript gives 0, or what `boxed` gave it: the handle lives while its call runs.
        unsafe {
            let at = ptr::with_exposed_provenance::<Box<dyn Any>>(imports::external_at(self.raw));
            (*at.as_ref()?).downcast_ref()
        }
    }
}
