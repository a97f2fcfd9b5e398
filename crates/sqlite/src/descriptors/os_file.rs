//! A file of the engine's own `unix` VFS that it has not opened by name: so it locks as all others do, and the locks
//! of this process on one file, which POSIX has only once, are counted in one place.

use std::cell::Cell;
use std::ffi::{c_char, c_int, CString};
use std::fs::File;
use std::mem::ManuallyDrop;
use std::ptr;

use once_cell::sync::OnceCell;

use super::check::borrowed;
use crate::ffi;
use crate::vfs::{LockLevel, VfsError, VfsResult};

type Open = unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int;

/// What the engine opened files with before.
static OPEN: OnceCell<Option<Open>> = OnceCell::new();

thread_local! {
    /// The descriptor that this thread's next `open()` returns a duplicate of.
    static NEXT: Cell<Option<c_int>> = const { Cell::new(None) };
    /// What that duplicate is.
    static OPENED: Cell<c_int> = const { Cell::new(-1) };
}

unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    if let Some(fd) = NEXT.take() {
        // Not below 3: what is written to standard output must not end in a database.
        // SAFETY: it may be asked of any number.
        let opened = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
        OPENED.set(opened);
        return opened;
    }
    match OPEN.get() {
        // SAFETY: what the engine would have called, with its arguments.
        Some(Some(open)) => unsafe { open(path, flags, mode) },
        _ => -1,
    }
}

/// The engine's VFS, which opens what this thread says.
fn unix() -> VfsResult<*mut ffi::sqlite3_vfs> {
    // SAFETY: the engine was initialized; the VFS is never unregistered.
    let unix = unsafe { ffi::sqlite3_vfs_find(c"unix".as_ptr()) };
    if unix.is_null() {
        return Err(VfsError::CANTOPEN);
    }
    // SAFETY: as above. The engine's documentation gives "open" this type:
    // <https://www.sqlite.org/src/file/src/os_unix.c>, `aSyscall`.
    let before = OPEN.get_or_init(|| unsafe {
        let (get, set) = ((*unix).xGetSystemCall?, (*unix).xSetSystemCall?);
        let before = get(unix, c"open".as_ptr())?;
        let before = std::mem::transmute::<unsafe extern "C" fn(), Open>(before);
        let ours = std::mem::transmute::<Open, unsafe extern "C" fn()>(open);
        (set(unix, c"open".as_ptr(), Some(ours)) == ffi::SQLITE_OK).then_some(before)
    });
    before.map(|_| unix).ok_or(VfsError::CANTOPEN)
}

/// An open database file.
pub(super) struct OsFile {
    /// The engine's object; u64 for its alignment.
    object: Box<[u64]>,
    /// What it points to.
    _name: CString,
    fd: c_int,
}

impl OsFile {
    /// A duplicate of `fd`, which whoever owns it keeps.
    pub(super) fn open(fd: c_int, readonly: bool) -> VfsResult<Self> {
        let unix = unix()?;
        // The engine looks whether it has closed a file of this name before: there is none.
        let name = CString::new(format!("/dev/null/fd:{fd}")).map_err(|_| VfsError::CANTOPEN)?;
        // SAFETY: never unregistered.
        let size = unsafe { (*unix).szOsFile };
        let words = usize::try_from(size).map_err(|_| VfsError::IO)?.div_ceil(8);
        let mut object = vec![0_u64; words].into_boxed_slice();
        let access = if readonly {
            ffi::SQLITE_OPEN_READONLY
        } else {
            ffi::SQLITE_OPEN_READWRITE
        };
        // SAFETY: never unregistered.
        let open = unsafe { (*unix).xOpen }.ok_or(VfsError::CANTOPEN)?;
        let at = object.as_mut_ptr().cast();
        NEXT.set(Some(fd));
        OPENED.set(-1);
        // SAFETY: the object has the size that the VFS asks for, and lives as long as the name.
        let rc = unsafe {
            open(
                unix,
                name.as_ptr(),
                at,
                ffi::SQLITE_OPEN_MAIN_DB | access,
                ptr::null_mut(),
            )
        };
        let unused = NEXT.take().is_some();
        let fd = OPENED.get();
        if rc != ffi::SQLITE_OK || unused {
            return Err(VfsError::from_code(rc).unwrap_or(VfsError::CANTOPEN));
        }
        Ok(Self {
            object,
            _name: name,
            fd,
        })
    }

