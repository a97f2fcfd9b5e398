//! What can be asked of a value.

use std::mem::MaybeUninit;
use std::ptr;

use super::{napi, ok, out_value, Env, Result, Thrown, Value, ValueType};

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
}
