//! The protocol under the real engine, on a store that does what it should.

// A test may fail by panicking.

use std::rc::Rc;

use crate::common::{exec, rows, Memory};
use ferrolite_kv::{connect, Database, Entry, Error, Handle, Options, Store, StoreResult};
use ferrolite_sqlite::Connection;

#[test]
fn an_autocommit_is_there_after_a_kill() {
    let store = Memory::default();
    let (connection, handle) =
        connect(Rc::new(store.clone()), "one", Options::default()).expect("opens");
    exec(&connection, "CREATE TABLE t(a, b)").expect("creates");
    let before = handle.stats().writes;
    for at in 0..10 {
        exec(&connection, &format!("INSERT INTO t VALUES ({at}, 'x')")).expect("inserts");
    }
    assert_eq!(
        handle.stats().writes - before,
        10,
        "one write call a commit"
    );
    // Killed: neither the connection nor the database ends.
    std::mem::forget((connection, handle));
    let (connection, _) = connect(Rc::new(store), "one", Options::default()).expect("opens again");
    let found = rows(&connection, "SELECT count(*), max(a) FROM t");
    assert_eq!(found.expect("reads"), "10|9");
    let check = rows(&connection, "PRAGMA integrity_check").expect("checks");
    assert_eq!(check, "ok");
}

/// A connection, and the store below it.
fn open(store: &Memory, options: Options) -> Result<(Connection, Handle), Error> {
    connect(Rc::new(store.clone()), "e", options)
}

fn message<T>(result: Result<T, Error>) -> String {
    result
        .err()
        .map_or_else(|| "no error".into(), |error| error.to_string())
}

#[test]
fn reading_and_rolling_back_write_nothing() {
    let store = Memory::default();
    let (connection, handle) = open(&store, Options::default()).expect("opens");
    exec(
        &connection,
        "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)",
    )
    .expect("writes");
    let writes = handle.stats().writes;
    exec(
        &connection,
        "PRAGMA cache_size=5; SELECT * FROM t; BEGIN; UPDATE t SET a = 5; ROLLBACK; BEGIN;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO t SELECT i, printf('%.*c', 100, 'x') FROM n; ROLLBACK;
         SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; ROLLBACK",
    )
    .expect("runs");
    assert_eq!(handle.stats().writes - writes, 0);
    let all = store.data.borrow().clone();
    let reading = Options {
        readonly: true,
        ..Options::default()
    };
    let (reader, stats) = open(&store, reading).expect("opens for reading");
    assert_eq!(rows(&reader, "SELECT a, b FROM t").expect("reads"), "1|2");
    assert_eq!(stats.stats().writes, 0);
    assert!(exec(&reader, "INSERT INTO t VALUES (3, 4)").is_err());
    reader.close();
    assert!(*store.data.borrow() == all);
}

#[test]
fn the_newer_writer_wins() {
    let store = Memory::default();
    let (old, old_handle) = open(&store, Options::default()).expect("opens");
    exec(&old, "CREATE TABLE t(a); INSERT INTO t VALUES (1)").expect("writes");
    let (new, _) = open(&store, Options::default()).expect("takes over");
    // It may serve what it has read, and says so when it is asked.
    assert_eq!(rows(&old, "SELECT a FROM t").expect("reads"), "1");
    assert_eq!(
        old_handle.check().expect_err("is fenced").code(),
        "KV_FENCED"
    );
    assert!(exec(&old, "INSERT INTO t VALUES (2)").is_err());
    let reason = old_handle.take_error().expect("a reason");
    assert_eq!(reason.code(), "KV_FENCED");
    exec(&new, "INSERT INTO t VALUES (3)").expect("writes");
    assert_eq!(rows(&new, "SELECT a FROM t").expect("reads"), "1 3");
}

