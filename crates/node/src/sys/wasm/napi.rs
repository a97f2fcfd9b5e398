//! The functions by their names in Node-API.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::imports;
use super::Result as Outcome;

#[repr(C)]
pub struct Opaque {
    _private: [u8; 0],
}

/// The number of a value's place in the table of JavaScript.
pub type Value = *mut Opaque;
pub type Env = *mut c_void;
pub type Ref = usize;
pub type HandleScope = usize;

/// Why a call has failed: there is no value, or an exception is pending.
#[derive(Debug, Clone, Copy)]
pub struct Status;

type Result = std::result::Result<(), Status>;

// JavaScript has these in its table from the beginning.
pub const UNDEFINED: Value = ptr::without_provenance_mut(1);
const NULL: Value = ptr::without_provenance_mut(2);
const FALSE: Value = ptr::without_provenance_mut(3);
const TRUE: Value = ptr::without_provenance_mut(4);

/// <https://nodejs.org/api/n-api.html#napi_valuetype>
#[allow(dead_code)] // JavaScript gives their numbers
#[repr(u32)]
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum ValueType {
    Undefined = 0,
    Null = 1,
    Boolean = 2,
    Number = 3,
    String = 4,
    Symbol = 5,
    Object = 6,
    Function = 7,
    External = 8,
    BigInt = 9,
}

const TYPES: [ValueType; 10] = [
    ValueType::Undefined,
    ValueType::Null,
    ValueType::Boolean,
    ValueType::Number,
    ValueType::String,
    ValueType::Symbol,
    ValueType::Object,
    ValueType::Function,
    ValueType::External,
    ValueType::BigInt,
];

/// # Safety
/// `out` may be written.
#[inline]
unsafe fn give(out: *mut Value, value: Value) -> Result {
    if value.is_null() {
        return Err(Status);
    }
    // SAFETY: forwarded from the caller.
    unsafe { out.write(value) };
    Ok(())
}

#[inline]
fn done(failed: i32) -> Result {
    if failed == 0 {
        Ok(())
    } else {
        Err(Status)
    }
}

/// Functions that make a value of their arguments.
macro_rules! makers {
    ($($name:ident($($argument:ident: $type:ty),*) = $value:expr;)*) => {
        $(
            /// # Safety
            /// Values are of this call, memory is as long as said, `out` may be written.
            #[inline]
            pub unsafe fn $name(_: Env, $($argument: $type,)* out: *mut Value) -> Result {
                // SAFETY: forwarded from the caller.
                unsafe { give(out, $value) }
            }
        )*
    };
}

makers! {
    get_undefined() = UNDEFINED;
    get_null() = NULL;
    get_boolean(value: bool) = if value { TRUE } else { FALSE };
    create_double(value: f64) = imports::number(value);
    create_bigint_int64(value: i64) = imports::bigint(value);
    create_string_utf8(at: *const c_char, len: usize) = imports::utf8(at.cast(), len);
    create_object() = imports::object();
    create_array_with_length(len: usize) = imports::array(len);
    create_error(_code: Value, message: Value) = imports::error(0, message);
    create_type_error(_code: Value, message: Value) = imports::error(1, message);
    create_range_error(_code: Value, message: Value) = imports::error(2, message);
    get_property(object: Value, key: Value) = imports::get(object, key);
    get_element(object: Value, index: u32) = imports::get_at(object, index);
    get_and_clear_last_exception() = imports::take_exception();
    get_reference_value(reference: Ref) = imports::referred(reference);
}

/// # Safety
/// `callback` is one of `callback!`, and `data` what it expects.
pub unsafe fn create_function(
    _: Env,
    name: *const c_char,
    len: usize,
    callback: Option<super::Callback>,
    data: *mut c_void,
    out: *mut Value,
) -> Result {
    let callback = callback.ok_or(Status)? as usize;
    // SAFETY: forwarded from the caller.
    unsafe {
        let function = imports::function(name.cast(), len, callback, data as usize);
        give(out, function)
    }
}

/// # Safety
/// Values are of this call; `out` is null or may be written.
#[inline]
pub unsafe fn call_function(
    _: Env,
    this: Value,
    function: Value,
    count: usize,
    args: *const Value,
    out: *mut Value,
) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe {
        if out.is_null() {
            return done(imports::run(function, count, args));
        }
        give(out, imports::call(function, this, count, args))
    }
}

/// # Safety
/// The values are of this call.
pub unsafe fn set_property(_: Env, object: Value, key: Value, value: Value) -> Result {
    // SAFETY: forwarded from the caller.
    done(unsafe { imports::set(object, key, value) })
}

/// # Safety
/// The values are of this call.
pub unsafe fn set_element(_: Env, object: Value, index: u32, value: Value) -> Result {
    // SAFETY: forwarded from the caller.
    done(unsafe { imports::set_at(object, index, value) })
}

/// # Safety
/// The value is of this call; `out` may be written.
#[inline]
pub unsafe fn typeof_value(_: Env, value: Value, out: *mut ValueType) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe {
        let number = imports::type_of(value) as usize;
        out.write(*TYPES.get(number).ok_or(Status)?);
    }
    Ok(())
}

