//! A database in a store: pages in, transactions out.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::access::{Access, Retry, Stats};
use crate::ahead::Ahead;
use crate::cache::{Cache, Image};
use crate::epoch::{is_page_size, Epoch};
use crate::error::{Error, Result};
use crate::frame::unpack_image;
use crate::index::Index;
use crate::key::{Keys, Version};
use crate::open::{self, State};
use crate::overlay::Overlay;
use crate::recent::Recent;
use crate::record::{self, Kind};
use crate::store::Store;
use crate::take_over::take_over;

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Open for reading: nothing is written.
    pub readonly: bool,
    /// Bytes of a page of a database that is created: from 512 to 65,536.
    pub page_size: u32,
    /// Nobody else writes: without it, a store without `putIfAbsent` is refused.
    pub single_writer: bool,
    /// Bytes of images that are kept after they were read.
    pub cache_bytes: usize,
    /// Bytes of images that a transaction keeps in memory.
    pub overlay_bytes: usize,
    /// Bytes of the largest slot: a transaction that is larger becomes an epoch.
    pub slot_bytes: usize,
    /// How many epochs can be opened, the newest one included.
    pub keep_epochs: u32,
    /// Slots after which a checkpoint is made.
    pub checkpoint_slots: u32,
    /// Bytes of slots after which a checkpoint is made.
    pub checkpoint_bytes: usize,
    /// How often calls of the store are repeated.
    pub retry: Retry,
    /// What nobody else has; made up if it is not given.
    pub owner: Option<[u8; 16]>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readonly: false,
            page_size: 8192,
            single_writer: false,
            cache_bytes: 32 << 20,
            overlay_bytes: 64 << 20,
            slot_bytes: 65_536,
            keep_epochs: 2,
            checkpoint_slots: 256,
            checkpoint_bytes: 1 << 20,
            retry: Retry::default(),
            owner: None,
        }
    }
}

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
    pub(crate) attempt: u32,
    /// Up to which epoch the garbage is gone.
    pub(crate) cleaned: u32,
    /// Why nothing can be done any more.
    pub(crate) broken: Option<Error>,
}

