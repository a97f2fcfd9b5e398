//! What can be asked of a value.

#[cfg(not(debug_assertions))]
use std::any::Any;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

use ferrolite_sqlite::Params;
#[cfg(debug_assertions)]
use neon::context::Cx;
use neon::sys::bindings as napi;
#[cfg(debug_assertions)]
use neon::types::{JsBox, JsValue, Value as _};

use super::symbols::extra;
use super::{ok, out_value, Env, Result, Thrown, Value, ValueType};

impl<'e> Value<'e> {
    #[inline]
    pub fn type_of(self, env: Env<'e>) -> ValueType {
        let mut kind = ValueType::Undefined;
        // SAFETY: live. It fails only for null arguments.
        let _ = unsafe { napi::typeof_value(env.raw, self.raw, &raw mut kind) };
        kind
    }

    /// The number, or NaN if it is none.
    #[inline]
    pub fn as_f64(self, env: Env<'e>) -> f64 {
        let mut number = f64::NAN;
        // SAFETY: live; untouched on failure.
        let _ = unsafe { napi::get_value_double(env.raw, self.raw, &raw mut number) };
        number
    }

    /// The number as an integer, 0 if it is none or out of range.
    #[allow(clippy::cast_possible_truncation)] // `as` saturates; callers pass checked integers
    pub fn as_i32(self, env: Env<'e>) -> i32 {
        self.as_f64(env) as i32
    }

    pub fn as_bool(self, env: Env<'e>) -> bool {
        let mut value = false;
        // SAFETY: live; untouched on failure.
        let _ = unsafe { napi::get_value_bool(env.raw, self.raw, &raw mut value) };
        value
    }

    /// A `BigInt` that fits 64 bits.
    pub fn as_i64(self, env: Env<'e>) -> Option<i64> {
        let (mut value, mut lossless) = (0, false);
        // SAFETY: live.
        let status = unsafe {
            napi::get_value_bigint_int64(env.raw, self.raw, &raw mut value, &raw mut lossless)
        };
        (ok(status).is_ok() && lossless).then_some(value)
    }

    /// Appends the string as UTF-8 and returns its length in bytes; lone surrogates become U+FFFD. `None`
    /// if it has `longest` UTF-16 units or more.
    #[inline]
    pub fn append_utf8(
        self,
        env: Env<'e>,
        out: &mut Vec<u8>,
        longest: usize,
    ) -> Result<Option<usize>> {
        const FIRST_TRY: usize = 256;
        let start = out.len();
        out.reserve(FIRST_TRY);
        let room = out.capacity() - start;
        let mut len = 0;
        // SAFETY: the spare capacity of `out`, with its size.
        unsafe {
            let at = out.as_mut_ptr().add(start).cast();
            ok(napi::get_value_string_utf8(
                env.raw,
                self.raw,
                at,
                room.min(FIRST_TRY),
                &raw mut len,
            ))?;
        }
        // The terminator takes a byte, and a character of up to 4 bytes may not have fitted.
        if len + 4 >= FIRST_TRY {
            match self.append_long(env, out, longest)? {
                Some(whole) => len = whole,
                None => return Ok(None),
            }
        }
        // SAFETY: Node-API wrote `len` bytes there.
        unsafe { out.set_len(start + len) };
        Ok(Some(len))
    }

    /// Writes a long string behind the bytes of `out`, whose length the caller sets.
    #[cold]
    fn append_long(self, env: Env<'e>, out: &mut Vec<u8>, longest: usize) -> Result<Option<usize>> {
        let (start, mut len) = (out.len(), 0);
        // SAFETY: a null buffer asks for the length, which for UTF-16 is known.
        ok(unsafe {
            napi::get_value_string_utf16(env.raw, self.raw, ptr::null_mut(), 0, &raw mut len)
        })?;
        if len >= longest {
            return Ok(None);
        }
        // SAFETY: as above; then the spare capacity of `out`, with its size.
        unsafe {
            ok(napi::get_value_string_utf8(
                env.raw,
                self.raw,
                ptr::null_mut(),
                0,
                &raw mut len,
            ))?;
            out.reserve(len + 1);
            let room = out.capacity() - start;
            let at = out.as_mut_ptr().add(start).cast();
            ok(napi::get_value_string_utf8(
                env.raw,
                self.raw,
                at,
                room,
                &raw mut len,
            ))?;
        }
        Ok(Some(len))
    }

    pub fn to_utf8(self, env: Env<'e>) -> Result<String> {
        let mut bytes = Vec::new();
        self.append_utf8(env, &mut bytes, usize::MAX)?;
        String::from_utf8(bytes).map_err(|_| Thrown)
    }

    /// Appends the bytes of a Buffer, typed array or `DataView`; `None` if it is none of them.
    pub fn append_bytes(self, env: Env<'e>, out: &mut Vec<u8>) -> Option<usize> {
        let (at, len) = self.view(env)?;
        if len > 0 && !at.is_null() {
            // SAFETY: Node-API says that `len` bytes are there; no JavaScript runs while they are copied.
            out.extend_from_slice(unsafe { std::slice::from_raw_parts(at.cast(), len) });
        }
        Some(len)
    }

    /// Adds a large typed array as a parameter without copying it; false if it is none, or is shared with
    /// other threads. The caller sees to it that no JavaScript runs before the parameters are dropped.
    #[inline]
    pub fn lend_bytes(self, env: Env<'e>, params: &mut Params) -> bool {
        // Copying less than this costs less than asking.
        const WORTH_IT: usize = 16 * 1024;
        let Some((at, len, buffer)) = self.typed_array(env) else {
            return false;
        };
        let mut unshared = false;
        if len < WORTH_IT || at.is_null() {
            return false;
        }
        // SAFETY: live; a SharedArrayBuffer is no ArrayBuffer. The memory stays: see above.
        unsafe {
            let _ = napi::is_arraybuffer(env.raw, buffer, &raw mut unshared);
            if unshared {
                params.push_lent(at.cast(), len);
            }
        }
        unshared
    }

