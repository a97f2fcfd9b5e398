//! One value of a row or an argument, borrowed from `SQLite`.

use std::ffi::{c_char, c_void, CStr};

use crate::ffi;

/// A borrowed value. Text is bytes: `SQLite` does not promise valid UTF-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// `NULL`
    Null,
    /// 64-bit signed integer
    Integer(i64),
    /// IEEE double
    Real(f64),
    /// Text, nearly always UTF-8
    Text(&'a [u8]),
    /// Bytes
    Blob(&'a [u8]),
}

impl ValueRef<'_> {
    /// Reads a value in place.
    ///
    /// `SQLite` frees text and blobs at the next step, so the lifetime must end before it. Values of a row
    /// are "unprotected": reading them is allowed because a connection here has one thread and no mutex.
    ///
    /// # Safety
    /// `value` is live for `'a` and belongs to this thread.
    #[inline]
    pub(crate) unsafe fn from_raw(value: *mut ffi::sqlite3_value) -> Self {
        // SAFETY: `value` is live; the type is read before the content is touched.
        unsafe {
            match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_INTEGER => Self::Integer(ffi::sqlite3_value_int64(value)),
                ffi::SQLITE_FLOAT => Self::Real(ffi::sqlite3_value_double(value)),
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_value_text(value);
                    Self::Text(bytes(text.cast(), ffi::sqlite3_value_bytes(value)))
                }
                ffi::SQLITE_BLOB => {
                    let blob = ffi::sqlite3_value_blob(value);
                    Self::Blob(bytes(blob, ffi::sqlite3_value_bytes(value)))
                }
                _ => Self::Null,
            }
        }
    }
}

/// A C pointer and length as a slice; null (an empty blob, or no memory) is empty.
///
/// # Safety
/// `data` is null or points to `len` bytes that live for `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(data: *const c_void, len: i32) -> &'a [u8] {
    match usize::try_from(len) {
        // SAFETY: `data` is not null and the caller vouches for `len` bytes.
        Ok(len) if !data.is_null() && len > 0 => unsafe {
            std::slice::from_raw_parts(data.cast(), len)
        },
        _ => &[],
    }
}

/// A value as text; `None` for `NULL`.
///
/// # Safety
/// `value` is live; the text lives until the value is converted again.
pub(crate) unsafe fn text<'a>(value: *mut ffi::sqlite3_value) -> Option<&'a [u8]> {
    // SAFETY: forwarded from the caller.
    unsafe {
        let text = ffi::sqlite3_value_text(value);
        if text.is_null() {
            return None;
        }
        Some(bytes(text.cast(), ffi::sqlite3_value_bytes(value)))
    }
}

/// A C string of `SQLite` as bytes; null is `None`.
///
/// # Safety
/// `text` is null or ends in NUL and lives for `'a`.
pub(crate) unsafe fn c_bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: forwarded from the caller.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}
