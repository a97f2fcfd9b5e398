//! The VFS: a connection whose main database is in a store.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrolite_sqlite::{
    register_vfs, Connection, Control, FileFlags, FileKind, LockLevel, OpenOptions, PragmaAnswer,
    Vfs, VfsError, VfsFile, VfsResult,
};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::handle::{engine, run, Handle};
use crate::home::Home;
use crate::options::Options;
use crate::pragma;
use crate::resident::{Resident, Snapshot};
use crate::store::Store;

const NAME: &str = "ferrolite-kv";

thread_local! {
    /// Databases that are about to be opened by this thread, by the path that they are opened with.
    static WAITING: RefCell<HashMap<String, Handle>> = RefCell::default();
}

struct KvVfs;

struct KvFile {
    handle: Handle,
    page_size: u64,
    readonly: bool,
}

fn register() -> Result<()> {
    use std::sync::Mutex;
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = DONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if !*done {
        register_vfs(NAME, KvVfs).map_err(|error| Error::Usage(error.to_string()))?;
        *done = true;
    }
    Ok(())
}

/// Opens the database `name` of a store, and a connection to it.
pub fn connect(store: Rc<dyn Store>, name: &str, options: Options) -> Result<(Connection, Handle)> {
    connect_with(store, name, options, &OpenOptions::new(""))
}

/// The same with options of the connection, but for its path, its VFS and whether it is read-only.
pub fn connect_with(
    store: Rc<dyn Store>,
    name: &str,
    options: Options,
    with: &OpenOptions<'_>,
) -> Result<(Connection, Handle)> {
    let (resident, most) = (options.resident, options.max_queued_bytes);
    let mut database = Database::open(store, name, options)?;
    let home = if resident {
        let resident = Resident::new(database.snapshot()?, database.is_readonly(), most);
        Home::Memory(Box::new(resident), Some(Box::new(database)))
    } else {
        Home::Store(Box::new(database))
    };
    open(name, home, with)
}

/// Opens a connection to a state in memory. Whoever has the database that it was read from has to [`apply`] what
/// [`take_batch`] gives, in that order, and to say by [`settle_batch`] what became of it.
///
/// [`apply`]: Database::apply
/// [`take_batch`]: Handle::take_batch
/// [`settle_batch`]: Handle::settle_batch
pub fn connect_resident(
    snapshot: Snapshot,
    name: &str,
    options: &Options,
) -> Result<(Connection, Handle)> {
    connect_resident_with(snapshot, name, options, &OpenOptions::new(""))
}

/// The same with options of the connection, but for its path, its VFS and whether it is read-only.
pub fn connect_resident_with(
    snapshot: Snapshot,
    name: &str,
    options: &Options,
    with: &OpenOptions<'_>,
) -> Result<(Connection, Handle)> {
    let readonly = options.readonly || options.epoch.is_some();
    let resident = Resident::new(snapshot, readonly, options.max_queued_bytes);
    let home = Home::Memory(Box::new(resident), None);
    open(name, home, with)
}

/// The error of a database that was opened for reading, and that the store does not have.
pub fn missing(name: &str) -> ferrolite_sqlite::Error {
    const CANTOPEN: i32 = 14;
    let message = format!("unable to open database: the store has no \"{name}\"");
    ferrolite_sqlite::Error::sqlite(CANTOPEN, &message)
}

fn open(name: &str, home: Home, with: &OpenOptions<'_>) -> Result<(Connection, Handle)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    register()?;
    let (page_size, readonly) = (home.page_size(), home.is_readonly());
    let handle = Handle::new(home);
    let path = format!("{name}#kv{}", COUNT.fetch_add(1, Ordering::Relaxed));
    WAITING.with_borrow_mut(|waiting| waiting.insert(path.clone(), handle.clone()));
    let opened = Connection::open(&OpenOptions {
        path: &path,
        readonly,
        must_exist: false,
        vfs: Some(NAME),
        uri: false,
        ..*with
    });
    WAITING.with_borrow_mut(|waiting| waiting.remove(&path));
    let fail = |error: Error| handle.take_error().unwrap_or(error);
    let connection = opened.map_err(|error| fail(engine(&error)))?;
    // A reader lets go between transactions: it may be refreshed there.
    let locking = if readonly { "NORMAL" } else { "EXCLUSIVE" };
    let set_up = format!(
        "PRAGMA page_size={page_size}; PRAGMA locking_mode={locking}; PRAGMA journal_mode=MEMORY;"
    );
    run(&connection, &set_up).map_err(fail)?;
    Ok((connection, handle))
}

impl Vfs for KvVfs {
    type File = KvFile;