    /// Length in bytes of a Buffer, typed array or `DataView`; 0 for anything else.
    pub fn byte_len(self, env: Env<'e>) -> usize {
        if self.type_of(env) == ValueType::Object {
            self.view(env).map_or(0, |(_, len)| len)
        } else {
            0
        }
    }

    pub fn is_data_view(self, env: Env<'e>) -> bool {
        let mut is = false;
        // SAFETY: live; untouched on failure.
        extra()
            .is_ok_and(|extra| unsafe { (extra.is_dataview)(env.raw, self.raw, &raw mut is) } == 0)
            && is
    }

    /// Adds a `DataView` over UTF-8 that `lib/params.js` made; nobody else knows of its memory.
    pub fn push_view_text(self, env: Env<'e>, params: &mut Params, lend: bool) -> bool {
        let Some((at, len)) = self.view(env) else {
            return false;
        };
        if at.is_null() {
            return false;
        }
        // SAFETY: Node-API says that `len` bytes are there; an argument of the running call keeps them.
        unsafe {
            if lend {
                params.push_lent_text(at.cast(), len);
            } else {
                params.push_text(std::slice::from_raw_parts(at.cast(), len));
            }
        }
        true
    }

    fn view(self, env: Env<'e>) -> Option<(*mut c_void, usize)> {
        let (mut is, mut len, mut at) = (false, 0, ptr::null_mut());
        // SAFETY: live; each call is preceded by its type check.
        unsafe {
            let _ = napi::is_buffer(env.raw, self.raw, &raw mut is);
            if is {
                ok(napi::get_buffer_info(
                    env.raw,
                    self.raw,
                    &raw mut at,
                    &raw mut len,
                ))
                .ok()?;
                return Some((at, len));
            }
            let _ = napi::is_typedarray(env.raw, self.raw, &raw mut is);
            if is {
                return self.typed_array(env).map(|(at, len, _)| (at, len));
            }
            let extra = extra().ok()?;
            if (extra.is_dataview)(env.raw, self.raw, &raw mut is) != 0 || !is {
                return None;
            }
            let (mut buffer, mut offset) = (ptr::null_mut(), 0);
            let info = extra.get_dataview_info;
            let status = info(
                env.raw,
                self.raw,
                &raw mut len,
                &raw mut at,
                &raw mut buffer,
                &raw mut offset,
            );
            (status == 0).then_some((at, len))
        }
    }

    fn typed_array(self, env: Env<'e>) -> Option<(*mut c_void, usize, napi::Value)> {
        let mut kind = napi::TypedArrayType::U8;
        let (mut len, mut at, mut buffer, mut offset) = (0, ptr::null_mut(), ptr::null_mut(), 0);
        // SAFETY: live. It fails for what is no typed array.
        let status = unsafe {
            napi::get_typedarray_info(
                env.raw,
                self.raw,
                &raw mut kind,
                &raw mut len,
                &raw mut at,
                &raw mut buffer,
                &raw mut offset,
            )
        };
        ok(status).ok()?;
        let size = match kind {
            napi::TypedArrayType::I16 | napi::TypedArrayType::U16 => 2,
            napi::TypedArrayType::I32 | napi::TypedArrayType::U32 | napi::TypedArrayType::F32 => 4,
            napi::TypedArrayType::F64 | napi::TypedArrayType::I64 | napi::TypedArrayType::U64 => 8,
            _ => 1,
        };
        Some((at, len * size, buffer))
    }

    pub fn get(self, env: Env<'e>, key: &str) -> Result<Value<'e>> {
        let key = env.utf8(key.as_bytes())?.raw;
        let raw = out_value!(|out| napi::get_property(env.raw, self.raw, key, out.as_mut_ptr()));
        Ok(Env::wrap(raw))
    }

    pub fn set(self, env: Env<'_>, key: Value<'_>, value: Value<'_>) -> Result<()> {
        // SAFETY: live.
        ok(unsafe { napi::set_property(env.raw, self.raw, key.raw, value.raw) })
    }

    pub fn at(self, env: Env<'e>, index: u32) -> Result<Value<'e>> {
        let raw = out_value!(|out| napi::get_element(env.raw, self.raw, index, out.as_mut_ptr()));
        Ok(Env::wrap(raw))
    }

    pub fn set_at(self, env: Env<'_>, index: u32, value: Value<'_>) -> Result<()> {
        // SAFETY: live.
        ok(unsafe { napi::set_element(env.raw, self.raw, index, value.raw) })
    }

    pub fn array_len(self, env: Env<'e>) -> u32 {
        let mut len = 0;
        // SAFETY: live; untouched if it is no array.
        let _ = unsafe { napi::get_array_length(env.raw, self.raw, &raw mut len) };
        len
    }

    /// Memory of an `ArrayBuffer` that nothing detaches.
    pub fn array_buffer(self, env: Env<'e>) -> Result<(*mut u8, usize)> {
        let (mut at, mut len) = (ptr::null_mut(), 0);
        // SAFETY: live.
        ok(unsafe { napi::get_arraybuffer_info(env.raw, self.raw, &raw mut at, &raw mut len) })?;
        Ok((at.cast(), len))
    }

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
