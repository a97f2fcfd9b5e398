//! The heap of the C library, by the names that mimalloc has.

use std::ffi::c_void;

extern "C" {
    #[link_name = "malloc"]
    pub(crate) fn mi_malloc(size: usize) -> *mut c_void;
    #[link_name = "realloc"]
    pub(crate) fn mi_realloc(memory: *mut c_void, size: usize) -> *mut c_void;
    #[link_name = "malloc_usable_size"]
    pub(crate) fn mi_usable_size(memory: *const c_void) -> usize;
    fn free(memory: *mut c_void);
}

pub(crate) unsafe extern "C" fn mi_free(memory: *mut c_void) {
    // SAFETY: forwarded from the caller.
    unsafe { free(memory) }
}

/// The size of the block that so many bytes get: dlmalloc's chunks are multiples of 16 with 4 bytes of its own.
pub(crate) const unsafe fn mi_good_size(size: usize) -> usize {
    ((size + 4 + 15) & !15) - 4
}
