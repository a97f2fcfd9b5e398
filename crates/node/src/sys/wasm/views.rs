//! Memory of JavaScript: Buffers, typed arrays, views. It is not that of the instance, so it is copied.

use ferrolite_sqlite::Params;

use super::{imports, Env, Result, Thrown, Value};

impl<'e> Value<'e> {
    /// Appends the bytes of a Buffer, typed array or `DataView`; `None` if it is none of them.
    #[allow(clippy::unused_self)]
    pub fn append_bytes(self, _: Env<'e>, out: &mut Vec<u8>) -> Option<usize> {
        // SAFETY: a value of this call.
        let len = usize::try_from(unsafe { imports::view_length(self.raw) }).ok()?;
        let start = out.len();
        out.reserve(len);
        // SAFETY: there is room for `len` bytes, which JavaScript fills all.
        unsafe {
            imports::view_copy(self.raw, out.as_mut_ptr().add(start));
            out.set_len(start + len);
        }
        Some(len)
    }

    /// Memory of JavaScript cannot be lent.
    #[allow(clippy::unused_self)]
    pub fn lend_bytes(self, _: Env<'e>, _: &mut Params) -> bool {
        false
    }

    /// Length in bytes of a Buffer, typed array or `DataView`; 0 for anything else.
    pub fn byte_len(self, _: Env<'e>) -> usize {
        // SAFETY: a value of this call.
        usize::try_from(unsafe { imports::view_length(self.raw) }).unwrap_or(0)
    }

    pub fn is_data_view(self, _: Env<'e>) -> bool {
        // SAFETY: a value of this call.
        unsafe { imports::is_data_view(self.raw) != 0 }
    }

    /// Adds a `DataView` over UTF-8 that `lib/params.js` made.
    pub fn push_view_text(self, env: Env<'e>, params: &mut Params, _: bool) -> bool {
        let mut text = Vec::new();
        if self.append_bytes(env, &mut text).is_none() {
            return false;
        }
        params.push_text(&text);
        true
    }

    /// Where the block of rows is, and its length, if this is what stands for it.
    pub fn array_buffer(self, _: Env<'e>) -> Result<(*mut u8, usize)> {
        let len = crate::block_layout::BLOCK_LENGTH;
        // SAFETY: a value of this call.
        let at = unsafe { imports::block(self.raw, len) };
        if at == 0 {
            return Err(Thrown);
        }
        Ok((std::ptr::with_exposed_provenance_mut(at), len))
    }
}