    /// The file itself. Closing it would give back all locks of this process.
    pub(super) fn file(&self) -> ManuallyDrop<File> {
        // SAFETY: it is open as long as the object is.
        unsafe { borrowed(self.fd) }
    }

    fn call(
        &mut self,
        call: impl FnOnce(&ffi::sqlite3_io_methods, *mut ffi::sqlite3_file) -> Option<c_int>,
    ) -> c_int {
        let file: *mut ffi::sqlite3_file = self.object.as_mut_ptr().cast();
        // SAFETY: an open file has methods, which are static.
        let methods = unsafe { (*file).pMethods.as_ref() };
        let rc = methods.and_then(|methods| call(methods, file));
        rc.unwrap_or(ffi::SQLITE_IOERR)
    }

    pub(super) fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize> {
        let (len, at) = place(bytes.len(), offset)?;
        let into = bytes.as_mut_ptr().cast();
        // SAFETY: an open file, and `len` bytes.
        match self.call(|to, file| to.xRead.map(|read| unsafe { read(file, into, len, at) })) {
            ffi::SQLITE_OK => Ok(bytes.len()),
            ffi::SQLITE_IOERR_SHORT_READ => {
                let rest = self.size()?.saturating_sub(offset);
                Ok(usize::try_from(rest).map_or(bytes.len(), |rest| rest.min(bytes.len())))
            }
            rc => Err(VfsError::from_code(rc).unwrap_or(VfsError::READ)),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        let (len, at) = place(bytes.len(), offset)?;
        let from = bytes.as_ptr().cast();
        // SAFETY: an open file, and `len` bytes.
        done(self.call(|to, file| to.xWrite.map(|write| unsafe { write(file, from, len, at) })))
    }

    pub(super) fn truncate(&mut self, size: u64) -> VfsResult<()> {
        let size = i64::try_from(size).map_err(|_| VfsError::FULL)?;
        // SAFETY: an open file.
        done(self.call(|to, file| to.xTruncate.map(|truncate| unsafe { truncate(file, size) })))
    }

    pub(super) fn sync(&mut self) -> VfsResult<()> {
        let how = ffi::SQLITE_SYNC_NORMAL;
        // SAFETY: an open file.
        done(self.call(|to, file| to.xSync.map(|sync| unsafe { sync(file, how) })))
    }

    pub(super) fn size(&mut self) -> VfsResult<u64> {
        let mut size = 0;
        // SAFETY: an open file, and an integer.
        done(self.call(|to, file| to.xFileSize.map(|ask| unsafe { ask(file, &raw mut size) })))?;
        u64::try_from(size).map_err(|_| VfsError::IO)
    }

    pub(super) fn lock(&mut self, level: LockLevel) -> VfsResult<()> {
        let level = number(level);
        // SAFETY: an open file.
        done(self.call(|to, file| to.xLock.map(|lock| unsafe { lock(file, level) })))
    }

    pub(super) fn unlock(&mut self, level: LockLevel) -> VfsResult<()> {
        let level = number(level);
        // SAFETY: an open file.
        done(self.call(|to, file| to.xUnlock.map(|unlock| unsafe { unlock(file, level) })))
    }

    pub(super) fn is_reserved(&mut self) -> VfsResult<bool> {
        let mut is = 0;
        let ask = |to: &ffi::sqlite3_io_methods, file| {
            // SAFETY: an open file, and an int.
            to.xCheckReservedLock
                .map(|ask| unsafe { ask(file, &raw mut is) })
        };
        done(self.call(ask))?;
        Ok(is != 0)
    }
}

impl Drop for OsFile {
    fn drop(&mut self) {
        // SAFETY: an open file, once. The engine closes the descriptor when nobody here has a lock on the file.
        self.call(|to, file| to.xClose.map(|close| unsafe { close(file) }));
    }
}

fn done(rc: c_int) -> VfsResult<()> {
    match VfsError::from_code(rc) {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

fn place(len: usize, offset: u64) -> VfsResult<(c_int, ffi::sqlite3_int64)> {
    let len = c_int::try_from(len).map_err(|_| VfsError::IO)?;
    Ok((len, i64::try_from(offset).map_err(|_| VfsError::FULL)?))
}

fn number(level: LockLevel) -> c_int {
    match level {
        LockLevel::None => 0,
        LockLevel::Shared => 1,
        LockLevel::Reserved => 2,
        LockLevel::Pending => 3,
        LockLevel::Exclusive => 4,
    }
}
