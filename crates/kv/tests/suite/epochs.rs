//! Epochs pass: few of them stay, whoever looks for the newest one finds it, and who slept for long is fenced off.

// A test may fail by panicking.

use std::rc::Rc;

use crate::common::{exec, rows, Memory};
use ferrolite_kv::{connect, Database, Error, Handle, Options};
use ferrolite_sqlite::Connection;

fn open(store: &Memory) -> (Connection, Handle) {
    connect(Rc::new(store.clone()), "e", Options::default()).expect("opens")
}

fn epochs(store: &Memory) -> usize {
    let data = store.data.borrow();
    data.keys().filter(|key| key.starts_with("e/E/")).count()
}

/// So many epochs of one writer.
fn advance(connection: &Connection, handle: &Handle, count: u32) {
    for _ in 0..count {
        exec(connection, "UPDATE t SET a = a + 1").expect("writes");
        handle.checkpoint().expect("makes a checkpoint");
    }
}

#[test]
fn few_epochs_stay_and_the_newest_is_found_without_the_hint() {
    for unfenced in [false, true] {
        let store = Memory {
            lists: true,
            unfenced,
            ..Memory::default()
        };
        let options = Options {
            single_writer: true,
            ..Options::default()
        };
        let open = || connect(Rc::new(store.clone()), "e", options.clone()).expect("opens");
        let (connection, handle) = open();
        exec(&connection, "CREATE TABLE t(a); INSERT INTO t VALUES (0)").expect("creates");
        for at in 1..=1500 {
            advance(&connection, &handle, 1);
            assert!(epochs(&store) <= 34 + 2 * 12, "{at}: {}", epochs(&store));
        }
        let before: Vec<String> = store.data.borrow().keys().cloned().collect();
        handle.collect().expect("collects");
        let data = store.data.borrow();
        let gone: Vec<_> = before.iter().filter(|it| !data.contains_key(*it)).collect();
        assert!(gone.iter().all(|key| !key.contains("/E/")), "{gone:?}");
        drop(data);
        let hint = store.data.borrow_mut().remove("e/H");
        // Where a hint of long ago leads to, and where none does.
        for number in [None, Some(1024), Some(1280), Some(1501), hint.map(|_| 1490)] {
            let value = number.map(|number: u32| {
                let mut body = number.to_le_bytes().to_vec();
                body.extend_from_slice(&[0; 25]);
                ferrolite_kv::format::encode("e/H", ferrolite_kv::format::Kind::Hint, &body).0
            });
            let mut copy = store.data.borrow().clone();
            copy.extend(value.map(|value| ("e/H".into(), value)));
            let store = Memory {
                data: Rc::new(std::cell::RefCell::new(copy)),
                ..store.clone()
            };
            let reading = Options {
                readonly: true,
                ..Options::default()
            };
            let (reader, _) = connect(Rc::new(store), "e", reading).expect("opens");
            assert_eq!(rows(&reader, "SELECT a FROM t").expect("reads"), "1500");
        }
    }
}

#[test]
fn who_slept_while_epochs_passed_is_fenced_off() {
    for sleeping in [2, 4, 5, 6, 9] {
        let store = Memory::default();
        let (connection, handle) = open(&store);
        exec(&connection, "CREATE TABLE t(a); INSERT INTO t VALUES (0)").expect("creates");
        advance(&connection, &handle, sleeping);
        // One is opened for a moment now and then: each time it takes over.
        let (other, writing) = open(&store);
        advance(&other, &writing, 100);
        let (third, last) = open(&store);
        advance(&third, &last, 100);
        for (connection, handle) in [(&connection, &handle), (&other, &writing)] {
            let large = "INSERT INTO t VALUES (randomblob(300000))";
            exec(connection, large).expect_err("a large transaction creates an epoch");
            let error = handle.take_error().expect("a reason");
            assert!(matches!(error, Error::Fenced { .. }), "{error}");
        }
        let found = rows(&third, "SELECT count(*), max(a) FROM t").expect("reads");
        assert_eq!(found, format!("1|{}", 200 + sleeping));
    }
}

/// A store in which somebody who opens the database sleeps before it creates its epoch.
struct Sleepy {
    store: Memory,
    meanwhile: std::cell::RefCell<Option<Box<dyn FnOnce()>>>,
}

impl ferrolite_kv::Store for Sleepy {
    fn is_fenced(&self) -> bool {
        true
    }
    fn get(&self, key: &str) -> ferrolite_kv::StoreResult<Option<Vec<u8>>> {
        self.store.get(key)
    }
    fn get_batch(&self, keys: &[String]) -> ferrolite_kv::StoreResult<Vec<Option<Vec<u8>>>> {
        self.store.get_batch(keys)
    }
    fn put(&self, key: &str, value: &[u8]) -> ferrolite_kv::StoreResult<()> {
        self.store.put(key, value)
    }
    fn put_batch(&self, entries: &[ferrolite_kv::Entry]) -> ferrolite_kv::StoreResult<()> {
        self.store.put_batch(entries)
    }
    fn delete_batch(&self, keys: &[String]) -> ferrolite_kv::StoreResult<()> {
        self.store.delete_batch(keys)
    }
    fn put_if_absent(&self, key: &str, value: &[u8]) -> ferrolite_kv::StoreResult<bool> {
        let meanwhile = self.meanwhile.borrow_mut().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        self.store.put_if_absent(key, value)
    }
}

#[test]
fn who_slept_while_it_opened_looks_once_more() {
    let store = Memory::default();
    let (connection, handle) = open(&store);
    exec(&connection, "CREATE TABLE t(a); INSERT INTO t VALUES (0)").expect("creates");
    advance(&connection, &handle, 9);
    let sleepy = Sleepy {
        store: store.clone(),
        meanwhile: std::cell::RefCell::new(Some(Box::new(move || {
            advance(&connection, &handle, 100);
        }))),
    };
    // The epoch behind the one that it has read was there, and has passed.
    let mut opened =
        Database::open(Rc::new(sleepy), "e", Options::default()).expect("opens what is there now");
    assert!(opened.number() > 100);
    opened.close().expect("closes");
    let (connection, _) = open(&store);
    assert_eq!(rows(&connection, "SELECT a FROM t").expect("reads"), "109");
}
