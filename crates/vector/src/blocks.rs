//! Blocks that many states of a table share: changing one copies it, and what leads to it, if another state has it too.

use std::sync::Arc;

const PER_DIRECTORY: usize = 256;

/// A list of blocks, each an [`Arc`], in two levels.
#[derive(Debug, Clone)]
pub(crate) struct Blocks<T> {
    directories: Vec<Arc<Vec<T>>>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self {
            directories: Vec::new(),
        }
    }
}

impl<T: Clone> Blocks<T> {
    pub(crate) fn len(&self) -> usize {
        self.directories.last().map_or(0, |last| {
            (self.directories.len() - 1) * PER_DIRECTORY + last.len()
        })
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        let directory = self.directories.get(at / PER_DIRECTORY)?;
        directory.get(at % PER_DIRECTORY)
    }

    /// A block to change with [`Arc::make_mut`].
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let directory = self.directories.get_mut(at / PER_DIRECTORY)?;
        Arc::make_mut(directory).get_mut(at % PER_DIRECTORY)
    }

    pub(crate) fn push(&mut self, block: T) {
        match self.directories.last_mut() {
            Some(last) if last.len() < PER_DIRECTORY => Arc::make_mut(last).push(block),
            _ => {
                let mut directory = Vec::with_capacity(PER_DIRECTORY);
                directory.push(block);
                self.directories.push(Arc::new(directory));
            }
        }
    }

    /// A block to change, after as many new ones as it takes to have it.
    pub(crate) fn get_or_grow(&mut self, at: usize, new: impl Fn() -> T) -> &mut T {
        while self.len() <= at {
            self.push(new());
        }
        let directory = Arc::make_mut(&mut self.directories[at / PER_DIRECTORY]);
        &mut directory[at % PER_DIRECTORY]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let directories = self.directories.iter();
        directories.flat_map(|directory| directory.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_its_state_alone() {
        let mut first = Blocks::default();
        for number in 0..600 {
            first.push(Arc::new(number));
        }
        let mut second = first.clone();
        *Arc::make_mut(second.get_mut(300).unwrap()) = -1;
        *Arc::make_mut(second.get_or_grow(600, || Arc::new(7))) += 1;
        assert_eq!(
            (**first.get(300).unwrap(), **second.get(300).unwrap()),
            (300, -1)
        );
        assert_eq!((first.len(), second.len()), (600, 601));
        assert_eq!(**second.get(600).unwrap(), 8);
        // What did not change is shared.
        assert!(Arc::ptr_eq(&first.directories[0], &second.directories[0]));
        assert_eq!(second.iter().count(), 601);
    }
}
