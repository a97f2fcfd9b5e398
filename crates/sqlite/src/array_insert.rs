//! The functions `json_array_insert` and `jsonb_array_insert` of newer versions of `SQLite`.
//!
//! They are made of the engine's own functions, which they call in their place, and of one step between:
//! an element goes into an array as JSONB.

use std::ffi::c_int;
use std::ptr::NonNull;

use crate::boundary::boundary;
use crate::ffi;
use crate::function::Context;
use crate::inner::{Inner, JSON, JSONB, JSONB_EXTRACT, JSONB_INSERT, JSONB_REPLACE, JSON_TYPE};
use crate::internals::{arguments, FunctionContext};
use crate::json::{element, prefixes};
use crate::value::{text, ValueRef};

const ARRAY: u8 = 0x0b;

pub(crate) unsafe extern "C" fn json_array_insert(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    boundary((), || {
        // SAFETY: SQLite passes a live context and live values.
        unsafe {
            if let Some(json) = insert_all(context, arguments(argc, argv)) {
                JSON.call(context, &[json.raw()]);
            }
        }
    });
}

pub(crate) unsafe extern "C" fn jsonb_array_insert(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    boundary((), || {
        // SAFETY: SQLite passes a live context and live values.
        unsafe {
            if let Some(json) = insert_all(context, arguments(argc, argv)) {
                ffi::sqlite3_result_value(context, json.raw());
            }
        }
    });
}

/// A value that is freed when it goes.
struct Value(NonNull<ffi::sqlite3_value>);

impl Value {
    /// The result that the context has.
    ///
    /// # Safety
    /// The context is that of a call that runs.
    unsafe fn take(context: *mut ffi::sqlite3_context) -> Option<Self> {
        // SAFETY: forwarded from the caller.
        unsafe {
            let copy = ffi::sqlite3_value_dup((*context.cast::<FunctionContext>()).out);
            if copy.is_null() {
                ffi::sqlite3_result_error_nomem(context);
            }
            NonNull::new(copy).map(Self)
        }
    }

    /// # Safety
    /// As for `take`.
    unsafe fn new(context: *mut ffi::sqlite3_context, value: ValueRef<'_>) -> Option<Self> {
        // SAFETY: forwarded from the caller.
        unsafe {
            Context::new(context).set(value);
            if (*context.cast::<FunctionContext>()).is_well() {
                Self::take(context)
            } else {
                None
            }
        }
    }

    fn raw(&self) -> *mut ffi::sqlite3_value {
        self.0.as_ptr()
    }

    fn get(&self) -> ValueRef<'_> {
        // SAFETY: owned, and not converted while it is borrowed.
        unsafe { ValueRef::from_raw(self.raw()) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: made by sqlite3_value_dup, and freed once.
        unsafe { ffi::sqlite3_value_free(self.raw()) }
    }
}

/// `None` after an error, or without a result.
///
/// # Safety
/// As for `Value::take`.
unsafe fn result(
    inner: &Inner,
    context: *mut ffi::sqlite3_context,
    args: &[*mut ffi::sqlite3_value],
) -> Option<Value> {
    // SAFETY: forwarded from the caller.
    unsafe {
        if inner.call(context, args) {
            Value::take(context)
        } else {
            None
        }
    }
}

/// The JSON as a blob with every value in its place; `None` if the context has a result already.
///
/// # Safety
/// The context is that of a call that runs, and the arguments are its.
unsafe fn insert_all(
    context: *mut ffi::sqlite3_context,
    args: &[*mut ffi::sqlite3_value],
) -> Option<Value> {
    let (first, pairs) = args.split_first()?;
    if pairs.len() % 2 == 1 {
        let message = b"json_array_insert() needs an odd number of arguments";
        Context::new(context).fail_with(message);
        return None;
    }
    // SAFETY: forwarded from the caller.
    unsafe {
        let mut json = result(&JSONB, context, &[*first])?;
        if matches!(json.get(), ValueRef::Null) {
            return None;
        }
        for pair in pairs.chunks_exact(2) {
            let [path, value] = [pair[0], pair[1]];
            if ffi::sqlite3_value_type(path) != ffi::SQLITE_NULL {
                json = insert(context, json, path, value)?;
            }
        }
        Some(json)
    }
}