fn new_owner() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    // Keys of the standard library's hash are random; of one thread, they differ from call to call.
    let half = |what: u32| RandomState::new().hash_one((what, now(), std::process::id()));
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
        let newest = open::read(&access, false)?;
        if number < newest.epoch.oldest || number > newest.number {
            let (oldest, newest) = (newest.epoch.oldest, newest.number);
            let message = format!("epoch {number} is not kept: {oldest} to {newest} are");
            return Err(Error::Usage(message));
        }
        let state = open::read_epoch(&access, number)?;
        options.readonly = true;
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
            attempt: 0,
            cleaned: state.epoch.cleaned,
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

    /// Remembers an error after which nothing can be done.
    pub(crate) fn note(&mut self, error: Error) -> Error {
        if error.is_final() && self.broken.is_none() {
            self.broken = Some(error.clone());
        }
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

    /// The image of a page, as the transaction sees it.
    pub fn read(&mut self, page: u32) -> Result<Image> {
        self.check()?;
        if page == 0 || page > self.overlay.size {
            return Err(Error::Usage(format!("there is no page {page}")));
        }
        if let Some(image) = self.overlay.dirty.get(&page) {
            return Ok(image.as_slice().into());
        }
        if let Some(version) = self.overlay.spilled.get(&page).copied() {
            return self.stored(page, version);
        }
        if page > self.overlay.shortest {
            // Added, and not yet written.
            return Ok(vec![0; self.page_size()].into());
        }
        self.committed(page)
    }

    /// The committed image of a page that the state has.
    pub(crate) fn committed(&mut self, page: u32) -> Result<Image> {
        let Some(recent) = self.recent.get(&page) else {
            let version = self.root_version(page)?;
            return self.stored(page, version);
        };
        if let Some(image) = recent.image() {
            return Ok(image);
        }
        let root = if recent.needs_root() {
            let version = self.root_version(page)?;
            Some(self.stored(page, version)?)
        } else {
            None
        };
        let page_size = self.page_size();
        match self.recent.get_mut(&page) {
            Some(recent) => {
                let image = recent.make(root, page_size)?;
                self.ahead.learn(page, &image);
                Ok(image)
            }
            None => Err(Error::Usage(format!("page {page} has gone"))),
        }
    }

    /// The committed image, if no call is needed for it.
    pub(crate) fn at_hand(&self, page: u32) -> Option<Image> {
        match self.recent.get(&page) {
            Some(recent) => recent.image(),
            None if page <= self.shortest => {
                let version = self.index.known(page)?;
                self.cache.get(page, version).map(|hit| hit.image)
            }
            None => None,
        }
    }

    fn root_version(&mut self, page: u32) -> Result<Version> {
        let version = if page <= self.shortest {
            let version = self.index.version(&self.access, page);
            version.map_err(|error| self.explain(error))?
        } else {
            Version::NONE
        };
        if version.is_none() {
            let key = self.access.keys.image(page, version);
            return Err(Error::corrupt(key, "is in no index: the page is missing"));
        }
        Ok(version)
    }

    /// A missing key: is there a newer epoch, whose writer deleted it?
    pub(crate) fn explain(&mut self, error: Error) -> Error {
        let Error::Corrupt { key, .. } = &error else {
            return error;
        };
        let key = key.clone();
        match self.access.has_epoch(self.number + 1) {
            Ok(true) if self.options.readonly => Error::Stale { key },
            Ok(true) => self.note(Error::Fenced { key }),
            _ => error,
        }
    }

    /// An image from the cache or the store, which is asked for more than one if that will be of use.
    fn stored(&mut self, page: u32, version: Version) -> Result<Image> {
        if let Some(hit) = self.cache.get(page, version) {
            self.access.count(|stats| {
                stats.hits += 1;
                stats.ahead_used += u64::from(hit.was_ahead);
            });
            return Ok(hit.image);
        }
        let wanted = self.window(page, version);
        let keys: Vec<String> = wanted
            .iter()
            .map(|(page, version)| self.access.keys.image(*page, *version))
            .collect();
        self.access.count(|stats| {
            stats.misses += 1;
            stats.ahead += u64::try_from(keys.len() - 1).unwrap_or(0);
        });
        let values = self.access.read_many(&keys)?;
        let mut image = None;
        for (((page, version), key), value) in wanted.into_iter().zip(&keys).zip(values) {
            let is_first = image.is_none();
            let Some(value) = value else {
                if is_first {
                    return Err(self.explain(Error::corrupt(key, "is missing")));
                }
                continue;
            };
            match self.keep(page, version, key, &value, !is_first) {
                Ok(kept) if is_first => image = Some(kept),
                Err(error) if is_first => return Err(self.explain(error)),
                _ => {}
            }
        }
        image.ok_or_else(|| Error::Usage("nothing was read".into()))
    }

    /// This page first, and those of the store that are likely to be asked for next.
    fn window(&mut self, page: u32, version: Version) -> Vec<(u32, Version)> {
        let fits = self.cache.bytes() / 4 / self.page_size();
        let most = self.access.limits.max_read_keys.min(fits.max(1));
        let mut wanted = vec![(page, version)];
        for near in self.ahead.plan(page, most).into_iter().skip(1) {
            let is_ours = self.recent.contains_key(&near) || near > self.shortest.min(self.size);
            if is_ours || self.overlay.spilled.contains_key(&near) {
                continue;
            }
            match self.index.known(near) {
                Some(version) if !self.cache.has(near, version) => wanted.push((near, version)),
                _ => {}
            }
        }
        wanted
    }

    fn keep(
        &mut self,
        page: u32,
        version: Version,
        key: &str,
        value: &[u8],
        ahead: bool,
    ) -> Result<Image> {
        let body = record::body(key, value, Kind::Image)?;
        let image = unpack_image(body, self.page_size());
        let image = image.ok_or_else(|| Error::corrupt(key, "is no page of this size"))?;
        let image: Image = image.into();
        self.ahead.learn(page, &image);
        self.cache.insert(page, version, Rc::clone(&image), ahead);
        Ok(image)
    }

    /// Moves a reader to the newest state, and says whether that is another one.
    pub fn refresh(&mut self) -> Result<bool> {
        if !self.options.readonly {
            return Err(Error::Usage("only readers can be refreshed".into()));
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
        if self.options.readonly || !self.access.has_epoch(self.number + 1)? {
            return Ok(());
        }
        let key = self.access.keys.epoch(self.number + 1);
        Err(self.note(Error::Fenced { key }))
    }
}

fn check(access: &Access, options: &Options) -> Result<()> {
    let message = if !is_page_size(options.page_size) {
        "The page size must be a power of two from 512 to 65536"
    } else if usize_of(options.page_size) + 64 > access.limits.max_value_bytes {
        "The page size is too large for the values of this store"
    } else if options.keep_epochs == 0 {
        "At least one epoch must be kept"
    } else if !options.readonly && !access.fenced && !options.single_writer {
        "This store has no putIfAbsent: two writers would destroy the database. \
         If there is never more than one, say so with singleWriter"
    } else {
        return Ok(());
    };
    Err(Error::Usage(message.into()))
}
