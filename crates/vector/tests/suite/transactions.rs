//! A vector table follows its transaction: what `SQLite` does to virtual tables, one trap a test.

use crate::common::{check, check_file, error, exec, open, rows, TestFile};
use ferrolite_sqlite::{Connection, Params, Result, Step, ValueRef};

const CREATE: &str =
    "CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean, tag TEXT)";

/// The rowids by distance from 0.
fn ids(connection: &Connection, table: &str) -> String {
    let sql = format!("SELECT rowid FROM {table} WHERE vector MATCH '[0]' AND k = 99");
    rows(connection, &sql).unwrap_or_else(|error| error.to_string())
}

fn insert(connection: &Connection, ids: &[i64]) -> Result<()> {
    ids.iter().try_for_each(|id| {
        exec(
            connection,
            &format!("INSERT INTO t(rowid, vector) VALUES ({id}, '[{id}]')"),
        )
    })
}

fn with_rows() -> Result<Connection> {
    let connection = open(":memory:")?;
    exec(&connection, CREATE)?;
    insert(&connection, &[1, 2, 3])?;
    Ok(connection)
}

#[test]
fn a_rollback_takes_rows_back() -> Result<()> {
    let connection = with_rows()?;
    exec(
        &connection,
        "BEGIN; DELETE FROM t WHERE rowid = 1; UPDATE t SET vector = '[9]' WHERE rowid = 2",
    )?;
    insert(&connection, &[4])?;
    assert_eq!(ids(&connection, "t"), "3 4 2");
    exec(&connection, "ROLLBACK")?;
    assert_eq!(ids(&connection, "t"), "1 2 3");
    check(&connection, "t");
    insert(&connection, &[5])?;
    assert_eq!(ids(&connection, "t"), "1 2 3 5");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_savepoint_takes_back_what_followed_it() -> Result<()> {
    let connection = with_rows()?;
    exec(&connection, "SAVEPOINT a")?;
    insert(&connection, &[4])?;
    exec(&connection, "SAVEPOINT b; DELETE FROM t WHERE rowid = 4")?;
    insert(&connection, &[5, 6])?;
    assert_eq!(ids(&connection, "t"), "1 2 3 5 6");
    exec(&connection, "ROLLBACK TO b")?;
    assert_eq!(ids(&connection, "t"), "1 2 3 4");
    insert(&connection, &[7])?;
    exec(&connection, "RELEASE b")?;
    check(&connection, "t");
    assert_eq!(ids(&connection, "t"), "1 2 3 4 7");
    exec(&connection, "ROLLBACK TO a")?;
    assert_eq!(ids(&connection, "t"), "1 2 3");
    insert(&connection, &[8])?;
    exec(&connection, "RELEASE a")?;
    assert_eq!(ids(&connection, "t"), "1 2 3 8");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_savepoint_that_was_never_announced_is_rolled_back_to() -> Result<()> {
    let connection = with_rows()?;
    exec(
        &connection,
        "CREATE TABLE o(a); BEGIN; SAVEPOINT a; SAVEPOINT b; INSERT INTO o VALUES (1)",
    )?;
    insert(&connection, &[4])?;
    exec(&connection, "ROLLBACK TO a")?;
    assert_eq!(ids(&connection, "t"), "1 2 3");
    insert(&connection, &[5])?;
    exec(&connection, "COMMIT")?;
    assert_eq!(ids(&connection, "t"), "1 2 3 5");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_statement_that_fails_changes_nothing() -> Result<()> {
    let connection = with_rows()?;
    for begin in ["", "BEGIN;"] {
        let failing =
            format!("{begin} INSERT INTO t(rowid, vector) VALUES (10, '[10]'), (11, '[1, 2]')");
        assert_eq!(
            error(exec(&connection, &failing)),
            "a vector of this table has 1 numbers, not 2"
        );
        assert_eq!(ids(&connection, "t"), "1 2 3");
        if connection.in_transaction() {
            insert(&connection, &[4])?;
            let failing = "UPDATE t SET vector = CASE rowid WHEN 3 THEN '[]' ELSE '[7]' END";
            assert_eq!(
                error(exec(&connection, failing)),
                "a vector of this table has 1 numbers, not 0"
            );
            assert_eq!(ids(&connection, "t"), "1 2 3 4");
            exec(&connection, "COMMIT")?;
        }
    }
    assert_eq!(ids(&connection, "t"), "1 2 3 4");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_table_is_created_and_filled_in_a_transaction() -> Result<()> {
    let connection = open(":memory:")?;
    exec(&connection, &format!("BEGIN; {CREATE}"))?;
    insert(&connection, &[1, 2])?;
    assert_eq!(ids(&connection, "t"), "1 2");
    exec(&connection, "SAVEPOINT s")?;
    insert(&connection, &[3])?;
    exec(&connection, "ROLLBACK TO s; COMMIT")?;
    assert_eq!(ids(&connection, "t"), "1 2");
    check(&connection, "t");
    exec(&connection, "DROP TABLE t")?;
    assert_eq!(
        rows(&connection, "SELECT count(*) FROM sqlite_schema")?,
        "0"
    );
    exec(&connection, &format!("BEGIN; {CREATE}"))?;
    insert(&connection, &[5])?;
    exec(&connection, "ROLLBACK")?;
    assert_eq!(ids(&connection, "t"), "no such table: t");
    Ok(())
}

#[test]
fn a_table_that_a_savepoint_took_is_forgotten() -> Result<()> {
    let connection = open(":memory:")?;
    exec(&connection, &format!("BEGIN; SAVEPOINT s; {CREATE}"))?;
    insert(&connection, &[1, 2])?;
    exec(
        &connection,
        &format!("ROLLBACK TO s; CREATE TABLE o(a); COMMIT; {CREATE}"),
    )?;
    insert(&connection, &[3])?;
    assert_eq!(ids(&connection, "t"), "3");
    check(&connection, "t");
    exec(&connection, "DROP TABLE t")?;
    // Another table of the same name in the same transaction.
    exec(&connection, &format!("BEGIN; SAVEPOINT s; {CREATE}"))?;
    insert(&connection, &[1, 2])?;
    exec(&connection, &format!("ROLLBACK TO s; {CREATE}"))?;
    insert(&connection, &[7])?;
    exec(&connection, "COMMIT")?;
    assert_eq!(ids(&connection, "t"), "7");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_drop_is_rolled_back() -> Result<()> {
    let connection = with_rows()?;
    exec(&connection, "BEGIN")?;
    insert(&connection, &[4])?;
    exec(&connection, "DROP TABLE t; ROLLBACK")?;
    assert_eq!(ids(&connection, "t"), "1 2 3");
    exec(&connection, "BEGIN")?;
    insert(&connection, &[4])?;
    exec(&connection, "SAVEPOINT s; DROP TABLE t; ROLLBACK TO s")?;
    assert_eq!(ids(&connection, "t"), "1 2 3 4");
    insert(&connection, &[5])?;
    exec(&connection, "COMMIT")?;
    assert_eq!(ids(&connection, "t"), "1 2 3 4 5");
    check(&connection, "t");
    exec(&connection, &format!("BEGIN; DROP TABLE t; {CREATE}"))?;
    insert(&connection, &[6])?;
    exec(&connection, "ROLLBACK")?;
    assert_eq!(ids(&connection, "t"), "1 2 3 4 5");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_rename_makes_a_second_object() -> Result<()> {
    let connection = with_rows()?;
    exec(&connection, "BEGIN")?;
    insert(&connection, &[4])?;
    exec(
        &connection,
        "ALTER TABLE t RENAME TO \"it's\"; INSERT INTO \"it's\"(vector) VALUES ('[5]')",
    )?;
    exec(&connection, "SAVEPOINT s; ALTER TABLE \"it's\" RENAME TO u; INSERT INTO u(vector) VALUES ('[6]'); ROLLBACK TO s")?;
    exec(
        &connection,
        "INSERT INTO \"it's\"(vector) VALUES ('[7]'); COMMIT",
    )?;
    assert_eq!(ids(&connection, "\"it's\""), "1 2 3 4 5 6");
    assert_eq!(
        rows(
            &connection,
            "SELECT rowid FROM \"it's\" WHERE vector MATCH '[7]' AND k = 1"
        )?,
        "6"
    );
    check(&connection, "\"it's\"");
    exec(
        &connection,
        "BEGIN; ALTER TABLE \"it's\" RENAME TO t; INSERT INTO t(vector) VALUES ('[8]'); ROLLBACK",
    )?;
    assert_eq!(ids(&connection, "\"it's\""), "1 2 3 4 5 6");
    assert_eq!(
        error(exec(&connection, "ALTER TABLE \"it's\" RENAME TO vector")),
        "a diskann table cannot be named \"vector\": one of its columns is"
    );
    assert_eq!(ids(&connection, "\"it's\""), "1 2 3 4 5 6");
    // Names that indexes had do not stand in the way of another table.
    exec(&connection, "CREATE VIRTUAL TABLE a USING diskann(dimension=1, tag TEXT INDEXED); ALTER TABLE a RENAME TO b;
        CREATE VIRTUAL TABLE a USING diskann(dimension=1, tag TEXT INDEXED); DROP TABLE a; DROP TABLE b; DROP TABLE \"it's\"")?;
    assert_eq!(
        rows(&connection, "SELECT count(*) FROM sqlite_schema")?,
        "0"
    );
    Ok(())
}

#[test]
fn a_commit_that_is_busy_is_tried_again() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open()?;
    exec(&connection, CREATE)?;
    insert(&connection, &[1, 2, 3])?;
    let reader = file.open()?;
    let mut reading = reader
        .prepare(b"SELECT * FROM sqlite_schema")?
        .start(Params::default())?;
    assert_eq!(reading.step()?, Step::Row);
    exec(&connection, "BEGIN")?;
    insert(&connection, &[4])?;
    assert_eq!(error(exec(&connection, "COMMIT")), "database is locked");
    assert_eq!(ids(&connection, "t"), "1 2 3 4");
    insert(&connection, &[5])?;
    assert_eq!(error(exec(&connection, "COMMIT")), "database is locked");
    drop(reading);
    exec(&connection, "COMMIT")?;
    assert_eq!(
        (ids(&connection, "t"), ids(&reader, "t")),
        ("1 2 3 4 5".into(), "1 2 3 4 5".into())
    );
    // What a commit could not keep is not seen.
    let mut reading = reader
        .prepare(b"SELECT * FROM sqlite_schema")?
        .start(Params::default())?;
    assert_eq!(reading.step()?, Step::Row);
    exec(&connection, "BEGIN")?;
    insert(&connection, &[6])?;
    assert_eq!(error(exec(&connection, "COMMIT")), "database is locked");
    exec(&connection, "ROLLBACK")?;
    drop(reading);
    assert_eq!(
        (ids(&connection, "t"), ids(&reader, "t")),
        ("1 2 3 4 5".into(), "1 2 3 4 5".into())
    );
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_reader_stays_in_its_snapshot() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open()?;
    exec(&connection, &format!("PRAGMA journal_mode = WAL; {CREATE}"))?;
    insert(&connection, &[1, 2, 3])?;
    let reader = file.open()?;
    exec(&reader, "BEGIN")?;
    assert_eq!(ids(&reader, "t"), "1 2 3");
    insert(&connection, &[4])?;
    exec(&connection, "DELETE FROM t WHERE rowid = 1")?;
    assert_eq!(
        (ids(&connection, "t"), ids(&reader, "t")),
        ("2 3 4".into(), "1 2 3".into())
    );
    check_file(&reader);
    exec(&reader, "COMMIT")?;
    assert_eq!(ids(&reader, "t"), "2 3 4");
    // Each sees the other's rows.
    exec(&reader, "INSERT INTO t(rowid, vector) VALUES (9, '[0]')")?;
    assert_eq!(ids(&connection, "t"), "9 2 3 4");
    // More writes than the log keeps.
    exec(&reader, "BEGIN")?;
    assert_eq!(ids(&reader, "t"), "9 2 3 4");
    let many: Vec<i64> = (100..420).collect();
    insert(&connection, &many)?;
    exec(&connection, "DELETE FROM t WHERE rowid >= 101")?;
    assert_eq!(ids(&reader, "t"), "9 2 3 4");
    exec(&reader, "COMMIT")?;
    assert_eq!(ids(&reader, "t"), "9 2 3 4 100");
    check(&reader, "t");
    check(&connection, "t");
    assert_eq!(rows(&connection, "SELECT count(*) < 320 FROM t_log")?, "1");
    Ok(())
}

#[test]
fn columns_follow_transactions_and_other_connections() -> Result<()> {
    let file = TestFile::new();
    let (connection, other) = (file.open()?, file.open()?);
    exec(&connection, CREATE)?;
    exec(&connection, "INSERT INTO t(rowid, vector, tag) VALUES (1, '[1]', 'a'), (2, '[2]', 'b'), (3, '[3]', NULL)")?;
    let tagged = |connection: &Connection, test: &str| {
        rows(
            connection,
            &format!("SELECT rowid FROM t WHERE vector MATCH '[0]' AND k = 9 AND tag {test}"),
        )
    };
    for connection in [&connection, &other] {
        assert_eq!(tagged(connection, "= 'a'")?, "1");
        assert_eq!(tagged(connection, "IS NULL")?, "3");
    }
    exec(&connection, "BEGIN; UPDATE t SET tag = 'a' WHERE rowid = 3; INSERT INTO t(rowid, vector, tag) VALUES (4, '[4]', 'a')")?;
    assert_eq!(tagged(&connection, "= 'a'")?, "1 3 4");
    exec(&connection, "SAVEPOINT s; UPDATE t SET tag = 'c'")?;
    assert_eq!(tagged(&connection, "= 'a'")?, "");
    exec(&connection, "ROLLBACK TO s")?;
    assert_eq!(tagged(&connection, "= 'a'")?, "1 3 4");
    exec(&connection, "ROLLBACK")?;
    assert_eq!(tagged(&connection, "= 'a'")?, "1");
    exec(&connection, "UPDATE t SET tag = 'b' WHERE rowid = 1; DELETE FROM t WHERE rowid = 2; INSERT INTO t(rowid, vector, tag) VALUES (5, '[5]', 'b')")?;
    for connection in [&connection, &other] {
        assert_eq!(tagged(connection, "= 'b'")?, "1 5");
        check(connection, "t");
    }
    Ok(())
}

#[test]
fn a_scan_stays_as_it_began() -> Result<()> {
    let connection = with_rows()?;
    let sql = b"SELECT rowid, distance FROM t WHERE vector MATCH '[0]'";
    let mut reading = connection.prepare(sql)?.start(Params::default())?;
    assert_eq!(reading.step()?, Step::Row);
    exec(
        &connection,
        "DELETE FROM t WHERE rowid = 3; UPDATE t SET vector = '[77]' WHERE rowid = 2",
    )?;
    insert(&connection, &[4])?;
    assert_eq!(
        error(exec(&connection, "DROP TABLE t")),
        "database table is locked"
    );
    let mut seen = vec![reading.row().get(0) == ValueRef::Integer(1)];
    for expected in [2, 3] {
        assert_eq!(reading.step()?, Step::Row);
        seen.push(reading.row().get(0) == ValueRef::Integer(expected));
    }
    assert_eq!(reading.step()?, Step::Done);
    assert_eq!(seen, [true; 3]);
    drop(reading);
    assert_eq!(ids(&connection, "t"), "1 4 2");
    check(&connection, "t");
    exec(&connection, "DROP TABLE t")
}

/// Columns that no filter has named are read from the file when they are asked for.
#[test]
fn a_scan_reads_columns_as_they_were_when_it_began() -> Result<()> {
    for (what, loaded) in [
        ("WHERE vector MATCH '[0]' ORDER BY distance", false),
        ("WHERE vector MATCH '[0]' AND k = 9", false),
        ("WHERE vector MATCH '[0]' AND k = 9", true),
        ("WHERE tag >= 'a'", false),
        ("WHERE rowid IN (1, 2, 3, 4)", false),
        ("", false),
    ] {
        let connection = open(":memory:")?;
        exec(
            &connection,
            "CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean, tag TEXT, n INTEGER);
            INSERT INTO t(rowid, vector, tag, n) VALUES (1, '[1]', 'a', 1), (2, '[2]', 'b', 2), (3, '[3]', 'c', 3), (4, '[4]', 'd', 4)",
        )?;
        if loaded {
            rows(&connection, "SELECT 1 FROM t WHERE n > 0")?;
        }
        let sql = format!("SELECT rowid, tag, n FROM t {what}");
        let mut reading = connection
            .prepare(sql.as_bytes())?
            .start(Params::default())?;
        assert_eq!(reading.step()?, Step::Row);
        exec(
            &connection,
            "UPDATE t SET n = 20, tag = 'y' WHERE rowid = 2; UPDATE t SET n = 21 WHERE rowid = 2;
            SAVEPOINT s; DELETE FROM t WHERE rowid = 3; ROLLBACK TO s; UPDATE t SET tag = 'z' WHERE rowid = 3; RELEASE s;
            INSERT OR REPLACE INTO t(rowid, vector, tag) VALUES (4, '[9]', 'new')",
        )?;
        for (id, tag) in [(2, "b"), (3, "c"), (4, "d")] {
            assert_eq!(reading.step()?, Step::Row, "{what}");
            let row = reading.row();
            let seen = (row.get(0), row.get(1), row.get(2));
            let expected = (
                ValueRef::Integer(id),
                ValueRef::Text(tag.as_bytes()),
                ValueRef::Integer(id),
            );
            assert_eq!(seen, expected, "{what}");
        }
        assert_eq!(reading.step()?, Step::Done);
        drop(reading);
        assert_eq!(
            rows(&connection, "SELECT rowid, tag, n FROM t")?,
            "1|a|1 2|y|21 3|z|3 4|new|"
        );
        check(&connection, "t");
    }
    Ok(())
}

#[test]
fn rowids_are_those_of_the_table() -> Result<()> {
    let connection = with_rows()?;
    exec(
        &connection,
        "CREATE TABLE o(a); INSERT INTO o VALUES (1), (2), (3), (4), (5), (6), (7)",
    )?;
    exec(&connection, "BEGIN; INSERT INTO t(vector) VALUES ('[4]')")?;
    assert_eq!(connection.last_changes(), (1, 4));
    exec(&connection, "SAVEPOINT s; INSERT INTO o VALUES (8)")?;
    assert_eq!(connection.last_changes(), (1, 8));
    exec(&connection, "COMMIT")?;
    assert_eq!(connection.last_changes(), (1, 8));
    exec(&connection, "UPDATE t SET tag = 'x'")?;
    assert_eq!(connection.last_changes(), (4, 8));
    Ok(())
}

#[test]
fn triggers_write_to_it_without_a_trusted_schema() -> Result<()> {
    let connection = open(":memory:")?;
    exec(
        &connection,
        &format!(
            "PRAGMA trusted_schema = OFF; {CREATE}; CREATE TABLE doc(id INTEGER PRIMARY KEY, v);
            CREATE TRIGGER i AFTER INSERT ON doc BEGIN INSERT INTO t(rowid, vector) VALUES (new.id, new.v); END;
            CREATE TRIGGER d AFTER DELETE ON doc BEGIN DELETE FROM t WHERE rowid = old.id; END;
            CREATE TRIGGER u AFTER UPDATE ON doc BEGIN UPDATE t SET vector = new.v WHERE rowid = new.id; END;
            INSERT INTO doc VALUES (1, '[1]'), (2, '[2]'), (3, '[3]'); DELETE FROM doc WHERE id = 1; UPDATE doc SET v = '[9]' WHERE id = 2"
        ),
    )?;
    assert_eq!(ids(&connection, "t"), "3 2");
    assert!(exec(&connection, "INSERT INTO doc VALUES (4, '[4]'), (5, 'x')").is_err());
    assert_eq!(ids(&connection, "t"), "3 2");
    exec(&connection, "BEGIN; INSERT INTO doc VALUES (6, '[6]')")?;
    assert!(exec(&connection, "INSERT INTO doc VALUES (7, 'x')").is_err());
    exec(&connection, "COMMIT")?;
    assert_eq!(ids(&connection, "t"), "3 6 2");
    check(&connection, "t");
    Ok(())
}

#[test]
fn two_tables_in_one_transaction() -> Result<()> {
    let connection = with_rows()?;
    exec(
        &connection,
        "CREATE VIRTUAL TABLE u USING diskann(dimension=1, metric=euclidean)",
    )?;
    exec(
        &connection,
        "BEGIN; INSERT INTO t(vector) VALUES ('[4]'); INSERT INTO u(vector) SELECT vector FROM t; INSERT INTO t(vector) SELECT vector FROM u WHERE rowid = 1;
        SAVEPOINT s; DELETE FROM u; DELETE FROM t; ROLLBACK TO s; COMMIT",
    )?;
    assert_eq!(
        (ids(&connection, "t"), ids(&connection, "u")),
        ("1 5 2 3 4".into(), "1 2 3 4".into())
    );
    check(&connection, "t");
    check(&connection, "u");
    Ok(())
}
