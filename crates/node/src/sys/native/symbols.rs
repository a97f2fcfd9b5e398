//! Node-API symbols that Neon lacks.

use std::ffi::{c_char, c_int, c_void};

use once_cell::sync::OnceCell;

use super::{napi, Result, Thrown};

/// The symbols that Neon lacks.
pub(in crate::sys) struct Extra {
    pub(in crate::sys) create_string_latin1: CreateString<c_char>,
    pub(in crate::sys) create_string_utf16: CreateString<u16>,
    pub(in crate::sys) get_dataview_info: GetDataview,
    pub(in crate::sys) is_dataview: IsDataview,
    pub(in crate::sys) create_buffer_copy: CreateBufferCopy,
    pub(in crate::sys) add_env_cleanup_hook: AddCleanupHook,
    pub(in crate::sys) fatal_exception: FatalException,
}

type CreateString<C> = unsafe extern "C" fn(napi::Env, *const C, usize, *mut napi::Value) -> c_int;
type GetDataview = unsafe extern "C" fn(
    napi::Env,
    napi::Value,
    *mut usize,
    *mut *mut c_void,
    *mut napi::Value,
    *mut usize,
) -> c_int;
type IsDataview = unsafe extern "C" fn(napi::Env, napi::Value, *mut bool) -> c_int;
type CreateBufferCopy = unsafe extern "C" fn(
    napi::Env,
    usize,
    *const c_void,
    *mut *mut c_void,
    *mut napi::Value,
) -> c_int;
type AddCleanupHook = unsafe extern "C" fn(
    napi::Env,
    Option<unsafe extern "C" fn(*mut c_void)>,
    *mut c_void,
) -> c_int;

type FatalException = unsafe extern "C" fn(napi::Env, napi::Value) -> c_int;

static EXTRA: OnceCell<Extra> = OnceCell::new();

/// Loads the extra symbols from the host; false if it has none of them.
pub fn load() -> bool {
    EXTRA.get_or_try_init(from_host).is_ok()
}

fn from_host() -> std::result::Result<Extra, libloading::Error> {
    #[cfg(not(windows))]
    let host: libloading::Library = libloading::os::unix::Library::this().into();
    #[cfg(windows)]
    let host: libloading::Library = libloading::os::windows::Library::this()?.into();
    // SAFETY: the names are Node-API's and the types are those of its header.
    unsafe { load_from(&host) }
}

/// # Safety
/// `host` exports Node-API.
unsafe fn load_from(host: &libloading::Library) -> std::result::Result<Extra, libloading::Error> {
    // SAFETY: forwarded from the caller.
    unsafe {
        Ok(Extra {
            create_string_latin1: *host.get(b"napi_create_string_latin1\0")?,
            create_string_utf16: *host.get(b"napi_create_string_utf16\0")?,
            get_dataview_info: *host.get(b"napi_get_dataview_info\0")?,
            is_dataview: *host.get(b"napi_is_dataview\0")?,
            create_buffer_copy: *host.get(b"napi_create_buffer_copy\0")?,
            add_env_cleanup_hook: *host.get(b"napi_add_env_cleanup_hook\0")?,
            fatal_exception: *host.get(b"napi_fatal_exception\0")?,
        })
    }
}

#[inline]
pub(in crate::sys) fn extra() -> Result<&'static Extra> {
    EXTRA.get().ok_or(Thrown)
}
