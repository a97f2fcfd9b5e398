//! Where a walk has been.

/// A set of slots that is emptied at once: one byte a slot says which walk was there last.
#[derive(Debug, Default)]
pub(super) struct Visited {
    walks: Vec<u8>,
    walk: u8,
}

impl Visited {
    /// Empties the set, for slots below `slots`.
    pub fn reset(&mut self, slots: u32) {
        let slots = slots as usize;
        self.walk = self.walk.wrapping_add(1);
        if self.walk == 0 || self.walks.len() < slots {
            self.walks.clear();
            self.walks.resize(slots, 0);
            self.walk = 1;
        }
    }

    /// Whether the slot is new. One that is not below `slots` never is.
    #[inline]
    pub fn insert(&mut self, slot: u32) -> bool {
        match self.walks.get_mut(slot as usize) {
            Some(walk) if *walk != self.walk => {
                *walk = self.walk;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_new_once_a_walk() {
        let mut visited = Visited::default();
        for walk in 0..600 {
            visited.reset(10 + walk / 100);
            assert!(visited.insert(3) && !visited.insert(3));
            assert!(visited.insert(9 + walk / 100));
            assert!(!visited.insert(10 + walk / 100), "beyond the slots");
        }
    }
}
