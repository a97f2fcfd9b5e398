//! Pages that slots have changed since the root.

use std::rc::Rc;

use crate::cache::Image;
use crate::error::{Error, Result};
use crate::frame::Frame;

/// A page since the root: packed, until it is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    frames: Vec<(Frame, Rc<str>)>,
    image: Option<Image>,
}

impl Recent {
    pub(crate) fn of(image: Image) -> Self {
        Self {
            frames: Vec::new(),
            image: Some(image),
        }
    }

    pub(crate) fn push(&mut self, frame: Frame, key: &str) {
        if !frame.is_after() {
            self.frames.clear();
        }
        self.frames.push((frame, key.into()));
        self.image = None;
    }

    pub(crate) fn image(&self) -> Option<Image> {
        self.image.clone()
    }

    /// Whether the page of the root is needed to make the image.
    pub(crate) fn needs_root(&self) -> bool {
        self.image.is_none()
            && self
                .frames
                .first()
                .is_some_and(|(frame, _)| frame.is_after())
    }

    /// Makes the image, once.
    pub(crate) fn make(&mut self, root: Option<Image>, page_size: usize) -> Result<Image> {
        if let Some(image) = &self.image {
            return Ok(Rc::clone(image));
        }
        let mut image = root;
        for (frame, key) in &self.frames {
            let made = frame.unpack(image.as_deref(), page_size);
            let made = made.ok_or_else(|| Error::corrupt(&**key, "holds a damaged page"))?;
            image = Some(made.into());
        }
        let image = image.ok_or_else(|| Error::Usage("a page has no frames".into()))?;
        self.image = Some(Rc::clone(&image));
        self.frames.clear();
        Ok(image)
    }
}
