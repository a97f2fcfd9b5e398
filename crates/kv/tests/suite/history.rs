//! Readers that are refreshed, epochs that are kept, and going back to one.

// A test may fail by panicking.

use std::rc::Rc;

use crate::common::{exec, rows, Memory};
use ferrolite_kv::{connect, Handle, Options};
use ferrolite_sqlite::{Connection, Params};

const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO t(a, b) SELECT i, printf('%.*c', 200, 'x') FROM n";

fn open(store: &Memory, options: Options) -> (Connection, Handle) {
    connect(Rc::new(store.clone()), "h", options).expect("opens")
}

fn kept(epochs: u32) -> Options {
    Options {
        page_size: 1024,
        keep_epochs: epochs,
        ..Options::default()
    }
}

fn reading() -> Options {
    Options {
        readonly: true,
        ..Options::default()
    }
}

fn sum(connection: &Connection) -> String {
    rows(connection, "SELECT count(*), sum(a) FROM t").unwrap_or_else(|error| error.to_string())
}

fn sound(connection: &Connection) {
    assert_eq!(
        rows(connection, "PRAGMA integrity_check").expect("checks"),
        "ok"
    );
}

#[test]
fn a_reader_follows_a_database_that_grows_shrinks_and_changes_its_schema() {
    let store = Memory::default();
    let (writer, writing) = open(&store, kept(2));
    exec(&writer, "CREATE TABLE t(a, b)").expect("creates");
    let (reader, handle) = open(&store, reading());
    let steps = [
        FILL,
        "CREATE INDEX i ON t(b); ALTER TABLE t ADD COLUMN c",
        "DELETE FROM t WHERE a > 10; VACUUM",
        FILL,
        "DROP INDEX i; CREATE TABLE u(x); INSERT INTO u SELECT b FROM t",
        "DELETE FROM t; DROP TABLE u; VACUUM",
    ];
    for (at, step) in steps.iter().enumerate() {
        let before = sum(&reader);
        exec(&writer, step).expect("writes");
        if at % 2 == 0 {
            writing.checkpoint().expect("makes a checkpoint");
        }
        assert_eq!(sum(&reader), before, "{step}: a snapshot");
        assert!(handle.refresh().expect("refreshes"));
        reader.reset_cache().expect("resets");
        assert_eq!(sum(&reader), sum(&writer), "{step}");
        sound(&reader);
        let schema = "SELECT group_concat(sql) FROM sqlite_master";
        assert_eq!(rows(&reader, schema), rows(&writer, schema), "{step}");
    }
    assert!(!handle.refresh().expect("refreshes"), "nothing is newer");
}

#[test]
fn a_reader_in_use_is_not_refreshed() {
    let store = Memory::default();
    let (writer, _) = open(&store, kept(2));
    exec(&writer, "CREATE TABLE t(a, b)").expect("creates");
    let (reader, handle) = open(&store, reading());
    exec(&reader, "BEGIN; SELECT * FROM t").expect("reads");
    exec(&writer, "INSERT INTO t VALUES (1, 2)").expect("writes");
    let error = handle.refresh().expect_err("is refused").to_string();
    assert!(
        error.contains("while a transaction or a statement reads it"),
        "{error}"
    );
    assert_eq!(sum(&reader), "0|");
    exec(&reader, "COMMIT").expect("ends");
    assert!(handle.refresh().expect("refreshes"));
    reader.reset_cache().expect("resets");
    assert_eq!(sum(&reader), "1|1");
    let statement = reader.prepare(b"SELECT * FROM t").expect("compiles");
    let mut running = statement.start(Params::default()).expect("starts");
    running.step().expect("steps");
    assert!(handle.refresh().is_err());
    running.finish().1.expect("ends");
    assert!(!handle.refresh().expect("is at rest"));
}

/// Epochs with their rows, and how many entries their schemas have.
type States = Vec<(u32, String, String)>;

