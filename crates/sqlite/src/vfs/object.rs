//! The object of a VFS, as C sees it.

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::ptr;

use super::file::{self, FileObject};
use super::{FileFlags, FileKind, Vfs, VfsFile};
use crate::boundary::boundary;
use crate::error::{Error, Result};
use crate::ffi;

#[repr(C)]
struct VfsObject<V> {
    base: ffi::sqlite3_vfs,
    vfs: V,
    default: *mut ffi::sqlite3_vfs,
    name: CString,
}

/// Registers it for as long as the process lives.
pub(super) fn register<V: Vfs>(name: CString, vfs: V, is_default: bool) -> Result<()> {
    // SAFETY: the engine was initialized; null asks for the default VFS, which is never unregistered.
    let default = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    // SAFETY: null, or as above.
    let Some(from) = (unsafe { default.as_ref() }) else {
        return Err(Error::sqlite(ffi::SQLITE_ERROR, "there is no default VFS"));
    };
    let own = c_int::try_from(size_of::<FileObject<V::File>>()).unwrap_or(c_int::MAX);
    let base = ffi::sqlite3_vfs {
        iVersion: 2,
        // One object holds either file: ours, or one of the default VFS.
        szOsFile: own.max(from.szOsFile),
        mxPathname: from.mxPathname,
        pNext: ptr::null_mut(),
        zName: ptr::null(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open::<V>),
        xDelete: Some(delete::<V>),
        xAccess: Some(access::<V>),
        xFullPathname: Some(full_pathname::<V>),
        xDlOpen: Some(dl_open::<V>),
        xDlError: Some(dl_error::<V>),
        xDlSym: Some(dl_sym::<V>),
        xDlClose: Some(dl_close::<V>),
        xRandomness: Some(randomness::<V>),
        xSleep: Some(sleep::<V>),
        xCurrentTime: Some(current_time::<V>),
        xGetLastError: Some(last_error::<V>),
        xCurrentTimeInt64: Some(current_time_64::<V>),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    };
    let object = Box::leak(Box::new(VfsObject {
        base,
        vfs,
        default,
        name,
    }));
    object.base.zName = object.name.as_ptr();
    // SAFETY: the object and its name are never freed; its first field is the VFS.
    match unsafe { ffi::sqlite3_vfs_register(ptr::from_mut(object).cast(), is_default.into()) } {
        ffi::SQLITE_OK => Ok(()),
        rc => Err(Error::from_code(rc)),
    }
}

/// # Safety
/// `vfs` is that of a `VfsObject<V>`.
unsafe fn object<'a, V>(vfs: *mut ffi::sqlite3_vfs) -> &'a VfsObject<V> {
    // SAFETY: forwarded from the caller; it is never freed and never changed after it was registered.
    unsafe { &*vfs.cast::<VfsObject<V>>() }
}

/// # Safety
/// Null, or a string that ends in NUL and outlives the call.
unsafe fn text<'a>(name: *const c_char) -> Option<&'a str> {
    if name.is_null() {
        return None;
    }
    // SAFETY: forwarded from the caller.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}

/// The database that a journal belongs to.
fn database(name: &str) -> &str {
    name.strip_suffix("-journal")
        .or_else(|| name.strip_suffix("-wal"))
        .unwrap_or(name)
}

impl<V: Vfs> VfsObject<V> {
    fn owns(&self, name: Option<&str>) -> Option<String> {
        let name = name?;
        let ours = boundary(false, || {
            self.vfs.owns(name) || self.vfs.owns(database(name))
        });
        ours.then(|| name.to_owned())
    }
}

/// Calls a method of the default VFS.
macro_rules! default {
    ($v:ty, $vfs:ident, $method:ident, $or:expr, $($argument:expr),*) => {{
        // SAFETY: SQLite passes the VFS that it was given.
        let default = unsafe { object::<$v>($vfs) }.default;
        // SAFETY: never unregistered; the arguments are passed on as they came.
        unsafe {
            match (*default).$method {
                Some(method) => method(default, $($argument),*),
                None => $or,
            }
        }
    }};
}

unsafe extern "C" fn open<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SQLite closes a file whose methods are set, even if opening fails.
    // SAFETY: SQLite gives `szOsFile` bytes.
    unsafe { (*file).pMethods = ptr::null() };
    // SAFETY: as SQLite passes them.
    let (this, text) = unsafe { (object::<V>(vfs), text(name)) };
    let kind = match flags {
        _ if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 => Some(FileKind::Database),
        _ if flags & ffi::SQLITE_OPEN_MAIN_JOURNAL != 0 => Some(FileKind::Journal),
        _ if flags & ffi::SQLITE_OPEN_WAL != 0 => Some(FileKind::Wal),
        _ if flags & ffi::SQLITE_OPEN_SUPER_JOURNAL != 0 => Some(FileKind::SuperJournal),
        _ => None,
    };
    let (Some(kind), Some(name_of)) = (kind, this.owns(text)) else {
        return default!(V, vfs, xOpen, ffi::SQLITE_CANTOPEN, name, file, flags, out);
    };
    let readonly = flags & ffi::SQLITE_OPEN_READONLY != 0;
    let wanted = FileFlags {
        kind,
        readonly,
        create: flags & ffi::SQLITE_OPEN_CREATE != 0,
    };
    boundary(ffi::SQLITE_CANTOPEN, || {
        match this.vfs.open(&name_of, wanted) {
            Ok(opened) => {
                let granted = if opened.is_readonly() {
                    flags & !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE)
                        | ffi::SQLITE_OPEN_READONLY
                } else {
                    flags
                };
                // SAFETY: `szOsFile` bytes are enough, and nothing lives there yet; `out` is null or an int.
                unsafe {
                    file::place(file, opened);
                    if !out.is_null() {
                        *out = granted;
                    }
                }
                ffi::SQLITE_OK
            }
            Err(error) => error.code(),
        }
    })
}

