//! JavaScript values to `SQLite`: arguments of a statement, and results of callbacks.

use ferrolite_sqlite::{Param, Params};

use crate::block_layout::LONG_TEXT;
use crate::sys::{Call, Env, Result, Value, ValueType};

/// Whether the memory of a large Buffer may be lent to `SQLite` instead of copied: the execution ends
/// within the call that has the Buffer as its argument, and no JavaScript runs in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lend {
    Yes,
    No,
}

/// Collects the arguments of a call as positional parameters.
///
/// False if one of them is no plain value, if there are too few or too many, or if a text is long:
/// JavaScript then looks at them one by one, flattens arrays and named parameters, or says what is wrong.
/// No user code runs here. `ordered` says that it has done so: each `DataView` is a text by then.
#[inline]
pub fn collect(
    call: &Call<'_>,
    expected: usize,
    params: &mut Params,
    ordered: bool,
    lend: Lend,
) -> Result<bool> {
    if call.len() != expected {
        return Ok(false);
    }
    for at in 0..expected {
        let value = call.arg(at);
        let pushed = match value.type_of(call.env) {
            ValueType::Number => {
                params.values.push(Param::Real(value.as_f64(call.env)));
                true
            }
            ValueType::String => push_text(call.env, value, params, LONG_TEXT)?,
            ValueType::Object if ordered && value.is_data_view(call.env) => {
                value.push_view_text(call.env, params, lend == Lend::Yes)
            }
            ValueType::Object if lend == Lend::Yes => {
                value.lend_bytes(call.env, params) || push(call.env, value, params)?
            }
            _ => push(call.env, value, params)?,
        };
        if !pushed {
            return Ok(false);
        }
    }
    Ok(true)
}

#[inline]
fn push_text(env: Env<'_>, value: Value<'_>, params: &mut Params, longest: usize) -> Result<bool> {
    let start = params.bytes.len();
    let Some(len) = env
        .adopt(value)
        .append_utf8(env, &mut params.bytes, longest)?
    else {
        return Ok(false);
    };
    params.values.push(Param::Text(start, len));
    Ok(true)
}

/// Appends one value; false if `SQLite` has no type for it.
pub fn push(env: Env<'_>, value: Value<'_>, params: &mut Params) -> Result<bool> {
    let value = env.adopt(value);
    match value.type_of(env) {
        // JavaScript has one number type, which is a double: column affinity makes integers of them.
        ValueType::Number => params.values.push(Param::Real(value.as_f64(env))),
        ValueType::String => return push_text(env, value, params, usize::MAX),
        ValueType::Null | ValueType::Undefined => params.values.push(Param::Null),
        ValueType::BigInt => match value.as_i64(env) {
            Some(integer) => params.values.push(Param::Integer(integer)),
            None => return Ok(false),
        },
        ValueType::Object => {
            let start = params.bytes.len();
            match value.append_bytes(env, &mut params.bytes) {
                Some(len) => params.values.push(Param::Blob(start, len)),
                None => return Ok(false),
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}
