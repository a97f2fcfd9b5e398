//! Which pages to read together with one that is missing.
//!
//! A scan of a tree visits the children of an interior page in the order of their keys, forward or backward, wherever
//! they lie in the file. So each interior page that comes in is asked for its children, and a miss of a child beside
//! the last miss takes more of them. Pages of no tree, such as those of long rows, come in runs of numbers.

use std::collections::HashMap;
use std::rc::Rc;

/// How far apart pages of a run may be.
const GAP: u32 = 16;
/// The first window; each one after it is four times as long.
const FIRST: usize = 8;
/// Interior pages that are remembered.
const MOST_PARENTS: usize = 4096;

/// The children of an interior page, in the order of their keys. `SQLite` leaves the tail of a page as it is,
/// so what does not look like a page number is none.
pub fn children(page: u32, image: &[u8]) -> Option<Vec<u32>> {
    let start = if page == 1 { 100 } else { 0 };
    let head = image.get(start..start + 12)?;
    let kind = *head.first()?;
    if kind != 2 && kind != 5 {
        return None;
    }
    let u16_at = |at: usize| {
        let bytes: [u8; 2] = image.get(at..at + 2)?.try_into().ok()?;
        Some(usize::from(u16::from_be_bytes(bytes)))
    };
    let u32_at = |at: usize| {
        let bytes: [u8; 4] = image.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    let cells = u16_at(start + 3)?;
    let mut all = Vec::with_capacity(cells + 1);
    for cell in 0..cells {
        all.push(u32_at(u16_at(start + 12 + 2 * cell)?)?);
    }
    all.push(u32_at(start + 8)?);
    all.retain(|child| *child != 0);
    Some(all)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Scans that are followed at once: an index and its table, a join.
const SCANS: usize = 8;
/// Trees are never so deep; a damaged one may have a circle.
const DEEPEST: usize = 20;

/// Where a scan is.
#[derive(Debug, Clone, Copy)]
struct Scan {
    /// The first and the last page that were read for its last miss, in the order of the tree.
    first: u32,
    last: u32,
    window: usize,
}

/// What is known of the trees.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// The place of a child: its parent and its number there.
    places: HashMap<u32, (u32, usize)>,
    children: HashMap<u32, Rc<[u32]>>,
    /// The one that moved last is the last.
    scans: Vec<Scan>,
    run: Run,
}

/// Misses in the order of their numbers, whatever trees the pages belong to: a file that is copied, as VACUUM does.
#[derive(Debug, Default)]
struct Run {
    last: u32,
    misses: usize,
    window: usize,
}

/// Misses after which a run is believed.
const RUN: usize = 4;

impl Run {
    /// How many pages to read from this one on: 1 if it is in no run.
    fn window(&mut self, page: u32, most: usize) -> usize {
        if page <= self.last || page - self.last > GAP {
            *self = Self {
                last: page,
                ..Self::default()
            };
            return 1;
        }
        self.misses += 1;
        self.last = page;
        if self.misses < RUN {
            return 1;
        }
        self.window = (self.window * 4).max(FIRST).min(most).max(1);
        let more = u32::try_from(self.window - 1).unwrap_or(0);
        self.last = page.saturating_add(more);
        self.window
    }
}

impl Ahead {
    /// A page that has come in.
    pub(crate) fn learn(&mut self, page: u32, image: &[u8]) {
        let Some(children) = children(page, image) else {
            self.forget(page);
            return;
        };
        if self
            .children
            .get(&page)
            .is_some_and(|old| **old == *children)
        {
            return;
        }
        self.forget(page);
        if self.children.len() >= MOST_PARENTS {
            self.children.clear();
            self.places.clear();
        }
        for (at, child) in children.iter().enumerate() {
            self.places.insert(*child, (page, at));
        }
        self.children.insert(page, children.into());
    }

    /// A page that has changed.
    pub(crate) fn forget(&mut self, page: u32) {
        for child in self
            .children
            .remove(&page)
            .iter()
            .flat_map(|all| all.iter())
        {
            if self
                .places
                .get(child)
                .is_some_and(|(parent, _)| *parent == page)
            {
                self.places.remove(child);
            }
        }
    }

    /// The pages to read for a miss of `page`, itself first, at most `most`.
    pub(crate) fn plan(&mut self, page: u32, most: usize) -> Vec<u32> {
        let run = self.run.window(page, most);
        let found = self.scans.iter().enumerate().rev().find_map(|(at, scan)| {
            let direction = self.direction(scan, page)?;
            Some((at, direction))
        });
        let Some((at, direction)) = found else {
            if self.scans.len() >= SCANS {
                self.scans.remove(0);
            }
            self.scans.push(Scan {
                first: page,
                last: page,
                window: 1,
            });
            let more = u32::try_from(run - 1).unwrap_or(0);
            return (page..=page.saturating_add(more)).collect();
        };
        let scan = self.scans.remove(at);
        // An interior page itself: what is below it comes next, and is not known.
        let enters = self.is_above(page, scan.last) || self.is_above(page, scan.first);
        let window = match scan.window {
            _ if enters => scan.window,
            ..FIRST => FIRST,
            window => window.saturating_mul(4),
        };
        let window = window.min(most).max(1);
        let pages = self.pages(page, direction, if enters { 1 } else { window });
        let end = pages.last().copied().unwrap_or(page);
        let (first, last) = match direction {
            Direction::Forward => (page, end),
            Direction::Backward => (end, page),
        };
        self.scans.push(Scan {
            first,
            last,
            window,
        });
        pages
    }

    /// Which way a scan goes, if `page` is its next one.
    fn direction(&self, scan: &Scan, page: u32) -> Option<Direction> {
        if !self.places.contains_key(&page) {
            let run = page > scan.last && page - scan.last <= GAP;
            return (run && !self.places.contains_key(&scan.last)).then_some(Direction::Forward);
        }
        if self.neighbour(scan.last, Direction::Forward, 0) == Some(page) {
            return Some(Direction::Forward);
        }
        if self.neighbour(scan.first, Direction::Backward, 0) == Some(page) {
            return Some(Direction::Backward);
        }
        self.below(scan, page)
    }

    /// Whether the scan ended with the parent of `page`, which is its first or last child.
    fn below(&self, scan: &Scan, page: u32) -> Option<Direction> {
        let (parent, at) = self.places.get(&page).copied()?;
        let siblings = self.children.get(&parent)?;
        if at == 0 && scan.last == parent {
            return Some(Direction::Forward);
        }
        (at + 1 == siblings.len() && scan.first == parent).then_some(Direction::Backward)
    }

    /// The page beside this one in its tree, as far as that is known.
    fn neighbour(&self, page: u32, direction: Direction, depth: usize) -> Option<u32> {
        if depth > DEEPEST {
            return None;
        }
        let (parent, at) = self.places.get(&page).copied()?;
        let siblings = self.children.get(&parent)?;
        let within = match direction {
            Direction::Forward => siblings.get(at + 1),
            Direction::Backward => at.checked_sub(1).and_then(|at| siblings.get(at)),
        };
        if let Some(page) = within {
            return Some(*page);
        }
        let parent = self.neighbour(parent, direction, depth + 1)?;
        let siblings = self.children.get(&parent);
        match direction {
            // A parent that is not known yet comes next itself.
            _ if siblings.is_none() => Some(parent),
            Direction::Forward => siblings?.first().copied(),
            Direction::Backward => siblings?.last().copied(),
        }
    }

    fn pages(&self, page: u32, direction: Direction, window: usize) -> Vec<u32> {
        let mut pages = vec![page];
        if !self.places.contains_key(&page) {
            let rest = u32::try_from(window - 1).unwrap_or(0);
            pages.extend(page.saturating_add(1)..=page.saturating_add(rest));
            return pages;
        }
        let mut at = page;
        while pages.len() < window {
            let Some(next) = self.neighbour(at, direction, 0) else {
                break;
            };
            pages.push(next);
            if self.is_above(next, at) {
                // Its children are not known before it is here.
                break;
            }
            at = next;
        }
        pages
    }

    /// Whether `next` is on the level of the parent of `page`.
    fn is_above(&self, next: u32, page: u32) -> bool {
        let grandparent = |page: u32| {
            let (parent, _) = self.places.get(&page)?;
            self.places.get(parent).map(|(above, _)| *above)
        };
        let above = self.places.get(&next).map(|(above, _)| *above);
        above.is_some() && above == grandparent(page)
    }
}
