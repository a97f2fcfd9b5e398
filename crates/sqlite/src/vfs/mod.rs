//! Virtual file systems: <https://www.sqlite.org/vfs.html>.
//!
//! A [`Vfs`] opens the databases whose names it owns, with their journals. Temporary files and all other names go to
//! the default VFS.

#[cfg(target_family = "wasm")]
mod base;
mod file;
mod object;

use std::ffi::c_int;

use crate::connection::{c_string, Connection};
use crate::engine;
use crate::error::{check, Error, Result};
use crate::ffi;

/// What a VFS answers.
pub type VfsResult<T> = std::result::Result<T, VfsError>;

/// Why a file could not do what it was asked: an extended result code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VfsError(c_int);

impl VfsError {
    /// Somebody else has a lock.
    pub const BUSY: Self = Self(ffi::SQLITE_BUSY);
    /// There is no such file, or it may not be opened.
    pub const CANTOPEN: Self = Self(ffi::SQLITE_CANTOPEN);
    /// A journal could not be removed.
    pub const DELETE: Self = Self(ffi::SQLITE_IOERR_DELETE);
    /// What was read is not what was written.
    pub const CORRUPT: Self = Self(ffi::SQLITE_IOERR_CORRUPTFS);
    /// There is no more space.
    pub const FULL: Self = Self(ffi::SQLITE_FULL);
    /// Any other failure.
    pub const IO: Self = Self(ffi::SQLITE_IOERR);
    /// Reading has failed.
    pub const READ: Self = Self(ffi::SQLITE_IOERR_READ);
    /// The file may only be read.
    pub const READONLY: Self = Self(ffi::SQLITE_READONLY);
    /// What was written could not be made durable.
    pub const SYNC: Self = Self(ffi::SQLITE_IOERR_FSYNC);
    /// Writing has failed.
    pub const WRITE: Self = Self(ffi::SQLITE_IOERR_WRITE);

    /// That of an extended result code.
    pub fn of(code: c_int) -> Self {
        Self(code)
    }

    /// `None` for success.
    pub(crate) fn from_code(code: c_int) -> Option<Self> {
        (code != ffi::SQLITE_OK).then_some(Self(code))
    }

    /// The result code.
    pub fn code(self) -> c_int {
        self.0
    }
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// The database itself.
    Database,
    /// Its rollback journal.
    Journal,
    /// Its write-ahead log.
    Wal,
    /// The journal of a transaction over several databases.
    SuperJournal,
}

/// How a file is to be opened.
#[derive(Debug, Clone, Copy)]
pub struct FileFlags {
    /// What it is for.
    pub kind: FileKind,
    /// Open without the right to write.
    pub readonly: bool,
    /// Create it if it is not there.
    pub create: bool,
}

/// A virtual file system. Its databases are used by the threads that opened them.
pub trait Vfs: Send + Sync + 'static {
    /// A file that is open. It stays on its thread.
    type File: VfsFile;

    /// Whether a database of this name belongs to this VFS.
    fn owns(&self, name: &str) -> bool;

    /// Opens a database, or one of its journals: `name` is then with its ending.
    fn open(&self, name: &str, flags: FileFlags) -> VfsResult<Self::File>;

    /// The whole name of what is opened by `name`.
    fn full_name(&self, name: &str) -> VfsResult<String> {
        Ok(name.to_owned())
    }

    /// Removes a journal; `sync`: also after a loss of power.
    fn delete(&self, _name: &str, _sync: bool) -> VfsResult<()> {
        Ok(())
    }

    /// Whether a journal is there.
    fn exists(&self, _name: &str) -> VfsResult<bool> {
        Ok(false)
    }
}

/// What `SQLite` says of a file beside reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control<'a> {
    /// A transaction is about to become durable, or one that was spilled was rolled back. It comes with
    /// `synchronous=OFF` too. With the name of a super-journal the transaction is one over several databases.
    Sync(Option<&'a str>),
    /// The transaction stands.
    Committed,
    /// The next transaction writes everything anew.
    Overwrite,
    /// How many bytes the file will have.
    SizeHint(u64),
}