#[test]
fn who_was_fenced_off_reads_the_state_of_before() {
    // Whatever the connection was about to do, and whether its pages are in its memory.
    let writes = [
        "INSERT INTO t VALUES (9, 9)",
        "INSERT INTO t SELECT 100 + a, randomblob(40000) FROM t",
        "CREATE TABLE more(x); INSERT INTO more VALUES (randomblob(200000))",
        "BEGIN; DELETE FROM t; INSERT INTO t VALUES (8, 8); COMMIT",
        "DELETE FROM t WHERE a > 2; VACUUM",
        "BEGIN; UPDATE t SET b = randomblob(300000); SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT",
    ];
    for (at, write) in writes.iter().enumerate() {
        for memory in ["PRAGMA cache_size = 2000", "PRAGMA cache_size = 2"] {
            let store = Memory::default();
            let small = Options {
                overlay_bytes: 4 * 8192,
                ..Options::default()
            };
            let (old, handle) = open(&store, small).expect("opens");
            exec(&old, memory).expect("runs");
            exec(
                &old,
                "CREATE TABLE t(a INTEGER PRIMARY KEY, b);
                 INSERT INTO t VALUES (1, randomblob(50000)), (2, randomblob(50)), (3, 'x')",
            )
            .expect("writes");
            let look = "SELECT a, length(b), hex(substr(b, 1, 8)) FROM t";
            let before = rows(&old, look).expect("reads");
            let (new, _) = open(&store, Options::default()).expect("takes over");
            if at % 2 == 0 {
                handle.check().expect_err("it is known before");
            }
            exec(&old, write).expect_err("cannot write");
            assert_eq!(handle.take_error().expect("a reason").code(), "KV_FENCED");
            let _ = exec(&old, "ROLLBACK");
            let found =
                rows(&old, look).unwrap_or_else(|error| panic!("{write} {memory}: {error}"));
            assert_eq!(found, before, "{write}");
            exec(&new, "INSERT INTO t VALUES (4, 'new')").expect("writes");
            assert_eq!(rows(&old, look).expect("reads on"), before, "{write}");
            assert_eq!(rows(&old, "PRAGMA integrity_check").expect("reads"), "ok");
            exec(&old, "INSERT INTO t VALUES (5, 5)").expect_err("still cannot write");
            assert_eq!(rows(&old, look).expect("reads on"), before, "{write}");
            old.close();
            let now = rows(&new, look).expect("reads");
            assert!(
                now.starts_with(&before) && now.ends_with("4|3|6E6577"),
                "{now}"
            );
        }
    }
}

#[test]
fn who_was_fenced_off_is_told_when_what_it_reads_is_gone() {
    let store = Memory::default();
    let options = Options {
        keep_epochs: 1,
        ..Options::default()
    };
    let (old, handle) = open(&store, options.clone()).expect("opens");
    exec(
        &old,
        "PRAGMA cache_size = 2; CREATE TABLE t(a INTEGER PRIMARY KEY, b);
         INSERT INTO t VALUES (1, randomblob(300000))",
    )
    .expect("writes");
    handle.checkpoint().expect("makes a checkpoint");
    old.close();
    let (old, handle) = open(&store, options.clone()).expect("opens");
    let (new, writing) = open(&store, options).expect("takes over");
    for _ in 0..3 {
        exec(&new, "UPDATE t SET b = randomblob(300000)").expect("writes");
        writing.checkpoint().expect("makes a checkpoint");
    }
    for _ in 0..2 {
        rows(&old, "SELECT sum(length(b)) FROM t").expect_err("is gone");
        assert_eq!(handle.take_error().expect("a reason").code(), "KV_FENCED");
    }
}

#[test]
fn a_reader_keeps_its_snapshot_and_can_be_refreshed() {
    let store = Memory::default();
    let (writer, writing) = open(&store, Options::default()).expect("opens");
    exec(&writer, "CREATE TABLE t(a); INSERT INTO t VALUES (1)").expect("writes");
    let reading = Options {
        readonly: true,
        ..Options::default()
    };
    let (reader, handle) = open(&store, reading).expect("opens for reading");
    for round in 2..6 {
        let before = rows(&reader, "SELECT count(*) FROM t").expect("reads");
        exec(&writer, &format!("INSERT INTO t VALUES ({round})")).expect("writes");
        if round % 2 == 0 {
            writing.checkpoint().expect("flushes");
        }
        assert_eq!(
            rows(&reader, "SELECT count(*) FROM t").expect("reads"),
            before
        );
        assert!(handle.refresh().expect("refreshes"));
        reader.reset_cache().expect("resets");
        let after = rows(&reader, "SELECT count(*) FROM t").expect("reads");
        assert_eq!(after, round.to_string());
    }
    assert!(!handle.refresh().expect("refreshes"), "nothing is newer");
}

