//! The pragmas of a database in a store.

// A test may fail by panicking.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::common::{exec, rows, Memory};
use ferrolite_kv::format::{encode, Keys, Kind, Version};
use ferrolite_kv::{connect, Handle, Options, Retry};
use ferrolite_sqlite::Connection;

const ONCE: Retry = Retry {
    attempts: 1,
    pause: Duration::ZERO,
    deadline: Duration::MAX,
};

fn open(store: &Memory, readonly: bool) -> (Connection, Handle) {
    let options = Options {
        readonly,
        page_size: 1024,
        retry: ONCE,
        ..Options::default()
    };
    connect(Rc::new(store.clone()), "p", options).expect("opens")
}

/// A root, a range, a seal and slots.
fn filled() -> (Memory, Connection, Handle) {
    let store = Memory {
        lists: true,
        ..Memory::default()
    };
    let (connection, handle) = open(&store, false);
    exec(
        &connection,
        "CREATE TABLE t(a, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
         WHERE i < 300) INSERT INTO t SELECT i, printf('%.*c', 100, 'x') FROM n",
    )
    .expect("writes");
    handle.checkpoint().expect("flushes");
    exec(&connection, "UPDATE t SET b = 'y' WHERE a = 7").expect("writes a slot");
    std::mem::forget((connection, handle));
    let (connection, handle) = open(&store, false);
    exec(&connection, "UPDATE t SET b = 'z' WHERE a = 9").expect("writes a slot");
    (store, connection, handle)
}

fn pragma(connection: &Connection, name: &str) -> String {
    rows(connection, &format!("PRAGMA {name}")).unwrap_or_else(|error| format!("error: {error}"))
}

#[test]
fn stats_are_json() {
    let (_, connection, handle) = filled();
    let text = pragma(&connection, "kv_stats");
    let stats = handle.stats();
    for (name, number) in [
        ("writes", stats.writes),
        ("keysWritten", stats.keys_written),
        ("bytesRead", stats.bytes_read),
        ("commits", stats.commits),
        ("epoch", 3),
        ("slots", 1),
    ] {
        let found = format!("\"{name}\":{number}");
        assert!(
            text.contains(&format!("{found},")) || text.contains(&format!("{found}}}")),
            "{found} in {text}"
        );
    }
}

#[test]
fn flush_makes_a_checkpoint() {
    let (_, connection, handle) = filled();
    let before = handle.stats().checkpoints;
    assert_eq!(pragma(&connection, "kv_flush"), "ok");
    assert_eq!(handle.stats().checkpoints, before + 1);
    assert!(pragma(&connection, "kv_stats").contains("\"slots\":0"));
    let writes = handle.stats().writes;
    assert_eq!(pragma(&connection, "kv_flush"), "ok");
    assert_eq!(handle.stats().writes, writes, "nothing is left to write");
}

#[test]
fn check_tells_who_writes() {
    let (store, old, handle) = filled();
    assert_eq!(pragma(&old, "kv_check"), "ok");
    let (reader, _) = open(&store, true);
    let (new, _) = open(&store, false);
    assert_eq!(pragma(&new, "kv_check"), "ok");
    assert_eq!(pragma(&reader, "kv_check"), "ok");
    assert!(pragma(&old, "kv_check").contains("another connection has taken over"));
    assert_eq!(
        handle.take_error().map(|error| error.code()),
        Some("KV_FENCED")
    );
    assert!(pragma(&old, "kv_gc").contains("another connection has taken over"));
}

#[test]
fn verify_finds_each_value_that_is_damaged_or_missing() {
    let (store, connection, handle) = filled();
    handle.checkpoint().expect("flushes");
    exec(&connection, "UPDATE t SET b = 'q' WHERE a = 11").expect("writes a slot");
    let all: BTreeMap<String, Vec<u8>> = store.data.borrow().clone();
    assert_eq!(pragma(&connection, "kv_verify"), "ok");
    let (reader, _) = open(&store, true);
    assert_eq!(pragma(&reader, "kv_verify"), "ok");
    // What nobody needs: the hint, seals, garbage lists, epochs that are no longer kept and what they listed.
    let needed = |key: &str| {
        let mut parts = key.split('/').skip(1);
        match (parts.next(), parts.next()) {
            (Some("E"), Some(epoch)) => epoch >= "00000003",
            (Some("P" | "I" | "R"), _) => true,
            (Some("L"), Some("00000002")) => key.ends_with("/00000001"),
            (Some("L"), Some(epoch)) => epoch == "00000004",
            _ => false,
        }
    };
    let mut found = 0;
    for (key, value) in all.iter().filter(|(key, _)| needed(key)) {
        for damage in 0..2 {
            let mut bad = value.clone();
            let last = bad.len() - 9;
            bad[last] ^= 1;
            if damage == 0 {
                store.data.borrow_mut().insert(key.clone(), bad);
            } else {
                store.data.borrow_mut().remove(key);
            }
            let said = pragma(&connection, "kv_verify");
            assert!(said.contains(key.as_str()), "{key}: {said}");
            assert_eq!(said.lines().count(), 1, "{key}: {said}");
            found += 1;
        }
        store.data.borrow_mut().insert(key.clone(), value.clone());
    }
    assert!(found > 40, "{found} values");
    assert_eq!(pragma(&connection, "kv_verify"), "ok");
}

#[test]
fn gc_deletes_what_died_writers_left_and_nothing_else() {
    let (store, connection, _) = filled();
    let mut before = store.data.borrow().clone();
    let keys = Keys::new("p").expect("a name");
    let dead = Version::new(1, 77);
    let own = Version::new(3, 77);
    let stray = [
        (keys.image(3, dead), Kind::Image),
        (keys.leaf(0, dead), Kind::Leaf),
        (keys.root(dead, 0), Kind::Root),
        (keys.garbage(dead, 0), Kind::Garbage),
        (keys.slot(1, 99), Kind::Noop),
    ];
    let kept = [
        // Of an attempt of this writer, of a newer one, a seal, and keys of others.
        (keys.image(3, own), Kind::Image),
        (keys.image(3, Version::new(9, 1)), Kind::Image),
        (keys.slot(1, 98), Kind::Seal),
        ("q/P/00000001/0000000100000001".into(), Kind::Image),
        ("p/X/00000001/0000000100000001".into(), Kind::Image),
        ("p/P/1/1".into(), Kind::Image),
    ];
    for (key, kind) in stray.iter().chain(&kept) {
        let (value, _) = encode(key, *kind, &[0; 8]);
        store.data.borrow_mut().insert(key.clone(), value);
    }
    // Slots of the first epoch are in a root; to open that epoch, they are not read.
    let all = before.len();
    before.retain(|key, _| !key.starts_with("p/L/00000001/"));
    let unused = all - before.len() + stray.len();
    assert_eq!(pragma(&connection, "kv_gc"), unused.to_string());
    let mut after = store.data.borrow().clone();
    for (key, _) in &kept {
        assert!(after.remove(key).is_some(), "{key} is kept");
    }
    assert!(after == before);
    assert_eq!(pragma(&connection, "kv_gc"), "0");
    assert_eq!(pragma(&connection, "kv_verify"), "ok");
    assert_eq!(pragma(&connection, "integrity_check"), "ok");
    let (reader, _) = open(&store, true);
    assert!(pragma(&reader, "kv_gc").contains("open for reading"));
    let plain = Memory::default();
    let (connection, _) = open(&plain, false);
    assert!(pragma(&connection, "kv_gc").contains("no method list"));
}