/// What a file says to a `PRAGMA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PragmaAnswer {
    /// `SQLite` runs it.
    NotOurs,
    /// It was run: one row, or none.
    Done(Option<String>),
    /// It is an error with this message.
    Refused(String),
}

/// How strong a lock is, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockLevel {
    /// None.
    None,
    /// Readers.
    Shared,
    /// One that will write.
    Reserved,
    /// One that waits for readers to end.
    Pending,
    /// The writer.
    Exclusive,
}

/// A file that is open. It must not use its own connection: such a call fails.
pub trait VfsFile: 'static {
    /// Fills `bytes` from `offset` on, as far as the file goes, and says how many there were. `SQLite` sees
    /// zeros behind them.
    fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize>;

    /// Writes `bytes` at `offset`.
    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()>;

    /// Makes the file shorter.
    fn truncate(&mut self, size: u64) -> VfsResult<()>;

    /// Makes what was written durable. [`Control::Sync`] comes before it.
    fn sync(&mut self) -> VfsResult<()>;

    /// How many bytes the file has.
    fn size(&mut self) -> VfsResult<u64>;

    /// Takes a lock.
    fn lock(&mut self, _level: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    /// Gives a lock back, down to this level.
    fn unlock(&mut self, _level: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    /// Whether anybody has the reserved lock.
    fn is_reserved(&mut self) -> VfsResult<bool> {
        Ok(false)
    }

    /// Whether it did something; else `SQLite` goes on as if it had not asked.
    fn control(&mut self, _control: Control<'_>) -> VfsResult<bool> {
        Ok(false)
    }

    /// A `PRAGMA` of this database, before `SQLite` sees it. Names are lower-case.
    fn pragma(&mut self, _name: &str, _value: Option<&str>) -> PragmaAnswer {
        PragmaAnswer::NotOurs
    }

    /// The unit of writing, which is the page size of a new database if it is from 4096 to 8192.
    fn sector_size(&self) -> u32 {
        4096
    }

    /// Whether it could be opened for reading only.
    fn is_readonly(&self) -> bool {
        false
    }

    /// Whether somebody can delete it while it is open.
    fn may_be_deleted(&self) -> bool {
        false
    }

    /// Ends it. `SQLite` forgets the file even if that fails.
    fn close(self) -> VfsResult<()>
    where
        Self: Sized,
    {
        Ok(())
    }
}

/// Makes a VFS known by a name, for [`OpenOptions::vfs`](crate::OpenOptions::vfs), until the process ends.
pub fn register_vfs<V: Vfs>(name: &str, vfs: V) -> Result<()> {
    engine::initialize()?;
    let name = c_string(name, "VFS name cannot contain a NUL character")?;
    object::register(name, vfs, false)
}

/// The same, and makes it the one that is used where no other is named; its files may be encrypted.
pub fn register_default_vfs<V: Vfs>(name: &str, vfs: V) -> Result<()> {
    engine::initialize()?;
    let name = c_string(name, "VFS name cannot contain a NUL character")?;
    object::register(name.clone(), vfs, true)?;
    // SAFETY: the name ends in NUL, and is copied.
    match unsafe { ffi::sqlite3mc_vfs_create(name.as_ptr(), 1) } {
        ffi::SQLITE_OK => Ok(()),
        rc => Err(Error::from_code(rc)),
    }
}

impl Connection {
    /// Makes the connection forget the pages that it has read: the file was changed behind its back.
    pub fn reset_cache(&self) -> Result<()> {
        if self.in_transaction() {
            return Err(Error::Type("The database connection is in a transaction"));
        }
        let db = self.shared.open_db()?;
        // SAFETY: open; this op takes no argument.
        unsafe {
            let rc = ffi::sqlite3_file_control(
                db,
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_RESET_CACHE,
                std::ptr::null_mut(),
            );
            check(db, rc)
        }
    }
}
