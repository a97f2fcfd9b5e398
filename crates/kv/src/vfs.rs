//! The VFS: a connection whose main database is in a store.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrolite_sqlite::{
    register_vfs, Connection, Control, FileFlags, FileKind, OpenOptions, PragmaAnswer, Vfs,
    VfsError, VfsFile, VfsResult,
};

use crate::access::Stats;
use crate::database::{Database, Options};
use crate::error::{Error, Result};
use crate::store::Store;

const NAME: &str = "ferrolite-kv";

type Shared = Rc<RefCell<Database>>;
/// The last error, for whoever has the handle.
type LastError = Rc<RefCell<Option<Error>>>;

thread_local! {
    /// Databases that are about to be opened by this thread, by the path that they are opened with.
    static WAITING: RefCell<HashMap<String, (Shared, LastError)>> = RefCell::default();
}

struct KvVfs;

struct KvFile {
    database: Shared,
    error: LastError,
    page_size: u64,
}

/// The database behind a connection.
#[derive(Clone)]
pub struct Handle {
    database: Shared,
    error: LastError,
}

impl Handle {
    /// What it has asked of its store.
    pub fn stats(&self) -> Stats {
        self.database.borrow().stats()
    }

    /// The reason of the last error of `SQLite`, once.
    pub fn take_error(&self) -> Option<Error> {
        self.error.borrow_mut().take()
    }

    /// The epoch that is written, or read.
    pub fn epoch(&self) -> u32 {
        self.database.borrow().number()
    }

    /// Makes a checkpoint, outside a transaction.
    pub fn flush(&self) -> Result<()> {
        self.database.borrow_mut().checkpoint()
    }

    /// Asks the store whether somebody else has taken over.
    pub fn check(&self) -> Result<()> {
        self.database.borrow_mut().check_owner()
    }

    /// Moves a reader to the newest state. The connection's cache must be reset if it is another one.
    pub fn refresh(&self) -> Result<bool> {
        self.database.borrow_mut().refresh()
    }
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
    static COUNT: AtomicU64 = AtomicU64::new(0);
    register()?;
    let database = Database::open(store, name, options)?;
    let (page_size, readonly) = (database.page_size(), database.is_readonly());
    let handle = Handle {
        database: Rc::new(RefCell::new(database)),
        error: Rc::default(),
    };
    let path = format!("{name}#kv{}", COUNT.fetch_add(1, Ordering::Relaxed));
    WAITING.with_borrow_mut(|waiting| {
        let parts = (Rc::clone(&handle.database), Rc::clone(&handle.error));
        waiting.insert(path.clone(), parts)
    });
    let opened = Connection::open(&OpenOptions {
        readonly,
        vfs: Some(NAME),
        ..OpenOptions::new(&path)
    });
    WAITING.with_borrow_mut(|waiting| waiting.remove(&path));
    let fail = |error: ferrolite_sqlite::Error| {
        let reason = handle.take_error();
        reason.unwrap_or_else(|| Error::Usage(error.to_string()))
    };
    let connection = opened.map_err(fail)?;
    let set_up = format!(
        "PRAGMA page_size={page_size}; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY;\0"
    );
    let done = connection.exec(set_up.as_bytes(), &mut |_| Ok(()));
    done.map_err(fail)?;
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
        let (database, error) = found.ok_or(VfsError::CANTOPEN)?;
        let page_size = database.borrow().page_size();
        Ok(KvFile {
            database,
            error,
            page_size: u64::try_from(page_size).map_err(|_| VfsError::CANTOPEN)?,
        })
    }
}

impl KvFile {
    fn with<T>(
        &self,
        code: VfsError,
        action: impl FnOnce(&mut Database) -> Result<T>,
    ) -> VfsResult<T> {
        let Ok(mut database) = self.database.try_borrow_mut() else {
            return Err(VfsError::IO);
        };
        action(&mut database).map_err(|error| {
            let code = match error {
                Error::Corrupt { .. } => VfsError::CORRUPT,
                Error::Full => VfsError::FULL,
                _ => code,
            };
            *self.error.borrow_mut() = Some(error);
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
            let image = self.with(VfsError::READ, |database| {
                if page > database.size() {
                    return Ok(None);
                }
                database.read(page).map(Some)
            })?;
            let Some(image) = image else { break };
            let len = (page_size - within).min(bytes.len() - done);
            bytes[done..done + len].copy_from_slice(&image[within..within + len]);
            done += len;
        }
        Ok(done)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        if !offset.is_multiple_of(self.page_size) {
            return Err(VfsError::WRITE);
        }
        let page = u32::try_from(offset / self.page_size + 1).map_err(|_| VfsError::FULL)?;
        self.with(VfsError::WRITE, |database| {
            database.write(page, bytes.to_vec())
        })
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        let pages = self.pages(size)?;
        self.with(VfsError::WRITE, |database| database.truncate(pages))
    }

    fn sync(&mut self) -> VfsResult<()> {
        Ok(())
    }

    fn size(&mut self) -> VfsResult<u64> {
        let pages = self.with(VfsError::IO, |database| Ok(database.size()))?;
        Ok(u64::from(pages) * self.page_size)
    }

    fn control(&mut self, control: Control<'_>) -> VfsResult<bool> {
        match control {
            Control::Sync(None) => self
                .with(VfsError::SYNC, Database::commit_to_header)
                .map(|()| true),
            Control::Sync(Some(_)) => self.with(VfsError::SYNC, |_| {
                let message = "a transaction over several databases would not be atomic in a store";
                Err(Error::Usage(message.into()))
            }),
            _ => Ok(false),
        }
    }

    fn pragma(&mut self, name: &str, value: Option<&str>) -> PragmaAnswer {
        let Some(value) = value.map(str::to_lowercase) else {
            return PragmaAnswer::NotOurs;
        };
        let refuse = |why: &str| {
            PragmaAnswer::Refused(format!(
                "PRAGMA {name} is fixed in a key-value store: {why}"
            ))
        };
        match name {
            "journal_mode" if value != "memory" => {
                refuse("every commit is atomic without a journal; it stays MEMORY")
            }
            "locking_mode" if value != "exclusive" => {
                refuse("the store decides who writes; it stays EXCLUSIVE")
            }
            "page_size" if value != self.page_size.to_string() => {
                refuse("it is chosen when the database is created")
            }
            "mmap_size" if value != "0" => refuse("there is no file to map"),
            _ => PragmaAnswer::NotOurs,
        }
    }

    fn sector_size(&self) -> u32 {
        u32::try_from(self.page_size).unwrap_or(4096)
    }

    fn close(self) -> VfsResult<()> {
        self.with(VfsError::IO, Database::close)
    }
}
