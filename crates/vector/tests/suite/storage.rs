//! Where a vector table can be kept: files, memory, attached and temporary databases.

use crate::common::{check, check_file, error, exec, open, rows, TestFile};
use ferrolite_sqlite::{Connection, Key, OpenOptions, Params, Result, Step};

fn create(connection: &Connection, name: &str) -> Result<()> {
    exec(
        connection,
        &format!("CREATE VIRTUAL TABLE {name} USING diskann(dimension=1, metric=euclidean, tag TEXT INDEXED); INSERT INTO {name}(vector, tag) VALUES ('[1]', 'a'), ('[2]', 'b')"),
    )
}

fn ids(connection: &Connection, table: &str) -> Result<String> {
    rows(
        connection,
        &format!("SELECT rowid FROM {table} WHERE vector MATCH '[0]' AND k = 9"),
    )
}

#[test]
fn a_file_that_is_attached_twice() -> Result<()> {
    let file = TestFile::new();
    create(&file.open()?, "t")?;
    let connection = open(":memory:")?;
    let attach = |name: &str| exec(&connection, &format!("ATTACH '{}' AS {name}", file.path()));
    attach("a")?;
    attach("b")?;
    assert_eq!(
        (ids(&connection, "a.t")?, ids(&connection, "b.t")?),
        ("1 2".into(), "1 2".into())
    );
    exec(&connection, "INSERT INTO a.t(vector) VALUES ('[3]')")?;
    assert_eq!(
        (ids(&connection, "a.t")?, ids(&connection, "b.t")?),
        ("1 2 3".into(), "1 2 3".into())
    );
    exec(
        &connection,
        "BEGIN; DELETE FROM b.t WHERE rowid = 1; ROLLBACK; DELETE FROM b.t WHERE rowid = 2",
    )?;
    assert_eq!(
        (ids(&connection, "a.t")?, ids(&connection, "b.t")?),
        ("1 3".into(), "1 3".into())
    );
    // The name of a schema may be that of another file later.
    let second = TestFile::new();
    exec(
        &connection,
        &format!("DETACH a; DETACH b; ATTACH '{}' AS a", second.path()),
    )?;
    create(&connection, "a.t")?;
    assert_eq!(ids(&connection, "a.t")?, "1 2");
    assert_eq!(ids(&file.open()?, "t")?, "1 3");
    check(&connection, "t");
    Ok(())
}

#[test]
fn temporary_tables_and_names_in_several_schemas() -> Result<()> {
    let connection = open(":memory:")?;
    create(&connection, "t")?;
    create(&connection, "temp.t")?;
    exec(
        &connection,
        "DELETE FROM temp.t WHERE rowid = 1; ATTACH ':memory:' AS other",
    )?;
    create(&connection, "other.t")?;
    exec(&connection, "DELETE FROM other.t WHERE rowid = 2")?;
    assert_eq!(
        (
            ids(&connection, "main.t")?,
            ids(&connection, "temp.t")?,
            ids(&connection, "other.t")?
        ),
        ("1 2".into(), "2".into(), "1".into())
    );
    exec(&connection, "DROP TABLE temp.t; DROP TABLE other.t")?;
    assert_eq!(ids(&connection, "t")?, "1 2");
    check(&connection, "t");
    Ok(())
}

#[test]
fn an_encrypted_file_keeps_vectors() -> Result<()> {
    let file = TestFile::new();
    let key = Key::new(b"secret".to_vec());
    let open = || {
        Connection::open(&OpenOptions {
            key: Some(&key),
            modules: &[ferrolite_vector::register],
            ..OpenOptions::new(&file.path())
        })
    };
    create(&open()?, "t")?;
    let connection = open()?;
    assert_eq!(ids(&connection, "t")?, "1 2");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_vacuum_and_an_image_keep_all() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open()?;
    create(&connection, "t")?;
    exec(
        &connection,
        "DELETE FROM t WHERE rowid = 1; VACUUM; INSERT INTO t(vector) VALUES ('[5]')",
    )?;
    assert_eq!(ids(&connection, "t")?, "2 3");
    check(&connection, "t");
    let copy = TestFile::new();
    exec(&connection, &format!("VACUUM INTO '{}'", copy.path()))?;
    assert_eq!(ids(&copy.open()?, "t")?, "2 3");
    let image = connection.serialize("main")?;
    let memory = open(":memory:")?;
    memory.deserialize(image.as_bytes(), false)?;
    assert_eq!(ids(&memory, "t")?, "2 3");
    exec(&memory, "INSERT INTO t(vector) VALUES ('[1]')")?;
    // The database of the connection is another one now: what was in memory is not of it.
    memory.deserialize(image.as_bytes(), false)?;
    assert_eq!(ids(&memory, "t")?, "2 3");
    check(&memory, "t");
    Ok(())
}

