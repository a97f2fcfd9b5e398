//! Guards in front of the engine's own functions, which walk values by recursion without counting.
//!
//! A function that replaces a built-in one cannot call it, nor be one that `LIKE` may use an index for. So
//! the built-in one stays, and its C function is exchanged, once a process.

use std::ffi::{c_char, c_int, c_void, CStr};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use crate::added_functions;
use crate::boundary::boundary;
use crate::ffi;
use crate::internals::{
    arguments, functions, operations, with_program, Function, FunctionContext, Module, VTable,
    Vdbe, P4_VTAB,
};
use crate::json::{is_deep, steps, MAX_DEPTH};
use crate::key::without_keys;
use crate::stack;
use crate::value::text;

/// Bytes of the stack that a wildcard of LIKE or GLOB takes: 112 on x86-64. The longest pattern, of
/// 25,000, has a place in the 4 MiB of a worker thread.
const LIKE_FRAME: usize = 144;

const PATTERN: &CStr = c"LIKE or GLOB pattern too complex";
const PATH: &CStr = c"JSON path too deep";
const NESTED: &CStr = c"JSON nested too deep";

type Filter = unsafe extern "C" fn(
    *mut ffi::sqlite3_vtab_cursor,
    c_int,
    *const c_char,
    c_int,
    *mut *mut ffi::sqlite3_value,
) -> c_int;
type Column =
    unsafe extern "C" fn(*mut ffi::sqlite3_vtab_cursor, *mut ffi::sqlite3_context, c_int) -> c_int;
type Check = unsafe fn(&[*mut ffi::sqlite3_value]) -> Option<&'static CStr>;

/// The guarded functions: their names, and what is asked before they are called.
const GUARDED: [(&CStr, Check); 31] = [
    (c"like", check_pattern),
    (c"glob", check_pattern),
    (c"json", check_depth),
    (c"jsonb", check_depth),
    (c"json_array", check_depth),
    (c"jsonb_array", check_depth),
    (c"json_array_length", check_depth),
    (c"json_error_position", check_depth),
    (c"json_extract", check_depth),
    (c"jsonb_extract", check_depth),
    (c"->", check_depth),
    (c"->>", check_depth),
    (c"json_group_array", check_depth),
    (c"jsonb_group_array", check_depth),
    (c"json_group_object", check_depth),
    (c"jsonb_group_object", check_depth),
    (c"json_insert", check_edit),
    (c"jsonb_insert", check_edit),
    (c"json_object", check_depth),
    (c"jsonb_object", check_depth),
    (c"json_patch", check_depth),
    (c"jsonb_patch", check_depth),
    (c"json_pretty", check_depth),
    (c"json_quote", check_depth),
    (c"json_remove", check_depth),
    (c"jsonb_remove", check_depth),
    (c"json_replace", check_depth),
    (c"jsonb_replace", check_depth),
    (c"json_set", check_edit),
    (c"jsonb_set", check_edit),
    (c"json_type", check_depth),
];

/// Each of them, with as many arguments as it may have.
const CALLS: &CStr = c"SELECT like(?1,?1), like(?1,?1,?1), glob(?1,?1), json(?1), jsonb(?1), json_array(?1),
    jsonb_array(?1), json_array_length(?1), json_array_length(?1,?1), json_error_position(?1),
    json_extract(?1,?1), jsonb_extract(?1,?1), ?1 -> ?1, ?1 ->> ?1, json_group_array(?1),
    jsonb_group_array(?1), json_group_object(?1,?1), jsonb_group_object(?1,?1), json_insert(?1,?1,?1),
    jsonb_insert(?1,?1,?1), json_object(?1,?1), jsonb_object(?1,?1), json_patch(?1,?1),
    jsonb_patch(?1,?1), json_pretty(?1), json_pretty(?1,?1), json_quote(?1), json_remove(?1,?1),
    jsonb_remove(?1,?1), json_replace(?1,?1,?1), jsonb_replace(?1,?1,?1), json_set(?1,?1,?1),
    jsonb_set(?1,?1,?1), json_type(?1), json_type(?1,?1) FROM json_each(?1), json_tree(?1), sqlite_stmt";

