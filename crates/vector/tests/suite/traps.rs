//! What the engine does that one would not expect; more of it is in `transactions.rs`, `storage.rs` and `filters.rs`.

use crate::common::{check, error, exec, open, rows, TestFile};
use ferrolite_sqlite::{Connection, Params, Result, Step};

fn with_rows() -> Result<Connection> {
    let connection = open(":memory:")?;
    exec(
        &connection,
        "CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean, tag TEXT);
        INSERT INTO t(rowid, vector, tag) VALUES (1, '[1]', 'a'), (2, '[2]', 'B'), (3, '[3]', 'ab'), (4, '[4]', 'A'), (5, '[5]', 'b')",
    )?;
    Ok(connection)
}

/// The engine offers LIMIT beside terms that it will test itself, and under an order that is not the table's.
#[test]
fn a_limit_ends_nothing_that_the_engine_sorts_or_tests() -> Result<()> {
    let connection = with_rows()?;
    let of = "SELECT rowid FROM t WHERE vector MATCH '[0]'";
    for (rest, expected) in [
        ("ORDER BY distance DESC LIMIT 2", "5 4"),
        ("AND k = 3 ORDER BY distance DESC LIMIT 2", "3 2"),
        ("ORDER BY tag DESC LIMIT 1", "5"),
        ("ORDER BY distance, tag LIMIT 2", "1 2"),
        ("AND tag LIKE 'b' ORDER BY distance LIMIT 1", "2"),
        ("AND tag LIKE 'b' ORDER BY distance LIMIT 1 OFFSET 1", "5"),
        ("AND length(tag) = 2 ORDER BY distance LIMIT 1", "3"),
        (
            "AND tag = 'a' COLLATE NOCASE ORDER BY distance LIMIT 2",
            "1 4",
        ),
        (
            "AND (tag = 'b' OR tag = 'A') ORDER BY distance LIMIT 2",
            "4 5",
        ),
        ("ORDER BY distance LIMIT 2 OFFSET 2", "3 4"),
        ("ORDER BY distance LIMIT 0", ""),
        ("ORDER BY distance LIMIT -1", "1 2 3 4 5"),
    ] {
        let sql = format!("{of} {rest}");
        assert_eq!(rows(&connection, &sql)?, expected, "{rest}");
    }
    Ok(())
}

/// `LIKE 'a%'` sends the range from 'A' to 'b' under NOCASE, and from 'a' to 'b' once it tells cases apart.
#[test]
fn like_is_not_a_range() -> Result<()> {
    let connection = with_rows()?;
    for (term, expected) in [
        ("tag LIKE 'a%'", "1 3 4"),
        ("tag LIKE 'A%'", "1 3 4"),
        ("tag GLOB 'a*'", "1 3"),
        ("tag NOT LIKE 'a%'", "2 5"),
    ] {
        let sql = format!("SELECT rowid FROM t WHERE vector MATCH '[0]' AND {term}");
        assert_eq!(rows(&connection, &sql)?, expected, "{term}");
        let sql = format!("SELECT rowid FROM t WHERE vector MATCH '[0]' AND k = 5 AND {term}");
        assert_eq!(rows(&connection, &sql)?, expected, "{term}, k");
    }
    exec(&connection, "PRAGMA case_sensitive_like = ON")?;
    let sql = "SELECT rowid FROM t WHERE vector MATCH '[0]' AND tag LIKE 'a%'";
    assert_eq!(rows(&connection, sql)?, "1 3");
    Ok(())
}

#[test]
fn there_is_no_upsert_for_virtual_tables() -> Result<()> {
    let connection = with_rows()?;
    let upsert = "INSERT INTO t(rowid, vector) VALUES (1, '[9]') ON CONFLICT DO NOTHING";
    assert_eq!(
        error(exec(&connection, upsert)),
        "UPSERT not implemented for virtual table \"t\""
    );
    exec(
        &connection,
        "INSERT OR IGNORE INTO t(rowid, vector) VALUES (1, '[9]'); INSERT OR REPLACE INTO t(rowid, vector) VALUES (2, '[9]'); REPLACE INTO t(rowid, vector) VALUES (3, '[8]')",
    )?;
    let sql = "SELECT rowid, distance FROM t WHERE vector MATCH '[0]'";
    assert_eq!(rows(&connection, sql)?, "1|1 4|4 5|5 3|8 2|9");
    check(&connection, "t");
    Ok(())
}

