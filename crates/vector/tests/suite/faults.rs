//! Disks that fail at any moment, under programs with merges: the table is as a plain one of the same transactions,
//! and what was acknowledged is there.
//!
//! `VECTOR_FAULTS` is how many operations there are from one that fails to the next, `VECTOR_SEED` where they begin
//! and what survives a crash.

use crate::common::disk::{Disk, Fault};
use crate::common::random::setting;
use crate::common::{error, exec, rows};
use ferrolite_sqlite::{Connection, OpenOptions, Result};

/// In an order in which rows come, go and change, and the graph is built, merged, built anew and made smaller.
const STEPS: &[&str] = &[
    "{insert 1 40}",
    "{insert 41 70}",
    "DELETE FROM {t} WHERE {id} % 7 = 0",
    "{insert 71 71}",
    "UPDATE {t} SET {v} = '[5,1,1,1]', tag = 'b' WHERE {id} % 9 = 0",
    "SAVEPOINT s; {insert 100 160}; ROLLBACK TO s; {insert 200 230}; RELEASE s",
    "*rebuild",
    "DELETE FROM {t} WHERE {id} > 30",
    "*optimize",
    "{insert 300 330}",
    "ALTER TABLE t RENAME TO u",
    "{insert 331 333}",
    "*merge",
];

fn open(vfs: &str, journal: &str) -> Result<Connection> {
    let connection = Connection::open(&OpenOptions {
        vfs: Some(vfs),
        timeout: 0,
        modules: &[ferrolite_vector::register],
        ..OpenOptions::new("disk:a")
    })?;
    // Without shared memory a WAL has one connection.
    exec(
        &connection,
        &format!("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = {journal}; PRAGMA synchronous = FULL; PRAGMA cache_size = 10"),
    )?;
    Ok(connection)
}

fn create(connection: &Connection) -> Result<()> {
    connection.set_defensive(false)?;
    exec(
        connection,
        "BEGIN;
        CREATE VIRTUAL TABLE t USING diskann(dimension=4, metric=euclidean, tag TEXT);
        INSERT INTO t(t) VALUES ('threads=1');
        INSERT INTO t_config VALUES ('least_rows', 30);
        CREATE TABLE p(id INTEGER PRIMARY KEY, v TEXT, tag TEXT);
        CREATE TABLE done(n INTEGER);
        INSERT INTO done VALUES (0);
        COMMIT",
    )
}

fn name(connection: &Connection) -> Result<String> {
    rows(
        connection,
        "SELECT name FROM sqlite_schema WHERE name IN ('t', 'u')",
    )
}

/// A step for one of the two tables.
fn sql(step: &str, table: &str, id: &str, v: &str) -> String {
    let mut sql = step
        .replace("{t}", table)
        .replace("{id}", id)
        .replace("{v}", v);
    while let Some((before, rest)) = sql.split_once("{insert ") {
        let (range, after) = rest.split_once('}').unwrap();
        let (from, to) = range.split_once(' ').unwrap();
        sql = format!(
            "{before}WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})
            INSERT INTO {table}({id}, {v}, tag) SELECT i, '[' || (i % 13) || ',' || (i % 7) || ',' || i || ',1]', 'a' FROM n{after}"
        );
    }
    sql
}

fn step(connection: &Connection, number: usize) -> Result<()> {
    let step = STEPS[number];
    let table = name(connection)?;
    let done = format!("UPDATE done SET n = {}", number + 1);
    let script = if let Some(command) = step.strip_prefix('*') {
        format!("BEGIN; INSERT INTO {table}({table}) VALUES ('{command}'); {done}; COMMIT")
    } else if step.starts_with("ALTER") {
        format!("BEGIN; {step}; {done}; COMMIT")
    } else {
        let (vector, plain) = (
            sql(step, &table, "rowid", "vector"),
            sql(step, "p", "id", "v"),
        );
        format!("BEGIN; {vector}; {plain}; {done}; COMMIT")
    };
    exec(connection, &script)
}

/// The table is as the plain one. Returns how many steps it has seen.
fn check(connection: &Connection, context: &str) -> usize {
    let table = name(connection).unwrap();
    let ask = |sql: &str| match rows(connection, sql) {
        Ok(found) => found,
        Err(error) => panic!("{context}: {sql}: {error}"),
    };
    let both = format!("SELECT rowid, vector_to_json(vector), tag FROM {table}");
    let plain = "SELECT id, v, tag FROM p";
    for (a, b) in [(both.as_str(), plain), (plain, both.as_str())] {
        assert_eq!(ask(&format!("{a} EXCEPT {b}")), "", "{context}");
    }
    let count = ask("SELECT count(*) FROM p");
    let search = format!("SELECT count(*), count(DISTINCT rowid) FROM {table} WHERE vector MATCH '[1,2,3,4]' AND k = 1000 AND tag IN ('a', 'b')");
    assert_eq!(ask(&search), format!("{count}|{count}"), "{context}");
    let verify = format!("INSERT INTO {table}({table}) VALUES ('verify')");
    assert_eq!(error(exec(connection, &verify)), "no error", "{context}");
    assert_eq!(ask("PRAGMA integrity_check"), "ok", "{context}");
    ask("SELECT n FROM done").parse().unwrap()
}

