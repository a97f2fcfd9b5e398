//! Resident databases: all pages in memory, stored by this thread or by another one.

// A test may fail by panicking.

use std::rc::Rc;

use crate::common::{exec, rows, Memory};
use ferrolite_kv::{connect, connect_resident, Batch, Database, Error, Handle, Options, Snapshot};
use ferrolite_sqlite::Connection;

const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO t SELECT i, printf('%.*c', 300, 'x') || i FROM n";
const STEPS: [&str; 9] = [
    "CREATE TABLE t(a, b)",
    FILL,
    "BEGIN; DELETE FROM t WHERE a % 3; UPDATE t SET b = 'y'; ROLLBACK",
    "DELETE FROM t WHERE a % 3; VACUUM",
    "SAVEPOINT s; INSERT INTO t SELECT * FROM t; ROLLBACK TO s; UPDATE t SET b = a; RELEASE s",
    FILL,
    "CREATE INDEX i ON t(b); INSERT INTO t VALUES (1, randomblob(200000))",
    "DROP TABLE t; VACUUM; CREATE TABLE t(a, b)",
    FILL,
];

fn options(resident: bool) -> Options {
    Options {
        page_size: 1024,
        resident,
        ..Options::default()
    }
}

fn open(store: &Memory, options: Options) -> (Connection, Handle) {
    let opened = connect(Rc::new(store.clone()), "r", options).expect("opens");
    exec(&opened.0, "PRAGMA cache_size = 20").expect("sets");
    opened
}

fn dump(connection: &Connection) -> String {
    assert_eq!(
        rows(connection, "PRAGMA integrity_check").expect("checks"),
        "ok"
    );
    rows(connection, "SELECT count(*), sum(a), sum(length(b)) FROM t").expect("reads")
}

fn stored(store: &Memory) -> String {
    let reading = Options {
        readonly: true,
        ..Options::default()
    };
    dump(&open(store, reading).0)
}

#[test]
fn it_has_the_rows_of_a_database_in_the_store() {
    let (plain, store) = (Memory::default(), Memory::default());
    let (right, _) = open(&plain, options(false));
    let (connection, handle) = open(&store, options(true));
    for (at, step) in STEPS.iter().enumerate() {
        exec(&right, step).expect("runs");
        exec(&connection, step).expect("runs");
        assert_eq!(dump(&connection), dump(&right), "{step}");
        if at % 2 == 0 {
            handle.flush().expect("flushes");
            assert_eq!(stored(&store), dump(&connection), "{step}");
        }
    }
    connection.close();
    drop(handle);
    assert_eq!(stored(&store), dump(&right));
    let (again, handle) = open(&store, options(true));
    let reads = handle.stats();
    assert_eq!(dump(&again), dump(&right));
    assert_eq!(handle.stats().reads, reads.reads, "no read asks the store");
    let pages = handle.stats().keys_read;
    assert!(reads.reads < 8 + pages / 128, "{reads:?}");
}

#[test]
fn a_reader_in_memory_is_refreshed() {
    let store = Memory::default();
    let (writer, _) = open(&store, options(false));
    exec(&writer, STEPS[0]).expect("creates");
    let reading = Options {
        readonly: true,
        ..options(true)
    };
    let (reader, handle) = open(&store, reading);
    for step in [FILL, "DELETE FROM t WHERE a > 5; VACUUM", FILL] {
        exec(&writer, step).expect("writes");
        assert!(handle.refresh().expect("refreshes"));
        reader.reset_cache().expect("resets");
        assert_eq!(dump(&reader), dump(&writer));
        assert!(exec(&reader, FILL).is_err());
    }
    assert!(!handle.refresh().expect("is the newest"));
}

#[test]
fn history_and_restore_are_those_of_the_store() {
    let store = Memory::default();
    let (connection, handle) = open(
        &store,
        Options {
            keep_epochs: 5,
            ..options(true)
        },
    );
    exec(&connection, STEPS[0]).expect("creates");
    exec(&connection, FILL).expect("fills");
    exec(&connection, "PRAGMA kv_flush").expect("flushes");
    let (before, epoch) = (dump(&connection), handle.epoch());
    exec(
        &connection,
        "DELETE FROM t WHERE a > 7; VACUUM; CREATE TABLE u(x)",
    )
    .expect("deletes");
    handle.restore(&connection, epoch).expect("restores");
    assert_eq!(dump(&connection), before);
    exec(&connection, "DELETE FROM t WHERE a > 9").expect("goes on");
    handle.flush().expect("flushes");
    assert_eq!(stored(&store), dump(&connection));
    assert_eq!(
        rows(&connection, "PRAGMA kv_verify").expect("verifies"),
        "ok"
    );
}

