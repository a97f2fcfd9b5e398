//! A database whose pages live in any key-value store.
//!
//! Every key but the hint is written once. A commit creates one slot, or an epoch if it is large; whoever opens the
//! database for writing creates an epoch too, which fences off the writer before. So no batch needs to be atomic, and
//! a call that is repeated, torn, late or lost does no harm.
//!
//! | key | written | what it holds |
//! |---|---|---|
//! | `E/<epoch>` | create-only; dense from 1; most pass | an epoch: root, ranges of slots that are applied to it |
//! | `R/<version>/<part>` | once | a root: the versions of index leaves |
//! | `I/<leaf>/<version>` | once | an index leaf: the versions of 4,096 pages |
//! | `P/<page>/<version>` | once | the image of a page |
//! | `L/<epoch>/<slot>` | create-only; dense from 1 | a slot: pages that a transaction changed, a no-op, or a seal |
//! | `D/<version>/<part>` | once | garbage: keys that the root of this version does without |
//! | `H` | overwritten | a hint, which is never believed |
//!
//! The state is the newest epoch's root, then its ranges of slots, then its own slots up to the first that is missing,
//! or a seal. A seal that an opener puts ahead of a writer that never pauses stops that writer when it comes there; slots
//! before it may be missing. A version is (epoch that its writer owned, attempt counted by that owner).

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod access;
mod ahead;
mod cache;
mod checkpoint;
mod collect;
mod commit;
mod database;
mod epoch;
mod error;
mod frame;
mod garbage;
mod handle;
mod header;
mod history;
mod home;
mod index;
mod key;
mod open;
mod options;
mod overlay;
mod pragma;
mod queue;
mod read;
mod recent;
mod record;
mod resident;
mod slot;
mod store;
mod take_over;
mod verify;
mod vfs;

pub use access::{Retry, Stats};
pub use database::Database;
pub use error::{Error, Result};
pub use handle::Handle;
pub use history::Moment;
pub use options::Options;
pub use resident::{Batch, Snapshot};
pub use store::{Entry, Limits, Store, StoreError, StoreResult};
pub use vfs::{connect, connect_resident, connect_resident_with, connect_with, missing};

/// The values of a store, for tests and tools that look into it.
pub mod format {
    pub use crate::epoch::{Epoch, Range};
    pub use crate::frame::Frame;
    pub use crate::garbage::{decode as garbage, Garbage};
    pub use crate::key::{Keys, Version};
    pub use crate::record::{decode, encode, Kind, Record};
    pub use crate::slot::{Commit, Slot};
}
