//! Which version each page has: leaves of 4,096 pages, and a root that lists the leaves.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use lz4_flex::block;

use crate::access::Access;
use crate::epoch::Epoch;
use crate::error::{Error, Result};
use crate::garbage::Garbage;
use crate::key::Version;
use crate::record::{self, Kind, Reader};
use crate::store::Entry;

const PAGES_PER_LEAF: u32 = 4096;
const LEAVES_PER_PART: usize = 4096;

type Leaf = Rc<Vec<Version>>;

/// The index of one root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    /// The versions of all leaves.
    leaves: Vec<Version>,
    /// Those that were read.
    loaded: HashMap<u32, (Version, Leaf)>,
    /// The root itself.
    root: (Version, u16),
}

/// A new index, and what has to be stored for it.
pub(crate) struct NewIndex {
    pub(crate) index: Index,
    pub(crate) entries: Vec<Entry>,
    pub(crate) garbage: Vec<Garbage>,
    pub(crate) parts: u16,
}

fn place(page: u32) -> Option<(u32, usize)> {
    let at = page.checked_sub(1)?;
    let within = usize::try_from(at % PAGES_PER_LEAF).ok()?;
    Some((at / PAGES_PER_LEAF, within))
}

/// The last page that is in the leaf of this one.
pub(crate) fn last_of_leaf(page: u32) -> u32 {
    page.div_ceil(PAGES_PER_LEAF).saturating_mul(PAGES_PER_LEAF)
}

fn index_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn encode_leaf(leaf: &[Version]) -> Vec<u8> {
    let raw: Vec<u8> = leaf
        .iter()
        .flat_map(|version| version.number().to_le_bytes())
        .collect();
    block::compress(&raw)
}

fn decode_leaf(key: &str, value: &[u8]) -> Result<Vec<Version>> {
    let body = record::body(key, value, Kind::Leaf)?;
    let most = index_of(PAGES_PER_LEAF) * 8;
    let raw = block::decompress(body, most).ok();
    let raw = raw.filter(|raw| raw.len() % 8 == 0 && raw.len() <= most);
    let raw = raw.ok_or_else(|| Error::corrupt(key, "is no leaf of the index"))?;
    let mut reader = Reader(&raw);
    Ok(std::iter::from_fn(|| reader.u64().map(Version::from_number)).collect())
}

impl Index {
    /// That of an epoch. `known` are values that were read before.
    pub(crate) fn load(
        access: &Access,
        epoch: &Epoch,
        known: &HashMap<String, Vec<u8>>,
    ) -> Result<Self> {
        let mut index = Self {
            root: (epoch.root, epoch.root_parts),
            ..Self::default()
        };
        if epoch.root.is_none() {
            return Ok(index);
        }
        let keys: Vec<String> = (0..u32::from(epoch.root_parts))
            .map(|part| access.keys.root(epoch.root, part))
            .collect();
        let wanted: Vec<String> = keys
            .iter()
            .filter(|key| !known.contains_key(*key))
            .cloned()
            .collect();
        let mut read = access.read_many(&wanted)?.into_iter();
        for key in &keys {
            let value = match known.get(key) {
                Some(value) => value.clone(),
                None => read
                    .next()
                    .flatten()
                    .ok_or_else(|| Error::corrupt(key, "is missing"))?,
            };
            let mut reader = Reader(record::body(key, &value, Kind::Root)?);
            // The version of page 1, for the hint.
            reader.u64();
            while let Some(version) = reader.u64() {
                index.leaves.push(Version::from_number(version));
            }
        }
        for (leaf, version) in index.leaves.iter().enumerate().take(1) {
            let leaf = u32::try_from(leaf).unwrap_or(0);
            let key = access.keys.leaf(leaf, *version);
            if let Some(value) = known.get(&key) {
                let versions = decode_leaf(&key, value)?;
                index.loaded.insert(leaf, (*version, Rc::new(versions)));
            }
        }
        Ok(index)
    }

    /// What was read for the index before it can be of use for this one.
    pub(crate) fn adopt(&mut self, old: &mut Self) {
        for (leaf, (version, versions)) in old.loaded.drain() {
            if self.leaves.get(index_of(leaf)) == Some(&version) {
                self.loaded.entry(leaf).or_insert((version, versions));
            }
        }
    }

    /// The version of a leaf; none if there is no such leaf.
    pub(crate) fn leaf_version(&self, leaf: u32) -> Version {
        self.leaves
            .get(index_of(leaf))
            .copied()
            .unwrap_or(Version::NONE)
    }

    /// The versions of all leaves.
    pub(crate) fn leaves(&self) -> &[Version] {
        &self.leaves
    }

    /// All pages with their versions.
    pub(crate) fn all(&mut self, access: &Access) -> Result<Vec<(u32, Version)>> {
        let mut all = Vec::new();
        let leaves = u32::try_from(self.leaves.len()).unwrap_or(u32::MAX);
        for leaf in 0..leaves {
            let versions = self.leaf(access, leaf)?;
            let first = leaf * PAGES_PER_LEAF + 1;
            all.extend((first..).zip(versions.iter().copied()));
        }
        Ok(all)
    }

    /// The version of a page, if its leaf was read.
    pub(crate) fn known(&self, page: u32) -> Option<Version> {
        let (leaf, at) = place(page)?;
        let (_, versions) = self.loaded.get(&leaf)?;
        versions
            .get(at)
            .copied()
            .filter(|version| !version.is_none())
    }

    /// The version of a page; none if there is no such page.
    pub(crate) fn version(&mut self, access: &Access, page: u32) -> Result<Version> {
        let Some((leaf, at)) = place(page) else {
            return Ok(Version::NONE);
        };
        let versions = self.leaf(access, leaf)?;
        Ok(versions.get(at).copied().unwrap_or(Version::NONE))
    }

