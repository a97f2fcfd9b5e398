//! The `ArrayBuffer` that rows, and arguments of callbacks, cross in.

use ferrolite_sqlite::SLOTS_PER_BLOCK;
use ferrolite_worker::protocol::PARTS_PER_BLOCK;
use ferrolite_worker::Part;

use super::{Env, ErrorKind, Result, Value};
use crate::block_layout::{
    BLOCK_LENGTH, BYTES_AT, CALL_SLOTS, CALL_SLOTS_AT, CALL_TAGS_AT, PARTS_AT, SLOTS_AT, TAGS_AT,
};

/// The block of an environment: an `ArrayBuffer` that JavaScript decodes rows from.
pub struct SharedBlock {
    at: *mut u8,
}

#[allow(clippy::cast_ptr_alignment)] // `new` checks that the block is 8-byte aligned
impl SharedBlock {
    /// Takes over the memory of an `ArrayBuffer` that the caller keeps alive and never detaches.
    pub fn new(env: Env<'_>, buffer: Value<'_>) -> Result<Self> {
        let (at, len) = Env::wrap(buffer.raw).array_buffer(env)?;
        if len != BLOCK_LENGTH || at.is_null() || at.align_offset(8) != 0 {
            return Err(env.throw_error(ErrorKind::Range, "Wrong size of the row block"));
        }
        Ok(Self { at })
    }

    #[inline]
    pub fn set_i32(&self, index: usize, value: i32) {
        debug_assert!(index < 32);
        // SAFETY: within the first 128 bytes of the header.
        unsafe { self.at.cast::<i32>().add(index).write(value) }
    }

    #[inline]
    pub fn f64(&self, index: usize) -> f64 {
        debug_assert!((16..32).contains(&index));
        // SAFETY: within the header.
        unsafe { self.at.cast::<f64>().add(index).read() }
    }

    #[inline]
    pub fn i64(&self, index: usize) -> i64 {
        debug_assert!((16..32).contains(&index));
        // SAFETY: within the header.
        unsafe { self.at.cast::<i64>().add(index).read() }
    }

    /// Sets an argument of the callback that is about to be called.
    #[inline]
    pub fn set_argument(&self, at: usize, tag: u8, bits: u64) {
        if at < CALL_SLOTS {
            // SAFETY: within the two parts for arguments; the second is 8-byte aligned.
            unsafe {
                self.at.add(CALL_TAGS_AT + at).write(tag);
                self.at.add(CALL_SLOTS_AT).cast::<u64>().add(at).write(bits);
            }
        }
    }

    #[inline]
    pub fn i32(&self, index: usize) -> i32 {
        debug_assert!(index < 32);
        // SAFETY: within the first 128 bytes of the header.
        unsafe { self.at.cast::<i32>().add(index).read() }
    }

    #[inline]
    pub fn set_f64(&self, index: usize, value: f64) {
        debug_assert!((16..32).contains(&index));
        // SAFETY: within the header.
        unsafe { self.at.cast::<f64>().add(index).write(value) }
    }

    #[inline]
    pub fn set_i64(&self, index: usize, value: i64) {
        debug_assert!((16..32).contains(&index));
        // SAFETY: within the header.
        unsafe { self.at.cast::<i64>().add(index).write(value) }
    }

    /// Says what is in the block of a worker.
    pub fn set_parts(&self, parts: &[Part]) {
        let count = parts.len().min(PARTS_PER_BLOCK);
        // SAFETY: within the block, and 8-byte aligned.
        unsafe {
            let at = self.at.add(PARTS_AT).cast::<Part>();
            at.copy_from_nonoverlapping(parts.as_ptr(), count);
        }
    }

    /// The parts of the block, for the encoder. JavaScript does not run while they are borrowed.
    #[inline]
    #[allow(clippy::mut_from_ref)] // the memory is not Rust's; one execution writes at a time
    pub fn target(&self) -> ferrolite_sqlite::Target<'_> {
        // SAFETY: disjoint parts of a buffer of BLOCK_LENGTH bytes, 8-byte aligned.
        unsafe {
            ferrolite_sqlite::Target {
                tags: std::slice::from_raw_parts_mut(self.at.add(TAGS_AT), SLOTS_PER_BLOCK),
                slots: std::slice::from_raw_parts_mut(
                    self.at.add(SLOTS_AT).cast(),
                    SLOTS_PER_BLOCK,
                ),
                bytes: std::slice::from_raw_parts_mut(
                    self.at.add(BYTES_AT),
                    CALL_TAGS_AT - BYTES_AT,
                ),
            }
        }
    }
}