#[test]
fn rows_with_equal_vectors_are_rows_of_their_own() -> Result<()> {
    for least in [1000, 20] {
        let connection = open(":memory:")?;
        connection.set_defensive(false)?;
        exec(
            &connection,
            &format!(
                "CREATE VIRTUAL TABLE t USING diskann(dimension=2);
                INSERT INTO t_config VALUES ('least_rows', {least});
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) INSERT INTO t(rowid, vector) SELECT i, '[1,2]' FROM n;
                DELETE FROM t WHERE rowid % 2"
            ),
        )?;
        let sql = "SELECT count(*), count(DISTINCT rowid), sum(rowid % 2) FROM t WHERE vector MATCH '[1,2]' AND k = 100";
        assert_eq!(rows(&connection, sql)?, "50|50|0", "{least}");
        check(&connection, "t");
    }
    Ok(())
}

/// A table is created, fed by a trigger and read within savepoints, some of which are rolled back.
#[test]
fn a_trigger_feeds_a_table_of_the_same_transaction() -> Result<()> {
    let connection = open(":memory:")?;
    exec(
        &connection,
        "CREATE TABLE doc(id INTEGER PRIMARY KEY, v TEXT);
        BEGIN; SAVEPOINT a;
        CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean);
        CREATE TRIGGER added AFTER INSERT ON doc BEGIN INSERT INTO t(rowid, vector) VALUES (new.id, new.v); END;
        CREATE TRIGGER gone AFTER DELETE ON doc BEGIN DELETE FROM t WHERE rowid = old.id; END;
        INSERT INTO doc VALUES (1, '[1]'), (2, '[2]');
        SAVEPOINT b; INSERT INTO doc VALUES (3, '[3]'); DELETE FROM doc WHERE id = 1",
    )?;
    let sql = "SELECT rowid FROM t WHERE vector MATCH '[0]' AND k = 9";
    assert_eq!(rows(&connection, sql)?, "2 3");
    exec(&connection, "ROLLBACK TO b")?;
    assert_eq!(rows(&connection, sql)?, "1 2");
    // A statement of which one row fails takes back those before it, triggers and all.
    assert!(exec(&connection, "INSERT INTO doc VALUES (4, '[4]'), (5, '[]')").is_err());
    assert_eq!(rows(&connection, sql)?, "1 2");
    exec(
        &connection,
        "INSERT INTO doc VALUES (6, '[6]'); RELEASE a; COMMIT",
    )?;
    assert_eq!(rows(&connection, sql)?, "1 2 6");
    check(&connection, "t");
    Ok(())
}

/// What is read goes on behind the end of the transaction that it began in.
#[test]
fn a_scan_goes_on_over_a_commit() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open()?;
    connection.set_defensive(false)?;
    exec(
        &connection,
        "PRAGMA journal_mode = WAL; CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean);
        INSERT INTO t_config VALUES ('least_rows', 20);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) INSERT INTO t(rowid, vector) SELECT i, '[' || i || ']' FROM n;
        BEGIN; INSERT INTO t(rowid, vector) VALUES (101, '[101]')",
    )?;
    let sql = b"SELECT rowid FROM t WHERE vector MATCH '[0]' ORDER BY distance";
    let mut reading = connection.prepare(sql)?.start(Params::default())?;
    assert_eq!(reading.step()?, Step::Row);
    exec(
        &connection,
        "DELETE FROM t WHERE rowid > 50; COMMIT; INSERT INTO t(t) VALUES ('rebuild'); INSERT INTO t(t) VALUES ('optimize')",
    )?;
    let mut count = 1;
    while reading.step()? == Step::Row {
        count += 1;
    }
    assert_eq!(count, 101);
    drop(reading);
    assert_eq!(rows(&connection, "SELECT count(*) FROM t")?, "50");
    check(&connection, "t");
    Ok(())
}

