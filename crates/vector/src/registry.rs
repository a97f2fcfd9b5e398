//! States that connections of one process share, if they read the same file.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use crate::root::Root;

/// Which state of which table: the file, the table's id, and the number and the stamp of the write that made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) file: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) seq: i64,
    pub(crate) stamp: i64,
}

type Roots = HashMap<Key, Weak<Root>>;

static ROOTS: LazyLock<Mutex<Roots>> = LazyLock::new(Mutex::default);

/// A map is whole after each call, so a panic of another thread did not harm it.
fn roots() -> MutexGuard<'static, Roots> {
    ROOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn find(key: &Key) -> Option<Arc<Root>> {
    roots().get(key)?.upgrade()
}

/// What was loaded, or what another thread has loaded meanwhile: one of the two stays.
pub(crate) fn share(key: Key, root: Arc<Root>) -> Arc<Root> {
    let mut roots = roots();
    if let Some(known) = roots.get(&key).and_then(Weak::upgrade) {
        return known;
    }
    roots.retain(|_, root| root.strong_count() > 0);
    roots.insert(key, Arc::downgrade(&root));
    root
}

pub(crate) fn publish(key: Key, root: &Arc<Root>) {
    let mut roots = roots();
    roots.retain(|_, root| root.strong_count() > 0);
    roots.insert(key, Arc::downgrade(root));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::State;
    use crate::layout::Layout;
    use crate::options::Options;

    fn root(seq: i64) -> Arc<Root> {
        let options = Options::parse(&[b"dimension=2"]).unwrap();
        let mut root = Root::new(Layout::new(&options, 1, 1).unwrap(), State::EMPTY, 0);
        root.seq = seq;
        Arc::new(root)
    }

    #[test]
    fn threads_load_publish_and_drop_states() {
        let key = |seq| Key {
            file: b"threads_load".to_vec(),
            id: vec![7],
            seq,
            stamp: 2,
        };
        std::thread::scope(|scope| {
            for thread in 0..4_i64 {
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for round in 0..20_000_i64 {
                        let seq = (round * 7 + thread) % 13;
                        let found = find(&key(seq)).unwrap_or_else(|| {
                            let root = root(seq);
                            publish(key(seq), &root);
                            root
                        });
                        assert_eq!(found.seq, seq);
                        kept.push(found);
                        if kept.len() > 5 {
                            kept.remove(usize::try_from(round % 5).unwrap());
                        }
                    }
                });
            }
        });
        assert!((0..13).all(|seq| find(&key(seq)).is_none()));
        // What nobody has any more goes with the next one.
        let last = root(99);
        publish(key(99), &last);
        let all = roots();
        assert_eq!(all.keys().filter(|key| key.id == [7]).count(), 1);
    }

    #[test]
    fn a_state_is_found_as_long_as_somebody_has_it() {
        let options = Options::parse(&[b"dimension=2"]).unwrap();
        let root = Root::new(Layout::new(&options, 1, 1).unwrap(), State::EMPTY, 0);
        let root = Arc::new(root);
        let key = Key {
            file: b"a_state_is_found".to_vec(),
            id: vec![1],
            seq: 1,
            stamp: 2,
        };
        publish(key.clone(), &root);
        assert!(find(&key).is_some_and(|found| Arc::ptr_eq(&found, &root)));
        let other = Key {
            stamp: 3,
            ..key.clone()
        };
        assert!(find(&other).is_none());
        drop(root);
        assert!(find(&key).is_none());
    }
}
