//! Neon's contexts, and the handles that Neon makes of values of Rust.

#[cfg(not(debug_assertions))]
use std::any::Any;
#[cfg(not(debug_assertions))]
use std::ptr;

use neon::context::{Context, Cx};
use neon::types::{Finalize, JsBox, JsObject};
#[cfg(debug_assertions)]
use neon::types::{JsValue, Value as _};

#[cfg(not(debug_assertions))]
use super::{napi, ok};
use super::{Env, PhantomData, Value};

impl<'e> Env<'e> {
    /// The environment of a Neon context.
    pub fn from_neon(cx: &mut Cx<'e>) -> Self {
        Self {
            raw: cx.to_raw(),
            scope: PhantomData,
        }
    }

    /// A `JsBox` with `value`.
    pub fn boxed<T: Finalize + 'static>(self, value: T) -> Value<'e> {
        self.with_neon(|cx| {
            let boxed = JsBox::new(cx, value);
            Self::wrap(neon::types::Value::to_raw(&*boxed))
        })
    }

    /// Gives a Neon context to what Neon does best.
    pub fn with_neon<R>(self, body: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        // SAFETY: the environment is live and this is its thread.
        body(&mut unsafe { Cx::from_raw(self.raw) })
    }

    /// The raw value of a Neon object.
    #[allow(clippy::unused_self)] // what the lifetime is taken from
    pub fn value_of(self, object: &JsObject) -> Value<'e> {
        Self::wrap(neon::types::Value::to_raw(object))
    }
}

impl<'e> Value<'e> {
    /// What a `JsBox` of this addon holds.
    #[inline]
    pub fn unbox<T: 'static>(self, env: Env<'e>) -> Option<&'e T> {
        // SAFETY: live. Handles reach this addon only from `#private` fields of its own JavaScript, so an
        // external is a JsBox made here: Neon keeps a `Box<dyn Any>` in it, transparent in release builds.
        #[cfg(not(debug_assertions))]
        unsafe {
            let mut at = ptr::null_mut();
            ok(napi::get_value_external(env.raw, self.raw, &raw mut at)).ok()?;
            (*at.cast::<Box<dyn Any>>()).downcast_ref()
        }
        // SAFETY: live; Neon checks the tag and the type.
        #[cfg(debug_assertions)]
        unsafe {
            let mut cx = Cx::from_raw(env.raw);
            let handle = JsValue::from_raw(&cx, self.raw);
            let handle = handle.downcast::<JsBox<T>, _>(&mut cx).ok()?;
            Some(JsBox::deref(&handle))
        }
    }
}