/// # Safety
/// As for `insert_all`.
unsafe fn insert(
    context: *mut ffi::sqlite3_context,
    json: Value,
    path: *mut ffi::sqlite3_value,
    value: *mut ffi::sqlite3_value,
) -> Option<Value> {
    // SAFETY: forwarded from the caller; the path is text from here on, and lives as long as the call.
    unsafe {
        let Some(steps) = text(path) else {
            Context::new(context).no_memory();
            return None;
        };
        // The engine reads a path up to the first NUL.
        let steps = steps.split(|byte| *byte == 0).next().unwrap_or_default();
        if !steps.starts_with(b"$") {
            return result(&JSON_TYPE, context, &[json.raw(), path]);
        }
        // As JSON the value is the only element of an array.
        let empty = Value::new(context, ValueRef::Blob(&[ARRAY]))?;
        let start = Value::new(context, ValueRef::Text(b"$[0]"))?;
        let args = [empty.raw(), start.raw(), value];
        let new = result(&JSONB_INSERT, context, &args)?;
        if steps == b"$" {
            return Some(json);
        }
        let last = last_index(steps);
        let found = result(&JSON_TYPE, context, &[json.raw(), path])?;
        let exists = !matches!(found.get(), ValueRef::Null);
        let insert = |path| result(&JSONB_INSERT, context, &[json.raw(), path, value]);
        let is_wrong = match last {
            Some((array, index)) if exists => {
                return insert_before(context, &json, array, index, &new);
            }
            Some(_) => return insert(path),
            None if exists => true,
            None if steps.ends_with(b"]") => insert(path)?.get() != json.get(),
            None => match names_of(context, &json, steps, value)? {
                Names::There => false,
                Names::Missing => true,
                Names::Unknown => return insert(path),
            },
        };
        // Nothing happens where no name on the way is missing.
        if !is_wrong {
            return Some(json);
        }
        Context::new(context).fail_with(&no_element(steps));
        None
    }
}

/// What is known of the names on the way of a path.
enum Names {
    There,
    /// One of them is not there.
    Missing,
    /// A part of the path fails. All of it does too, and then the message has the whole path.
    Unknown,
}

/// Looks for the names on the way of a path.
///
/// # Safety
/// As for `insert_all`.
unsafe fn names_of(
    context: *mut ffi::sqlite3_context,
    json: &Value,
    steps: &[u8],
    value: *mut ffi::sqlite3_value,
) -> Option<Names> {
    let is_name = |part: &&[u8]| last_index(part).is_none();
    for part in prefixes(steps).filter(is_name) {
        // SAFETY: forwarded from the caller.
        let longer = unsafe {
            let part = Value::new(context, ValueRef::Text(part))?;
            result(&JSONB_INSERT, context, &[json.raw(), part.raw(), value])
        };
        match longer {
            None => return Some(Names::Unknown),
            Some(longer) if longer.get() != json.get() => return Some(Names::Missing),
            Some(_) => {}
        }
    }
    Some(Names::There)
}

fn no_element(path: &[u8]) -> Vec<u8> {
    let mut message = b"not an array element: '".to_vec();
    for byte in path {
        message.extend(std::iter::repeat_n(*byte, 1 + usize::from(*byte == b'\'')));
    }
    message.push(b'\'');
    message
}

/// The path of the array, and the index, of a path that ends in an index; else the last step is a name.
fn last_index(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = path.strip_suffix(b"]")?;
    let at = inner.iter().rposition(|byte| *byte == b'[')?;
    let index = &inner[at + 1..];
    let is_index = index
        .iter()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'#' | b'-'));
    is_index.then_some((&path[..at], index))
}

/// Puts the only element of `new` before the one at `index`, which exists.
///
/// # Safety
/// As for `insert_all`.
unsafe fn insert_before(
    context: *mut ffi::sqlite3_context,
    json: &Value,
    array: &[u8],
    index: &[u8],
    new: &Value,
) -> Option<Value> {
    // SAFETY: forwarded from the caller.
    unsafe {
        let path = Value::new(context, ValueRef::Text(array))?;
        let old = result(&JSONB_EXTRACT, context, &[json.raw(), path.raw()])?;
        let (ValueRef::Blob(old), ValueRef::Blob(new)) = (old.get(), new.get()) else {
            Context::new(context).fail_with(b"malformed JSON");
            return None;
        };
        let Some(new) = splice(old, index, new) else {
            Context::new(context).fail_with(b"malformed JSON");
            return None;
        };
        let new = Value::new(context, ValueRef::Blob(&new))?;
        let args = [json.raw(), path.raw(), new.raw()];
        result(&JSONB_REPLACE, context, &args)
    }
}

/// `None` for what is not as it should be: a blob may pass for JSONB that is none.
fn splice(array: &[u8], index: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let (_, start, end) = element(array, 0)?;
    let new = new.get(element(new, 0)?.1..)?;
    let mut places = Vec::new();
    let mut at = start;
    while at < end {
        places.push(at);
        at = element(array, at)?.2;
    }
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<usize>().ok();
    let place = match index.strip_prefix(b"#-") {
        Some(back) => places.len().checked_sub(number(back)?)?,
        None => number(index)?,
    };
    let at = *places.get(place)?;
    let len = end - start + new.len();
    let mut out = Vec::new();
    out.try_reserve_exact(len + 5).ok()?;
    push_header(&mut out, len)?;
    out.extend_from_slice(array.get(start..at)?);
    out.extend_from_slice(new);
    out.extend_from_slice(array.get(at..end)?);
    Some(out)
}

fn push_header(out: &mut Vec<u8>, len: usize) -> Option<()> {
    let bytes = u32::try_from(len).ok()?.to_be_bytes();
    let (kind, bytes) = match len {
        0..=11 => (bytes[3], &[][..]),
        12..=0xff => (12, &bytes[3..]),
        0x100..=0xffff => (13, &bytes[2..]),
        _ => (14, &bytes[..]),
    };
    out.push(kind << 4 | ARRAY);
    out.extend_from_slice(bytes);
    Some(())
}
