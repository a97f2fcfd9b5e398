//! `SQLite`'s memory comes from mimalloc: with glibc 40 % of compiling a statement is malloc and free. In WASM, whose
//! pages mimalloc could not give back, it is that of the C library.

use std::ffi::{c_int, c_void};
use std::ptr;

#[cfg(not(target_family = "wasm"))]
use libmimalloc_sys as mi;

use crate::ffi;
#[cfg(target_family = "wasm")]
use crate::heap as mi;
use crate::stack;

/// Sets the engine's allocator. The engine must not be initialized yet.
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
    if stack::is_short() {
        return ptr::null_mut();
    }
    // SAFETY: SQLite asks for positive sizes.
    unsafe { mi::mi_malloc(usize::try_from(size).unwrap_or(0)) }
}

unsafe extern "C" fn realloc(memory: *mut c_void, size: c_int) -> *mut c_void {
    let size = usize::try_from(size).unwrap_or(0);
    if stack::is_short() || is_deep_parser(memory, size) {
        return ptr::null_mut();
    }
    // SAFETY: SQLite passes memory of `malloc` above.
    unsafe { mi::mi_realloc(memory, size) }
}

/// Entries of the parser's stack, which starts with 100 and grows from n to 2 n + 100 (`yyGrowStack` in
/// parse.c); a nested query takes six. What it makes of more is too deep to be freed again.
const PARSER_STACK: [usize; 2] = [12_700, 25_500];

/// `yyStackEntry`: two numbers of 16 bits, and a pointer with a length.
const PARSER_ENTRY: usize = 3 * size_of::<*const c_void>();

/// What a block may be larger than its size: a rest that is too small for a block of its own stays with it.
const SPARE: usize = if cfg!(target_family = "wasm") { 17 } else { 1 };

/// Whether the parser's stack is about to grow beyond [`PARSER_STACK`]. Nothing else that grows while a
/// statement is compiled has both of these sizes.
fn is_deep_parser(memory: *mut c_void, wanted: usize) -> bool {
    if wanted < PARSER_STACK[1] * PARSER_ENTRY || !stack::is_compiling() {
        return false;
    }
    // SAFETY: any size may be asked about, and SQLite passes memory of `malloc` above.
    let is_parser = unsafe {
        let [from, to] = PARSER_STACK.map(|count| mi::mi_good_size(count * PARSER_ENTRY));
        let size = mi::mi_usable_size(memory);
        wanted == to && (from..from + SPARE).contains(&size)
    };
    if is_parser {
        stack::refuse(stack::PARSER);
    }
    is_parser
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
