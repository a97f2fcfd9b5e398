//! A database in a store: pages in, transactions out.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::access::{Access, Stats};
use crate::ahead::Ahead;
use crate::cache::Cache;
use crate::epoch::Epoch;
use crate::error::{Error, Result};
use crate::history::not_kept;
use crate::index::Index;
use crate::key::{Keys, Version};
use crate::open::{self, State};
use crate::options::{check, Options};
use crate::overlay::Overlay;
use crate::queue::Queue;
use crate::recent::Recent;
use crate::store::Store;
use crate::take_over::take_over;

/// An open database. It belongs to one thread.
pub struct Database {
    pub(crate) access: Access,
    pub(crate) options: Options,
    pub(crate) owner: [u8; 16],
    /// The epoch that is ours, or that is read.
    pub(crate) number: u32,
    pub(crate) epoch: Epoch,
    pub(crate) slots: u32,
    pub(crate) chain: u64,
    /// Pages of the committed state.
    pub(crate) size: u32,
    pub(crate) shortest: u32,
    pub(crate) log: (usize, u32),
    /// Slots at which the next checkpoint is tried.
    pub(crate) next_checkpoint: u32,
    pub(crate) recent: HashMap<u32, Recent>,
    pub(crate) index: Index,
    pub(crate) cache: Cache,
    pub(crate) ahead: Ahead,
    pub(crate) overlay: Overlay,
    pub(crate) queue: Queue,
    pub(crate) relaxed: bool,
    pub(crate) attempt: u32,
    /// The epoch that the hint names, and whether it says that its writer has gone.
    pub(crate) hinted: (u32, bool),
    /// The hint is the last thing that is written.
    pub(crate) closes: bool,
    /// Up to which epoch the garbage is gone.
    pub(crate) cleaned: u32,
    /// Up to where epochs that have passed are deleted.
    pub(crate) dropped: u32,
    /// Why nothing can be done any more.
    pub(crate) broken: Option<Error>,
}

/// The number of this process; WASM has none.
fn process() -> u32 {
    if cfg!(target_family = "wasm") {
        return 0;
    }
    std::process::id()
}

fn new_owner() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    // Keys of the standard library's hash are random; of one thread, they differ from call to call.
    let half = |what: u32| RandomState::new().hash_one((what, now(), process()));
    let mut owner = [0; 16];
    owner[..8].copy_from_slice(&half(1).to_le_bytes());
    owner[8..].copy_from_slice(&half(2).to_le_bytes());
    owner
}

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