/// All steps, as far as they go. Returns how many were acknowledged.
fn run(vfs: &str, disk: &Disk, journal: &str) -> usize {
    let Ok(connection) = open(vfs, journal) else {
        return 0;
    };
    if create(&connection).is_err() {
        return 0;
    }
    for number in 0..STEPS.len() {
        if step(&connection, number).is_err() {
            return number;
        }
    }
    assert!(!disk.has_failed());
    STEPS.len()
}

/// The same, where the connection goes on: what fails is tried again.
fn run_on(vfs: &str, disk: &Disk, journal: &str, context: &str) {
    let connection = loop {
        match open(vfs, journal).and_then(|connection| create(&connection).map(|()| connection)) {
            Ok(connection) => break connection,
            Err(_) if disk.has_failed() => disk.heal(),
            Err(error) => panic!("{context}: {error}"),
        }
        // It was created and not acknowledged.
        if open(vfs, journal).is_ok_and(|open| name(&open).is_ok_and(|name| name == "t")) {
            break open(vfs, journal).unwrap();
        }
    };
    let mut number = 0;
    while number < STEPS.len() {
        let outcome = step(&connection, number);
        if let Err(error) = &outcome {
            assert!(disk.has_failed(), "{context}: {error}");
            disk.heal();
            if connection.in_transaction() {
                exec(&connection, "ROLLBACK").unwrap();
            }
            let context = format!("{context}, step {number}: {error}");
            let done = check(&connection, &context);
            assert!(done == number || done == number + 1, "{context}: {done}");
            number = done;
        } else {
            number += 1;
        }
    }
    assert_eq!(check(&connection, context), STEPS.len());
}

fn sweep(vfs: &str, journal: &str, fault: Fault) {
    let disk = Disk::new(vfs);
    let stride = setting("VECTOR_FAULTS", 7_usize).max(1);
    let seed = setting("VECTOR_SEED", 1_u64);
    disk.prepare(None, seed);
    assert_eq!(run(vfs, &disk, journal), STEPS.len());
    let all = disk.operations();
    let begin = usize::try_from(seed).unwrap() % stride;
    println!("{journal}, {fault:?}: {all} operations, each {stride}th from {begin} on");
    for at in (begin..all).step_by(stride) {
        let context = format!("{journal}, {fault:?} at {at}");
        disk.prepare(Some((fault, at)), seed + at as u64);
        if fault != Fault::Crash {
            run_on(vfs, &disk, journal, &context);
            continue;
        }
        let acknowledged = run(vfs, &disk, journal);
        disk.heal();
        let connection = open(vfs, journal).unwrap();
        if name(&connection).unwrap().is_empty() {
            assert_eq!(acknowledged, 0, "{context}");
            continue;
        }
        let done = check(&connection, &context);
        let is_kept = done == acknowledged || done == acknowledged + 1;
        assert!(
            is_kept,
            "{context}: {acknowledged} acknowledged, {done} done"
        );
        // It goes on from there.
        for number in done..STEPS.len() {
            step(&connection, number).unwrap();
        }
        check(&connection, &context);
    }
}

#[test]
fn a_crash_in_delete_mode_leaves_what_was_acknowledged() {
    sweep("crash-delete", "DELETE", Fault::Crash);
}

#[test]
fn a_crash_in_wal_mode_leaves_what_was_acknowledged() {
    sweep("crash-wal", "WAL", Fault::Crash);
}

#[test]
fn an_error_in_delete_mode_undoes_its_transaction() {
    sweep("error-delete", "DELETE", Fault::Once);
}

#[test]
fn an_error_in_wal_mode_undoes_its_transaction() {
    sweep("error-wal", "WAL", Fault::Once);
}

#[test]
fn a_full_disk_in_delete_mode_undoes_its_transaction() {
    sweep("full-delete", "DELETE", Fault::Full);
}

#[test]
fn a_full_disk_in_wal_mode_undoes_its_transaction() {
    sweep("full-wal", "WAL", Fault::Full);
}
