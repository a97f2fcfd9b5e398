//! What a connection knows of a table: the state that is committed, the one of its transaction, and what is not
//! written yet.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolite_sqlite::{ModuleError, ValueRef};

use crate::choose::Scratches;
use crate::codec::Changes;
use crate::kept::Scans;
use crate::layout::Layout;
use crate::load;
use crate::log::{self, Last};
use crate::merge::{self, Task};
use crate::registry::{Key, ROOTS};
use crate::root::Root;
use crate::secure::{self, Secure};
use crate::store::{corrupt, Config, Store};

/// Beyond so many changes they are not told one by one. Each takes a byte or more in the log.
const MAX_CHANGES: usize = 32 * 1024;

/// What was changed since the last flush.
#[derive(Default)]
struct Pending {
    is_dirty: bool,
    /// Slots that have a row now, with its rowid, and those that have none any more.
    rows: BTreeMap<u32, Option<i64>>,
    /// Slots whose row got other values.
    columns: BTreeSet<u32>,
    /// There were too many.
    is_overflown: bool,
    /// Blocks of vectors to write.
    blocks: BTreeSet<u32>,
    /// Blocks of the graph that were written.
    graph: BTreeSet<u32>,
    /// A vector has lost its row, or got none.
    is_freed: bool,
    /// The slot that a vector was placed in last.
    placed: Option<u32>,
}

impl Pending {
    /// What the log says of it; `None` if that is too much.
    fn changes(&self) -> Option<Changes> {
        if self.is_overflown {
            return None;
        }
        let mut changes = Changes {
            columns: self.columns.iter().copied().collect(),
            graph: self.graph.iter().copied().collect(),
            ..Changes::default()
        };
        for (slot, id) in &self.rows {
            match id {
                Some(id) => changes.added.push((*slot, *id)),
                None => changes.removed.push(*slot),
            }
        }
        Some(changes)
    }
}

/// What happened to a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Note {
    /// It has a row of this rowid.
    Added(u32, i64),
    Removed(u32),
    /// Its row has other values.
    Columns(u32),
}

/// A table of a connection, which may have several objects of it.
pub(crate) struct TableState {
    pub(crate) config: RefCell<Config>,
    pub(crate) layout: Layout,
    file: Vec<u8>,
    base: RefCell<Option<Arc<Root>>>,
    own: RefCell<Option<Arc<Root>>>,
    /// The transaction has written to the table: what is read now may be rolled back.
    is_writing: Cell<bool>,
    pending: RefCell<Pending>,
    pub(crate) scratches: RefCell<Scratches>,
    pub(crate) scans: Scans,
    /// The table's own statements run. Some have a savepoint, which is not for it: what they do is done or not.
    is_busy: Cell<bool>,
}

/// Ends when the table's own statements are done.
pub(crate) struct Busy<'a> {
    state: &'a TableState,
    was_busy: bool,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.state.is_busy.set(self.was_busy);
    }
}

impl TableState {
    pub(crate) fn new(config: Config, file: Vec<u8>) -> Result<Self, ModuleError> {
        let layout = Layout::new(
            &config.options,
            config.vectors_per_block,
            config.nodes_per_block,
        );
        Ok(Self {
            layout: layout.ok_or_else(corrupt)?,
            config: RefCell::new(config),
            file,
            base: RefCell::default(),
            own: RefCell::default(),
            is_writing: Cell::new(false),
            pending: RefCell::default(),
            scratches: RefCell::default(),
            scans: Scans::default(),
            is_busy: Cell::new(false),
        })
    }

    pub(crate) fn be_busy(&self) -> Busy<'_> {
        Busy {
            state: self,
            was_busy: self.is_busy.replace(true),
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.get()
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        self.config.borrow().id.clone()
    }

    pub(crate) fn file(&self) -> &[u8] {
        &self.file
    }

    fn key(&self, last: &Last) -> Option<Key> {
        (!self.file.is_empty()).then(|| Key {
            file: self.file.clone(),
            id: self.id(),
            seq: last.seq,
            stamp: last.stamp,
        })
    }