    fn owns(&self, name: &str) -> bool {
        name.rsplit_once("#kv")
            .is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn open(&self, name: &str, flags: FileFlags) -> VfsResult<KvFile> {
        if flags.kind != FileKind::Database {
            return Err(VfsError::CANTOPEN);
        }
        let found = WAITING.with_borrow_mut(|waiting| waiting.remove(name));
        let handle = found.ok_or(VfsError::CANTOPEN)?;
        let (page_size, readonly) = {
            let home = handle.home.borrow();
            (home.page_size(), home.is_readonly())
        };
        Ok(KvFile {
            handle,
            page_size: u64::try_from(page_size).map_err(|_| VfsError::CANTOPEN)?,
            readonly,
        })
    }
}

impl KvFile {
    fn with<T>(&self, code: VfsError, action: impl FnOnce(&mut Home) -> Result<T>) -> VfsResult<T> {
        let Ok(mut home) = self.handle.home.try_borrow_mut() else {
            return Err(VfsError::IO);
        };
        action(&mut home).map_err(|error| {
            let code = match error {
                Error::Corrupt { .. } => VfsError::CORRUPT,
                Error::Full | Error::Behind { .. } => VfsError::FULL,
                _ => code,
            };
            *self.handle.error.borrow_mut() = Some(error);
            code
        })
    }

    fn pages(&self, size: u64) -> VfsResult<u32> {
        u32::try_from(size.div_ceil(self.page_size)).map_err(|_| VfsError::FULL)
    }
}

impl VfsFile for KvFile {
    fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize> {
        let page_size = usize::try_from(self.page_size).map_err(|_| VfsError::READ)?;
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + u64::try_from(done).map_err(|_| VfsError::READ)?;
            let page = u32::try_from(at / self.page_size + 1).map_err(|_| VfsError::READ)?;
            let within = usize::try_from(at % self.page_size).map_err(|_| VfsError::READ)?;
            let len = (page_size - within).min(bytes.len() - done);
            let out = &mut bytes[done..done + len];
            let is_there = self.with(VfsError::READ, |home| {
                if page > home.size() {
                    return Ok(false);
                }
                home.read(page, within, out).map(|()| true)
            })?;
            if !is_there {
                break;
            }
            done += len;
        }
        Ok(done)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        if !offset.is_multiple_of(self.page_size) {
            return Err(VfsError::WRITE);
        }
        let page = u32::try_from(offset / self.page_size + 1).map_err(|_| VfsError::FULL)?;
        self.with(VfsError::WRITE, |home| home.write(page, bytes))
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        let pages = self.pages(size)?;
        self.with(VfsError::WRITE, |home| home.truncate(pages))
    }

    fn sync(&mut self) -> VfsResult<()> {
        // It does not come with `synchronous=OFF`: whoever calls it waits for what was queued.
        self.with(VfsError::SYNC, Home::sync)
    }

    fn size(&mut self) -> VfsResult<u64> {
        let pages = self.with(VfsError::IO, |home| Ok(home.size()))?;
        Ok(u64::from(pages) * self.page_size)
    }

    fn lock(&mut self, _: LockLevel) -> VfsResult<()> {
        self.handle.state.reads.set(true);
        Ok(())
    }

    fn unlock(&mut self, level: LockLevel) -> VfsResult<()> {
        self.handle.state.reads.set(level > LockLevel::None);
        Ok(())
    }

    fn control(&mut self, control: Control<'_>) -> VfsResult<bool> {
        match control {
            Control::Sync(None) => self.with(VfsError::SYNC, Home::commit).map(|()| true),
            Control::Sync(Some(_)) => self.with(VfsError::SYNC, |_| {
                let message = "a transaction over several databases would not be atomic in a store";
                Err(Error::Usage(message.into()))
            }),
            _ => Ok(false),
        }
    }

    fn pragma(&mut self, name: &str, value: Option<&str>) -> PragmaAnswer {
        let answer = match self.handle.home.try_borrow_mut() {
            Ok(mut home) => pragma::run(&mut home, name, value),
            Err(_) => None,
        };
        match (answer, value) {
            (Some(Ok(text)), _) => PragmaAnswer::Done(Some(text)),
            (Some(Err(error)), _) => {
                let answer = pragma::failed(&error);
                *self.handle.error.borrow_mut() = Some(error);
                answer
            }
            (None, Some(_)) if name == "locking_mode" && self.handle.state.lets_go.get() => {
                PragmaAnswer::NotOurs
            }
            (None, Some(value)) => {
                pragma::refuse(name, &value.to_lowercase(), self.page_size, self.readonly)
            }
            (None, None) => PragmaAnswer::NotOurs,
        }
    }

    fn sector_size(&self) -> u32 {
        u32::try_from(self.page_size).unwrap_or(4096)
    }

    fn close(self) -> VfsResult<()> {
        self.with(VfsError::IO, Home::close)
    }
}