static ORIGINALS: [AtomicPtr<c_void>; GUARDED.len()] =
    [const { AtomicPtr::new(ptr::null_mut()) }; GUARDED.len()];
static FILTER: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static COLUMN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

unsafe extern "C" fn guard<const AT: usize>(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes live values; the original was stored before this took its place.
    unsafe {
        if let Some(message) = (GUARDED[AT].1)(arguments(argc, argv)) {
            return ffi::sqlite3_result_error(context, message.as_ptr(), -1);
        }
        let original = ORIGINALS[AT].load(Relaxed);
        std::mem::transmute::<*mut c_void, Function>(original)(context, argc, argv);
    }
}

macro_rules! guards {
    ($($at:literal)*) => { [$(guard::<$at>),*] };
}
const GUARDS: [Function; GUARDED.len()] =
    guards!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30);

/// `json_each` and `json_tree`.
unsafe extern "C" fn filter(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    plan: c_int,
    name: *const c_char,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) -> c_int {
    // SAFETY: as in `guard`; the table takes a message of sqlite3_malloc's, and frees it.
    unsafe {
        if let Some(message) = check_depth(arguments(argc, argv)) {
            let table = (*cursor).pVtab;
            ffi::sqlite3_free((*table).zErrMsg.cast());
            (*table).zErrMsg = ffi::sqlite3_mprintf(c"%s".as_ptr(), message.as_ptr());
            return ffi::SQLITE_ERROR;
        }
        let original = FILTER.load(Relaxed);
        std::mem::transmute::<*mut c_void, Filter>(original)(cursor, plan, name, argc, argv)
    }
}

/// `sqlite_stmt`: the SQL of a statement is shown without a key that is in it.
unsafe extern "C" fn statement_column(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    context: *mut ffi::sqlite3_context,
    column: c_int,
) -> c_int {
    // SAFETY: as in `filter`; the result is a value of SQLite's until the next call.
    unsafe {
        let original = COLUMN.load(Relaxed);
        let rc = std::mem::transmute::<*mut c_void, Column>(original)(cursor, context, column);
        if column == 0 && rc == ffi::SQLITE_OK {
            boundary((), || {
                let Some(sql) = text((*context.cast::<FunctionContext>()).out) else {
                    return;
                };
                let shown = without_keys(sql.to_vec());
                if shown != sql {
                    let (at, len) = (shown.as_ptr().cast(), shown.len() as u64);
                    let utf8 = ffi::UTF8;
                    ffi::sqlite3_result_text64(context, at, len, ffi::SQLITE_TRANSIENT(), utf8);
                }
            });
        }
        rc
    }
}

/// Puts the guards in their places and adds newer functions; false if the engine is not as expected.
pub(crate) fn prepare_all() -> bool {
    let mut db = ptr::null_mut();
    // SAFETY: the name ends in NUL; the database is closed before it goes, and nothing else runs yet.
    unsafe {
        let rc = ffi::sqlite3_open(c":memory:".as_ptr(), &raw mut db);
        let ready = rc == ffi::SQLITE_OK
            && with_program(db, CALLS, |program| guard_calls(program))
            && with_program(db, added_functions::CALLS, |program| {
                added_functions::add(&functions(program))
            });
        ffi::sqlite3_close(db);
        ready
    }
}

/// # Safety
/// The statement is live, and the only one of the process.
unsafe fn guard_calls(program: &Vdbe) -> bool {
    let mut count = 0;
    // SAFETY: as in `functions`; the engine's functions and modules are static and not constant.
    unsafe {
        for op in operations(program) {
            if op.p4_type == P4_VTAB {
                guard_module(&*(*op.p4.cast::<VTable>()).module);
            }
        }
        for function in functions(program) {
            let name = CStr::from_ptr((*function).name);
            let Some(at) = GUARDED.iter().position(|(guarded, _)| *guarded == name) else {
                continue;
            };
            let Some(original) = (*function).function else {
                return false;
            };
            if original as usize != GUARDS[at] as usize {
                ORIGINALS[at].store(original as *mut c_void, Relaxed);
                (*function).function = Some(GUARDS[at]);
                count += 1;
            }
        }
    }
    // like, json_array_length, json_pretty and json_type are two each.
    let has_modules = !FILTER.load(Relaxed).is_null() && !COLUMN.load(Relaxed).is_null();
    count == GUARDED.len() + 4 && has_modules
}

