//! `SQLite`'s memory comes from mimalloc: with glibc 40 % of compiling a statement is malloc and free.

use std::ffi::{c_int, c_void};
use std::ptr;

use libmimalloc_sys as mi;

use crate::ffi;

/// Tells the engine, which must not be initialized yet.
pub(crate) fn install() -> bool {
    let mut methods = ffi::sqlite3_mem_methods {
        xMalloc: Some(malloc),
        xFree: Some(mi::mi_free),
        xRealloc: Some(realloc),
        xSize: Some(size),
        xRoundup: Some(round_up),
        xInit: Some(init),
        xShutdown: Some(shut_down),
        pAppData: ptr::null_mut(),
    };
    // SAFETY: SQLite copies the structure; its functions fulfil the contract of sqlite3_mem_methods.
    unsafe {
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, ptr::from_mut(&mut methods))
            == ffi::SQLITE_OK
    }
}

unsafe extern "C" fn malloc(size: c_int) -> *mut c_void {
    // SAFETY: SQLite asks for positive sizes.
    unsafe { mi::mi_malloc(usize::try_from(size).unwrap_or(0)) }
}

unsafe extern "C" fn realloc(memory: *mut c_void, size: c_int) -> *mut c_void {
    // SAFETY: SQLite passes memory of `malloc` above.
    unsafe { mi::mi_realloc(memory, usize::try_from(size).unwrap_or(0)) }
}

unsafe extern "C" fn size(memory: *mut c_void) -> c_int {
    // SAFETY: SQLite passes memory of `malloc` above.
    c_int::try_from(unsafe { mi::mi_usable_size(memory) }).unwrap_or(c_int::MAX)
}

unsafe extern "C" fn round_up(size: c_int) -> c_int {
    let Ok(wanted) = usize::try_from(size) else {
        return size;
    };
    // SAFETY: any size may be asked about.
    c_int::try_from(unsafe { mi::mi_good_size(wanted) }).unwrap_or(size)
}

unsafe extern "C" fn init(_: *mut c_void) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn shut_down(_: *mut c_void) {}
