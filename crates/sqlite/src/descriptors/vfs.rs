//! The VFS. A journal is never deleted, since it could not be made again: it is emptied, which is the same to the engine.
//! A database or a journal that has lost its name fails: others would not see what is in it after a crash.

use std::cell::RefCell;
use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::check::{check, is_linked, Identity};
use super::os_file::OsFile;
use super::{numbers, NAME};
use crate::error::{Error, Result};
use crate::ffi;
use crate::value::c_bytes;
use crate::vfs::{
    register_vfs, FileFlags, FileKind, LockLevel, PragmaAnswer, Vfs, VfsError, VfsFile, VfsResult,
};

const UNLINKED: &str = "The database file or its journal file was deleted or replaced while the database was open (the database must be reopened)";
const OTHER_JOURNAL: &str =
    "Cannot open database because a different journal file is already being used for this database";
const SUPER_JOURNAL: &str = "Transactions that write to multiple databases are not supported by databases opened from file descriptors";
const NO_WAL: &str = "journal_mode WAL is not supported for databases opened from file descriptors";

/// The two files of a connection.
struct Pair {
    name: String,
    /// Of the database and of the journal.
    identities: [Identity; 2],
    journal: File,
    /// Why a call has just failed, where the engine has only a code.
    reason: Mutex<Option<&'static str>>,
}

/// Those that are open in this process.
static PAIRS: Mutex<Vec<Weak<Pair>>> = Mutex::new(Vec::new());

