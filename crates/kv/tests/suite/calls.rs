//! How often a database calls its store.

// A test may fail by panicking.

use std::rc::Rc;

use crate::common::{exec, rows, Memory};
use ferrolite_kv::{connect, Handle, Options, Stats};
use ferrolite_sqlite::Connection;

const ROWS: u64 = 16_000;

fn open(store: &Memory, readonly: bool) -> (Connection, Handle) {
    let options = Options {
        readonly,
        page_size: 4096,
        ..Options::default()
    };
    connect(Rc::new(store.clone()), "c", options).expect("opens")
}

/// About 8 MiB, with an index in random order.
fn filled() -> Memory {
    let store = Memory::default();
    let (connection, _) = open(&store, false);
    exec(
        &connection,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, k, b); CREATE INDEX i ON t(k)",
    )
    .expect("creates");
    for part in 0..4 {
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0})
             INSERT INTO t SELECT {part} * {0} + i, hex(randomblob(100)), randomblob(300) FROM n",
            ROWS / 4
        );
        exec(&connection, &sql).expect("fills");
    }
    connection.close();
    store
}

fn asked(handle: &Handle, action: impl FnOnce()) -> Stats {
    let before = handle.stats();
    action();
    let after = handle.stats();
    Stats {
        reads: after.reads - before.reads,
        keys_read: after.keys_read - before.keys_read,
        writes: after.writes - before.writes,
        bytes_written: after.bytes_written - before.bytes_written,
        ahead: after.ahead - before.ahead,
        ahead_used: after.ahead_used - before.ahead_used,
        ..Stats::default()
    }
}

#[test]
fn an_opening_after_a_close_asks_for_few_keys() {
    let store = filled();
    let (reader, handle) = open(&store, true);
    let opened = handle.stats();
    assert!(opened.reads <= 3 && opened.keys_read <= 20, "{opened:?}");
    let first = asked(&handle, || {
        rows(&reader, "SELECT k FROM t WHERE id = 700").expect("reads");
    });
    assert!(first.reads <= 5, "{first:?}");
    // Openings that write nothing leave the hint behind, but not far.
    for _ in 0..40 {
        let (connection, handle) = open(&store, false);
        let opened = handle.stats();
        assert!(opened.reads + opened.writes <= 8, "{opened:?}");
        assert!(opened.keys_read <= 50, "{opened:?}");
        connection.close();
    }
}

#[test]
fn scans_and_vacuum_read_many_pages_at_once() {
    let store = filled();
    let (connection, _) = open(&store, true);
    let pages: u64 = rows(&connection, "PRAGMA page_count")
        .expect("reads")
        .parse()
        .expect("a number");
    for (sql, most) in [
        ("SELECT sum(length(b)) FROM t NOT INDEXED", pages / 40),
        (
            "SELECT sum(length(b)) FROM (SELECT b FROM t ORDER BY id DESC)",
            pages / 40,
        ),
        (
            "SELECT max(length(k)) FROM (SELECT k FROM t ORDER BY k)",
            pages / 20,
        ),
    ] {
        let (connection, handle) = open(&store, true);
        let scan = asked(&handle, || {
            rows(&connection, sql).expect("reads");
        });
        assert!(scan.reads <= most, "{sql}: {scan:?} of {pages}");
        let vain = scan.ahead - scan.ahead_used;
        assert!(vain * 20 <= scan.ahead, "{sql}: {scan:?}");
    }
    let (connection, handle) = open(&store, false);
    let vacuum = asked(&handle, || exec(&connection, "VACUUM").expect("runs"));
    assert!(vacuum.reads <= pages / 8, "{vacuum:?} of {pages}");
}

#[test]
fn a_scan_asks_for_windows_ahead_where_the_store_answers_several_calls_at_once() {
    let one = filled();
    let many = Memory {
        concurrency: 8,
        ..one.clone()
    };
    for sql in [
        "SELECT sum(length(b)) FROM t NOT INDEXED",
        "SELECT sum(length(b)) FROM (SELECT b FROM t ORDER BY id DESC)",
    ] {
        let scan = |store: &Memory| {
            let (connection, handle) = open(store, true);
            let before = store.rounds.get();
            let scan = asked(&handle, || {
                rows(&connection, sql).expect("reads");
            });
            (scan, store.rounds.get() - before)
        };
        let (scanned, rounds) = scan(&many);
        let (alone, _) = scan(&one);
        // It waits half as often as it calls, and reads nothing in vain for it.
        assert!(rounds * 10 <= scanned.reads * 6, "{rounds} of {scanned:?}");
        assert!(scanned.reads <= alone.reads + 4, "{scanned:?}, {alone:?}");
        let vain = scanned.ahead - scanned.ahead_used;
        assert!(vain * 20 <= scanned.ahead, "{sql}: {scanned:?}");
    }
}

#[test]
fn writes_are_few_and_short() {
    let store = Memory::default();
    let (connection, handle) = open(&store, false);
    exec(
        &connection,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c)",
    )
    .expect("creates");
    let many = asked(&handle, || {
        for at in 0..1000 {
            let sql = format!("INSERT INTO t(a, b, c) VALUES ({at}, 'name {at}', {at}.5)");
            exec(&connection, &sql).expect("inserts");
        }
    });
    assert!(
        many.writes <= 1000 + 8 * handle.stats().checkpoints,
        "{many:?}"
    );
    assert!(many.bytes_written <= 1_500_000, "{many:?}");
    for (mib, most) in [(1, 6), (10, 30)] {
        let row = asked(&handle, || {
            let sql = format!("INSERT INTO t(a) VALUES (randomblob({}))", mib << 20);
            exec(&connection, &sql).expect("inserts");
        });
        assert!(row.writes <= most, "{mib} MiB: {row:?}");
    }
}
