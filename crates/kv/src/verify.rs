//! Verify: read all that the epochs that are kept refer to, and say what is wrong with it.

use std::collections::{BTreeSet, HashSet};

use crate::access::Access;
use crate::database::{usize_of, Database};
use crate::error::{Error, Result};
use crate::frame::unpack_image;
use crate::index::last_of_leaf;
use crate::key::Version;
use crate::open::{self, State};
use crate::recent::Recent;
use crate::record::{self, Kind};

/// Faults that are told one by one.
const MOST_FAULTS: usize = 100;

type Pages = BTreeSet<(u32, Version)>;

/// What was found.
#[derive(Default)]
struct Report {
    faults: Vec<String>,
    more: u64,
    /// One of the keys, and all of them.
    key: Option<String>,
    known: HashSet<String>,
}

impl Report {
    /// Notes what is wrong with a value; an error of the store says nothing about it.
    fn note(&mut self, error: Error) -> Result<()> {
        let Error::Corrupt { key, .. } = &error else {
            return Err(error);
        };
        self.key.get_or_insert_with(|| key.clone());
        if !self.known.insert(key.clone()) {
            return Ok(());
        }
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(error.to_string());
        } else {
            self.more += 1;
        }
        Ok(())
    }
}

impl Database {
    /// Reads everything that this database and the epochs that are kept need. What is damaged or missing is told in a
    /// line each; no lines: all is there.
    pub fn verify(&mut self) -> Result<Vec<String>> {
        self.check()?;
        let mut report = Report::default();
        let mut pages = Pages::new();
        // Before the first commit of a database that is only read there may be no epoch.
        for number in self.epoch.oldest.max(1)..=self.number {
            let slots = (number == self.number).then_some(self.slots);
            match open::read_epoch(&self.access, number, slots) {
                Ok(state) => self.verify_state(state, &mut pages, &mut report)?,
                Err(error) => report.note(error)?,
            }
        }
        self.verify_images(&pages, &mut report)?;
        if let Some(key) = report.key {
            // What is missing may be what a newer writer deleted.
            if self.access.has_newer(self.number)? {
                let gone = Error::corrupt(key, "is missing");
                return Err(self.explain(gone));
            }
        }
        if report.more > 0 {
            report.faults.push(format!("and {} more", report.more));
        }
        Ok(report.faults)
    }

    /// Whether every page of a state has an image, and each of its slots makes one.
    fn verify_state(&self, mut state: State, pages: &mut Pages, report: &mut Report) -> Result<()> {
        let page_size = usize_of(state.epoch.page_size);
        // A leaf that cannot be read is told once.
        let mut damaged = 0;
        for page in 1..=state.size {
            if page <= damaged {
                continue;
            }
            let recent = state.recent.get(&page).cloned();
            let needs_root = recent.as_ref().is_none_or(Recent::needs_root);
            let mut root = None;
            if needs_root {
                let found = if page <= state.shortest {
                    state.index.version(&self.access, page)
                } else {
                    Ok(Version::NONE)
                };
                let version = match found {
                    Ok(version) => version,
                    Err(error) => {
                        report.note(error)?;
                        damaged = last_of_leaf(page);
                        continue;
                    }
                };
                if version.is_none() {
                    let key = self.access.keys.image(page, version);
                    report.note(Error::corrupt(key, "is in no index: the page is missing"))?;
                    continue;
                }
                pages.insert((page, version));
                if recent.is_some() {
                    let key = self.access.keys.image(page, version);
                    root = read_image(&self.access, &key, page_size)?;
                    if root.is_none() {
                        // Told with the other images.
                        continue;
                    }
                }
            }
            if let Some(mut recent) = recent {
                if let Err(error) = recent.make(root.map(Into::into), page_size) {
                    report.note(error)?;
                }
            }
        }
        Ok(())
    }

    fn verify_images(&self, pages: &Pages, report: &mut Report) -> Result<()> {
        let keys: Vec<String> = pages
            .iter()
            .map(|(page, version)| self.access.keys.image(*page, *version))
            .collect();
        for keys in keys.chunks(self.access.limits.max_read_keys) {
            for (key, value) in keys.iter().zip(self.access.read_many(keys)?) {
                let Some(value) = value else {
                    report.note(Error::corrupt(key, "is missing"))?;
                    continue;
                };
                match record::body(key, &value, Kind::Image) {
                    Ok(body) if unpack_image(body, self.page_size()).is_some() => {}
                    Ok(_) => report.note(Error::corrupt(key, "is no page of this size"))?,
                    Err(error) => report.note(error)?,
                }
            }
        }
        Ok(())
    }
}

/// An image, if it is sound.
fn read_image(access: &Access, key: &str, page_size: usize) -> Result<Option<Vec<u8>>> {
    let value = access.read(key)?;
    Ok(value.and_then(|value| {
        let body = record::body(key, &value, Kind::Image).ok()?;
        unpack_image(body, page_size)
    }))
}