/// One that somebody has made on a shadow table is the only thing that refuses a row which was found good.
#[test]
fn an_index_on_a_shadow_table_refuses_a_row_and_takes_no_other() -> Result<()> {
    for begin in ["", "BEGIN;"] {
        let connection = with_rows()?;
        exec(
            &connection,
            &format!("CREATE UNIQUE INDEX i ON t_rows(c0); {begin}"),
        )?;
        let sql = "SELECT rowid, tag FROM t WHERE vector MATCH '[0]'";
        let before = rows(&connection, sql)?;
        for refused in [
            "INSERT INTO t(vector, tag) VALUES ('[9]', 'a')",
            "INSERT INTO t(vector, tag) VALUES ('[9]', 'z'), ('[9]', 'a')",
            "INSERT OR REPLACE INTO t(rowid, vector, tag) VALUES (1, '[9]', 'b')",
            "UPDATE t SET tag = 'b' WHERE rowid = 1",
            "UPDATE t SET vector = '[9]', tag = 'b' WHERE rowid = 1",
            "UPDATE OR REPLACE t SET rowid = 2, tag = 'b' WHERE rowid = 1",
            "UPDATE OR REPLACE t SET rowid = 2, tag = 'b', vector = '[9]' WHERE rowid = 1",
        ] {
            assert_eq!(
                error(exec(&connection, refused)),
                "UNIQUE constraint failed: t_rows.c0",
                "{refused}"
            );
            assert_eq!(rows(&connection, sql)?, before, "{refused}");
            check(&connection, "t");
        }
        exec(
            &connection,
            "INSERT OR IGNORE INTO t(vector, tag) VALUES ('[9]', 'a'), ('[6]', 'f'); UPDATE OR REPLACE t SET rowid = 2, tag = 'B' WHERE rowid = 1",
        )?;
        assert_eq!(rows(&connection, sql)?, "2|B 3|ab 4|A 5|b 6|f");
        if connection.in_transaction() {
            exec(&connection, "COMMIT")?;
        }
        check(&connection, "t");
    }
    Ok(())
}

