//! Epochs that are kept: which ones there are, and going back to one.

use std::collections::HashMap;

use crate::access::Access;
use crate::cache::Image;
use crate::database::{usize_of, Database};
use crate::epoch::Epoch;
use crate::error::{Error, Result};
use crate::frame::unpack_image;
use crate::header::follow;
use crate::key::Version;
use crate::open::{self, State};
use crate::recent::Recent;
use crate::record::{self, Kind};

/// An epoch that can be opened and restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its number.
    pub epoch: u32,
    /// When it was made, in ms since 1970; 0 if nobody noted it.
    pub time: u64,
    /// Pages of the database.
    pub pages: u32,
}

impl Database {
    /// The epochs that are kept now, the oldest first.
    pub fn history(&self) -> Result<Vec<Moment>> {
        self.check()?;
        let (newest, _) = self.access.newest(self.number, &[])?;
        if newest == 0 {
            return Ok(Vec::new());
        }
        // Those that this database knows of may be gone.
        let last = self.epochs(newest, newest)?;
        let oldest = last.last().map_or(newest, |epoch| epoch.oldest.max(1));
        let moments = (oldest..).zip(self.epochs(oldest, newest)?);
        Ok(moments
            .map(|(epoch, it)| Moment {
                epoch,
                time: it.time,
                pages: it.pages,
            })
            .collect())
    }

    fn epochs(&self, first: u32, last: u32) -> Result<Vec<Epoch>> {
        let keys: Vec<String> = (first..=last)
            .map(|epoch| self.access.keys.epoch(epoch))
            .collect();
        let values = self.access.read_many(&keys)?;
        let decode = |(key, value): (&String, Option<Vec<u8>>)| match value {
            Some(value) => Epoch::decode(key, &value),
            None => Err(Error::corrupt(key, "is missing")),
        };
        keys.iter().zip(values).map(decode).collect()
    }

    /// Commits the state of an epoch once more. A new epoch that named its root would lose the pages that garbage lists
    /// since then name. The connection's cache must be reset afterwards.
    pub fn restore(&mut self, epoch: u32) -> Result<()> {
        self.check()?;
        if self.options.readonly {
            return Err(Error::Usage("the database is open for reading".into()));
        }
        self.is_kept(epoch)?;
        self.rollback();
        self.flush()?;
        let old = open::read_epoch(&self.access, epoch, None);
        let done = old.and_then(|old| self.write_state(old));
        if let Err(error) = done {
            self.rollback();
            return Err(self.explain(error));
        }
        let done = self.commit();
        if done.is_err() {
            self.rollback();
        }
        done
    }

    /// An error if an epoch is none of those that are kept.
    fn is_kept(&self, epoch: u32) -> Result<()> {
        not_kept(epoch, self.epoch.oldest, self.number)
    }

    fn write_state(&mut self, mut old: State) -> Result<()> {
        let header = match self.size {
            0 => None,
            _ => Some(self.read(1)?),
        };
        self.truncate(old.size)?;
        let mut changed = Vec::new();
        for page in 1..=old.size {
            let then = if page <= old.shortest {
                old.index.version(&self.access, page)?
            } else {
                Version::NONE
            };
            let is_plain = !old.recent.contains_key(&page) && !self.recent.contains_key(&page);
            let now = if is_plain && page <= self.size.min(self.shortest) {
                self.index.version(&self.access, page)?
            } else {
                Version::NONE
            };
            if !is_plain || then != now || page == 1 {
                changed.push((page, then));
            }
        }
        let page_size = usize_of(old.epoch.page_size);
        for pages in changed.chunks(self.access.limits.max_read_keys) {
            for (page, image) in images(&self.access, &mut old.recent, page_size, pages)? {
                let mut image = image.to_vec();
                if let (1, Some(header)) = (page, &header) {
                    follow(&mut image, header);
                }
                self.write(page, image)?;
            }
        }
        Ok(())
    }
}

/// The images of pages whose versions in the root are given, in as few calls as the limits of the store allow.
pub(crate) fn images(
    access: &Access,
    recent: &mut HashMap<u32, Recent>,
    page_size: usize,
    pages: &[(u32, Version)],
) -> Result<Vec<(u32, Image)>> {
    let needs_root =
        |recent: &HashMap<u32, Recent>, page: u32| recent.get(&page).is_none_or(Recent::needs_root);
    let keys: Vec<String> = pages
        .iter()
        .filter(|(page, _)| needs_root(recent, *page))
        .map(|(page, version)| access.keys.image(*page, *version))
        .collect();
    let mut values = keys.iter().zip(access.read_many(&keys)?);
    let mut images = Vec::with_capacity(pages.len());
    for (page, _) in pages {
        let mut root: Option<Image> = None;
        if needs_root(recent, *page) {
            let Some((key, value)) = values.next() else {
                break;
            };
            let value = value.ok_or_else(|| Error::corrupt(key, "is missing"))?;
            let image = unpack_image(record::body(key, &value, Kind::Image)?, page_size);
            let image = image.ok_or_else(|| Error::corrupt(key, "is no page of this size"))?;
            root = Some(image.into());
        }
        let image = match (recent.get_mut(page), root) {
            (Some(recent), root) => recent.make(root, page_size)?,
            (None, Some(root)) => root,
            (None, None) => return Err(Error::Usage("a page has no image".into())),
        };
        images.push((*page, image));
    }
    Ok(images)
}

pub(crate) fn not_kept(epoch: u32, oldest: u32, newest: u32) -> Result<()> {
    if (oldest.max(1)..=newest).contains(&epoch) {
        return Ok(());
    }
    let message = format!("epoch {epoch} is not kept: {oldest} to {newest} are");
    Err(Error::Usage(message))
}