unsafe extern "C" fn delete<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync: c_int,
) -> c_int {
    // SAFETY: as SQLite passes them.
    let (this, text) = unsafe { (object::<V>(vfs), text(name)) };
    let Some(owned) = this.owns(text) else {
        return default!(V, vfs, xDelete, ffi::SQLITE_IOERR_DELETE, name, sync);
    };
    boundary(ffi::SQLITE_IOERR_DELETE, || {
        match this.vfs.delete(&owned, sync != 0) {
            Ok(()) => ffi::SQLITE_OK,
            Err(error) => error.code(),
        }
    })
}

unsafe extern "C" fn access<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: as SQLite passes them.
    let (this, text) = unsafe { (object::<V>(vfs), text(name)) };
    let Some(owned) = this.owns(text) else {
        let or = ffi::SQLITE_IOERR_ACCESS;
        return default!(V, vfs, xAccess, or, name, flags, out);
    };
    boundary(ffi::SQLITE_IOERR_ACCESS, || match this.vfs.exists(&owned) {
        Ok(exists) => {
            // SAFETY: an int of SQLite's.
            unsafe { *out = c_int::from(exists) };
            ffi::SQLITE_OK
        }
        Err(error) => error.code(),
    })
}

unsafe extern "C" fn full_pathname<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    len: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: as SQLite passes them.
    let (this, text) = unsafe { (object::<V>(vfs), text(name)) };
    let Some(owned) = this.owns(text) else {
        return default!(V, vfs, xFullPathname, ffi::SQLITE_CANTOPEN, name, len, out);
    };
    boundary(ffi::SQLITE_CANTOPEN, || {
        let full = match this.vfs.full_name(&owned) {
            Ok(full) => full,
            Err(error) => return error.code(),
        };
        if full.contains('\0') || !usize::try_from(len).is_ok_and(|len| full.len() < len) {
            return ffi::SQLITE_CANTOPEN;
        }
        // SAFETY: `out` has `len` bytes: room for the name and its NUL.
        unsafe {
            ptr::copy_nonoverlapping(full.as_ptr().cast(), out, full.len());
            *out.add(full.len()) = 0;
        }
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn dl_open<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
) -> *mut c_void {
    default!(V, vfs, xDlOpen, ptr::null_mut(), name)
}

unsafe extern "C" fn dl_error<V: Vfs>(vfs: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) {
    default!(V, vfs, xDlError, (), len, out);
}

type Symbol = unsafe extern "C" fn(*mut ffi::sqlite3_vfs, *mut c_void, *const c_char);

unsafe extern "C" fn dl_sym<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    library: *mut c_void,
    name: *const c_char,
) -> Option<Symbol> {
    default!(V, vfs, xDlSym, None, library, name)
}

unsafe extern "C" fn dl_close<V: Vfs>(vfs: *mut ffi::sqlite3_vfs, library: *mut c_void) {
    default!(V, vfs, xDlClose, (), library);
}

unsafe extern "C" fn randomness<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    len: c_int,
    out: *mut c_char,
) -> c_int {
    default!(V, vfs, xRandomness, 0, len, out)
}

unsafe extern "C" fn sleep<V: Vfs>(vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    default!(V, vfs, xSleep, 0, microseconds)
}

unsafe extern "C" fn current_time<V: Vfs>(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    default!(V, vfs, xCurrentTime, ffi::SQLITE_ERROR, out)
}

unsafe extern "C" fn current_time_64<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    default!(V, vfs, xCurrentTimeInt64, ffi::SQLITE_ERROR, out)
}

unsafe extern "C" fn last_error<V: Vfs>(
    vfs: *mut ffi::sqlite3_vfs,
    len: c_int,
    out: *mut c_char,
) -> c_int {
    default!(V, vfs, xGetLastError, 0, len, out)
}

/// What the methods of an open file are called by.
pub(super) fn methods<F: VfsFile>() -> &'static ffi::sqlite3_io_methods {
    file::Methods::<F>::TABLE
}