#[test]
fn a_database_shrinks_and_grows() {
    let store = Memory::default();
    let (connection, handle) = open(&store, Options::default()).expect("opens");
    for _ in 0..3 {
        exec(
            &connection,
            "CREATE TABLE t(a); CREATE TABLE u(a);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO t SELECT randomblob(500) FROM n;
             INSERT INTO u SELECT * FROM t; DROP TABLE t; VACUUM; DROP TABLE u; VACUUM;
             CREATE TABLE v(a); INSERT INTO v VALUES (1); DROP TABLE v",
        )
        .expect("runs");
        handle.checkpoint().expect("flushes");
        let check = rows(&connection, "PRAGMA integrity_check").expect("checks");
        assert_eq!(check, "ok");
    }
    // The garbage of an epoch goes with the checkpoint after it.
    for _ in 0..2 {
        exec(&connection, "CREATE TABLE w(a); DROP TABLE w").expect("runs");
        handle.checkpoint().expect("flushes");
    }
    connection.close();
    let images = store
        .data
        .borrow()
        .keys()
        .filter(|key| key.starts_with("e/P/"))
        .count();
    assert!(images < 20, "{images} images of an empty database");
}

/// What is there after a kill: it must be sound, and have the size that its first page names.
fn expect_sound(store: &Memory, killed: (Connection, Handle)) {
    std::mem::forget(killed);
    let reading = Options {
        readonly: true,
        ..Options::default()
    };
    let (reader, _) = open(store, reading.clone()).expect("opens for reading");
    let check = rows(&reader, "PRAGMA integrity_check").expect("checks");
    assert_eq!(check, "ok");
    let named = rows(&reader, "PRAGMA page_count").expect("answers");
    let database = Database::open(Rc::new(store.clone()), "e", reading).expect("opens");
    assert_eq!(database.size().to_string(), named);
}

/// Its pages are in the file before it is rolled back.
const ROLLED_BACK: &str = "PRAGMA cache_size=2; BEGIN; INSERT INTO t VALUES (randomblob(100000));
     UPDATE t SET a = 3; ROLLBACK";
/// The pages of the blob are free when it ends.
const FREES: &str = "PRAGMA cache_size=1000; BEGIN; INSERT INTO t VALUES (zeroblob(50000));
     DELETE FROM t WHERE rowid > 1; INSERT INTO t VALUES (2); COMMIT";

#[test]
fn a_database_is_cut_although_its_first_page_was_spilled() {
    let options = Options {
        page_size: 1024,
        overlay_bytes: 2 << 10,
        ..Options::default()
    };
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO t SELECT randomblob(500) FROM n;";
    for sql in [
        format!("BEGIN; INSERT INTO t VALUES (2); SAVEPOINT s; {many} ROLLBACK TO s; COMMIT"),
        format!("{many} DELETE FROM t WHERE rowid % 4 > 0; VACUUM"),
    ] {
        let store = Memory::default();
        let (connection, handle) = open(&store, options.clone()).expect("opens");
        let set_up = "PRAGMA cache_size=10; CREATE TABLE t(a); INSERT INTO t VALUES (1)";
        exec(&connection, set_up).expect("writes");
        exec(&connection, &sql).expect("runs");
        expect_sound(&store, (connection, handle));
        let (connection, handle) = open(&store, Options::default()).expect("opens again");
        exec(&connection, ROLLED_BACK).expect("rolls back");
        exec(&connection, FREES).expect("commits");
        expect_sound(&store, (connection, handle));
    }
}

/// The engine does not write free pages at the end, but makes the file longer if it takes it for too short: what it
/// takes for the length must be the length.
#[test]
fn free_pages_at_the_end_of_a_longer_file_are_there() {
    let committed = "INSERT INTO t VALUES (3)";
    for before in [committed, ROLLED_BACK] {
        let store = Memory::default();
        let (connection, _) = open(&store, Options::default()).expect("opens");
        exec(&connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1)").expect("writes");
        connection.close();
        let mut database =
            Database::open(Rc::new(store.clone()), "e", Options::default()).expect("opens");
        let (size, image) = (database.size(), vec![7; database.page_size()]);
        for page in size + 1..size + 40 {
            database.write(page, image.clone()).expect("writes");
        }
        database.commit().expect("commits");
        drop(database);
        let (connection, handle) = open(&store, Options::default()).expect("opens");
        exec(&connection, before).expect("runs");
        exec(&connection, FREES).expect("commits");
        expect_sound(&store, (connection, handle));
    }
}

