//! Memory of JavaScript: Buffers, typed arrays, views.

use std::ffi::c_void;
use std::ptr;

use ferrolite_sqlite::Params;

use super::symbols::extra;
use super::{napi, ok, Env, Result, Value};
use crate::sys::ValueType;

impl<'e> Value<'e> {
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

    /// Memory of an `ArrayBuffer` that nothing detaches.
    pub fn array_buffer(self, env: Env<'e>) -> Result<(*mut u8, usize)> {
        let (mut at, mut len) = (ptr::null_mut(), 0);
        // SAFETY: live.
        ok(unsafe { napi::get_arraybuffer_info(env.raw, self.raw, &raw mut at, &raw mut len) })?;
        Ok((at.cast(), len))
    }
}