/// A database whose store belongs to somebody else.
fn apart(store: &Memory, options: &Options) -> (Database, Connection, Handle) {
    let plain = Options {
        resident: false,
        ..options.clone()
    };
    let mut database = Database::open(Rc::new(store.clone()), "r", plain).expect("opens");
    let snapshot = database.snapshot().expect("reads all");
    let (connection, handle) = connect_resident(snapshot, "r", options).expect("opens");
    exec(&connection, "PRAGMA cache_size = 20").expect("sets");
    (database, connection, handle)
}

#[test]
fn batches_are_stored_by_somebody_else() {
    fn is_send<T: Send>() {}
    is_send::<Batch>();
    is_send::<Snapshot>();
    let (plain, store) = (Memory::default(), Memory::default());
    let (right, _) = open(&plain, options(false));
    let (mut database, connection, handle) = apart(&store, &options(false));
    let mut on_the_way: Option<Batch> = None;
    for (at, step) in STEPS.iter().enumerate() {
        exec(&right, step).expect("runs");
        exec(&connection, step).expect("runs");
        // A batch is on its way while more is committed, and while a transaction goes on.
        if at % 3 == 1 {
            if let Some(batch) = on_the_way.take() {
                assert_eq!(handle.take_batch(), Ok(None), "one at a time");
                handle.settle_batch(database.apply(&batch)).expect("stores");
            }
            let committed = dump(&connection);
            exec(
                &connection,
                "BEGIN; UPDATE t SET b = 'later'; DELETE FROM t WHERE a % 2",
            )
            .expect("begins");
            on_the_way = handle.take_batch().expect("takes");
            assert!(on_the_way.is_some());
            exec(&connection, "ROLLBACK").expect("rolls back");
            assert_eq!(dump(&connection), committed);
        }
        assert_eq!(dump(&connection), dump(&right), "{step}");
    }
    while handle.queued().0 > 0 {
        let batch = match on_the_way.take() {
            Some(batch) => batch,
            None => handle.take_batch().expect("takes").expect("waits"),
        };
        handle.settle_batch(database.apply(&batch)).expect("stores");
    }
    assert_eq!(stored(&store), dump(&right));
    assert_eq!(handle.take_batch(), Ok(None));
    // What another has committed meanwhile comes as a snapshot.
    let snapshot = database.snapshot().expect("reads all");
    handle.replace(&connection, snapshot).expect("is replaced");
    assert_eq!(dump(&connection), dump(&right));
}

#[test]
fn a_batch_that_fails_ends_it_and_is_told() {
    let store = Memory::default();
    let (mut database, connection, handle) = apart(&store, &options(false));
    exec(&connection, "CREATE TABLE t(a, b)").expect("creates");
    exec(&connection, "INSERT INTO t VALUES (1, 2)").expect("inserts");
    let batch = handle.take_batch().expect("takes").expect("waits");
    assert_eq!(batch.transactions, 2);
    exec(&connection, "INSERT INTO t VALUES (3, 4)").expect("inserts");
    let (newer, _) = open(&store, options(false));
    let error = handle
        .settle_batch(database.apply(&batch))
        .expect_err("is fenced");
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
    assert_eq!(error.code(), "KV_FENCED");
    assert!(exec(&connection, "INSERT INTO t VALUES (5, 6)").is_err());
    assert_eq!(handle.take_batch(), Err(error));
    assert_eq!(
        rows(&newer, "SELECT count(*) FROM sqlite_master").expect("reads"),
        "0"
    );
}

