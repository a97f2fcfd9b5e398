//! What is called when the instance is made.

use std::ptr;

use super::{napi, Env, PhantomData};

/// Adds what JavaScript calls to an object.
#[no_mangle]
extern "C" fn ferrolite_register(exports: napi::Value) {
    let env = Env {
        raw: ptr::null_mut(),
        scope: PhantomData,
    };
    crate::register(env, Env::wrap(exports));
}

/// Memory for the block of rows, which stays.
#[no_mangle]
extern "C" fn ferrolite_block(len: usize) -> *mut u64 {
    Box::leak(vec![0_u64; len.div_ceil(8)].into_boxed_slice()).as_mut_ptr()
}
