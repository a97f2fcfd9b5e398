//! Rows of a vector table: written, found, kept.

use crate::common::{check, error, exec, open, rows, TestFile};
use ferrolite_sqlite::{Connection, Result};

const CREATE: &str =
    "CREATE VIRTUAL TABLE t USING diskann(dimension=2, metric=euclidean, lang TEXT, year INTEGER)";

fn with_rows() -> Result<Connection> {
    let connection = open(":memory:")?;
    fill(&connection)?;
    Ok(connection)
}

fn fill(connection: &Connection) -> Result<()> {
    exec(
        connection,
        &format!(
            "{CREATE}; INSERT INTO t(rowid, vector, lang, year) VALUES
            (1, '[0, 0]', 'en', 2020), (2, '[3, 4]', 'de', 2021), (3, '[6, 8]', 'en', NULL), (9, '[0, 1]', NULL, 2019)"
        ),
    )
}

/// The rows nearest to the origin.
fn nearest(connection: &Connection, rest: &str) -> Result<String> {
    rows(
        connection,
        &format!("SELECT rowid, distance FROM t WHERE vector MATCH '[0, 0]' {rest}"),
    )
}

#[test]
fn the_nearest_rows_are_found() -> Result<()> {
    let connection = with_rows()?;
    assert_eq!(nearest(&connection, "AND k = 2")?, "1|0 9|1");
    assert_eq!(nearest(&connection, "AND k = 10.0")?, "1|0 9|1 2|5 3|10");
    assert_eq!(
        nearest(&connection, "ORDER BY distance LIMIT 3")?,
        "1|0 9|1 2|5"
    );
    assert_eq!(nearest(&connection, "")?, "1|0 9|1 2|5 3|10");
    assert_eq!(
        nearest(&connection, "ORDER BY distance DESC LIMIT 2")?,
        "3|10 2|5"
    );
    check(&connection, "t");
    Ok(())
}

#[test]
fn columns_are_read_back() -> Result<()> {
    let connection = with_rows()?;
    assert_eq!(
        rows(&connection, "SELECT * FROM t")?,
        "en|2020 de|2021 en| |2019"
    );
    assert_eq!(
        rows(
            &connection,
            "SELECT rowid, vector_to_json(vector), lang, distance, k FROM t WHERE rowid = 2"
        )?,
        "2|[3,4]|de||"
    );
    assert_eq!(
        rows(
            &connection,
            "SELECT rowid, lang, year FROM t WHERE vector MATCH '[6, 7]' AND k = 2"
        )?,
        "3|en| 2|de|2021"
    );
    Ok(())
}

#[test]
fn rows_are_changed() -> Result<()> {
    let connection = with_rows()?;
    exec(
        &connection,
        "DELETE FROM t WHERE rowid = 1; UPDATE t SET vector = '[0, 2]' WHERE rowid = 3",
    )?;
    assert_eq!(nearest(&connection, "AND k = 9")?, "9|1 3|2 2|5");
    check(&connection, "t");
    exec(&connection, "UPDATE t SET rowid = 100, year = 7 WHERE rowid = 9; UPDATE t SET lang = 'fr' WHERE lang = 'de'")?;
    assert_eq!(
        rows(
            &connection,
            "SELECT rowid, lang, year FROM t ORDER BY rowid"
        )?,
        "2|fr|2021 3|en| 100||7"
    );
    assert_eq!(nearest(&connection, "AND k = 9")?, "100|1 3|2 2|5");
    check(&connection, "t");
    exec(&connection, "INSERT OR REPLACE INTO t(rowid, vector) VALUES (2, '[9, 0]'); INSERT OR IGNORE INTO t(rowid, vector) VALUES (3, '[1, 1]')")?;
    assert_eq!(nearest(&connection, "AND k = 9")?, "100|1 3|2 2|9");
    assert_eq!(rows(&connection, "SELECT lang FROM t WHERE rowid = 2")?, "");
    exec(
        &connection,
        "UPDATE OR REPLACE t SET rowid = 3 WHERE rowid = 2",
    )?;
    assert_eq!(nearest(&connection, "AND k = 9")?, "100|1 3|9");
    exec(&connection, "DELETE FROM t")?;
    assert_eq!(nearest(&connection, "AND k = 9")?, "");
    exec(
        &connection,
        "INSERT INTO t(vector) VALUES ('[1, 0]'), ('[2, 0]')",
    )?;
    assert_eq!(nearest(&connection, "AND k = 9")?, "1|1 2|2");
    assert_eq!(connection.last_changes().1, 2);
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_rowid_that_is_taken_is_refused() -> Result<()> {
    let connection = with_rows()?;
    let taken = "UNIQUE constraint failed: t.rowid";
    for sql in [
        "INSERT INTO t(rowid, vector) VALUES (2, '[1, 1]')",
        "INSERT OR FAIL INTO t(rowid, vector) VALUES (2, '[1, 1]')",
        "UPDATE t SET rowid = 2 WHERE rowid = 3",
        "INSERT INTO t(rowid, vector) VALUES (50, '[1, 1]'), (2, '[1, 1]')",
    ] {
        assert_eq!(error(exec(&connection, sql)), taken, "{sql}");
        assert_eq!(
            nearest(&connection, "AND k = 10")?,
            "1|0 9|1 2|5 3|10",
            "{sql}"
        );
    }
    check(&connection, "t");
    Ok(())
}

#[test]
fn rows_are_there_after_the_connection() -> Result<()> {
    let file = TestFile::new();
    fill(&file.open()?)?;
    let connection = file.open()?;
    assert_eq!(nearest(&connection, "AND k = 2")?, "1|0 9|1");
    exec(
        &connection,
        "DELETE FROM t WHERE rowid = 9; INSERT INTO t(vector) VALUES ('[0.5, 0]')",
    )?;
    connection.close();
    let connection = file.open()?;
    assert_eq!(nearest(&connection, "AND k = 2")?, "1|0 4|0.5");
    check(&connection, "t");
    Ok(())
}