    /// The state that the statement sees.
    pub(crate) fn resolve(&self, store: &Store) -> Result<Arc<Root>, ModuleError> {
        if self.pending.borrow().is_dirty {
            if let Some(own) = &*self.own.borrow() {
                return Ok(own.clone());
            }
        }
        let last = log::last(store)?;
        let candidates = [self.own.borrow().clone(), self.base.borrow().clone()];
        let is_it = |root: &&Arc<Root>| (root.seq, root.stamp) == (last.seq, last.stamp);
        if let Some(root) = candidates.iter().flatten().find(is_it) {
            return Ok(root.clone());
        }
        let mut root = self.find(store, &last, &candidates)?;
        if self.is_writing.get() {
            self.own.replace(Some(root.clone()));
        } else {
            if let Some(key) = self.key(&last) {
                root = ROOTS.share(key, root);
            }
            self.own.replace(None);
            self.base.replace(Some(root.clone()));
        }
        Ok(root)
    }

    fn find(
        &self,
        store: &Store,
        last: &Last,
        candidates: &[Option<Arc<Root>>],
    ) -> Result<Arc<Root>, ModuleError> {
        if let Some(root) = self.key(last).and_then(|key| ROOTS.find(&key)) {
            return Ok(root);
        }
        for root in candidates.iter().flatten() {
            if root.seq < last.seq {
                if let Some(root) = log::advance(store, root, last)? {
                    return Ok(root);
                }
            }
        }
        let columns = self.config.borrow().options.columns.len();
        Ok(Arc::new(load::all(store, self.layout, columns, last)?))
    }

    /// Changes the transaction's own state. What `change` does must not fail half-way.
    pub(crate) fn change<R>(
        &self,
        store: &Store,
        change: impl FnOnce(&mut Root) -> R,
    ) -> Result<R, ModuleError> {
        let mut root = self.resolve(store)?;
        store.connection.mark_unwritten();
        // Without another owner here, it is changed in place.
        self.own.replace(None);
        let changed = change(Arc::make_mut(&mut root));
        self.own.replace(Some(root));
        self.is_writing.set(true);
        Ok(changed)
    }

    /// Puts a vector in the next slot that is free, and in the file if its block is full.
    pub(crate) fn place(&self, store: &Store, vector: &[u8]) -> Result<u32, ModuleError> {
        let slot = self.change(store, |root| {
            let slot = root.next_free();
            root.set_vector(slot, vector);
            slot
        })?;
        if slot >= u32::MAX - 1 {
            return Err(ModuleError::Message("the vector table is full".into()));
        }
        let root = self.own.borrow().clone().ok_or_else(corrupt)?;
        let block = root.block_of(slot);
        self.pending.borrow_mut().placed = Some(slot);
        if root.is_last_of_block(slot) {
            write_block(store, &root, block)?;
            self.pending.borrow_mut().blocks.remove(&block);
        } else {
            self.pending.borrow_mut().blocks.insert(block);
        }
        Ok(slot)
    }

    /// Takes in what was done to a row: the transaction's own state has it already.
    pub(crate) fn note(&self, note: Note) {
        let mut pending = self.pending.borrow_mut();
        pending.is_dirty = true;
        pending.is_freed |= matches!(note, Note::Removed(_));
        if pending.is_overflown {
            return;
        }
        match note {
            Note::Added(slot, id) => drop(pending.rows.insert(slot, Some(id))),
            Note::Removed(slot) => drop(pending.rows.insert(slot, None)),
            Note::Columns(slot) => drop(pending.columns.insert(slot)),
        }
        if pending.rows.len() + pending.columns.len() > MAX_CHANGES {
            pending.is_overflown = true;
            pending.rows.clear();
            pending.columns.clear();
        }
    }

    /// A vector was placed, and its row could not be written.
    pub(crate) fn note_left(&self) {
        let mut pending = self.pending.borrow_mut();
        if let Some(slot) = pending.placed.take() {
            pending.blocks.insert(slot / self.layout.vectors_per_block);
        }
        pending.is_freed = true;
    }

    /// Has the state of the table written at the next flush.
    pub(crate) fn touch(&self) {
        self.pending.borrow_mut().is_dirty = true;
    }

    /// A block of the graph was written.
    pub(crate) fn note_graph(&self, block: u32) {
        let mut pending = self.pending.borrow_mut();
        pending.is_dirty = true;
        pending.graph.insert(block);
    }

