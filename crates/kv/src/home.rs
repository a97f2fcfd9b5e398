//! Where the pages of a connection are: in a store, or in memory.

use crate::access::Stats;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::resident::{Batch, Resident, Snapshot};

pub(crate) enum Home {
    Store(Box<Database>),
    /// With the database that stores it, unless that belongs to another thread.
    Memory(Box<Resident>, Option<Box<Database>>),
}

fn elsewhere() -> Error {
    let message = "this database is in memory, and another thread asks its store: \
        open it without the mode \"resident\" for that";
    Error::Usage(message.into())
}

impl Home {
    pub(crate) fn page_size(&self) -> usize {
        match self {
            Self::Store(database) => database.page_size(),
            Self::Memory(resident, _) => resident.page_size(),
        }
    }

    pub(crate) fn is_readonly(&self) -> bool {
        match self {
            Self::Store(database) => database.is_readonly(),
            Self::Memory(resident, _) => resident.is_readonly(),
        }
    }

    pub(crate) fn size(&self) -> u32 {
        match self {
            Self::Store(database) => database.size(),
            Self::Memory(resident, _) => resident.size(),
        }
    }

    pub(crate) fn epoch(&self) -> u32 {
        match self {
            Self::Store(database) | Self::Memory(_, Some(database)) => database.number(),
            Self::Memory(resident, None) => resident.epoch(),
        }
    }

    pub(crate) fn slots(&self) -> u32 {
        match self {
            Self::Store(database) | Self::Memory(_, Some(database)) => database.slots(),
            Self::Memory(_, None) => 0,
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        match self {
            Self::Store(database) | Self::Memory(_, Some(database)) => database.stats(),
            Self::Memory(_, None) => Stats::default(),
        }
    }

    /// An error if nothing can be done with it any more.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Store(database) => database.check(),
            Self::Memory(resident, None) => resident.check(),
            Self::Memory(resident, Some(database)) => resident.check().and(database.check()),
        }
    }

    pub(crate) fn queued(&self) -> (u32, usize) {
        match self {
            Self::Store(database) => database.queued(),
            Self::Memory(resident, _) => resident.queued(),
        }
    }

    /// Copies a part of a page.
    pub(crate) fn read(&mut self, page: u32, within: usize, out: &mut [u8]) -> Result<()> {
        let copy = |image: &[u8], out: &mut [u8]| match image.get(within..within + out.len()) {
            Some(part) => {
                out.copy_from_slice(part);
                Ok(())
            }
            None => Err(Error::Usage("a page is too short".into())),
        };
        match self {
            Self::Store(database) => copy(&database.read(page)?, out),
            Self::Memory(resident, _) => copy(resident.page(page)?, out),
        }
    }

    pub(crate) fn write(&mut self, page: u32, image: &[u8]) -> Result<()> {
        match self {
            Self::Store(database) => database.write(page, image),
            Self::Memory(resident, _) => resident.write(page, image),
        }
    }

    pub(crate) fn truncate(&mut self, size: u32) -> Result<()> {
        match self {
            Self::Store(database) => database.truncate(size),
            Self::Memory(resident, _) => {
                resident.truncate(size);
                Ok(())
            }
        }
    }

    pub(crate) fn commit(&mut self) -> Result<()> {
        match self {
            Self::Store(database) => database.commit_to_header(),
            Self::Memory(resident, None) => resident.commit(),
            Self::Memory(resident, Some(_)) => match resident.commit() {
                Err(Error::Behind { .. }) => {
                    self.flush()?;
                    self.commit()
                }
                done => done,
            },
        }
    }

    /// The engine waits for what it has committed.
    pub(crate) fn sync(&mut self) -> Result<()> {
        match self {
            Self::Store(database) if !database.options.relaxed => {
                database.set_relaxed(false);
                match database.flush() {
                    // Nothing waits, as that would be lost: it ends a rollback.
                    Err(Error::Fenced { .. }) => Ok(()),
                    done => done,
                }
            }
            _ => Ok(()),
        }
    }

    /// From now on a commit waits, or does not.
    pub(crate) fn set_relaxed(&mut self, relaxed: bool) {
        if let Self::Store(database) = self {
            let always = database.options.relaxed;
            database.set_relaxed(relaxed || always);
        }
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        match self {
            Self::Store(database) => database.flush(),
            Self::Memory(resident, database) => {
                resident.check()?;
                while resident.queued().0 > 0 {
                    let database = database.as_mut().ok_or_else(elsewhere)?;
                    let Some(batch) = resident.take() else { break };
                    resident.settle(database.apply(&batch))?;
                }
                Ok(())
            }
        }
    }

    /// The database in the store, which has all that was committed.
    pub(crate) fn stored(&mut self) -> Result<&mut Database> {
        self.flush()?;
        match self {
            Self::Store(database) | Self::Memory(_, Some(database)) => Ok(database),
            Self::Memory(_, None) => Err(elsewhere()),
        }
    }

    /// Moves to another state, and says whether it is one.
    pub(crate) fn change(
        &mut self,
        action: impl FnOnce(&mut Database) -> Result<bool>,
    ) -> Result<bool> {
        let changed = action(self.stored()?)?;
        if let (true, Self::Memory(resident, Some(database))) = (changed, &mut *self) {
            resident.replace(database.snapshot()?);
        }
        Ok(changed)
    }

    pub(crate) fn close(&mut self) -> Result<()> {
        match self {
            Self::Store(database) => database.close(),
            // Whoever stores it ends it.
            Self::Memory(_, None) => Ok(()),
            Self::Memory(_, Some(_)) => {
                self.flush()?;
                self.stored()?.close()
            }
        }
    }

    pub(crate) fn resident(&mut self) -> Result<&mut Resident> {
        match self {
            Self::Memory(resident, None) => Ok(resident),
            _ => Err(Error::Usage("this database stores itself".into())),
        }
    }

    pub(crate) fn take_batch(&mut self) -> Result<Option<Batch>> {
        let resident = self.resident()?;
        resident.check()?;
        Ok(resident.take())
    }

    pub(crate) fn settle_batch(&mut self, done: Result<()>) -> Result<()> {
        self.resident()?.settle(done)
    }

    pub(crate) fn replace(&mut self, snapshot: Snapshot) -> Result<()> {
        let resident = self.resident()?;
        if resident.queued().0 > 0 {
            return Err(Error::Usage("transactions wait for the store".into()));
        }
        resident.replace(snapshot);
        Ok(())
    }
}
