//! Files of databases: `lib/wasm/files.js` opens them with `node:fs`.

use ferrolite_sqlite::{
    register_default_vfs, FileFlags, FileKind, LockLevel, Vfs, VfsError, VfsFile, VfsResult,
};

// A result code of SQLite, negative, where a function fails.
#[link(wasm_import_module = "ferrolite")]
extern "C" {
    fn file_open(name: *const u8, len: usize, kind: i32, readonly: i32, create: i32) -> i32;
    fn file_is_readonly(file: i32) -> i32;
    fn file_read(file: i32, at: *mut u8, len: usize, offset: f64) -> i32;
    fn file_write(file: i32, at: *const u8, len: usize, offset: f64) -> i32;
    fn file_truncate(file: i32, size: f64) -> i32;
    fn file_sync(file: i32) -> i32;
    fn file_size(file: i32) -> f64;
    fn file_lock(file: i32, level: i32) -> i32;
    fn file_unlock(file: i32, level: i32) -> i32;
    fn file_is_reserved(file: i32) -> i32;
    fn file_close(file: i32) -> i32;
    fn file_delete(name: *const u8, len: usize) -> i32;
    fn file_exists(name: *const u8, len: usize) -> i32;
    fn file_full_name(name: *const u8, len: usize, out: *mut u8, room: usize) -> i32;
}

/// The longest name, as the engine has it.
const LONGEST: usize = 4096;

struct Files;

struct HostFile {
    number: i32,
}

fn checked(result: i32) -> VfsResult<i32> {
    if result < 0 {
        return Err(VfsError::of(-result));
    }
    Ok(result)
}

/// A place in a file, which is below 2^53.
#[allow(clippy::cast_precision_loss)]
fn place(offset: u64) -> f64 {
    offset as f64
}

/// Makes the files of this machine those of the engine.
pub fn register() -> bool {
    register_default_vfs("node", Files).is_ok()
}

impl Vfs for Files {
    type File = HostFile;

    fn owns(&self, _: &str) -> bool {
        true
    }

    fn open(&self, name: &str, flags: FileFlags) -> VfsResult<HostFile> {
        let kind = match flags.kind {
            FileKind::Database => 0,
            FileKind::Journal => 1,
            FileKind::Wal => 2,
            FileKind::SuperJournal => 3,
        };
        let (at, len) = (name.as_ptr(), name.len());
        // SAFETY: pointer and length of a string.
        let number =
            unsafe { file_open(at, len, kind, flags.readonly.into(), flags.create.into()) };
        let number = checked(number)?;
        Ok(HostFile { number })
    }

    fn full_name(&self, name: &str) -> VfsResult<String> {
        let mut full = vec![0; LONGEST];
        // SAFETY: pointers and lengths of a string and of the vector.
        let len =
            unsafe { file_full_name(name.as_ptr(), name.len(), full.as_mut_ptr(), full.len()) };
        full.truncate(usize::try_from(checked(len)?).unwrap_or(0));
        String::from_utf8(full).map_err(|_| VfsError::CANTOPEN)
    }

    fn delete(&self, name: &str, _sync: bool) -> VfsResult<()> {
        // SAFETY: pointer and length of a string.
        checked(unsafe { file_delete(name.as_ptr(), name.len()) }).map(|_| ())
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        // SAFETY: pointer and length of a string.
        checked(unsafe { file_exists(name.as_ptr(), name.len()) }).map(|there| there != 0)
    }
}

impl VfsFile for HostFile {
    fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize> {
        let (at, len) = (bytes.as_mut_ptr(), bytes.len());
        // SAFETY: pointer and length of a slice.
        let got = checked(unsafe { file_read(self.number, at, len, place(offset)) })?;
        usize::try_from(got).map_err(|_| VfsError::READ)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        let (at, len) = (bytes.as_ptr(), bytes.len());
        // SAFETY: pointer and length of a slice.
        checked(unsafe { file_write(self.number, at, len, place(offset)) }).map(|_| ())
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        // SAFETY: an open file.
        checked(unsafe { file_truncate(self.number, place(size)) }).map(|_| ())
    }

    fn sync(&mut self) -> VfsResult<()> {
        // SAFETY: an open file.
        checked(unsafe { file_sync(self.number) }).map(|_| ())
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below 2^53, and not negative
    fn size(&mut self) -> VfsResult<u64> {
        // SAFETY: an open file.
        let size = unsafe { file_size(self.number) };
        if size < 0.0 {
            return Err(VfsError::of(-size as i32));
        }
        Ok(size as u64)
    }

    fn lock(&mut self, level: LockLevel) -> VfsResult<()> {
        // SAFETY: an open file.
        checked(unsafe { file_lock(self.number, level as i32) }).map(|_| ())
    }

    fn unlock(&mut self, level: LockLevel) -> VfsResult<()> {
        // SAFETY: an open file.
        checked(unsafe { file_unlock(self.number, level as i32) }).map(|_| ())
    }

    fn is_reserved(&mut self) -> VfsResult<bool> {
        // SAFETY: an open file.
        checked(unsafe { file_is_reserved(self.number) }).map(|is| is != 0)
    }

    fn is_readonly(&self) -> bool {
        // SAFETY: an open file.
        unsafe { file_is_readonly(self.number) != 0 }
    }

    fn close(self) -> VfsResult<()> {
        // SAFETY: an open file, which is not used after this.
        checked(unsafe { file_close(self.number) }).map(|_| ())
    }
}
