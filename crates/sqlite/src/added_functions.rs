//! Functions of newer versions of `SQLite`, added to the engine's own.
//!
//! A built-in function costs a connection nothing, and one of the host's with its name goes before it. The
//! engine's table is a list for each hash of a name, so a new function goes behind one of the same hash.

use std::ffi::{c_int, c_void, CStr};
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use crate::array_insert::{json_array_insert, jsonb_array_insert};
use crate::boundary::boundary;
use crate::ffi;
use crate::function::{finish, inverse, scalar, step, value};
use crate::inner::INNER;
use crate::internals::{arguments, FuncDef, Function};
use crate::percentile::Percentile;
use crate::unistr::{unistr_quote, Unistr};

/// The neighbours of the new functions, and the functions that these call.
pub(crate) const CALLS: &CStr =
    c"SELECT abs(?1), changes(), exp(?1), hex(?1), json(?1), json_insert(?1),
    json_quote(?1), json_type(?1,?1), jsonb(?1), jsonb_extract(?1,?1), jsonb_insert(?1),
    jsonb_replace(?1), pow(?1,?1), quote(?1), sign(?1), unicode(?1), upper(?1)";

// Of sqliteInt.h. Without SQLITE_FUNC_UNSAFE a built-in function is innocuous.
const UTF8: u32 = 0x1;
const CONSTANT: u32 = 0x800;
const INLINE: u32 = 0x0040_0000;
const BUILTIN: u32 = 0x0080_0000;
const RESULT_SUBTYPE: u32 = 0x0100_0000;

/// The subtype by which the FTS5 of newer versions knows such a query.
const INSTTOKEN_SUBTYPE: u32 = 73;

/// Adds the functions to the engine; false if it is not as expected.
///
/// # Safety
/// The functions are those of `CALLS`, and nothing else uses the engine yet.
pub(crate) unsafe fn add(functions: &[*mut FuncDef]) -> bool {
    // SAFETY: built-in functions are static and not constant.
    unsafe {
        let find = |name: &CStr| {
            let mut all = functions.iter().copied();
            all.find(|function| CStr::from_ptr((**function).name) == name)
        };
        for inner in INNER {
            match find(inner.name) {
                Some(found) if (*found).arg_count == inner.arg_count => {
                    inner.definition.store(found, Relaxed);
                }
                _ => return false,
            }
        }
        let link = |neighbour, new| find(neighbour).is_some_and(|at| link(at, new));
        let Some(json_insert) = find(c"json_insert") else {
            return false;
        };
        let json = |name: &'static CStr, function: Function| FuncDef {
            flags: (*json_insert).flags,
            ..scalar_of(name, -1, function)
        };
        let insttoken = FuncDef {
            flags: BUILTIN | UTF8 | RESULT_SUBTYPE,
            ..scalar_of(c"fts5_insttoken", 1, fts5_insttoken)
        };
        let percentile = |name, most, discrete| aggregate_of(Percentile::new(name, most, discrete));
        find(c"sign").is_some_and(|sign| add_iif(sign, find(c"hex")))
            && link(c"abs", scalar_of(c"unistr", 1, scalar::<Unistr>))
            && link(c"changes", scalar_of(c"unistr_quote", 1, unistr_quote))
            && link(c"pow", percentile(c"median", None, false))
            && link(c"upper", percentile(c"percentile", Some(100.0), false))
            && link(c"exp", percentile(c"percentile_cont", Some(1.0), false))
            && link(c"exp", percentile(c"percentile_disc", Some(1.0), true))
            && link(c"abs", json(c"json_array_insert", json_array_insert))
            && link(c"unicode", json(c"jsonb_array_insert", jsonb_array_insert))
            && link(c"json_quote", insttoken)
    }
}

/// `iif()` for any number of arguments from two, and `if()`.
///
/// The engine compiles it as the CASE of its arguments, however many they are. No instruction of a program
/// leads to such a function, but `iif` is two places behind `sign` in the engine's array.
///
/// # Safety
/// As for `add`.
unsafe fn add_iif(sign: *mut FuncDef, neighbour: Option<*mut FuncDef>) -> bool {
    // SAFETY: the array is that of the version that `guarded_functions` asserts.
    unsafe {
        let iif = sign.add(2);
        let Some(neighbour) = neighbour else {
            return false;
        };
        if CStr::from_ptr((*iif).name) != c"iif" || (*iif).flags & INLINE == 0 {
            return false;
        }
        (*iif).arg_count = -1;
        let named = |name: &'static CStr| FuncDef {
            name: name.as_ptr(),
            ..ptr::read(iif)
        };
        let other = Box::into_raw(Box::new(named(c"if")));
        for definition in [iif, other] {
            let mut next = ptr::null_mut();
            for arg_count in [0, 1] {
                // Without a function it is a wrong number of arguments.
                next = Box::into_raw(Box::new(FuncDef {
                    arg_count,
                    function: None,
                    next,
                    next_name: ptr::null_mut(),
                    ..ptr::read(definition)
                }));
            }
            (*definition).next = next;
        }
        link_raw(neighbour, other)
    }
}

fn scalar_of(name: &'static CStr, arg_count: i8, function: Function) -> FuncDef {
    FuncDef {
        arg_count,
        flags: BUILTIN | CONSTANT | UTF8,
        // Functions without data of their own are given a pointer that is not null.
        user_data: ptr::NonNull::<u64>::dangling().as_ptr().cast(),
        next: ptr::null_mut(),
        function: Some(function),
        finish: None,
        value: None,
        inverse: None,
        name: name.as_ptr(),
        next_name: ptr::null_mut(),
    }
}

fn aggregate_of(percentile: Percentile) -> FuncDef {
    FuncDef {
        flags: BUILTIN | UTF8,
        finish: Some(finish::<Percentile>),
        value: Some(value::<Percentile>),
        inverse: Some(inverse::<Percentile>),
        user_data: Box::into_raw(Box::new(percentile)).cast::<c_void>(),
        ..scalar_of(percentile.name, percentile.arg_count(), step::<Percentile>)
    }
}

/// # Safety
/// As for `add`.
unsafe fn link(neighbour: *mut FuncDef, new: FuncDef) -> bool {
    // SAFETY: forwarded from the caller; what is linked is never freed.
    unsafe { link_raw(neighbour, Box::into_raw(Box::new(new))) }
}

/// # Safety
/// As for `add`; the new function is never freed.
unsafe fn link_raw(neighbour: *mut FuncDef, new: *mut FuncDef) -> bool {
    // SAFETY: forwarded from the caller.
    unsafe {
        if hash((*neighbour).name) != hash((*new).name) {
            return false;
        }
        (*new).next_name = (*neighbour).next_name;
        (*neighbour).next_name = new;
        true
    }
}

/// `SQLITE_FUNC_HASH`.
///
/// # Safety
/// The name ends in NUL.
unsafe fn hash(name: *const std::ffi::c_char) -> usize {
    // SAFETY: forwarded from the caller.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let first = name.first().copied().unwrap_or(0);
    (usize::from(first) + name.len()) % 23
}

/// What it changes only functions written in C can see; the query goes through as it is.
unsafe extern "C" fn fts5_insttoken(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    boundary((), || {
        // SAFETY: SQLite passes a live context and live values.
        unsafe {
            if let Some(query) = arguments(argc, argv).first() {
                ffi::sqlite3_result_value(context, *query);
                ffi::sqlite3_result_subtype(context, INSTTOKEN_SUBTYPE);
            }
        }
    });
}