#[test]
fn what_waits_is_bounded() {
    let store = Memory::default();
    let few = Options {
        max_queued_bytes: 50_000,
        ..options(false)
    };
    let (mut database, connection, handle) = apart(&store, &few);
    exec(&connection, "CREATE TABLE t(a, b)").expect("creates");
    let sql = "INSERT INTO t VALUES (1, randomblob(10000))";
    let mut stored = 0;
    for _ in 0..30 {
        if exec(&connection, sql).is_err() {
            let error = handle.take_error().expect("a reason");
            assert!(matches!(error, Error::Behind { .. }), "{error:?}");
            assert!(error.to_string().contains("flush first"));
            let batch = handle.take_batch().expect("takes").expect("waits");
            handle.settle_batch(database.apply(&batch)).expect("stores");
            exec(&connection, sql).expect("has room");
            stored += 1;
        }
        assert!(handle.queued().1 <= 50_000);
    }
    assert!(stored > 3);
    assert_eq!(
        rows(&connection, "SELECT count(*) FROM t").expect("reads"),
        "30"
    );
    // One whose store is of this thread flushes by itself.
    let (connection, handle) = open(
        &Memory::default(),
        Options {
            resident: true,
            ..few
        },
    );
    exec(&connection, "CREATE TABLE t(a, b)").expect("creates");
    for _ in 0..30 {
        exec(&connection, sql).expect("inserts");
        assert!(handle.queued().1 <= 50_000);
    }
}

#[test]
fn it_is_told_of_what_waits_once_a_batch() {
    let store = Memory::default();
    let (mut database, connection, handle) = apart(&store, &options(false));
    let told = Rc::new(std::cell::Cell::new(0));
    let count = Rc::clone(&told);
    handle
        .on_queued(move || count.set(count.get() + 1))
        .expect("is resident");
    exec(&connection, "CREATE TABLE t(a, b)").expect("commits");
    exec(&connection, "INSERT INTO t VALUES (1, 1)").expect("commits");
    assert_eq!(told.get(), 1);
    let batch = handle.take_batch().expect("is sound").expect("waits");
    // While it is on its way the next ones wait together.
    exec(&connection, "INSERT INTO t VALUES (2, 2)").expect("commits");
    exec(&connection, "BEGIN; INSERT INTO t VALUES (3, 3); ROLLBACK").expect("rolls back");
    exec(&connection, "INSERT INTO t VALUES (4, 4)").expect("commits");
    assert_eq!(told.get(), 2);
    handle
        .settle_batch(database.apply(&batch))
        .expect("is stored");
    let batch = handle.take_batch().expect("is sound").expect("waits");
    handle
        .settle_batch(database.apply(&batch))
        .expect("is stored");
    assert_eq!(handle.queued().0, 0);
    assert_eq!(stored(&store), dump(&connection));
    let (_, elsewhere) = open(&Memory::default(), options(false));
    assert!(matches!(elsewhere.on_queued(|| {}), Err(Error::Usage(_))));
}

#[test]
fn nothing_is_committed_while_it_is_frozen() {
    let store = Memory::default();
    let (_database, connection, handle) = apart(&store, &options(false));
    exec(
        &connection,
        "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 1)",
    )
    .expect("commits");
    let before = dump(&connection);
    let waits = handle.queued();
    handle.freeze(true).expect("is resident");
    exec(&connection, "INSERT INTO t VALUES (2, 2)").expect_err("is frozen");
    exec(&connection, "BEGIN; UPDATE t SET a = 3").expect("is not committed yet");
    exec(&connection, "COMMIT").expect_err("is frozen");
    exec(&connection, "ROLLBACK").ok();
    assert_eq!(dump(&connection), before);
    assert_eq!(handle.queued(), waits);
    handle.freeze(false).expect("is resident");
    exec(&connection, "INSERT INTO t VALUES (2, 2)").expect("commits");
    assert_ne!(dump(&connection), before);
    let (_, elsewhere) = open(&Memory::default(), options(false));
    assert!(matches!(elsewhere.freeze(true), Err(Error::Usage(_))));
}

#[test]
fn a_checkpoint_that_nobody_waits_for_waits_for_transactions() {
    let store = Memory::default();
    let (connection, handle) = open(&store, options(false));
    exec(&connection, "CREATE TABLE t(a, b)").expect("commits");
    exec(&connection, "BEGIN; INSERT INTO t VALUES (1, 1)").expect("writes");
    assert_eq!(handle.checkpoint_at_rest(&connection), Ok(false));
    exec(&connection, "COMMIT").expect("commits");
    assert_eq!(handle.checkpoint_at_rest(&connection), Ok(true));
    assert_eq!(handle.stats().checkpoints, 1);
    assert_eq!(handle.checkpoint_at_rest(&connection), Ok(true));
    assert_eq!(handle.stats().checkpoints, 1);
}
