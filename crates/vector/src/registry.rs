//! States that connections of one process share, if they read the same file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::root::Root;
use crate::sync::{lock, Arc, Mutex, Weak};

/// Which state of which table: the file, the table's id, and the number and the stamp of the write that made it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) file: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) seq: i64,
    pub(crate) stamp: i64,
}

/// Those of the process.
pub(crate) static ROOTS: LazyLock<Registry<Root>> = LazyLock::new(Registry::new);

/// What is found as long as somebody has it.
pub(crate) struct Registry<T>(Mutex<BTreeMap<Key, Weak<T>>>);

impl<T> Registry<T> {
    fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(crate) fn find(&self, key: &Key) -> Option<Arc<T>> {
        lock(&self.0).get(key)?.upgrade()
    }

    /// What was loaded or committed, or what another thread had of it before: one of the two stays.
    pub(crate) fn share(&self, key: Key, value: Arc<T>) -> Arc<T> {
        let mut known = lock(&self.0);
        if let Some(known) = known.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        known.retain(|_, value| value.strong_count() > 0);
        known.insert(key, Arc::downgrade(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{model, thread};

    fn key(seq: i64) -> Key {
        Key {
            file: b"a".to_vec(),
            id: vec![7],
            seq,
            stamp: 2,
        }
    }

    /// A table of which a state is the number of it.
    type States = Arc<Registry<i64>>;

    fn states() -> States {
        Arc::new(Registry::new())
    }

    /// What a reader does.
    fn load(states: &States, seq: i64) -> Arc<i64> {
        let found = states.find(&key(seq));
        let state = found.unwrap_or_else(|| states.share(key(seq), Arc::new(seq)));
        assert_eq!(*state, seq);
        state
    }

    fn count(states: &States) -> usize {
        lock(&states.0).len()
    }

    #[test]
    fn who_loads_a_state_at_once_has_one_of_it() {
        model(|| {
            let states = states();
            let loading = [0, 1].map(|_| {
                let states = states.clone();
                thread::spawn(move || load(&states, 1))
            });
            let [first, second] = loading.map(|thread| thread.join().unwrap());
            assert!(Arc::ptr_eq(&first, &second));
            assert!(states
                .find(&key(1))
                .is_some_and(|it| Arc::ptr_eq(&it, &first)));
        });
    }

    /// The file has what is committed before the writer tells it here.
    #[test]
    fn who_loads_what_is_being_committed_shares_it_with_the_writer() {
        model(|| {
            let states = states();
            let old = load(&states, 1);
            let writing = {
                let states = states.clone();
                thread::spawn(move || {
                    let new = states.share(key(2), Arc::new(2));
                    drop(old);
                    new
                })
            };
            let read = load(&states, 2);
            let written = writing.join().unwrap();
            assert!(Arc::ptr_eq(&read, &written));
            assert!(states.find(&key(1)).is_none());
        });
    }

    #[test]
    fn a_state_that_goes_is_found_whole_or_not_at_all() {
        model(|| {
            let states = states();
            let last = load(&states, 1);
            let going = thread::spawn(move || drop(last));
            if let Some(found) = states.find(&key(1)) {
                assert_eq!(*found, 1);
            }
            going.join().unwrap();
            assert!(states.find(&key(1)).is_none());
        });
    }

    /// It may come again at that moment.
    #[test]
    fn who_loads_a_state_that_goes_has_the_one_that_is_found() {
        model(|| {
            let states = states();
            let last = load(&states, 1);
            let going = thread::spawn(move || drop(last));
            let again = load(&states, 1);
            going.join().unwrap();
            let found = states.find(&key(1));
            assert!(found.is_some_and(|found| Arc::ptr_eq(&found, &again)));
            drop(again);
            assert!(states.find(&key(1)).is_none());
        });
    }

    #[test]
    fn what_nobody_has_goes_with_the_next() {
        model(|| {
            let states = states();
            let going = [1, 2].map(|seq| {
                let states = states.clone();
                thread::spawn(move || drop(load(&states, seq)))
            });
            let kept = load(&states, 3);
            for thread in going {
                thread.join().unwrap();
            }
            let next = load(&states, 4);
            assert_eq!(count(&states), 2);
            assert_eq!((*kept, *next), (3, 4));
        });
    }

    #[test]
    fn another_write_is_another_state() {
        model(|| {
            let states = states();
            let kept = load(&states, 1);
            let other = Key { stamp: 3, ..key(1) };
            assert!(states.find(&other).is_none());
            assert_eq!(*kept, 1);
        });
    }
}