/// Nothing but the table can take back what such a statement has done.
#[test]
fn a_single_row_that_fails_in_a_transaction_leaves_nothing() -> Result<()> {
    let connection = open(":memory:")?;
    exec(
        &connection,
        "CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean, n INTEGER);
        INSERT INTO t(rowid, vector, n) VALUES (1, '[1]', 1), (2, '[2]', 2); BEGIN",
    )?;
    let sql = "SELECT rowid, distance, n FROM t WHERE vector MATCH '[0]'";
    for refused in [
        "INSERT INTO t(rowid, vector, n) VALUES (3, '[3]', 'x')",
        "INSERT OR REPLACE INTO t(rowid, vector, n) VALUES (1, '[3]', 'x')",
        "INSERT INTO t(rowid, vector) VALUES (2, '[3]')",
        "UPDATE t SET vector = '[3]', n = 'x' WHERE rowid = 1",
        "UPDATE t SET rowid = 2 WHERE rowid = 1",
        "UPDATE OR REPLACE t SET rowid = 2, vector = '[3]', n = 'x' WHERE rowid = 1",
    ] {
        assert!(exec(&connection, refused).is_err(), "{refused}");
        assert_eq!(rows(&connection, sql)?, "1|1|1 2|2|2", "{refused}");
        check(&connection, "t");
    }
    exec(&connection, "COMMIT")?;
    assert_eq!(rows(&connection, sql)?, "1|1|1 2|2|2");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_schema_change_that_is_rolled_back_makes_a_second_object() -> Result<()> {
    let connection = with_rows()?;
    exec(
        &connection,
        "BEGIN; INSERT INTO t(rowid, vector) VALUES (6, '[6]');
        SAVEPOINT s; CREATE TABLE o(a); INSERT INTO t(rowid, vector) VALUES (7, '[7]'); ROLLBACK TO s;
        INSERT INTO t(rowid, vector) VALUES (8, '[8]')",
    )?;
    let sql = "SELECT rowid FROM t WHERE vector MATCH '[0]'";
    assert_eq!(rows(&connection, sql)?, "1 2 3 4 5 6 8");
    exec(
        &connection,
        "SAVEPOINT s; CREATE TABLE o(a); ROLLBACK TO s; DELETE FROM t WHERE rowid = 1; COMMIT",
    )?;
    assert_eq!(rows(&connection, sql)?, "2 3 4 5 6 8");
    check(&connection, "t");
    Ok(())
}

/// `SQLite` itself refuses MATCH there, FTS5's too.
#[test]
fn an_untrusted_schema_has_views_and_columns_of_vectors() -> Result<()> {
    let connection = with_rows()?;
    exec(
        &connection,
        "PRAGMA trusted_schema = OFF;
        CREATE VIEW v AS SELECT rowid AS id, vector_to_json(vector) AS json FROM t;
        CREATE VIEW each AS SELECT vector FROM vector_each(x'0000803f', 1);
        CREATE VIEW near AS SELECT rowid FROM t WHERE vector MATCH '[0]' AND k = 1;
        CREATE TABLE g(v BLOB, json TEXT AS (vector_to_json(v)) STORED, CHECK (vector_to_json(v) <> '[2]'));
        CREATE INDEX i ON g(vector_to_json(v));
        INSERT INTO g(v) SELECT vector FROM each",
    )?;
    assert_eq!(rows(&connection, "SELECT * FROM v LIMIT 1")?, "1|[1]");
    assert_eq!(rows(&connection, "SELECT json FROM g")?, "[1]");
    assert_eq!(
        error(rows(&connection, "SELECT * FROM near")),
        "unsafe use of MATCH()"
    );
    exec(&connection, "PRAGMA trusted_schema = ON")?;
    assert_eq!(rows(&connection, "SELECT * FROM near")?, "1");
    Ok(())
}

#[test]
fn quick_check_leaves_out_whether_all_is_reached() -> Result<()> {
    let connection = open(":memory:")?;
    connection.set_defensive(false)?;
    exec(
        &connection,
        "CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean);
        INSERT INTO t_config VALUES ('least_rows', 20);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30) INSERT INTO t(vector) SELECT '[' || i || ']' FROM n;
        UPDATE t_graph SET data = CAST(substr(data, 1, 4) || zeroblob(30) AS BLOB)",
    )?;
    let image = connection.serialize("main")?;
    let copy = open(":memory:")?;
    copy.deserialize(image.as_bytes(), false)?;
    assert_eq!(rows(&copy, "PRAGMA quick_check")?, "ok");
    assert_eq!(
        rows(&copy, "PRAGMA integrity_check")?,
        "t: 29 rows are not reached by the graph"
    );
    Ok(())
}

/// What measures writes must change what it writes.
#[test]
fn a_block_that_is_overwritten_by_equal_bytes_writes_no_page() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open()?;
    connection.set_defensive(false)?;
    exec(
        &connection,
        "PRAGMA journal_mode = WAL; CREATE VIRTUAL TABLE t USING diskann(dimension=2);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100)
        INSERT INTO t(vector) SELECT '[' || i || ',1]' FROM n; PRAGMA wal_checkpoint(TRUNCATE)",
    )?;
    let written = |sql: &str| -> Result<u64> {
        exec(&connection, sql)?;
        let wal = std::fs::metadata(format!("{}-wal", file.path())).map_or(0, |wal| wal.len());
        exec(&connection, "PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(wal)
    };
    let equal = "UPDATE t_vectors SET data = (SELECT v.data FROM t_vectors v WHERE v.block = t_vectors.block)";
    assert_eq!(written(equal)?, 0);
    let other =
        "UPDATE t_vectors SET data = CAST(x'00000040' || substr(data, 5) AS BLOB) WHERE block = 0";
    assert!(written(other)? > 4096);
    // A vector that is set to itself gets another place all the same.
    assert!(written("UPDATE t SET vector = vector_to_json(vector) WHERE rowid = 50")? > 4096);
    Ok(())
}
