//! `PRAGMA secure_delete`: no vector is left in the file that no row has.

use crate::common::{check, error, exec, rows, TestFile};
use ferrolite_sqlite::{Connection, Result};

/// A number that is in no other vector.
fn secret(number: u32) -> String {
    format!("{}", 1000.5 + f64::from(number))
}

/// Whether the file has that number, as a vector of this dimension has it: more than once in a row.
fn has(file: &TestFile, number: u32) -> bool {
    #[allow(clippy::cast_precision_loss)] // a small number
    let bytes = (1000.5 + number as f32).to_le_bytes().repeat(2);
    let content = std::fs::read(file.path()).unwrap_or_default();
    content
        .windows(bytes.len())
        .any(|window| window == bytes.as_slice())
}

fn create(file: &TestFile, secure: &str, options: &str) -> Result<Connection> {
    let connection = file.open()?;
    connection.set_defensive(false)?;
    exec(
        &connection,
        &format!(
            "PRAGMA secure_delete = {secure}; CREATE VIRTUAL TABLE t USING diskann(dimension=4{options});
            INSERT INTO t_config VALUES ('least_rows', 60)"
        ),
    )?;
    Ok(connection)
}

fn insert(connection: &Connection, from: u32, to: u32) -> Result<()> {
    for number in from..=to {
        let number_of = secret(number);
        exec(
            connection,
            &format!("INSERT INTO t(rowid, vector) VALUES ({number}, '[{number_of},{number_of},1,{number}]')"),
        )?;
    }
    Ok(())
}

#[test]
fn what_is_deleted_or_updated_is_overwritten() -> Result<()> {
    for journal in ["DELETE", "WAL"] {
        for metric in ["", ", metric=euclidean"] {
            let file = TestFile::new();
            let connection = create(&file, "1", metric)?;
            exec(&connection, &format!("PRAGMA journal_mode = {journal}"))?;
            insert(&connection, 1, 40)?;
            exec(
                &connection,
                "DELETE FROM t WHERE rowid = 3; UPDATE t SET vector = '[1,2,3,4]' WHERE rowid = 5;
                INSERT OR REPLACE INTO t(rowid, vector) VALUES (7, '[4,3,2,1]');
                BEGIN; DELETE FROM t WHERE rowid BETWEEN 20 AND 30; SAVEPOINT s; DELETE FROM t WHERE rowid = 31; RELEASE s; COMMIT;
                PRAGMA wal_checkpoint(TRUNCATE)",
            )?;
            for number in [3, 5, 7, 20, 25, 30, 31] {
                assert!(!has(&file, number), "{journal}{metric}: {number}");
            }
            for number in [1, 2, 4, 6, 8, 19, 32, 40] {
                assert!(has(&file, number), "{journal}{metric}: {number}");
            }
            check(&connection, "t");
            // Another connection that had the table in memory follows.
            check(&file.open()?, "t");
        }
    }
    Ok(())
}

#[test]
fn a_merge_a_rebuild_and_optimize_overwrite_what_they_free() -> Result<()> {
    for command in ["merge", "rebuild", "optimize"] {
        let file = TestFile::new();
        let connection = create(&file, "1", "")?;
        exec(&connection, "INSERT INTO t(t) VALUES ('automerge=0')")?;
        insert(&connection, 1, 90)?;
        exec(
            &connection,
            "INSERT INTO t(t) VALUES ('merge'); DELETE FROM t WHERE rowid BETWEEN 10 AND 20",
        )?;
        // They are in the graph, and searches go through them.
        assert!(has(&file, 15), "{command}");
        exec(
            &connection,
            &format!("INSERT INTO t(t) VALUES ('{command}')"),
        )?;
        for number in 10..=20 {
            assert!(!has(&file, number), "{command}: {number}");
        }
        assert!(has(&file, 9) && has(&file, 21), "{command}");
        check(&connection, "t");
    }
    Ok(())
}

#[test]
fn many_rows_at_once_are_overwritten() -> Result<()> {
    let file = TestFile::new();
    let connection = create(&file, "1", "")?;
    let number = secret(1);
    exec(
        &connection,
        &format!(
            "INSERT INTO t(t) VALUES ('automerge=0');
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
            INSERT INTO t(rowid, vector) SELECT i, '[{number},{number},1,1]' FROM n"
        ),
    )?;
    assert!(has(&file, 1));
    exec(
        &connection,
        "DELETE FROM t WHERE rowid < 39999; DELETE FROM t",
    )?;
    assert!(!has(&file, 1));
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_row_that_was_refused_leaves_nothing() -> Result<()> {
    let file = TestFile::new();
    let connection = create(&file, "1", ", n INTEGER")?;
    exec(
        &connection,
        "BEGIN; INSERT INTO t(vector, n) VALUES ('[1,1,1,1]', 1)",
    )?;
    let number = secret(9);
    let refused = format!("INSERT INTO t(vector, n) VALUES ('[{number},{number},1,1]', 'x')");
    assert_eq!(
        error(exec(&connection, &refused)),
        "cannot store TEXT value in INTEGER column t.n"
    );
    exec(&connection, "COMMIT")?;
    assert!(!has(&file, 9));
    check(&connection, "t");
    Ok(())
}

#[test]
fn nothing_is_overwritten_without_it() -> Result<()> {
    let file = TestFile::new();
    let connection = create(&file, "0", "")?;
    insert(&connection, 1, 5)?;
    exec(&connection, "DELETE FROM t WHERE rowid = 3")?;
    assert!(has(&file, 3));
    // FAST: in blocks that are written anyway.
    exec(
        &connection,
        "PRAGMA secure_delete = FAST; BEGIN; INSERT INTO t(rowid, vector) VALUES (3, '[1,1,1,1]'), (6, '[1,2,3,4]'); DELETE FROM t WHERE rowid = 4; COMMIT",
    )?;
    assert!(!has(&file, 3) && !has(&file, 4));
    assert_eq!(rows(&connection, "SELECT count(*) FROM t")?, "5");
    check(&connection, "t");
    Ok(())
}