#[test]
fn what_is_fixed_is_refused_with_the_reason() {
    let store = Memory::default();
    let (connection, _) = open(&store, Options::default()).expect("opens");
    exec(&connection, "CREATE TABLE t(a)").expect("writes");
    for (sql, reason) in [
        (
            "PRAGMA journal_mode=WAL",
            "every commit is atomic without a journal",
        ),
        (
            "PRAGMA journal_mode=DELETE",
            "every commit is atomic without a journal",
        ),
        ("PRAGMA locking_mode=NORMAL", "the store decides who writes"),
        (
            "PRAGMA page_size=4096",
            "it is chosen when the database is created",
        ),
        ("PRAGMA mmap_size=1000000", "there is no file to map"),
    ] {
        let error = exec(&connection, sql).expect_err("is refused").to_string();
        assert!(error.contains(reason), "{sql}: {error}");
    }
    assert_eq!(
        rows(&connection, "PRAGMA journal_mode").expect("answers"),
        "memory"
    );
    assert_eq!(
        rows(&connection, "PRAGMA page_size").expect("answers"),
        "8192"
    );
}

#[test]
fn every_page_size_and_small_limits() {
    for page_size in [512, 1024, 4096, 16384, 65536] {
        let mut store = Memory::default();
        store.limits.max_keys = 3;
        store.limits.max_read_keys = 10;
        let options = Options {
            page_size,
            ..Options::default()
        };
        let (connection, handle) = open(&store, options.clone()).expect("opens");
        exec(
            &connection,
            "CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO t SELECT i * 7919 % 3001, printf('%.*c', i % 300, 'x') FROM n",
        )
        .expect("writes");
        connection.close();
        drop(handle);
        let (connection, _) = open(&store, options).expect("opens again");
        assert_eq!(
            rows(&connection, "PRAGMA page_size").expect("answers"),
            page_size.to_string()
        );
        assert_eq!(
            rows(&connection, "PRAGMA integrity_check").expect("checks"),
            "ok"
        );
        assert_eq!(
            rows(&connection, "SELECT count(*), sum(a) FROM t").expect("reads"),
            "3000|4501500"
        );
    }
}

/// A store that says yes whatever is there.
struct Yes(Memory);

impl Store for Yes {
    fn is_fenced(&self) -> bool {
        true
    }
    fn get(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        self.0.get(key)
    }
    fn get_batch(&self, keys: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        self.0.get_batch(keys)
    }
    fn put(&self, key: &str, value: &[u8]) -> StoreResult<()> {
        self.0.put(key, value)
    }
    fn put_batch(&self, entries: &[Entry]) -> StoreResult<()> {
        self.0.put_batch(entries)
    }
    fn delete_batch(&self, keys: &[String]) -> StoreResult<()> {
        self.0.delete_batch(keys)
    }
    fn put_if_absent(&self, key: &str, value: &[u8]) -> StoreResult<bool> {
        self.0.put(key, value).map(|()| true)
    }
}

#[test]
fn stores_and_options_that_cannot_be_are_refused() {
    let twice = connect(Rc::new(Yes(Memory::default())), "e", Options::default());
    assert!(message(twice).contains("creates a key that is there"));
    let unfenced = Memory {
        unfenced: true,
        ..Memory::default()
    };
    assert!(message(open(&unfenced, Options::default())).contains("has no putIfAbsent"));
    let single = Options {
        single_writer: true,
        ..Options::default()
    };
    assert_eq!(message(open(&unfenced, single)), "no error");
    for page_size in [0, 256, 1000, 131_072] {
        let options = Options {
            page_size,
            ..Options::default()
        };
        assert!(message(open(&Memory::default(), options)).contains("power of two"));
    }
    let mut small = Memory::default();
    small.limits.max_value_bytes = 1000;
    assert!(message(open(&small, Options::default())).contains("maxValueBytes must be at least"));
    for name in ["", "a\0b", &"x".repeat(201)] {
        let opened = connect(Rc::new(Memory::default()), name, Options::default());
        assert!(message(opened).contains("from 1 to 200 bytes"));
    }
}