    fn leaf(&mut self, access: &Access, leaf: u32) -> Result<Leaf> {
        if let Some((_, versions)) = self.loaded.get(&leaf) {
            return Ok(Rc::clone(versions));
        }
        if self.leaf_version(leaf).is_none() {
            return Ok(Leaf::default());
        }
        self.load_leaves(access, leaf)?;
        match self.loaded.get(&leaf) {
            Some((_, versions)) => Ok(Rc::clone(versions)),
            None => Err(Error::corrupt(
                access.keys.leaf(leaf, self.leaf_version(leaf)),
                "is missing",
            )),
        }
    }

    /// Reads a leaf, and the neighbours that fit into the same call.
    fn load_leaves(&mut self, access: &Access, leaf: u32) -> Result<()> {
        let most = u32::try_from(access.limits.max_read_keys)
            .unwrap_or(128)
            .min(128);
        let first = leaf.saturating_sub(most / 2);
        let wanted: Vec<u32> = (first..first.saturating_add(most))
            .filter(|near| !self.loaded.contains_key(near) && !self.leaf_version(*near).is_none())
            .collect();
        let key = |leaf: &u32| access.keys.leaf(*leaf, self.leaf_version(*leaf));
        let keys: Vec<String> = wanted.iter().map(key).collect();
        let values = access.read_many(&keys)?;
        for ((near, key), value) in wanted.iter().zip(&keys).zip(values) {
            let Some(value) = value else { continue };
            match decode_leaf(key, &value) {
                Ok(versions) => {
                    let version = self.leaf_version(*near);
                    self.loaded.insert(*near, (version, Rc::new(versions)));
                }
                Err(error) if *near == leaf => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// The index after `changes`, for a database of `size` pages, under a version of its own.
    pub(crate) fn change(
        &mut self,
        access: &Access,
        changes: &BTreeMap<u32, Version>,
        size: u32,
        version: Version,
    ) -> Result<NewIndex> {
        let count = size.div_ceil(PAGES_PER_LEAF);
        let mut new = Index {
            leaves: self.leaves.clone(),
            loaded: self.loaded.clone(),
            root: (version, 0),
        };
        let (mut entries, mut garbage) = (Vec::new(), Vec::new());
        let old_count = u32::try_from(self.leaves.len()).unwrap_or(u32::MAX);
        for leaf in 0..old_count.max(count) {
            let first = leaf * PAGES_PER_LEAF + 1;
            let last = first.saturating_add(PAGES_PER_LEAF - 1);
            let keeps = index_of(size.saturating_sub(first - 1).min(PAGES_PER_LEAF));
            let changed: Vec<_> = changes.range(first..=last).collect();
            let cut = size < last && leaf < old_count;
            if changed.is_empty() && !cut {
                continue;
            }
            let old = self.leaf(access, leaf)?;
            if changed.is_empty() && old.len() <= keeps {
                continue;
            }
            let mut versions = old.as_ref().clone();
            for gone in versions
                .split_off(versions.len().min(keeps))
                .iter()
                .enumerate()
            {
                let page = first + u32::try_from(keeps + gone.0).unwrap_or(0);
                garbage.push(Garbage::Image(page, *gone.1));
            }
            versions.resize(keeps, Version::NONE);
            for (page, now) in changed {
                let at = index_of(page - first);
                if let Some(slot) = versions.get_mut(at) {
                    garbage.push(Garbage::Image(*page, std::mem::replace(slot, *now)));
                }
            }
            if leaf < old_count {
                garbage.push(Garbage::Leaf(leaf, self.leaf_version(leaf)));
            }
            new.loaded.remove(&leaf);
            if leaf >= count {
                continue;
            }
            let key = access.keys.leaf(leaf, version);
            let (value, _) = record::encode(&key, Kind::Leaf, &encode_leaf(&versions));
            entries.push((key, value));
            new.put(leaf, version, versions);
        }
        new.leaves.truncate(index_of(count));
        if !self.root.0.is_none() {
            garbage.push(Garbage::Root(self.root.1, self.root.0));
        }
        garbage.retain(|item| !item.is_nothing());
        let parts = new.store_root(access, &mut entries)?;
        Ok(NewIndex {
            index: new,
            entries,
            garbage,
            parts,
        })
    }

    fn put(&mut self, leaf: u32, version: Version, versions: Vec<Version>) {
        let len = self.leaves.len().max(index_of(leaf) + 1);
        self.leaves.resize(len, Version::NONE);
        if let Some(slot) = self.leaves.get_mut(index_of(leaf)) {
            *slot = version;
        }
        self.loaded.insert(leaf, (version, Rc::new(versions)));
    }

    fn store_root(&mut self, access: &Access, entries: &mut Vec<Entry>) -> Result<u16> {
        let version = self.root.0;
        let first = self.version(access, 1)?;
        let parts = self.leaves.len().div_ceil(LEAVES_PER_PART).max(1);
        let parts = u16::try_from(parts).map_err(|_| Error::Full)?;
        let mut leaves = self.leaves.chunks(LEAVES_PER_PART);
        for part in 0..parts {
            let mut body = first.number().to_le_bytes().to_vec();
            for leaf in leaves.next().unwrap_or_default() {
                body.extend_from_slice(&leaf.number().to_le_bytes());
            }
            let key = access.keys.root(version, u32::from(part));
            let (value, _) = record::encode(&key, Kind::Root, &body);
            entries.push((key, value));
        }
        self.root.1 = parts;
        Ok(parts)
    }
}