    /// Writes what is not written yet.
    pub(crate) fn flush(&self, store: &Store) -> Result<(), ModuleError> {
        let _busy = self.be_busy();
        if !self.pending.borrow().is_dirty || !store.is_of(&self.id())? {
            return Ok(());
        }
        self.wipe(store)?;
        let root = self.own.borrow().clone().ok_or_else(corrupt)?;
        let blocks = self.pending.borrow().blocks.clone();
        for block in blocks {
            write_block(store, &root, block)?;
        }
        let changes = self.pending.borrow().changes();
        let last = log::write(store, root.seq, &root.state, changes.as_ref())?;
        drop(root);
        self.pending.take();
        if let Some(own) = &mut *self.own.borrow_mut() {
            let own = Arc::make_mut(own);
            (own.seq, own.stamp) = (last.seq, last.stamp);
        }
        Ok(())
    }

    /// Overwrites vectors that no row has any more, if they are to be.
    fn wipe(&self, store: &Store) -> Result<(), ModuleError> {
        let is_freed = {
            let pending = self.pending.borrow();
            pending.is_freed || !pending.graph.is_empty()
        };
        if !is_freed {
            return Ok(());
        }
        let secure = secure::wanted(store)?;
        if secure == Secure::Off {
            return Ok(());
        }
        let (slots, blocks) = self.freed();
        let per_block = self.layout.vectors_per_block;
        let changed = self.change(store, |root| match slots {
            _ if secure == Secure::Fast => {
                let first = |block: &u32| block.saturating_mul(per_block);
                let slots = blocks.iter().map(first);
                secure::wipe(
                    root,
                    slots.flat_map(|slot| slot..slot.saturating_add(per_block)),
                )
            }
            Some(slots) => secure::wipe(root, slots.into_iter()),
            None => secure::wipe(root, 0..root.slots().next_multiple_of(per_block)),
        })?;
        self.pending.borrow_mut().blocks.extend(changed);
        Ok(())
    }

    /// Slots that may be free now, or `None` if they may be any; and blocks that are written anyway.
    fn freed(&self) -> (Option<Vec<u32>>, BTreeSet<u32>) {
        let pending = self.pending.borrow();
        let per_block = self.layout.vectors_per_block;
        let in_block = |block: &u32| {
            let first = block.saturating_mul(per_block);
            first..first.saturating_add(per_block)
        };
        let removed = pending.rows.iter().filter(|(_, id)| id.is_none());
        let slots = removed.map(|(slot, _)| *slot);
        let slots = slots.chain(pending.blocks.iter().flat_map(in_block));
        // A merge frees tombstones.
        let is_known = !pending.is_overflown && pending.graph.is_empty();
        (is_known.then(|| slots.collect()), pending.blocks.clone())
    }

    /// The end of a transaction comes: everything is in the file after it.
    pub(crate) fn sync(&self, store: &Store) -> Result<(), ModuleError> {
        if self.pending.borrow().is_dirty && store.is_of(&self.id())? {
            merge::merge(self, store, Task::Due)?;
        }
        self.flush(store)?;
        let own = self.own.borrow().as_ref().map(|own| own.seq);
        match own {
            Some(seq) if self.is_writing.get() && store.is_of(&self.id())? => log::cut(store, seq),
            _ => Ok(()),
        }
    }

    /// The transaction is committed.
    pub(crate) fn commit(&self) {
        if self.pending.take().is_dirty {
            // A savepoint that was rolled back took the table: what it held is nobody's.
            self.own.replace(None);
        }
        if let (true, Some(mut own)) = (self.is_writing.take(), self.own.take()) {
            let last = Last {
                seq: own.seq,
                stamp: own.stamp,
            };
            if let Some(key) = self.key(&last) {
                own = ROOTS.share(key, own);
            }
            self.base.replace(Some(own));
        }
    }

    /// The transaction is undone.
    pub(crate) fn rollback(&self) {
        self.rollback_to();
        self.is_writing.set(false);
    }

    /// What the transaction's own state was is in the file, and other than it was in memory.
    pub(crate) fn forget(&self) {
        self.own.replace(None);
        self.pending.take();
        self.is_writing.set(true);
    }

    /// Some of the transaction is undone: the file says what holds.
    pub(crate) fn rollback_to(&self) {
        self.own.replace(None);
        self.pending.take();
    }
}

fn write_block(store: &Store, root: &Root, block: u32) -> Result<(), ModuleError> {
    let data = root.vector_block(block).ok_or_else(corrupt)?;
    store.run(
        "INSERT OR REPLACE INTO {vectors} VALUES (?, ?)",
        &[ValueRef::Integer(block.into()), ValueRef::Blob(&data)],
    )?;
    Ok(())
}
