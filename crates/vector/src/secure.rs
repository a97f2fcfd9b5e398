//! `PRAGMA secure_delete`: a vector that no row has any more is overwritten.

use std::collections::BTreeSet;

use ferrolite_sqlite::ModuleError;

use crate::root::Root;
use crate::space::Slots;
use crate::store::Store;

/// How much is overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secure {
    /// Nothing.
    Off,
    /// What is in blocks that are written anyway.
    Fast,
    /// Everything.
    On,
}

pub(crate) fn wanted(store: &Store) -> Result<Secure, ModuleError> {
    Ok(match store.setting("secure_delete")? {
        Some(1) => Secure::On,
        Some(2) => Secure::Fast,
        _ => Secure::Off,
    })
}

/// Overwrites the vectors of those slots that are free. Returns the blocks that it changed.
pub(crate) fn wipe(root: &mut Root, slots: impl Iterator<Item = u32>) -> BTreeSet<u32> {
    let zeros = vec![0; root.layout.stride];
    let mut blocks = BTreeSet::new();
    for slot in slots {
        let is_free = !root.is_live(slot) && root.edges(slot).is_none();
        if is_free && root.vector(slot).iter().any(|byte| *byte != 0) {
            root.set_vector(slot, &zeros);
            blocks.insert(root.block_of(slot));
        }
    }
    blocks
}
