//! Work that is ended at any moment: all of it is done, or nothing, and the table is whole.
//!
//! `VECTOR_INTERRUPTS` is at how many moments.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::random::setting;
use crate::common::{check, error, exec, open, rows, TestFile};
use ferrolite_sqlite::{Connection, Result};

/// A connection that ends what runs when it has looked for that so many times.
fn stopping(file: &TestFile) -> Result<(Connection, Arc<AtomicUsize>)> {
    let connection = open(&file.path())?;
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let counted = left.clone();
    connection.set_interrupt_check(Box::new(move || {
        // It stays at 0: what is cancelled stays so until it has ended.
        counted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            Some(left.saturating_sub(1))
        }) == Ok(0)
    }));
    Ok((connection, left))
}

fn load(from: u32, to: u32) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})
        INSERT INTO t(rowid, vector, tag) SELECT i, '[' || (i % 13) || ',' || (i % 101) || ',' || i || ',1]', 'a' FROM n"
    )
}

fn state(connection: &Connection) -> Result<String> {
    let sql =
        "SELECT count(*), sum(rowid), sum(tag = 'b'), sum(length(vector_to_json(vector))) FROM t";
    rows(connection, sql)
}

/// Ends `work` at each of so many moments. `undo` takes back what was done in time.
fn sweep(work: &str, undo: &str) -> Result<()> {
    let moments = setting("VECTOR_INTERRUPTS", 30_usize);
    let file = TestFile::new();
    let (connection, left) = stopping(&file)?;
    connection.set_defensive(false)?;
    exec(
        &connection,
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
        CREATE VIRTUAL TABLE t USING diskann(dimension=4, metric=euclidean, tag TEXT);
        INSERT INTO t_config VALUES ('least_rows', 300)",
    )?;
    exec(&connection, &load(1, 1200))?;
    let count = usize::MAX - {
        connection.watch(None);
        left.store(usize::MAX, Ordering::Relaxed);
        exec(&connection, work)?;
        connection.unwatch();
        left.load(Ordering::Relaxed)
    };
    let after = state(&connection)?;
    exec(&connection, undo)?;
    let before = state(&connection)?;
    let (mut ended, mut slowest) = (0, Duration::ZERO);
    for moment in 0..moments {
        left.store(moment * count / moments, Ordering::Relaxed);
        connection.watch(None);
        let began = Instant::now();
        let outcome = exec(&connection, work);
        connection.unwatch();
        left.store(usize::MAX, Ordering::Relaxed);
        slowest = slowest.max(began.elapsed());
        if outcome.is_err() {
            assert_eq!(error(outcome), "interrupted");
            ended += 1;
        } else {
            assert_eq!(state(&connection)?, after);
            exec(&connection, undo)?;
        }
        assert!(!connection.in_transaction());
        assert_eq!(state(&connection)?, before, "moment {moment}");
        check(&connection, "t");
        check(&file.open()?, "t");
    }
    println!("{count} looks; {ended} of {moments} ended; the slowest took {slowest:?}");
    assert!(ended > 0);
    Ok(())
}

#[test]
fn a_bulk_load_is_all_or_nothing() -> Result<()> {
    sweep(
        &load(2000, 4000),
        "DELETE FROM t WHERE rowid >= 2000; INSERT INTO t(t) VALUES ('rebuild')",
    )
}

#[test]
fn a_rebuild_is_all_or_nothing() -> Result<()> {
    sweep("INSERT INTO t(t) VALUES ('rebuild')", "SELECT 1")
}

#[test]
fn a_transaction_of_rows_and_commands_is_all_or_nothing() -> Result<()> {
    sweep(
        "BEGIN; DELETE FROM t WHERE rowid % 2; UPDATE t SET vector = '[1,1,1,1]', tag = 'b' WHERE rowid % 5 = 0;
        INSERT INTO t(t) VALUES ('optimize'); COMMIT",
        &format!("DELETE FROM t; {}; INSERT INTO t(t) VALUES ('rebuild')", load(1, 1200)),
    )
}