#[test]
fn an_image_within_a_transaction_has_its_rows() -> Result<()> {
    let connection = open(":memory:")?;
    create(&connection, "t")?;
    exec(&connection, "BEGIN; INSERT INTO t(vector) VALUES ('[5]')")?;
    let image = connection.serialize("main")?;
    let copy = open(":memory:")?;
    copy.deserialize(image.as_bytes(), false)?;
    assert_eq!(ids(&copy, "t")?, "1 2 3");
    check(&copy, "t");
    Ok(())
}

/// The engine copies nothing while the connection has written and not committed.
#[test]
fn a_backup_waits_for_the_end_of_a_transaction() -> Result<()> {
    for pages in [-1, 1] {
        let (file, target) = (TestFile::new(), TestFile::new());
        let connection = file.open()?;
        create(&connection, "t")?;
        let backup = connection.backup("main", &target.path(), false)?;
        backup.step(1)?;
        exec(&connection, "BEGIN; INSERT INTO t(vector) VALUES ('[5]')")?;
        assert_eq!(error(backup.step(pages)), "database is locked");
        exec(&connection, "INSERT INTO t(vector) VALUES ('[6]'); COMMIT")?;
        while !backup.step(pages)?.done {}
        backup.close();
        assert_eq!(ids(&target.open()?, "t")?, "1 2 3 4");
        check(&target.open()?, "t");
    }
    Ok(())
}

#[test]
fn an_image_is_not_made_in_the_middle_of_a_statement_that_writes() -> Result<()> {
    let connection = open(":memory:")?;
    create(&connection, "t")?;
    exec(
        &connection,
        "CREATE TABLE o(a); BEGIN; INSERT INTO t(vector) VALUES ('[5]')",
    )?;
    let sql = b"INSERT INTO o VALUES (1), (2) RETURNING a";
    let mut writing = connection.prepare(sql)?.start(Params::default())?;
    assert_eq!(writing.step()?, Step::Row);
    assert!(connection.serialize("main").is_err());
    drop(writing);
    let image = connection.serialize("main")?;
    let copy = open(":memory:")?;
    copy.deserialize(image.as_bytes(), false)?;
    assert_eq!(ids(&copy, "t")?, "1 2 3");
    Ok(())
}

#[test]
fn vacuum_into_is_outside_of_transactions() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open()?;
    create(&connection, "t")?;
    exec(&connection, "BEGIN; INSERT INTO t(vector) VALUES ('[5]')")?;
    let copy = TestFile::new();
    let vacuum = format!("VACUUM INTO '{}'", copy.path());
    assert_eq!(
        error(exec(&connection, &vacuum)),
        "cannot VACUUM from within a transaction"
    );
    exec(&connection, &format!("COMMIT; {vacuum}"))?;
    assert_eq!(ids(&copy.open()?, "t")?, "1 2 3");
    check(&copy.open()?, "t");
    Ok(())
}

#[test]
fn readers_that_must_not_write() -> Result<()> {
    let file = TestFile::new();
    create(&file.open()?, "t")?;
    let readonly = Connection::open(&OpenOptions {
        readonly: true,
        modules: &[ferrolite_vector::register],
        ..OpenOptions::new(&file.path())
    })?;
    assert_eq!(ids(&readonly, "t")?, "1 2");
    assert_eq!(
        error(exec(&readonly, "INSERT INTO t(vector) VALUES ('[3]')")),
        "attempt to write a readonly database"
    );
    check_file(&readonly);
    let connection = file.open()?;
    exec(&connection, "PRAGMA query_only = ON")?;
    assert_eq!(ids(&connection, "t")?, "1 2");
    assert!(exec(&connection, "DELETE FROM t").is_err());
    assert_eq!(ids(&connection, "t")?, "1 2");
    Ok(())
}

