//! `SQLite`'s private structures, as far as they are looked into.

use std::ffi::{c_char, c_int, c_void, CStr};
use std::ptr;
use std::slice;

use crate::ffi;

// They are those of one source.
const _: () = assert!(
    ffi::SQLITE_VERSION_NUMBER == 3_047_000,
    "compare the structures below with the engine's"
);

pub(crate) type Function =
    unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);
pub(crate) type Finish = unsafe extern "C" fn(*mut ffi::sqlite3_context);

/// `FuncDef` of sqliteInt.h.
#[repr(C)]
pub(crate) struct FuncDef {
    pub(crate) arg_count: i8,
    pub(crate) flags: u32,
    pub(crate) user_data: *mut c_void,
    /// The next of the same name.
    pub(crate) next: *mut FuncDef,
    pub(crate) function: Option<Function>,
    pub(crate) finish: Option<Finish>,
    pub(crate) value: Option<Finish>,
    pub(crate) inverse: Option<Function>,
    pub(crate) name: *const c_char,
    /// The next with another name and the same hash.
    pub(crate) next_name: *mut FuncDef,
}

/// `sqlite3_context` of vdbeInt.h, up to its error.
#[repr(C)]
pub(crate) struct FunctionContext {
    pub(crate) out: *mut ffi::sqlite3_value,
    pub(crate) function: *mut FuncDef,
    memory: *mut ffi::sqlite3_value,
    program: *mut Vdbe,
    at: c_int,
    error: c_int,
}

impl FunctionContext {
    /// Below zero the function has only kept something for its next call.
    pub(crate) fn is_well(&self) -> bool {
        self.error <= 0
    }
}

/// `VTable` of sqliteInt.h, up to its module.
#[repr(C)]
pub(crate) struct VTable {
    db: *mut ffi::sqlite3,
    pub(crate) module: *const Module,
}

/// `Module` of sqliteInt.h, up to its name.
#[repr(C)]
pub(crate) struct Module {
    pub(crate) methods: *mut ffi::sqlite3_module,
    pub(crate) name: *const c_char,
}

/// `VdbeOp` of vdbe.h.
#[repr(C)]
pub(crate) struct Op {
    opcode: u8,
    pub(crate) p4_type: i8,
    p5: u16,
    operands: [c_int; 3],
    pub(crate) p4: *mut c_void,
}

const P4_FUNCDEF: i8 = -7;
pub(crate) const P4_VTAB: i8 = -11;
const P4_FUNCCTX: i8 = -15;

/// `Vdbe` of vdbeInt.h, up to its program.
#[repr(C)]
pub(crate) struct Vdbe {
    links: [*mut c_void; 4],
    numbers: [c_int; 6],
    change: i64,
    statement: c_int,
    times: [i64; 4],
    memory: [*mut c_void; 4],
    ops: *mut Op,
    op_count: c_int,
}

/// # Safety
/// `argv` points to `argc` live values.
pub(crate) unsafe fn arguments<'a>(
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) -> &'a [*mut ffi::sqlite3_value] {
    match usize::try_from(argc) {
        // SAFETY: forwarded from the caller.
        Ok(count) if count > 0 => unsafe { slice::from_raw_parts(argv, count) },
        _ => &[],
    }
}

/// # Safety
/// `db` is open.
pub(crate) unsafe fn with_program(
    db: *mut ffi::sqlite3,
    sql: &CStr,
    callback: impl FnOnce(&Vdbe) -> bool,
) -> bool {
    let mut statement = ptr::null_mut();
    // SAFETY: the SQL ends in NUL; the statement is finalized after its last use.
    unsafe {
        let rc = ffi::sqlite3_prepare_v2(db, sql.as_ptr(), -1, &raw mut statement, ptr::null_mut());
        let done = rc == ffi::SQLITE_OK && callback(&*statement.cast::<Vdbe>());
        ffi::sqlite3_finalize(statement);
        done
    }
}

/// The instructions of a statement. An engine built with `SQLITE_DEBUG` has a comment behind each.
///
/// # Safety
/// The statement is live.
pub(crate) unsafe fn operations(program: &Vdbe) -> impl Iterator<Item = &Op> {
    // SAFETY: the name ends in NUL.
    let has_comments =
        unsafe { ffi::sqlite3_compileoption_used(c"ENABLE_EXPLAIN_COMMENTS".as_ptr()) != 0 };
    let comment = if has_comments {
        size_of::<*const c_char>()
    } else {
        0
    };
    let stride = size_of::<Op>() + comment;
    let len = usize::try_from(program.op_count).unwrap_or(0);
    // SAFETY: forwarded from the caller: there are `len` of that size.
    (0..len).map(move |at| unsafe { &*program.ops.byte_add(at * stride) })
}

/// The functions that a statement calls; an aggregate is in two instructions.
///
/// # Safety
/// The statement is live.
pub(crate) unsafe fn functions(program: &Vdbe) -> Vec<*mut FuncDef> {
    let function = |op: &Op| match op.p4_type {
        // SAFETY: the structures are those of the engine, as their kinds of P4 say.
        P4_FUNCCTX => Some(unsafe { (*op.p4.cast::<FunctionContext>()).function }),
        P4_FUNCDEF => Some(op.p4.cast::<FuncDef>()),
        _ => None,
    };
    // SAFETY: forwarded from the caller.
    unsafe { operations(program) }
        .filter_map(function)
        .collect()
}
