//! Functions of the engine that functions of ours call.

use std::ffi::{c_int, CStr};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use crate::ffi;
use crate::internals::{FuncDef, FunctionContext};

/// A function of the engine that the new ones call.
pub(crate) struct Inner {
    pub(crate) name: &'static CStr,
    pub(crate) arg_count: i8,
    pub(crate) definition: AtomicPtr<FuncDef>,
}

pub(crate) static JSON: Inner = Inner::new(c"json", 1);
pub(crate) static JSON_TYPE: Inner = Inner::new(c"json_type", 2);
pub(crate) static JSONB: Inner = Inner::new(c"jsonb", 1);
pub(crate) static JSONB_EXTRACT: Inner = Inner::new(c"jsonb_extract", -1);
pub(crate) static JSONB_INSERT: Inner = Inner::new(c"jsonb_insert", -1);
pub(crate) static JSONB_REPLACE: Inner = Inner::new(c"jsonb_replace", -1);
pub(crate) static QUOTE: Inner = Inner::new(c"quote", 1);
pub(crate) static INNER: [&Inner; 7] = [
    &JSON,
    &JSON_TYPE,
    &JSONB,
    &JSONB_EXTRACT,
    &JSONB_INSERT,
    &JSONB_REPLACE,
    &QUOTE,
];

impl Inner {
    const fn new(name: &'static CStr, arg_count: i8) -> Self {
        Self {
            name,
            arg_count,
            definition: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Calls it in the place of the function that runs; false after an error. The context has the result.
    ///
    /// # Safety
    /// The context is that of a call that runs, the arguments are live and as many as the function takes.
    pub(crate) unsafe fn call(
        &self,
        context: *mut ffi::sqlite3_context,
        args: &[*mut ffi::sqlite3_value],
    ) -> bool {
        let argc = c_int::try_from(args.len()).unwrap_or(c_int::MAX);
        let inner = context.cast::<FunctionContext>();
        let definition = self.definition.load(Relaxed);
        // SAFETY: forwarded from the caller; the definition was stored before a connection could open.
        unsafe {
            let Some(function) = (*definition).function else {
                return false;
            };
            // A function that finds nothing leaves the result as it was.
            ffi::sqlite3_result_null(context);
            let own = (*inner).function;
            (*inner).function = definition;
            function(context, argc, args.as_ptr().cast_mut());
            (*inner).function = own;
            (*inner).is_well()
        }
    }
}