/// Guards the LIKE of a connection that has one of its own, if that is the engine's.
///
/// # Safety
/// `db` is open.
pub(crate) unsafe fn guard_like(db: *mut ffi::sqlite3) {
    const LIKE: usize = 0;
    // SAFETY: forwarded from the caller; the functions of a connection live as long as it, and are not constant.
    unsafe {
        with_program(db, c"SELECT like(?1,?1), like(?1,?1,?1)", |program| {
            for function in functions(program) {
                let code = (*function).function.map(|function| function as *mut c_void);
                if code == Some(ORIGINALS[LIKE].load(Relaxed)) {
                    (*function).function = Some(GUARDS[LIKE]);
                }
            }
            true
        });
    }
}

/// # Safety
/// The module is one of the engine's, which are static and not constant.
unsafe fn guard_module(module: &Module) {
    // SAFETY: forwarded from the caller.
    unsafe {
        let methods = &mut *module.methods;
        if CStr::from_ptr(module.name) == c"sqlite_stmt" {
            if let Some(original) = methods.xColumn {
                COLUMN.store(original as *mut c_void, Relaxed);
                methods.xColumn = Some(statement_column);
            }
        } else if let Some(original) = methods.xFilter {
            FILTER.store(original as *mut c_void, Relaxed);
            methods.xFilter = Some(filter);
        }
    }
}

/// A pattern takes a piece of the stack for each wildcard.
///
/// # Safety
/// The values are live.
unsafe fn check_pattern(values: &[*mut ffi::sqlite3_value]) -> Option<&'static CStr> {
    let pattern = *values.first()?;
    // SAFETY: forwarded from the caller; the text lives until the value is converted again.
    unsafe {
        let len = usize::try_from(ffi::sqlite3_value_bytes(pattern)).ok()?;
        if len < 200 {
            return None;
        }
        let text = text(pattern)?;
        let wildcards = text
            .iter()
            .filter(|byte| matches!(byte, b'%' | b'*'))
            .count();
        (wildcards * LIKE_FRAME + stack::RESERVE > stack::left()).then_some(PATTERN)
    }
}

/// JSON as a blob is not counted when it is read.
///
/// # Safety
/// The values are live.
unsafe fn check_depth(values: &[*mut ffi::sqlite3_value]) -> Option<&'static CStr> {
    // SAFETY: forwarded from the caller; the bytes live until the value is converted again.
    let is_deep = values.iter().any(|value| unsafe {
        ffi::sqlite3_value_type(*value) == ffi::SQLITE_BLOB
            && usize::try_from(ffi::sqlite3_value_bytes(*value)).is_ok_and(|len| len > MAX_DEPTH)
            && is_deep(crate::value::bytes(
                ffi::sqlite3_value_blob(*value).cast(),
                ffi::sqlite3_value_bytes(*value),
            ))
    });
    is_deep.then_some(NESTED)
}

/// A path is walked by a call for each step, and what is not there is made.
///
/// # Safety
/// The values are live.
unsafe fn check_edit(values: &[*mut ffi::sqlite3_value]) -> Option<&'static CStr> {
    for path in values.iter().skip(1).step_by(2) {
        // SAFETY: forwarded from the caller; the text lives until the value is converted again.
        let path = unsafe { text(*path) };
        if path.is_some_and(|path| path.len() > 2 * MAX_DEPTH && steps(path) > MAX_DEPTH) {
            return Some(PATH);
        }
    }
    // SAFETY: forwarded from the caller.
    unsafe { check_depth(values) }
}