fn written(store: &Memory) -> (Connection, Handle, States) {
    let (writer, handle) = open(store, kept(4));
    exec(&writer, "CREATE TABLE t(a, b)").expect("creates");
    let mut states = Vec::new();
    for step in [
        FILL,
        "UPDATE t SET a = -a",
        "CREATE TABLE u(x); INSERT INTO u SELECT b FROM t; DELETE FROM t WHERE a < -100; VACUUM",
        "DROP TABLE u; VACUUM",
        "INSERT INTO t VALUES (5, 5)",
    ] {
        exec(&writer, step).expect("writes");
        handle.checkpoint().expect("makes a checkpoint");
        let schema = rows(&writer, "SELECT count(*) FROM sqlite_master").expect("reads");
        states.push((handle.epoch(), sum(&writer), schema));
    }
    (writer, handle, states)
}

#[test]
fn kept_epochs_are_listed_and_opened() {
    let store = Memory::default();
    let (writer, handle, states) = written(&store);
    let history = handle.history().expect("lists");
    let newest = handle.epoch();
    assert!(history.len() >= 4, "{history:?}");
    assert_eq!(history.last().map(|moment| moment.epoch), Some(newest));
    assert!(history
        .iter()
        .all(|moment| moment.time > 1_600_000_000_000 && moment.pages > 0));
    let first = history[0].epoch;
    let (reader, reading) = open(&store, reading());
    assert_eq!(reading.history().expect("lists"), history);
    drop(reader);
    for epoch in [0, first - 1, newest + 1] {
        let options = Options {
            epoch: Some(epoch),
            ..Options::default()
        };
        let opened = connect(Rc::new(store.clone()), "h", options);
        let error = opened.err().expect("is refused").to_string();
        assert!(
            error.contains(&format!("epoch {epoch} is not kept")),
            "{error}"
        );
        assert!(handle.restore(&writer, epoch).is_err());
    }
    for (epoch, should, _) in states.iter().filter(|(epoch, ..)| *epoch >= first) {
        let options = Options {
            epoch: Some(*epoch),
            ..Options::default()
        };
        let (old, old_handle) = open(&store, options);
        assert_eq!(sum(&old), *should);
        sound(&old);
        assert!(exec(&old, "INSERT INTO t VALUES (1, 1)").is_err());
        assert!(old_handle.refresh().is_err(), "it stays as it is");
    }
}

#[test]
fn a_kept_epoch_is_restored() {
    let store = Memory::default();
    let (writer, handle, states) = written(&store);
    let first = handle.history().expect("lists")[0].epoch;
    let (epoch, should, schema) = states
        .iter()
        .find(|(epoch, ..)| *epoch >= first)
        .expect("one is kept");
    handle.restore(&writer, *epoch).expect("restores");
    assert_eq!(sum(&writer), *should);
    assert_eq!(
        rows(&writer, "SELECT count(*) FROM sqlite_master").as_ref(),
        Ok(schema)
    );
    sound(&writer);
    exec(&writer, FILL).expect("goes on");
    handle.checkpoint().expect("makes a checkpoint");
    assert_eq!(rows(&writer, "PRAGMA kv_verify").expect("verifies"), "ok");
    let (reader, _) = open(
        &store,
        Options {
            readonly: true,
            ..Options::default()
        },
    );
    assert_eq!(sum(&reader), sum(&writer));
    sound(&reader);
}

#[test]
fn a_database_in_use_is_not_restored() {
    let store = Memory::default();
    let (writer, handle) = open(&store, kept(3));
    exec(&writer, "CREATE TABLE t(a, b)").expect("creates");
    handle.checkpoint().expect("makes a checkpoint");
    let epoch = handle.epoch();
    exec(&writer, FILL).expect("writes");
    exec(&writer, "BEGIN").expect("begins");
    assert!(handle.restore(&writer, epoch).is_err());
    exec(&writer, "COMMIT").expect("ends");
    let statement = writer.prepare(b"SELECT * FROM t").expect("compiles");
    let mut running = statement.start(Params::default()).expect("starts");
    running.step().expect("steps");
    assert!(handle.restore(&writer, epoch).is_err());
    running.finish().1.expect("ends");
    handle.restore(&writer, epoch).expect("restores");
    assert_eq!(sum(&writer), "0|");
    // It locks again as a writer does, and its schema is seen as another one by whoever knew the one of that number.
    exec(&writer, "CREATE TABLE v(x)").expect("writes");
    assert_eq!(
        rows(&writer, "PRAGMA locking_mode").expect("answers"),
        "exclusive"
    );
}
