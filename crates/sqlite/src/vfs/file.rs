//! The object of an open file, as C sees it.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::marker::PhantomData;
use std::ptr;
use std::slice;

use super::{object, Control, LockLevel, PragmaAnswer, VfsError, VfsFile, VfsResult};
use crate::boundary::boundary;
use crate::ffi;

#[repr(C)]
pub(super) struct FileObject<F> {
    base: ffi::sqlite3_file,
    /// Whether one of its methods runs: a second one would see it half changed.
    busy: Cell<bool>,
    file: F,
}

/// # Safety
/// `at` has room for a `FileObject<F>`, and nothing lives there.
pub(super) unsafe fn place<F: VfsFile>(at: *mut ffi::sqlite3_file, file: F) {
    let base = ffi::sqlite3_file {
        pMethods: object::methods::<F>(),
    };
    let busy = Cell::new(false);
    // SAFETY: forwarded from the caller; SQLite's memory is aligned to 8 bytes, which `F` is asserted to need.
    unsafe {
        at.cast::<FileObject<F>>()
            .write(FileObject { base, busy, file });
    }
}

pub(super) struct Methods<F>(PhantomData<F>);

impl<F: VfsFile> Methods<F> {
    const ALIGNED: () = assert!(align_of::<FileObject<F>>() <= 8);

    pub(super) const TABLE: &'static ffi::sqlite3_io_methods = {
        () = Self::ALIGNED;
        &ffi::sqlite3_io_methods {
            iVersion: 1,
            xClose: Some(close::<F>),
            xRead: Some(read::<F>),
            xWrite: Some(write::<F>),
            xTruncate: Some(truncate::<F>),
            xSync: Some(sync::<F>),
            xFileSize: Some(file_size::<F>),
            xLock: Some(lock::<F>),
            xUnlock: Some(unlock::<F>),
            xCheckReservedLock: Some(check_reserved_lock::<F>),
            xFileControl: Some(file_control::<F>),
            xSectorSize: Some(sector_size::<F>),
            xDeviceCharacteristics: Some(device_characteristics::<F>),
            xShmMap: None,
            xShmLock: None,
            xShmBarrier: None,
            xShmUnmap: None,
            xFetch: None,
            xUnfetch: None,
        }
    };
}

/// Runs a method; a panic and a call from within another one are I/O errors.
///
/// # Safety
/// `file` is an open `FileObject<F>`, used by the thread of its connection.
unsafe fn with<F: VfsFile>(
    file: *mut ffi::sqlite3_file,
    method: impl FnOnce(&mut F) -> VfsResult<c_int>,
) -> c_int {
    let object = file.cast::<FileObject<F>>();
    // SAFETY: forwarded from the caller; the field is never borrowed mutably.
    let busy = unsafe { &(*object).busy };
    if busy.replace(true) {
        return ffi::SQLITE_IOERR;
    }
    // SAFETY: `busy` was not set, so nobody else has the file.
    let inner = unsafe { &mut (*object).file };
    let rc = boundary(ffi::SQLITE_IOERR, || match method(inner) {
        Ok(rc) => rc,
        Err(error) => error.code(),
    });
    busy.set(false);
    rc
}

fn offset(offset: ffi::sqlite3_int64) -> VfsResult<u64> {
    u64::try_from(offset).map_err(|_| VfsError::IO)
}

fn length(len: c_int) -> VfsResult<usize> {
    usize::try_from(len).map_err(|_| VfsError::IO)
}

unsafe extern "C" fn close<F: VfsFile>(file: *mut ffi::sqlite3_file) -> c_int {
    let object = file.cast::<FileObject<F>>();
    // SAFETY: open, and SQLite does not use it after this. It is moved out, so nothing is dropped twice.
    let inner = unsafe {
        (*file).pMethods = ptr::null();
        ptr::read(&raw const (*object).file)
    };
    boundary(ffi::SQLITE_IOERR_CLOSE, || match inner.close() {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) => error.code(),
    })
}

unsafe extern "C" fn read<F: VfsFile>(
    file: *mut ffi::sqlite3_file,
    bytes: *mut c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file and `len` bytes, which are given a value before they are looked at.
    unsafe {
        with::<F>(file, |file| {
            let len = length(len)?;
            ptr::write_bytes(bytes.cast::<u8>(), 0, len);
            let bytes = slice::from_raw_parts_mut(bytes.cast::<u8>(), len);
            let got = file.read(bytes, offset(at)?)?;
            if got >= len {
                return Ok(ffi::SQLITE_OK);
            }
            bytes[got..].fill(0);
            Ok(ffi::SQLITE_IOERR_SHORT_READ)
        })
    }
}

unsafe extern "C" fn write<F: VfsFile>(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file and `len` bytes.
    unsafe {
        with::<F>(file, |file| {
            let bytes = slice::from_raw_parts(bytes.cast::<u8>(), length(len)?);
            file.write(bytes, offset(at)?)?;
            Ok(ffi::SQLITE_OK)
        })
    }
}