/// # Safety
/// The value is of this call; `out` may be written.
#[inline]
pub unsafe fn get_value_double(_: Env, value: Value, out: *mut f64) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { out.write(imports::to_f64(value)) };
    Ok(())
}

/// # Safety
/// The value is of this call; `out` may be written.
pub unsafe fn get_value_bool(_: Env, value: Value, out: *mut bool) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { out.write(imports::to_bool(value) != 0) };
    Ok(())
}

/// # Safety
/// The value is of this call; `out` and `lossless` may be written.
pub unsafe fn get_value_bigint_int64(
    _: Env,
    value: Value,
    out: *mut i64,
    lossless: *mut bool,
) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { lossless.write(imports::to_i64(value, out) != 0) };
    Ok(())
}

/// # Safety
/// The value is of this call; `at` is null or has `room` bytes; `out` may be written.
#[inline]
pub unsafe fn get_value_string_utf8(
    _: Env,
    value: Value,
    at: *mut c_char,
    room: usize,
    out: *mut usize,
) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe {
        let len = imports::to_utf8(value, at.cast(), room);
        out.write(usize::try_from(len).map_err(|_| Status)?);
    }
    Ok(())
}

/// Only the length is ever asked for.
///
/// # Safety
/// The value is of this call; `out` may be written.
pub unsafe fn get_value_string_utf16(
    _: Env,
    value: Value,
    _: *mut u16,
    _: usize,
    out: *mut usize,
) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe {
        let len = imports::string_length(value);
        out.write(usize::try_from(len).map_err(|_| Status)?);
    }
    Ok(())
}

/// # Safety
/// The value is of this call; `out` may be written.
pub unsafe fn get_array_length(_: Env, value: Value, out: *mut u32) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { out.write(imports::array_length(value)) };
    Ok(())
}

/// # Safety
/// The value is of this call.
pub unsafe fn throw(_: Env, value: Value) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { imports::throw(value) };
    Ok(())
}

/// # Safety
/// The value is of this call; `out` may be written.
pub unsafe fn create_reference(_: Env, value: Value, _: u32, out: *mut Ref) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { out.write(imports::reference(value)) };
    Ok(())
}

/// # Safety
/// The reference is deleted once.
pub unsafe fn delete_reference(_: Env, reference: Ref) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { imports::forget(reference) };
    Ok(())
}

/// # Safety
/// `out` may be written.
pub unsafe fn open_handle_scope(_: Env, out: *mut HandleScope) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { out.write(imports::open_scope()) };
    Ok(())
}

/// # Safety
/// It is the scope that was opened last.
pub unsafe fn close_handle_scope(_: Env, scope: HandleScope) -> Result {
    // SAFETY: forwarded from the caller.
    unsafe { imports::close_scope(scope) };
    Ok(())
}

/// What Neon lacks.
pub(in crate::sys) struct Extra {
    pub create_string_latin1: CreateString<c_char>,
    pub create_string_utf16: CreateString<u16>,
    pub create_buffer_copy: CreateBufferCopy,
    pub add_env_cleanup_hook: AddCleanupHook,
    pub fatal_exception: unsafe fn(Env, Value) -> c_int,
}

type CreateString<C> = unsafe fn(Env, *const C, usize, *mut Value) -> c_int;
type CreateBufferCopy = unsafe fn(Env, usize, *const c_void, *mut *mut c_void, *mut Value) -> c_int;
type Hook = Option<unsafe extern "C" fn(*mut c_void)>;
type AddCleanupHook = unsafe fn(Env, Hook, *mut c_void) -> c_int;

static EXTRA: Extra = Extra {
    create_string_latin1,
    create_string_utf16,
    create_buffer_copy,
    add_env_cleanup_hook,
    fatal_exception,
};

#[inline]
pub(in crate::sys) fn extra() -> Outcome<&'static Extra> {
    Ok(&EXTRA)
}

/// # Safety
/// As for `give`.
unsafe fn status(out: *mut Value, value: Value) -> c_int {
    // SAFETY: forwarded from the caller.
    unsafe { give(out, value).map_or(1, |()| 0) }
}

unsafe fn create_string_latin1(_: Env, at: *const c_char, len: usize, out: *mut Value) -> c_int {
    // SAFETY: forwarded from the caller.
    unsafe { status(out, imports::latin1(at.cast(), len)) }
}

unsafe fn create_string_utf16(_: Env, at: *const u16, len: usize, out: *mut Value) -> c_int {
    // SAFETY: forwarded from the caller.
    unsafe { status(out, imports::utf16(at, len)) }
}

unsafe fn create_buffer_copy(
    _: Env,
    len: usize,
    at: *const c_void,
    _: *mut *mut c_void,
    out: *mut Value,
) -> c_int {
    // SAFETY: forwarded from the caller.
    unsafe { status(out, imports::buffer(at.cast(), len)) }
}

unsafe fn add_env_cleanup_hook(_: Env, hook: Hook, data: *mut c_void) -> c_int {
    let Some(hook) = hook else { return 1 };
    // SAFETY: forwarded from the caller.
    unsafe { imports::on_exit(hook as usize, data as usize) };
    0
}

unsafe fn fatal_exception(_: Env, value: Value) -> c_int {
    // SAFETY: forwarded from the caller.
    unsafe { imports::fatal(value) };
    0
}
