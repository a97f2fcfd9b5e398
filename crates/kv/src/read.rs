//! Read a page: from the transaction, from slots, from the cache, from the store.

use std::rc::Rc;

use crate::cache::Image;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::frame::unpack_image;
use crate::key::Version;
use crate::record::{self, Kind};

impl Database {
    /// The image of a page, as the transaction sees it.
    pub fn read(&mut self, page: u32) -> Result<Image> {
        self.check_reading()?;
        if page == 0 || page > self.overlay.size {
            return Err(Error::Usage(format!("there is no page {page}")));
        }
        if let Some(image) = self.overlay.dirty.get(&page) {
            return Ok(Rc::clone(image));
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

    pub(crate) fn root_version(&mut self, page: u32) -> Result<Version> {
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
        match self.access.has_newer(self.number) {
            Ok(true) if self.options.readonly => Error::Stale { key },
            Ok(true) => self.note(Error::Fenced { key }),
            Ok(false) => error,
            // It cannot be told which of the two it is.
            Err(failed) => failed,
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
        let most = self.access.most_ahead().min(fits.max(1));
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

    pub(crate) fn keep(
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
}