unsafe extern "C" fn truncate<F: VfsFile>(
    file: *mut ffi::sqlite3_file,
    size: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe {
        with::<F>(file, |file| {
            file.truncate(offset(size)?)?;
            Ok(ffi::SQLITE_OK)
        })
    }
}

unsafe extern "C" fn sync<F: VfsFile>(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe { with::<F>(file, |file| file.sync().map(|()| ffi::SQLITE_OK)) }
}

unsafe extern "C" fn file_size<F: VfsFile>(
    file: *mut ffi::sqlite3_file,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file and an integer.
    unsafe {
        with::<F>(file, |file| {
            *out = i64::try_from(file.size()?).map_err(|_| VfsError::FULL)?;
            Ok(ffi::SQLITE_OK)
        })
    }
}

fn level(level: c_int) -> LockLevel {
    match level {
        ..=0 => LockLevel::None,
        1 => LockLevel::Shared,
        2 => LockLevel::Reserved,
        3 => LockLevel::Pending,
        4.. => LockLevel::Exclusive,
    }
}

unsafe extern "C" fn lock<F: VfsFile>(file: *mut ffi::sqlite3_file, to: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe { with::<F>(file, |file| file.lock(level(to)).map(|()| ffi::SQLITE_OK)) }
}

unsafe extern "C" fn unlock<F: VfsFile>(file: *mut ffi::sqlite3_file, to: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe { with::<F>(file, |file| file.unlock(level(to)).map(|()| ffi::SQLITE_OK)) }
}

unsafe extern "C" fn check_reserved_lock<F: VfsFile>(
    file: *mut ffi::sqlite3_file,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes an open file and an int.
    unsafe {
        with::<F>(file, |file| {
            *out = c_int::from(file.is_reserved()?);
            Ok(ffi::SQLITE_OK)
        })
    }
}

unsafe extern "C" fn sector_size<F: VfsFile>(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe {
        let mut size = 4096;
        with::<F>(file, |file| {
            size = c_int::try_from(file.sector_size()).unwrap_or(4096);
            Ok(ffi::SQLITE_OK)
        });
        size
    }
}

unsafe extern "C" fn device_characteristics<F: VfsFile>(file: *mut ffi::sqlite3_file) -> c_int {
    let mut stays = false;
    // SAFETY: SQLite passes an open file.
    unsafe {
        with::<F>(file, |file| {
            stays = !file.may_be_deleted();
            Ok(ffi::SQLITE_OK)
        });
    }
    let undeletable = if stays {
        ffi::SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN
    } else {
        0
    };
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE | undeletable
}

unsafe extern "C" fn file_control<F: VfsFile>(
    file: *mut ffi::sqlite3_file,
    op: c_int,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes an open file, and to each op the argument that its documentation says.
    unsafe {
        let control = match op {
            ffi::SQLITE_FCNTL_PRAGMA => return pragma::<F>(file, argument.cast()),
            ffi::SQLITE_FCNTL_SYNC => match argument.cast::<c_char>() {
                name if name.is_null() => Control::Sync(None),
                name => Control::Sync(Some(CStr::from_ptr(name).to_str().unwrap_or("?"))),
            },
            ffi::SQLITE_FCNTL_COMMIT_PHASETWO => Control::Committed,
            ffi::SQLITE_FCNTL_OVERWRITE => Control::Overwrite,
            ffi::SQLITE_FCNTL_SIZE_HINT => {
                let size = *argument.cast::<ffi::sqlite3_int64>();
                Control::SizeHint(u64::try_from(size).unwrap_or(0))
            }
            _ => return ffi::SQLITE_NOTFOUND,
        };
        with::<F>(file, |file| {
            let done = file.control(control)?;
            Ok(if done {
                ffi::SQLITE_OK
            } else {
                ffi::SQLITE_NOTFOUND
            })
        })
    }
}

/// # Safety
/// `argument` is that of `SQLITE_FCNTL_PRAGMA`: where the text goes, the name, and the value or null.
unsafe fn pragma<F: VfsFile>(file: *mut ffi::sqlite3_file, argument: *mut *mut c_char) -> c_int {
    // SAFETY: forwarded from the caller.
    unsafe {
        let name = CStr::from_ptr(*argument.add(1)).to_string_lossy();
        let value = *argument.add(2);
        let value = (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy());
        let mut text = None;
        let rc = with::<F>(file, |file| {
            Ok(match file.pragma(&name.to_lowercase(), value.as_deref()) {
                PragmaAnswer::NotOurs => ffi::SQLITE_NOTFOUND,
                PragmaAnswer::Done(row) => {
                    text = row;
                    ffi::SQLITE_OK
                }
                PragmaAnswer::Refused(message) => {
                    text = Some(message);
                    ffi::SQLITE_ERROR
                }
            })
        });
        if let Some(text) = text {
            *argument = c_copy(&text);
        }
        rc
    }
}

/// A copy of `text` that `SQLite` will free.
fn c_copy(text: &str) -> *mut c_char {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // SAFETY: both strings end in NUL; `%s` takes one.
    unsafe { ffi::sqlite3_mprintf(c"%s".as_ptr(), text.as_ptr()) }
}
