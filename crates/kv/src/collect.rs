//! Collect garbage: delete what a writer left behind that died before anything referred to it.
//!
//! A version has the epoch that its writer owned. Who owned an epoch before ours creates none any more, so that what
//! no epoch refers to now, none will. Seals stay: a writer that slept for long must find them.

use std::collections::HashSet;

use crate::database::Database;
use crate::epoch::is_passed;
use crate::error::{Error, Result};
use crate::key::Version;
use crate::open::{self, State};
use crate::record::{self, Kind};

impl Database {
    /// Deletes all that nothing refers to, and says how many keys there were. The store must be able to list its keys.
    pub fn collect(&mut self) -> Result<u64> {
        self.check()?;
        if self.options.readonly {
            return Err(Error::Usage("the database is open for reading".into()));
        }
        let Some(listed) = self.access.list()? else {
            let message = "This store cannot list its keys: it has no method list";
            return Err(Error::Usage(message.into()));
        };
        // Whoever has taken over may already refer to what was listed.
        self.check_owner()?;
        while self.cleaned < self.epoch.oldest {
            let cleaned = self.access.clean(self.cleaned, self.epoch.oldest);
            if cleaned == self.cleaned {
                break;
            }
            self.cleaned = cleaned;
        }
        let needed = self.needed().map_err(|error| self.explain(error))?;
        let prefix = format!("{}E/", self.access.keys.prefix());
        let (epochs, others): (Vec<String>, Vec<String>) =
            listed.into_iter().partition(|key| key.starts_with(&prefix));
        let mut unused: Vec<String> = others
            .into_iter()
            .filter(|key| self.is_old(key) && !needed.contains(key))
            .collect();
        self.keep_seals(&mut unused)?;
        unused.extend(self.passed_epochs(epochs)?);
        unused.sort_unstable();
        unused.dedup();
        self.access
            .delete_all(&unused)
            .map_err(|source| Error::Store {
                operation: "deleteBatch",
                key: unused.first().cloned().unwrap_or_default(),
                source,
            })?;
        Ok(u64::try_from(unused.len()).unwrap_or(u64::MAX))
    }

    /// Whether a key of this database was written by a writer before this epoch.
    fn is_old(&self, key: &str) -> bool {
        let Some(rest) = key.strip_prefix(self.access.keys.prefix()) else {
            return false;
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let (version, digits) = match parts.as_slice() {
            ["P" | "I", first, version] if first.len() == 8 => (*version, 16),
            ["R" | "D", version, part] if part.len() == 8 => (*version, 16),
            ["L", epoch, slot] if slot.len() == 8 => (*epoch, 8),
            _ => return false,
        };
        let is_number = version.len() == digits && version.bytes().all(|it| it.is_ascii_hexdigit());
        let epoch = version.get(..8).map(|epoch| u32::from_str_radix(epoch, 16));
        is_number && matches!(epoch, Some(Ok(epoch)) if epoch < self.number)
    }

    /// The keys that the epochs that are kept, and a transaction that goes on, refer to.
    fn needed(&mut self) -> Result<HashSet<String>> {
        let mut needed = HashSet::new();
        for number in self.epoch.oldest.max(1)..=self.number {
            let state = open::read_epoch(&self.access, number, None)?;
            self.add_needed(state, &mut needed)?;
        }
        // What epochs list that are not cleaned yet.
        let keys: Vec<String> = (self.cleaned + 1..=self.number)
            .map(|epoch| self.access.keys.epoch(epoch))
            .collect();
        for (key, value) in keys.iter().zip(self.access.read_many(&keys)?) {
            let value = value.ok_or_else(|| Error::corrupt(key, "is missing"))?;
            let epoch = crate::epoch::Epoch::decode(key, &value)?;
            let parts = 0..u32::from(epoch.garbage_parts);
            needed.extend(parts.map(|part| self.access.keys.garbage(epoch.root, part)));
        }
        let overlay = &self.overlay;
        let spilled = overlay
            .spilled
            .iter()
            .map(|(page, version)| (*page, *version));
        let images = spilled.chain(overlay.superseded.iter().copied());
        needed.extend(images.map(|(page, version)| self.access.keys.image(page, version)));
        Ok(needed)
    }

    fn add_needed(&self, mut state: State, needed: &mut HashSet<String>) -> Result<()> {
        let keys = &self.access.keys;
        let parts = 0..u32::from(state.epoch.root_parts);
        needed.extend(parts.map(|part| keys.root(state.epoch.root, part)));
        for range in &state.epoch.ranges {
            needed.extend((range.first..=range.last).map(|slot| keys.slot(range.epoch, slot)));
        }
        for (leaf, version) in (0..).zip(state.index.leaves().to_vec()) {
            if !version.is_none() {
                needed.insert(keys.leaf(leaf, version));
            }
        }
        // The root may know pages behind the end of the state.
        for (page, version) in state.index.all(&self.access)? {
            if version != Version::NONE {
                needed.insert(keys.image(page, version));
            }
        }
        Ok(())
    }

    /// The keys of epochs that are not needed: those of writers that died before they deleted them.
    fn passed_epochs(&self, mut keys: Vec<String>) -> Result<Vec<String>> {
        let end = self.passed();
        keys.retain(|key| {
            let number = self.access.keys.epoch_of(key);
            number.is_some_and(|number| is_passed(number, end))
        });
        self.access.that_fence_nobody(keys)
    }

    /// Takes seals out of a list, and slots of which nobody knows what they are.
    fn keep_seals(&self, unused: &mut Vec<String>) -> Result<()> {
        let slots = format!("{}L/", self.access.keys.prefix());
        let keys: Vec<String> = unused
            .iter()
            .filter(|key| key.starts_with(&slots))
            .cloned()
            .collect();
        let mut kept = HashSet::new();
        for (key, value) in keys.iter().zip(self.access.read_many(&keys)?) {
            let kind = value.as_deref().map(|value| record::decode(key, value));
            match kind {
                Some(Ok(record)) if record.kind != Kind::Seal => {}
                _ => {
                    kept.insert(key.clone());
                }
            }
        }
        unused.retain(|key| !kept.contains(key));
        Ok(())
    }
}
