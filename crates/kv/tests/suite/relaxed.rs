//! `PRAGMA synchronous = OFF`: commits that return before the store has them.

// A test may fail by panicking.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{exec, rows, Memory};
use crate::hostile::{Fault, Hostile, World};
use ferrolite_kv::{connect, Error, Handle, Options, Retry};
use ferrolite_sqlite::Connection;

fn open(store: &Memory, options: Options) -> (Connection, Handle) {
    connect(Rc::new(store.clone()), "r", options).expect("opens")
}

fn relaxed(store: &Memory, options: Options) -> (Connection, Handle) {
    let (connection, handle) = open(store, options);
    exec(&connection, "CREATE TABLE t(a); PRAGMA synchronous = OFF").expect("runs");
    (connection, handle)
}

fn count(store: &Memory) -> String {
    let reading = Options {
        readonly: true,
        ..Options::default()
    };
    let (connection, _) = open(store, reading);
    rows(&connection, "SELECT count(*) FROM t").expect("reads")
}

fn insert(connection: &Connection, times: u32) {
    for at in 0..times {
        exec(connection, &format!("INSERT INTO t VALUES ({at})")).expect("inserts");
    }
}

#[test]
fn commits_merge_into_one_slot() {
    let store = Memory::default();
    let (connection, handle) = relaxed(&store, Options::default());
    let before = handle.stats();
    insert(&connection, 1000);
    assert_eq!(handle.stats().writes, before.writes, "nothing was written");
    assert_eq!(handle.queued().0, 1000);
    assert_eq!(count(&store), "0");
    assert_eq!(
        rows(&connection, "SELECT count(*) FROM t").expect("reads"),
        "1000"
    );
    handle.flush().expect("flushes");
    assert_eq!(handle.stats().writes - before.writes, 1);
    assert_eq!(handle.queued(), (0, 0));
    assert_eq!(count(&store), "1000");
    handle.flush().expect("has nothing to flush");
    // What is undone in the queue is not written.
    exec(&connection, "UPDATE t SET a = -a; UPDATE t SET a = -a").expect("runs");
    let before = handle.stats().writes;
    exec(&connection, "PRAGMA kv_flush").expect("flushes");
    assert!(handle.stats().writes > before, "a checkpoint");
    assert_eq!(count(&store), "1000");
}

#[test]
fn full_waits_and_off_does_not() {
    let store = Memory::default();
    let (connection, handle) = relaxed(&store, Options::default());
    for (level, waits) in [
        ("FULL", true),
        ("0", false),
        ("NORMAL", true),
        ("off", false),
        ("EXTRA", true),
        ("'No'", false),
        ("1", true),
    ] {
        exec(&connection, &format!("PRAGMA synchronous = {level}")).expect("runs");
        insert(&connection, 2);
        let queued = if waits { 0 } else { 2 };
        assert_eq!(handle.queued().0, queued, "{level}");
    }
    // The engine refuses it within a transaction, and goes on to wait.
    let refused = exec(&connection, "BEGIN; PRAGMA synchronous = OFF");
    assert!(refused.is_err());
    exec(&connection, "INSERT INTO t VALUES (1); COMMIT").expect("commits");
    assert_eq!(handle.queued().0, 0);
    assert_eq!(count(&store), "15");
}

#[test]
fn a_full_queue_and_close_write_what_waits() {
    let store = Memory::default();
    let options = Options {
        max_queued_bytes: 100_000,
        ..Options::default()
    };
    let (connection, handle) = relaxed(&store, options);
    let sql = "INSERT INTO t VALUES (randomblob(20000))";
    for _ in 0..50 {
        exec(&connection, sql).expect("inserts");
        assert!(handle.queued().1 <= 100_000, "{:?}", handle.queued());
    }
    insert(&connection, 3);
    connection.close();
    assert_eq!(count(&store), "53");
}

#[test]
fn a_transaction_that_spills_follows_what_was_queued() {
    let store = Memory::default();
    let options = Options {
        page_size: 1024,
        overlay_bytes: 20_000,
        ..Options::default()
    };
    let (connection, handle) = relaxed(&store, options);
    insert(&connection, 5);
    exec(
        &connection,
        "PRAGMA cache_size = 10; INSERT INTO t VALUES (randomblob(200000))",
    )
    .expect("commits");
    assert_eq!(handle.queued().0, 0, "it waits");
    assert_eq!(count(&store), "6");
}

#[test]
fn a_failed_flush_says_what_is_lost_and_ends_the_connection() {
    // Nothing is stored; it is stored and nobody can tell; somebody else has taken over.
    for (fault, there) in [(Fault::Before, "0"), (Fault::Late, "0")] {
        let world = Arc::new(Mutex::new(World::new(1, true, true, 0)));
        let options = Options {
            retry: Retry {
                attempts: 1,
                pause: Duration::ZERO,
                ..Retry::default()
            },
            ..Options::default()
        };
        let store = Rc::new(Hostile::alone(&world));
        let (connection, handle) = connect(store.clone(), "r", options.clone()).expect("opens");
        exec(&connection, "CREATE TABLE t(a); PRAGMA synchronous = OFF").expect("runs");
        insert(&connection, 3);
        {
            let mut world = world.lock().expect("one thread");
            world.script = Some((world.calls, fault));
        }
        let error = handle.flush().expect_err("fails");
        let text = error.to_string();
        assert!(
            text.starts_with("3 transactions that returned before the store had them are lost"),
            "{text}"
        );
        assert!(
            matches!(
                error,
                Error::Lost {
                    transactions: 3,
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(error.code(), "KV_STORE");
        assert!(
            error.key().is_some_and(|key| key.contains("/L/")),
            "{error:?}"
        );
        assert!(exec(&connection, "INSERT INTO t VALUES (9)").is_err());
        assert_eq!(handle.take_error(), Some(error.clone()));
        assert_eq!(handle.flush(), Err(error));
        let (connection, _) = connect(store, "r", options).expect("opens again");
        assert_eq!(
            rows(&connection, "SELECT count(*) FROM t").expect("reads"),
            there
        );
    }
}

#[test]
fn what_a_fenced_writer_had_queued_is_lost_and_said() {
    let store = Memory::default();
    let (connection, handle) = relaxed(&store, Options::default());
    insert(&connection, 2);
    let (newer, _) = open(&store, Options::default());
    let error = handle.flush().expect_err("is fenced");
    assert_eq!(error.code(), "KV_FENCED");
    assert!(error.to_string().starts_with("2 transactions"), "{error}");
    connection.close();
    insert(&newer, 1);
    assert_eq!(count(&store), "1");
}