pub(crate) fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Database {
    /// Opens the database `name`; for writing, creates it if it is not there, and takes it over from whoever writes.
    pub fn open(store: Rc<dyn Store>, name: &str, options: Options) -> Result<Self> {
        if let Some(number) = options.epoch {
            return Self::open_epoch(store, name, options, number);
        }
        let access = Access::new(store, Keys::new(name)?, options.retry)?;
        check(&access, &options)?;
        let owner = options.owner.unwrap_or_else(new_owner);
        let state = if options.readonly {
            open::read(&access, false)?
        } else {
            take_over(&access, &options, owner)?
        };
        let mut database = Self::with(access, options, owner, state);
        if !database.options.readonly && database.is_due() {
            // What cannot be moved out of the log now stays there for a while.
            let _ = database.checkpoint();
            if let Some(error) = database.broken.clone() {
                return Err(error);
            }
        }
        Ok(database)
    }

    /// Opens one of the epochs that are kept, for reading.
    pub fn open_epoch(
        store: Rc<dyn Store>,
        name: &str,
        mut options: Options,
        number: u32,
    ) -> Result<Self> {
        let access = Access::new(store, Keys::new(name)?, options.retry)?;
        options.readonly = true;
        check(&access, &options)?;
        let newest = open::read(&access, false)?;
        not_kept(number, newest.epoch.oldest, newest.number)?;
        options.epoch = Some(number);
        let state = open::read_epoch(&access, number, None)?;
        Ok(Self::with(access, options, [0; 16], state))
    }

    fn with(access: Access, options: Options, owner: [u8; 16], state: State) -> Self {
        let page_size = match state.epoch.page_size {
            0 => options.page_size,
            stored => stored,
        };
        let mut database = Self {
            access,
            owner,
            number: state.number,
            slots: state.slots,
            chain: state.chain,
            size: state.size,
            shortest: state.shortest,
            log: state.log,
            next_checkpoint: options.checkpoint_slots,
            recent: state.recent,
            index: state.index,
            cache: Cache::new(options.cache_bytes, usize_of(page_size)),
            ahead: Ahead::default(),
            overlay: Overlay::new(state.size),
            queue: Queue::default(),
            relaxed: options.relaxed,
            attempt: 0,
            hinted: (state.hinted, false),
            closes: false,
            cleaned: state.epoch.cleaned,
            // The writer before may have died before it deleted the last ones.
            dropped: state
                .epoch
                .cleaned
                .saturating_sub(options.trail.saturating_add(4)),
            broken: None,
            options,
            epoch: Epoch {
                page_size,
                ..state.epoch
            },
        };
        if let Some(version) = database.index.known(1) {
            let key = database.access.keys.image(1, version);
            if let Some(value) = state.known.get(&key) {
                let _ = database.keep(1, version, &key, value, false);
            }
        }
        database
    }

    /// Bytes of a page.
    pub fn page_size(&self) -> usize {
        usize_of(self.epoch.page_size)
    }

    /// Pages of the database, as the transaction sees it.
    pub fn size(&self) -> u32 {
        self.overlay.size
    }

    /// The epoch that is written, or read.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Slots of this epoch.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// The oldest epoch that can be opened.
    pub fn oldest(&self) -> u32 {
        self.epoch.oldest
    }

    /// What it has asked of its store.
    pub fn stats(&self) -> Stats {
        self.access.stats()
    }

    /// Whether it was opened for reading.
    pub fn is_readonly(&self) -> bool {
        self.options.readonly
    }

    /// An error if the connection is good for nothing any more.
    pub fn check(&self) -> Result<()> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// The same for reading: who was fenced off still reads the state of before, which is whole, as far as the new writer
    /// has not deleted it.
    pub(crate) fn check_reading(&self) -> Result<()> {
        match &self.broken {
            Some(Error::Fenced { .. }) => Ok(()),
            _ => self.check(),
        }
    }

    /// An error if nothing can be written any more. What was written is then given up: `SQLite` rolls back.
    pub(crate) fn check_writing(&mut self) -> Result<()> {
        let done = self.check();
        if done.is_err() {
            self.overlay = Overlay::new(self.size);
        }
        done
    }

    /// Whether an image is the committed one, which whoever was fenced off writes while it rolls back.
    pub(crate) fn is_rolled_back(&mut self, page: u32, image: &[u8]) -> bool {
        let is_fenced = matches!(&self.broken, Some(Error::Fenced { .. }));
        is_fenced && page <= self.size && self.committed(page).is_ok_and(|it| *it == *image)
    }

    /// Remembers an error after which nothing can be done.
    pub(crate) fn note(&mut self, error: Error) -> Error {
        if !error.is_final() {
            return error;
        }
        let error = match error {
            Error::Lost { .. } => error,
            error if self.queue.is_empty() => error,
            error => Error::Lost {
                transactions: self.queue.transactions,
                source: Box::new(error),
            },
        };
        self.broken.get_or_insert_with(|| error.clone());
        error
    }

    pub(crate) fn next_version(&mut self) -> Result<Version> {
        // The highest bit is reserved.
        if self.attempt >= u32::MAX >> 1 {
            return Err(Error::Full);
        }
        self.attempt += 1;
        Ok(Version::new(self.number, self.attempt))
    }

    /// Moves a reader to the newest state, and says whether that is another one.
    pub fn refresh(&mut self) -> Result<bool> {
        if !self.options.readonly {
            return Err(Error::Usage("only readers can be refreshed".into()));
        }
        if let Some(epoch) = self.options.epoch {
            let message = format!("epoch {epoch} stays as it is: it cannot be refreshed");
            return Err(Error::Usage(message));
        }
        let mut state = open::read(&self.access, false)?;
        let same = state.number == self.number && state.slots == self.slots;
        state.index.adopt(&mut self.index);
        self.number = state.number;
        self.slots = state.slots;
        self.chain = state.chain;
        self.size = state.size;
        self.shortest = state.shortest;
        self.log = state.log;
        self.recent = state.recent;
        self.index = state.index;
        self.overlay = Overlay::new(state.size);
        if state.epoch.page_size != 0 {
            self.epoch = state.epoch;
        }
        Ok(!same)
    }

    /// Asks the store whether somebody else has taken over.
    pub fn check_owner(&mut self) -> Result<()> {
        self.check()?;
        if self.options.readonly || !self.access.has_newer(self.number)? {
            return Ok(());
        }
        let key = self.access.keys.epoch(self.number + 1);
        Err(self.note(Error::Fenced { key }))
    }
}
