//! Images that were read, as far as they fit.

use std::cell::Cell;
use std::rc::Rc;

use quick_cache::unsync::{self, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::key::Version;

/// The image of a page.
pub(crate) type Image = Rc<[u8]>;

#[derive(Clone)]
struct Cached {
    image: Image,
    /// It was read ahead and not yet used.
    idle: Rc<Cell<bool>>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<(u32, Version), Cached> for Bytes {
    fn weight(&self, _: &(u32, Version), cached: &Cached) -> u64 {
        u64::try_from(cached.image.len()).unwrap_or(u64::MAX).max(1)
    }
}

/// Images by page and version: an old one is never taken for a new one.
pub(crate) struct Cache {
    images: unsync::Cache<(u32, Version), Cached, Bytes>,
    bytes: usize,
}

/// What was found, and whether it had been read ahead.
pub(crate) struct Hit {
    pub(crate) image: Image,
    pub(crate) was_ahead: bool,
}

impl Cache {
    pub(crate) fn new(bytes: usize, page_size: usize) -> Self {
        let bytes = bytes.max(16 * page_size);
        let weight = u64::try_from(bytes).unwrap_or(u64::MAX);
        let images = OptionsBuilder::new()
            .estimated_items_capacity(bytes / page_size)
            .weight_capacity(weight)
            // What was read ahead must stay until it is used: by default it gets 3 % of the cache.
            .hot_allocation(0.5)
            .build();
        let images = match images {
            Ok(options) => unsync::Cache::with_options(
                options,
                Bytes,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            Err(_) => unsync::Cache::with_weighter(bytes / page_size, weight, Bytes),
        };
        Self { images, bytes }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn get(&self, page: u32, version: Version) -> Option<Hit> {
        let cached = self.images.get(&(page, version))?;
        Some(Hit {
            image: Rc::clone(&cached.image),
            was_ahead: cached.idle.replace(false),
        })
    }

    pub(crate) fn has(&self, page: u32, version: Version) -> bool {
        self.images.peek(&(page, version)).is_some()
    }

    pub(crate) fn insert(&mut self, page: u32, version: Version, image: Image, ahead: bool) {
        let idle = Rc::new(Cell::new(ahead));
        self.images.insert((page, version), Cached { image, idle });
    }
}
