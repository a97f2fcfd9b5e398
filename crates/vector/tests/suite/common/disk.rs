//! A disk in memory on which something goes wrong at a chosen operation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use ferrolite_sqlite::{
    register_vfs, Control, FileFlags, LockLevel, Vfs, VfsError, VfsFile, VfsResult,
};

use super::random::Random;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One operation fails.
    Once,
    /// From then on nothing can be written, until [`Disk::heal`].
    Full,
    /// From then on nothing works, and of what was not synced only some is there after [`Disk::heal`].
    Crash,
}

#[derive(Default, Clone)]
struct Content {
    now: Vec<u8>,
    /// What is there for sure.
    synced: Vec<u8>,
    /// What was done since, in order.
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*at..end].copy_from_slice(bytes);
            }
            Self::Truncate(size) => to.truncate(*size),
        }
    }
}

#[derive(Default)]
struct State {
    files: HashMap<String, Content>,
    operations: usize,
    fault: Option<(Fault, usize)>,
    random: Option<Random>,
}

/// The disk. A name that begins with its own is a file on it.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// One whose VFS has this name.
    pub fn new(name: &str) -> Self {
        let disk = Self::default();
        register_vfs(name, disk.clone()).unwrap();
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// An empty disk, on which the operation of this number fails.
    pub fn prepare(&self, fault: Option<(Fault, usize)>, seed: u64) {
        *self.state() = State {
            fault,
            random: Some(Random::new(seed)),
            ..State::default()
        };
    }

    /// How many operations there were.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// Whether the fault has come.
    pub fn has_failed(&self) -> bool {
        let state = self.state();
        state.fault.is_some_and(|(_, at)| state.operations > at)
    }

    /// What works no more works again; after a crash with what has survived it.
    pub fn heal(&self) {
        let mut state = self.state();
        let crashed = matches!(state.fault, Some((Fault::Crash, at)) if state.operations > at);
        state.fault = None;
        let Some(mut random) = state.random.take().filter(|_| crashed) else {
            return;
        };
        for content in state.files.values_mut() {
            // All of it, nothing, the first of it, or any.
            let how = random.below(4);
            let first = random.below(content.unsynced.len() + 1);
            let mut left = content.synced.clone();
            for (number, change) in content.unsynced.drain(..).enumerate() {
                let survives = match how {
                    0 => true,
                    1 => false,
                    2 => number < first,
                    _ => random.below(2) == 0,
                };
                if survives {
                    change.apply(&mut left);
                }
            }
            content.synced.clone_from(&left);
            content.now = left;
        }
    }

    /// An operation, which may be the one that fails.
    fn operate(&self, writes: bool) -> VfsResult<MutexGuard<'_, State>> {
        let mut state = self.state();
        let number = state.operations;
        state.operations += 1;
        match state.fault {
            Some((Fault::Once, at)) if number == at => Err(VfsError::IO),
            Some((Fault::Crash, at)) if number >= at => Err(VfsError::IO),
            Some((Fault::Full, at)) if number >= at && writes => Err(VfsError::FULL),
            _ => Ok(state),
        }
    }
}

impl Vfs for Disk {
    type File = DiskFile;

    fn owns(&self, name: &str) -> bool {
        name.starts_with("disk:")
    }

    fn open(&self, name: &str, flags: FileFlags) -> VfsResult<DiskFile> {
        let mut state = self.operate(false).map_err(|_| VfsError::CANTOPEN)?;
        if !flags.create && !state.files.contains_key(name) {
            return Err(VfsError::CANTOPEN);
        }
        state.files.entry(name.into()).or_default();
        drop(state);
        Ok(DiskFile {
            disk: self.clone(),
            name: name.into(),
        })
    }

    fn delete(&self, name: &str, _sync: bool) -> VfsResult<()> {
        self.operate(false)?.files.remove(name);
        Ok(())
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        Ok(self.operate(false)?.files.contains_key(name))
    }
}

pub struct DiskFile {
    disk: Disk,
    name: String,
}

impl DiskFile {
    fn change(&self, change: Change, writes: bool) -> VfsResult<()> {
        let mut state = self.disk.operate(writes)?;
        let content = state.files.get_mut(&self.name).ok_or(VfsError::IO)?;
        change.apply(&mut content.now);
        content.unsynced.push(change);
        Ok(())
    }
}

impl VfsFile for DiskFile {
    fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize> {
        let state = self.disk.operate(false)?;
        let content = &state.files.get(&self.name).ok_or(VfsError::IO)?.now;
        let start = usize::try_from(offset).unwrap().min(content.len());
        let len = bytes.len().min(content.len() - start);
        bytes[..len].copy_from_slice(&content[start..start + len]);
        Ok(len)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        let start = usize::try_from(offset).unwrap();
        self.change(Change::Write(start, bytes.to_vec()), true)
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        self.change(Change::Truncate(usize::try_from(size).unwrap()), false)
    }

    fn sync(&mut self) -> VfsResult<()> {
        let mut state = self.disk.operate(false)?;
        let content = state.files.get_mut(&self.name).ok_or(VfsError::IO)?;
        content.synced.clone_from(&content.now);
        content.unsynced.clear();
        Ok(())
    }

    fn size(&mut self) -> VfsResult<u64> {
        let state = self.disk.operate(false)?;
        let content = &state.files.get(&self.name).ok_or(VfsError::IO)?.now;
        Ok(content.len() as u64)
    }

    fn lock(&mut self, _: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn control(&mut self, _: Control<'_>) -> VfsResult<bool> {
        Ok(false)
    }
}
