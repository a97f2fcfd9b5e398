//! How a database is opened.

use crate::access::{Access, Retry};
use crate::database::usize_of;
use crate::epoch::is_page_size;
use crate::error::{Error, Result};

/// How a database is opened.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // each is an option that users know
pub struct Options {
    /// Open for reading: nothing is written.
    pub readonly: bool,
    /// Open this epoch, for reading; the newest state if it is not given.
    pub epoch: Option<u32>,
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
    /// How many epochs that can no longer be opened are kept, so that whoever looks for the newest one finds it while
    /// others go on.
    pub trail: u32,
    /// Slots that an opener leaves at least to a writer that never pauses, before it ends its epoch.
    pub seal_ahead: u32,
    /// Slots after which a checkpoint is made.
    pub checkpoint_slots: u32,
    /// Bytes of slots after which a checkpoint is made.
    pub checkpoint_bytes: usize,
    /// Commits return before the store has them, whatever `PRAGMA synchronous` says.
    pub relaxed: bool,
    /// All pages are in memory, and commits return before the store has them. Of [`connect`](crate::connect) only.
    pub resident: bool,
    /// Bytes of images that such commits keep in memory: behind that, one waits for the store.
    pub max_queued_bytes: usize,
    /// How often calls of the store are repeated.
    pub retry: Retry,
    /// What nobody else has; made up if it is not given.
    pub owner: Option<[u8; 16]>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readonly: false,
            epoch: None,
            page_size: 8192,
            single_writer: false,
            cache_bytes: 32 << 20,
            overlay_bytes: 64 << 20,
            slot_bytes: 65_536,
            keep_epochs: 2,
            trail: 32,
            seal_ahead: 8,
            checkpoint_slots: 256,
            checkpoint_bytes: 1 << 20,
            relaxed: false,
            resident: false,
            max_queued_bytes: 16 << 20,
            retry: Retry::default(),
            owner: None,
        }
    }
}

/// An error if a store cannot hold a database that is opened so.
pub(crate) fn check(access: &Access, options: &Options) -> Result<()> {
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