#[test]
fn shadow_tables_are_not_for_others() -> Result<()> {
    let connection = open(":memory:")?;
    create(&connection, "t")?;
    let shadows = "SELECT name FROM pragma_table_list WHERE type = 'shadow' ORDER BY name";
    assert_eq!(
        rows(&connection, shadows)?,
        "t_config t_graph t_log t_rows t_vectors"
    );
    assert_eq!(
        error(exec(&connection, "DELETE FROM t_rows")),
        "table t_rows may not be modified"
    );
    exec(&connection, "CREATE INDEX i ON t_rows(slot)")?;
    exec(
        &connection,
        "INSERT INTO t(vector) VALUES ('[3]'); DELETE FROM t WHERE rowid = 1",
    )?;
    assert_eq!(ids(&connection, "t")?, "2 3");
    check(&connection, "t");
    exec(&connection, "CREATE TABLE u_log(a)")?;
    assert_eq!(
        error(exec(
            &connection,
            "CREATE VIRTUAL TABLE u USING diskann(dimension=1)"
        )),
        "there is already a table named u_log"
    );
    assert_eq!(
        rows(
            &connection,
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'u%'"
        )?,
        "1"
    );
    Ok(())
}

#[test]
fn tables_of_others_are_refused_by_name() -> Result<()> {
    let connection = open(":memory:")?;
    create(&connection, "t")?;
    connection.set_defensive(false)?;
    for (sql, message) in [
        (
            "UPDATE t_config SET value = 2 WHERE key = 'format'",
            "table t has format 2, which is newer than this version of Ferrolite",
        ),
        (
            "UPDATE t_config SET value = 'x' WHERE key = 'format'",
            DAMAGED,
        ),
        (
            "DROP TABLE t_config",
            "table t is of another module named diskann: it has no t_config",
        ),
    ] {
        let image = connection.serialize("main")?;
        let copy = open(":memory:")?;
        copy.deserialize(image.as_bytes(), false)?;
        copy.set_defensive(false)?;
        exec(&copy, sql)?;
        let image = copy.serialize("main")?;
        let again = open(":memory:")?;
        again.deserialize(image.as_bytes(), false)?;
        assert_eq!(error(ids(&again, "t")), message, "{sql}");
    }
    Ok(())
}

const DAMAGED: &str = "the vector table is damaged: its shadow tables do not fit together";

#[test]
fn damage_is_found_and_told() -> Result<()> {
    for sql in [
        "UPDATE t_vectors SET data = x'00'",
        "UPDATE t_vectors SET data = NULL",
        "DELETE FROM t_vectors",
        "UPDATE t_rows SET slot = 7",
        "UPDATE t_rows SET slot = -1 WHERE id = 1",
        "UPDATE t_rows SET slot = 0",
        "DELETE FROM t_log",
        "UPDATE t_log SET state = x'01'",
        "UPDATE t_log SET state = NULL",
        "UPDATE t_log SET stamp = 'x'",
        "UPDATE t_vectors SET data = CAST(replace(hex(zeroblob(length(data))), '0', char(255)) AS BLOB)",
    ] {
        let connection = open(":memory:")?;
        create(&connection, "t")?;
        connection.set_defensive(false)?;
        exec(&connection, sql)?;
        let image = connection.serialize("main")?;
        let copy = open(":memory:")?;
        copy.deserialize(image.as_bytes(), false)?;
        assert_eq!(error(ids(&copy, "t")), DAMAGED, "{sql}");
        assert_eq!(error(exec(&copy, "INSERT INTO t(vector) VALUES ('[1]')")), DAMAGED, "{sql}");
        assert_eq!(rows(&copy, "PRAGMA integrity_check")?, format!("t: {DAMAGED}"), "{sql}");
        // Such a table can be dropped.
        exec(&copy, "DROP TABLE t")?;
    }
    Ok(())
}

#[test]
fn rows_that_were_taken_away_are_missed() -> Result<()> {
    let connection = open(":memory:")?;
    create(&connection, "t")?;
    assert_eq!(ids(&connection, "t")?, "1 2");
    connection.set_defensive(false)?;
    exec(&connection, "DELETE FROM t_rows WHERE id = 1")?;
    assert_eq!(
        rows(&connection, "PRAGMA integrity_check")?,
        "t: memory and file have other rows"
    );
    Ok(())
}
