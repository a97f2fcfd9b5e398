//! The VFS that is there where the engine has none: time, chance, and temporary files in memory.

use std::ffi::{c_char, c_int};
use std::ptr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::file::{self, FileObject};
use super::{VfsError, VfsFile, VfsResult};
use crate::boundary::boundary;
use crate::ffi;

/// A temporary file.
#[derive(Default)]
struct MemoryFile {
    bytes: Vec<u8>,
}

impl VfsFile for MemoryFile {
    fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize> {
        let from = usize::try_from(offset).map_err(|_| VfsError::READ)?;
        let there = self.bytes.get(from..).unwrap_or_default();
        let len = there.len().min(bytes.len());
        bytes[..len].copy_from_slice(&there[..len]);
        Ok(len)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        let from = usize::try_from(offset).map_err(|_| VfsError::FULL)?;
        let to = from.checked_add(bytes.len()).ok_or(VfsError::FULL)?;
        if to > self.bytes.len() {
            let more = to - self.bytes.len();
            self.bytes.try_reserve(more).map_err(|_| VfsError::FULL)?;
            self.bytes.resize(to, 0);
        }
        self.bytes[from..to].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        self.bytes
            .truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(())
    }

    fn sync(&mut self) -> VfsResult<()> {
        Ok(())
    }

    fn size(&mut self) -> VfsResult<u64> {
        Ok(self.bytes.len() as u64)
    }
}

/// Called by the engine when it is initialized.
#[no_mangle]
unsafe extern "C" fn sqlite3_os_init() -> c_int {
    let vfs = Box::leak(Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: c_int::try_from(size_of::<FileObject<MemoryFile>>()).unwrap_or(c_int::MAX),
        mxPathname: 4096,
        pNext: ptr::null_mut(),
        zName: c"ferrolite-base".as_ptr(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(current_time_64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }));
    // SAFETY: it is never freed.
    unsafe { ffi::sqlite3_vfs_register(vfs, 1) }
}

#[no_mangle]
unsafe extern "C" fn sqlite3_os_end() -> c_int {
    ffi::SQLITE_OK
}

/// What the cipher's salts and keys are made of.
#[no_mangle]
unsafe extern "C" fn entropy(out: *mut u8, len: usize) -> usize {
    // SAFETY: the caller has `len` bytes there.
    unsafe { random(out, len) };
    len
}

extern "C" {
    fn getentropy(out: *mut u8, len: usize) -> c_int;
}

/// # Safety
/// `out` has room for `len` bytes.
unsafe fn random(out: *mut u8, len: usize) {
    let mut at = 0;
    while at < len {
        // More than 256 are refused.
        let part = (len - at).min(256);
        // SAFETY: within the caller's bytes.
        unsafe {
            getentropy(out.add(at), part);
        }
        at += part;
    }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes, and closes a file whose methods are set.
    unsafe {
        (*file).pMethods = ptr::null();
        if !name.is_null() {
            return ffi::SQLITE_CANTOPEN;
        }
        file::place(file, MemoryFile::default());
        if !out.is_null() {
            *out = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, _: *const c_char, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    _: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: an int of SQLite's.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    len: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: a string that ends in NUL, and `len` bytes.
    unsafe { ffi::sqlite3_snprintf(len, out, c"%s".as_ptr(), name) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite has `len` bytes there.
    unsafe { random(out.cast(), usize::try_from(len).unwrap_or(0)) };
    len
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    let time = Duration::from_micros(u64::try_from(microseconds).unwrap_or(0));
    boundary((), || std::thread::sleep(time));
    microseconds
}

/// Milliseconds of the Julian day at the beginning of 1970.
const EPOCH: i64 = 210_866_760_000_000;

unsafe extern "C" fn current_time_64(
    _: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(0));
    // SAFETY: an integer of SQLite's.
    unsafe { *out = EPOCH + now };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    let mut now = 0;
    // SAFETY: forwarded from the caller; a number of SQLite's.
    unsafe {
        let rc = current_time_64(vfs, &raw mut now);
        #[allow(clippy::cast_precision_loss)] // days, as SQLite has them
        out.write(now as f64 / 86_400_000.0);
        rc
    }
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