thread_local! {
    /// What this thread opens, and the descriptor of the database.
    static OPENING: RefCell<Option<(Arc<Pair>, c_int)>> = const { RefCell::new(None) };
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pair of a database or, where something stands behind the name, of a file beside it.
fn pair_of(name: &str) -> Option<Arc<Pair>> {
    let pairs = held(&PAIRS);
    let mut open = pairs.iter().filter_map(Weak::upgrade);
    open.find(|pair| {
        let rest = name.strip_prefix(pair.name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

impl Pair {
    fn fail<T>(&self, reason: &'static str) -> VfsResult<T> {
        *held(&self.reason) = Some(reason);
        Err(VfsError::CANTOPEN)
    }
}

/// Descriptors that this thread's next opening of [`Lent::name`] takes.
pub(crate) struct Lent(Arc<Pair>);

impl Lent {
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        OPENING.take();
    }
}

/// Checks the descriptors in a name, which stay those of whoever owns them.
pub(crate) fn lend(name: &str, readonly: bool) -> Result<Lent> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    register()?;
    let (database, journal) = numbers(name)?;
    let identities = check(database, journal, readonly)?;
    // SAFETY: it was just seen to be open, by the thread of whoever owns it.
    let journal = unsafe { BorrowedFd::borrow_raw(journal) };
    let Ok(journal) = journal.try_clone_to_owned() else {
        return Err(Error::from_code(ffi::SQLITE_CANTOPEN));
    };
    let pair = Arc::new(Pair {
        name: format!("{name}:{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        identities,
        journal: journal.into(),
        reason: Mutex::new(None),
    });
    let mut pairs = held(&PAIRS);
    pairs.retain(|pair| pair.strong_count() > 0);
    let others = pairs.iter().filter_map(Weak::upgrade);
    for other in others {
        if other.identities[0] == identities[0] && other.identities[1] != identities[1] {
            return Err(Error::sqlite(ffi::SQLITE_CANTOPEN, OTHER_JOURNAL));
        }
    }
    pairs.push(Arc::downgrade(&pair));
    OPENING.set(Some((pair.clone(), database)));
    Ok(Lent(pair))
}

fn register() -> Result<()> {
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = held(&DONE);
    if !*done {
        register_vfs(NAME, DescriptorVfs)?;
        *done = true;
    }
    Ok(())
}

/// Why the last call failed, once, if descriptors were the reason.
///
/// # Safety
/// `db` is an open connection of this thread.
pub(crate) unsafe fn take_reason(db: *mut ffi::sqlite3) -> Option<&'static str> {
    // SAFETY: forwarded from the caller; the name lives as long as the connection.
    let name = unsafe { c_bytes(ffi::sqlite3_db_filename(db, c"main".as_ptr())) }?;
    if !name.starts_with(b"fd:") {
        return None;
    }
    let pair = pair_of(std::str::from_utf8(name).ok()?)?;
    let reason = held(&pair.reason).take();
    reason
}

struct DescriptorVfs;

enum DescriptorFile {
    Database {
        file: OsFile,
        level: LockLevel,
        pair: Arc<Pair>,
    },
    Journal(Arc<Pair>),
}

impl Vfs for DescriptorVfs {
    type File = DescriptorFile;

    fn owns(&self, name: &str) -> bool {
        let number = name.strip_prefix("fd:");
        number.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    }

    fn open(&self, name: &str, flags: FileFlags) -> VfsResult<DescriptorFile> {
        if flags.kind == FileKind::Database {
            let opening = OPENING.take().filter(|(pair, _)| pair.name == name);
            // ATTACH has only a name.
            let (pair, fd) = opening.ok_or(VfsError::CANTOPEN)?;
            let file = OsFile::open(fd, flags.readonly)?;
            let level = LockLevel::None;
            return Ok(DescriptorFile::Database { file, level, pair });
        }
        let pair = pair_of(name).ok_or(VfsError::CANTOPEN)?;
        match flags.kind {
            FileKind::SuperJournal => pair.fail(SUPER_JOURNAL),
            FileKind::Journal if is_linked(&pair.journal) => Ok(DescriptorFile::Journal(pair)),
            FileKind::Journal => pair.fail(UNLINKED),
            _ => Err(VfsError::CANTOPEN),
        }
    }

    fn delete(&self, name: &str, sync: bool) -> VfsResult<()> {
        let pair = pair_of(name).ok_or(VfsError::CANTOPEN)?;
        pair.journal.set_len(0).map_err(|_| VfsError::DELETE)?;
        if sync {
            pair.journal.sync_data().map_err(|_| VfsError::DELETE)?;
        }
        Ok(())
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        let Some(pair) = pair_of(name) else {
            return Ok(false);
        };
        if !name.ends_with("-journal") {
            return Ok(false);
        }
        if !is_linked(&pair.journal) {
            return pair.fail(UNLINKED);
        }
        Ok(size(&pair.journal)? > 0)
    }
}

fn size(file: &File) -> VfsResult<u64> {
    let metadata = file.metadata().map_err(|_| VfsError::IO)?;
    Ok(metadata.len())
}

fn read_all(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(got) => done += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn write_error(error: &io::Error) -> VfsError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => VfsError::FULL,
        _ => VfsError::WRITE,
    }
}

impl VfsFile for DescriptorFile {
    fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize> {
        match self {
            Self::Database { file, .. } => file.read(bytes, offset),
            Self::Journal(pair) => {
                read_all(&pair.journal, bytes, offset).map_err(|_| VfsError::READ)
            }
        }
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        match self {
            Self::Database { file, .. } => file.write(bytes, offset),
            Self::Journal(pair) => {
                let written = pair.journal.write_all_at(bytes, offset);
                written.map_err(|error| write_error(&error))
            }
        }
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        match self {
            Self::Database { file, .. } => file.truncate(size),
            Self::Journal(pair) => pair.journal.set_len(size).map_err(|_| VfsError::WRITE),
        }
    }

    fn sync(&mut self) -> VfsResult<()> {
        match self {
            Self::Database { file, .. } => file.sync(),
            Self::Journal(pair) => pair.journal.sync_data().map_err(|_| VfsError::SYNC),
        }
    }

    fn size(&mut self) -> VfsResult<u64> {
        match self {
            Self::Database { file, .. } => file.size(),
            Self::Journal(pair) => size(&pair.journal),
        }
    }

    // Names are looked at when a transaction begins, so that none reads past a journal that it cannot see, and when
    // it begins to write: until then others may delete the journal.
    fn lock(&mut self, to: LockLevel) -> VfsResult<()> {
        let Self::Database { file, level, pair } = self else {
            return Ok(());
        };
        let before = *level;
        file.lock(to)?;
        *level = before.max(to);
        let begins = before == LockLevel::None
            || (before < LockLevel::Reserved && to >= LockLevel::Reserved);
        if begins && !(is_linked(&file.file()) && is_linked(&pair.journal)) {
            file.unlock(before)?;
            *level = before;
            return pair.fail(UNLINKED);
        }
        Ok(())
    }

    fn unlock(&mut self, to: LockLevel) -> VfsResult<()> {
        let Self::Database { file, level, .. } = self else {
            return Ok(());
        };
        file.unlock(to)?;
        *level = (*level).min(to);
        Ok(())
    }

    fn is_reserved(&mut self) -> VfsResult<bool> {
        match self {
            Self::Database { file, .. } => file.is_reserved(),
            Self::Journal(_) => Ok(false),
        }
    }

    fn pragma(&mut self, name: &str, value: Option<&str>) -> PragmaAnswer {
        let wants_wal = value.is_some_and(|value| value.eq_ignore_ascii_case("wal"));
        if name == "journal_mode" && wants_wal {
            return PragmaAnswer::Refused(NO_WAL.to_owned());
        }
        PragmaAnswer::NotOurs
    }

    fn may_be_deleted(&self) -> bool {
        true
    }
}
