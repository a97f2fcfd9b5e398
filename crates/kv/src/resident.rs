//! Resident: all pages in memory. No read asks the store, and no commit waits for it.
//!
//! What was committed leaves in batches, which may be stored by another thread.

use std::collections::{BTreeMap, BTreeSet};

use crate::database::{usize_of, Database};
use crate::error::{Error, Result};
use crate::header::header_size;
use crate::history::images;
use crate::key::Version;
use crate::recent::Recent;

/// Calls that read at once.
const CALLS: usize = 8;

/// All pages of a state. It can be sent to another thread.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The epoch that was read.
    pub epoch: u32,
    /// Bytes of a page.
    pub page_size: u32,
    /// The first page first.
    pub pages: Vec<Box<[u8]>>,
}

/// Transactions on their way into the store. It can be sent to another thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// How many.
    pub transactions: u32,
    /// Pages of the database after them.
    pub size: u32,
    /// The fewest that it had between them.
    pub shortest: u32,
    /// Pages that they changed.
    pub pages: Vec<(u32, Box<[u8]>)>,
}

impl Database {
    /// Reads all pages, in as few calls as the limits of the store allow.
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        self.check()?;
        let size = self.size();
        let mut pages = Vec::with_capacity(usize_of(size));
        let most = u32::try_from(self.access.limits.max_read_keys * CALLS).unwrap_or(u32::MAX);
        let page_size = self.page_size();
        let mut first = 1;
        while first <= size {
            let last = size.min(first.saturating_add(most - 1));
            let mut wanted = Vec::new();
            for page in first..=last {
                let recent = self.recent.get(&page);
                let version = if recent.is_none_or(Recent::needs_root) {
                    self.root_version(page)?
                } else {
                    Version::NONE
                };
                wanted.push((page, version));
            }
            let images = images(&self.access, &mut self.recent, page_size, &wanted);
            let images = images.map_err(|error| self.explain(error))?;
            pages.extend(images.iter().map(|(_, image)| image.as_ref().into()));
            first = last + 1;
        }
        Ok(Snapshot {
            epoch: self.number(),
            page_size: u32::try_from(self.page_size()).unwrap_or(0),
            pages,
        })
    }

    /// Commits a batch, and waits for it. After [`Error::Store`] nothing has changed: it may be tried again.
    pub fn apply(&mut self, batch: &Batch) -> Result<()> {
        self.rollback();
        self.truncate(batch.shortest)?;
        for (page, image) in &batch.pages {
            self.write(*page, image.as_ref())?;
        }
        self.overlay.resize(batch.size);
        let relaxed = self.is_relaxed();
        self.set_relaxed(false);
        let done = self.commit_as(batch.transactions);
        self.set_relaxed(relaxed);
        if done.is_err() {
            self.rollback();
        }
        done
    }
}

/// A database in memory, and what of it the store does not have.
pub(crate) struct Resident {
    snapshot: Snapshot,
    readonly: bool,
    /// What stood in pages that the transaction has written; none for those that were not there.
    before: BTreeMap<u32, Option<Box<[u8]>>>,
    /// Pages of the committed state.
    size: u32,
    queue: Queue,
    /// Transactions that were taken, and their bytes.
    taken: (u32, usize),
    /// Bytes that may wait.
    most: usize,
    broken: Option<Error>,
    /// Another state is about to take the place of this one.
    frozen: bool,
    /// Called when there is something to take.
    on_queued: Option<Box<dyn Fn()>>,
}

#[derive(Default)]
struct Queue {
    transactions: u32,
    pages: BTreeSet<u32>,
    shortest: u32,
}

impl Resident {
    pub(crate) fn new(snapshot: Snapshot, readonly: bool, most: usize) -> Self {
        let mut new = Self {
            snapshot,
            readonly,
            before: BTreeMap::new(),
            size: 0,
            queue: Queue::default(),
            taken: (0, 0),
            most,
            broken: None,
            frozen: false,
            on_queued: None,
        };
        new.size = new.len();
        new.queue.shortest = new.size;
        new
    }

