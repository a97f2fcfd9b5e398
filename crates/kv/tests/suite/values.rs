//! Values that are not what was written: an error that names the key, never a wrong row.

// A test may fail by panicking.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::common::{exec, rows, Memory};
use ferrolite_kv::format::{decode, Kind};
use ferrolite_kv::{connect, Database, Error, Options, Retry};

fn options(readonly: bool) -> Options {
    Options {
        readonly,
        page_size: 1024,
        retry: Retry {
            attempts: 1,
            pause: Duration::ZERO,
            ..Retry::default()
        },
        ..Options::default()
    }
}

/// A database with a value of every kind: a root, and behind it a range, a seal, a no-op and slots.
fn every_kind() -> Memory {
    let store = Memory::default();
    for round in 0..3 {
        let (connection, handle) =
            connect(Rc::new(store.clone()), "v", options(false)).expect("opens");
        exec(
            &connection,
            "CREATE TABLE IF NOT EXISTS t(a, b); INSERT INTO t VALUES (1, printf('%.*c', 3000, 'x')), (2, 'y')",
        )
        .expect("writes");
        if round == 0 {
            handle.checkpoint().expect("flushes");
        }
        exec(&connection, "UPDATE t SET b = b || 'z' WHERE a = 2").expect("writes");
        std::mem::forget((connection, handle));
    }
    store
}

/// What a reader sees, with the key of its error.
fn read(store: &Memory) -> Result<String, Error> {
    let (connection, handle) = connect(Rc::new(store.clone()), "v", options(true))?;
    let sql = "SELECT a, length(b), substr(b, -3) FROM t ORDER BY rowid";
    rows(&connection, sql).map_err(|error| {
        let reason = handle.take_error();
        reason.unwrap_or_else(|| panic!("an error without a reason: {error}"))
    })
}

/// The same rows, or an error with a key; of an epoch that is damaged, also an older state.
fn judge(store: &Memory, right: &str, what: &str) {
    match read(store) {
        Ok(found) => assert_eq!(found, right, "{what}"),
        Err(error) => assert!(error.key().is_some(), "{what}: {error}"),
    }
}

#[test]
fn each_byte_of_each_value_may_be_wrong() {
    let store = every_kind();
    let right = read(&store).expect("reads");
    let all: BTreeMap<String, Vec<u8>> = store.data.borrow().clone();
    let (mut kinds, mut errors) = (Vec::new(), 0);
    for (key, value) in &all {
        kinds.push(decode(key, value).expect("is sound").kind as u8);
        for at in 0..value.len() {
            let mut bad = value.clone();
            bad[at] ^= 1 << (at % 8);
            let error = decode(key, &bad).expect_err("is found");
            assert_eq!(error.key(), Some(key.as_str()));
            if at % 61 == 0 || at < 12 {
                store.data.borrow_mut().insert(key.clone(), bad);
                judge(&store, &right, &format!("{key} at {at}"));
                errors += u32::from(read(&store).is_err());
            }
        }
        store.data.borrow_mut().insert(key.clone(), value.clone());
        assert!(decode(key, &[]).is_err() && decode(key, &value[..value.len() - 1]).is_err());
    }
    kinds.sort_unstable();
    kinds.dedup();
    let (noop, all) = (Kind::Noop as u8, [1, 2, 3, 4, 5, 6, 8, 9]);
    assert_eq!(kinds, all, "every kind but {noop}");
    assert!(errors > 50, "{errors} errors");
    assert_eq!(read(&store).expect("reads again"), right);
}

#[test]
fn values_of_other_keys_and_other_databases_are_refused() {
    let store = every_kind();
    let right = read(&store).expect("reads");
    let all: BTreeMap<String, Vec<u8>> = store.data.borrow().clone();
    let keys: Vec<&String> = all.keys().collect();
    for pair in keys.windows(2) {
        for (to, from) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            store
                .data
                .borrow_mut()
                .insert(to.clone(), all[from].clone());
            judge(&store, &right, &format!("{from} at {to}"));
            store.data.borrow_mut().insert(to.clone(), all[to].clone());
        }
    }
    let other = Memory::default();
    for (key, value) in &all {
        other
            .data
            .borrow_mut()
            .insert(key.replacen("v/", "w/", 1), value.clone());
    }
    let opened = Database::open(Rc::new(other), "w", options(true));
    assert_eq!(opened.err().map(|error| error.code()), Some("KV_CORRUPT"));
}

#[test]
fn a_key_that_is_missing_is_an_error_or_an_older_state() {
    let store = every_kind();
    let right = read(&store).expect("reads");
    let all: BTreeMap<String, Vec<u8>> = store.data.borrow().clone();
    for (key, value) in &all {
        store.data.borrow_mut().remove(key);
        let family = key.split('/').nth(1).expect("a family");
        match read(&store) {
            // Nothing can tell that the end of a log was lost.
            Ok(found) => assert!(
                found == right || ["E", "L"].contains(&family),
                "{key}: {found}"
            ),
            Err(error) => assert!(error.key().is_some(), "{key}: {error}"),
        }
        store.data.borrow_mut().insert(key.clone(), value.clone());
    }
}

#[test]
fn a_hint_is_never_believed() {
    let store = every_kind();
    let right = read(&store).expect("reads");
    for number in [0, 1, 2, 3, 4, 5, 1000, u32::MAX] {
        let body = [&number.to_le_bytes()[..], &[7; 24]].concat();
        let (value, _) = ferrolite_kv::format::encode("v/H", Kind::Hint, &body);
        store.data.borrow_mut().insert("v/H".into(), value);
        assert_eq!(read(&store).expect("reads"), right, "hint {number}");
    }
    store.data.borrow_mut().remove("v/H");
    assert_eq!(read(&store).expect("reads without"), right);
}

#[test]
fn random_bytes_are_no_values() {
    let seed = std::env::var("KV_SEED").map_or(1, |text| text.parse::<u64>().expect("a number"));
    println!("KV_SEED={seed}");
    let store = every_kind();
    let right = read(&store).expect("reads");
    let all: BTreeMap<String, Vec<u8>> = store.data.borrow().clone();
    let mut state = seed;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for (key, value) in &all {
        let kind = decode(key, value).expect("is sound").kind;
        for _ in 0..40 {
            // Sound outside, anything inside.
            let len = usize::try_from(next() % 200).expect("small");
            let mut body: Vec<u8> = (0..len)
                .map(|_| u8::try_from(next() % 256).expect("a byte"))
                .collect();
            if next() % 2 == 0 {
                let old = decode(key, value).expect("is sound").body;
                body = old.to_vec();
                if let Some(last) = body.len().checked_sub(1) {
                    let at = usize::try_from(next()).expect("small") % (last + 1);
                    body[at] ^= 1 << (next() % 8);
                }
            }
            let (bad, _) = ferrolite_kv::format::encode(key, kind, &body);
            store.data.borrow_mut().insert(key.clone(), bad);
            // A right checksum around a wrong body is the work of somebody who wants it: no panic, and no hang.
            for readonly in [true, false] {
                let copy = Memory {
                    data: Rc::new(RefCell::new(store.data.borrow().clone())),
                    ..Memory::default()
                };
                if let Ok((connection, _)) = connect(Rc::new(copy), "v", options(readonly)) {
                    let _ = rows(&connection, "SELECT a, length(b) FROM t");
                    let _ = exec(&connection, "INSERT INTO t VALUES (3, 'n')");
                }
            }
        }
        store.data.borrow_mut().insert(key.clone(), value.clone());
    }
    assert_eq!(read(&store).expect("reads again"), right);
}
