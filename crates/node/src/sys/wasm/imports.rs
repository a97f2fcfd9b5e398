//! What JavaScript gives: `packages/wasm/host.js`. A value is 0 where an exception is pending.

use super::napi::Value;

#[link(wasm_import_module = "ferrolite")]
extern "C" {
    pub fn number(value: f64) -> Value;
    pub fn bigint(value: i64) -> Value;
    pub fn latin1(at: *const u8, len: usize) -> Value;
    pub fn utf8(at: *const u8, len: usize) -> Value;
    pub fn utf16(at: *const u16, len: usize) -> Value;
    pub fn buffer(at: *const u8, len: usize) -> Value;
    pub fn object() -> Value;
    pub fn array(len: usize) -> Value;
    /// `kind`: 0 `Error`, 1 `TypeError`, 2 `RangeError`
    pub fn error(kind: i32, message: Value) -> Value;
    pub fn function(name: *const u8, len: usize, callback: usize, data: usize) -> Value;
    pub fn external(at: usize) -> Value;

    /// By the numbers of `ValueType`
    pub fn type_of(value: Value) -> u32;
    /// NaN if it is no number
    pub fn to_f64(value: Value) -> f64;
    pub fn to_bool(value: Value) -> i32;
    /// Whether it is a `BigInt` of 64 bits, which is then written
    pub fn to_i64(value: Value, out: *mut i64) -> i32;
    /// The bytes written, the last of them 0; if `at` is null, how many there are. Negative if it is no string.
    pub fn to_utf8(value: Value, at: *mut u8, room: usize) -> i32;
    /// UTF-16 units of a string, or negative
    pub fn string_length(value: Value) -> i32;
    pub fn external_at(value: Value) -> usize;

    /// The bytes of a Buffer, typed array or `DataView`, or negative
    pub fn view_length(value: Value) -> i32;
    pub fn view_copy(value: Value, at: *mut u8);
    pub fn is_data_view(value: Value) -> i32;
    /// Where the block of rows is, if this stands for it
    pub fn block(value: Value, len: usize) -> usize;

    pub fn get(object: Value, key: Value) -> Value;
    /// 0, or an exception is pending
    pub fn set(object: Value, key: Value, value: Value) -> i32;
    pub fn get_at(object: Value, index: u32) -> Value;
    pub fn set_at(object: Value, index: u32, value: Value) -> i32;
    pub fn array_length(value: Value) -> u32;

    /// The result
    pub fn call(function: Value, this: Value, count: usize, args: *const Value) -> Value;
    /// The same without `this` and result: 0, or an exception is pending
    pub fn run(function: Value, count: usize, args: *const Value) -> i32;
    pub fn throw(value: Value);
    pub fn take_exception() -> Value;
    pub fn fatal(value: Value);

    pub fn reference(value: Value) -> usize;
    pub fn referred(reference: usize) -> Value;
    pub fn forget(reference: usize);

    pub fn open_scope() -> usize;
    pub fn close_scope(scope: usize);
    pub fn on_exit(hook: usize, data: usize);
    /// What a panic says, before it traps
    pub fn panic(at: *const u8, len: usize);
}