    fn len(&self) -> u32 {
        u32::try_from(self.snapshot.pages.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn page_size(&self) -> usize {
        usize_of(self.snapshot.page_size)
    }

    pub(crate) fn size(&self) -> u32 {
        self.len()
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.snapshot.epoch
    }

    pub(crate) fn is_readonly(&self) -> bool {
        self.readonly
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn page(&self, page: u32) -> Result<&[u8]> {
        self.check()?;
        let at = usize_of(page).checked_sub(1);
        let image = at.and_then(|at| self.snapshot.pages.get(at));
        image
            .map(AsRef::as_ref)
            .ok_or_else(|| Error::Usage(format!("there is no page {page}")))
    }

    pub(crate) fn write(&mut self, page: u32, bytes: &[u8]) -> Result<()> {
        // Also after an error: SQLite writes what was there while it rolls back.
        if self.readonly || page == 0 || page == u32::MAX || bytes.len() != self.page_size() {
            return Err(Error::Usage("the page cannot be written".into()));
        }
        let zeros = vec![0; self.page_size()].into_boxed_slice();
        while self.len() < page {
            let added = self.len() + 1;
            self.before.entry(added).or_insert(None);
            self.snapshot.pages.push(zeros.clone());
        }
        let is_committed = page <= self.size;
        if let Some(place) = self.snapshot.pages.get_mut(usize_of(page - 1)) {
            let old = std::mem::replace(place, bytes.into());
            self.before
                .entry(page)
                .or_insert(is_committed.then_some(old));
        }
        Ok(())
    }

    pub(crate) fn truncate(&mut self, size: u32) {
        while self.len() > size {
            let page = self.len();
            let is_committed = page <= self.size;
            let image = self.snapshot.pages.pop();
            self.before
                .entry(page)
                .or_insert(image.filter(|_| is_committed));
        }
    }

    /// The transaction stands, and waits for the store.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.check()?;
        let is_written = self.before.contains_key(&1) || self.len() != self.size;
        let named = match self.snapshot.pages.first() {
            Some(first) if is_written => header_size(first),
            _ => None,
        };
        // SQLite cuts the file only after the commit.
        let size = named.unwrap_or(self.len()).min(self.len());
        let mut changed = Vec::new();
        for (page, old) in self.before.range(..=size) {
            let now = self.page(*page)?;
            if old.as_deref() != Some(now) {
                changed.push(*page);
            }
        }
        if changed.is_empty() && size == self.size {
            self.before.clear();
            return Ok(());
        }
        if self.frozen {
            let message = "the database is being restored: roll back, and try again";
            return Err(Error::Usage(message.into()));
        }
        let (waiting, bytes) = self.queued();
        let new = changed
            .iter()
            .filter(|page| !self.queue.pages.contains(page));
        if waiting > 0 && bytes + new.count() * self.page_size() > self.most {
            let most = self.most;
            return Err(Error::Behind { bytes, most });
        }
        self.before.clear();
        self.size = size;
        self.queue.shortest = self.queue.shortest.min(size);
        self.queue.pages.split_off(&(size + 1));
        self.queue.pages.extend(changed);
        self.queue.transactions = self.queue.transactions.saturating_add(1);
        if let (1, Some(on_queued)) = (self.queue.transactions, &self.on_queued) {
            on_queued();
        }
        Ok(())
    }

    pub(crate) fn on_queued(&mut self, on_queued: Box<dyn Fn()>) {
        self.on_queued = Some(on_queued);
    }

    /// From now on nothing is committed, until another state is there.
    pub(crate) fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// Transactions that the store does not have yet, and their bytes.
    pub(crate) fn queued(&self) -> (u32, usize) {
        let bytes = self.queue.pages.len() * self.page_size();
        let transactions = self.queue.transactions.saturating_add(self.taken.0);
        (transactions, bytes + self.taken.1)
    }

    /// Takes what waits, as one batch. The one before it must be known to be stored.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        if self.queue.transactions == 0 || self.taken.0 > 0 || self.broken.is_some() {
            return None;
        }
        let queue = std::mem::take(&mut self.queue);
        self.queue.shortest = self.size;
        let committed = |page: &u32| {
            let image = match self.before.get(page) {
                Some(Some(image)) => image,
                _ => self.snapshot.pages.get(usize_of(page - 1))?,
            };
            Some((*page, image.clone()))
        };
        let pages: Vec<_> = queue.pages.iter().filter_map(committed).collect();
        self.taken = (queue.transactions, pages.len() * self.page_size());
        Some(Batch {
            transactions: queue.transactions,
            size: self.size,
            shortest: queue.shortest,
            pages,
        })
    }

    /// What was taken is in the store, or nobody may rely on it.
    pub(crate) fn settle(&mut self, done: Result<()>) -> Result<()> {
        let Err(error) = done else {
            self.taken = (0, 0);
            return Ok(());
        };
        let (transactions, _) = self.queued();
        let lost = match error {
            Error::Lost { .. } => error,
            error => Error::Lost {
                transactions,
                source: Box::new(error),
            },
        };
        self.broken.get_or_insert_with(|| lost.clone());
        Err(lost)
    }

    /// Another state takes the place of this one, between transactions.
    pub(crate) fn replace(&mut self, snapshot: Snapshot) {
        let (readonly, most) = (self.readonly, self.most);
        let (broken, on_queued) = (self.broken.take(), self.on_queued.take());
        *self = Self::new(snapshot, readonly, most);
        self.broken = broken;
        self.on_queued = on_queued;
    }
}
