//! A copy that is written page by page is the same database.

use std::path::{Path, PathBuf};

use ferrolite_sqlite::{Connection, Key, OpenOptions, PageWriter, Params, Result, Step, ValueRef};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ferrolite-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        assert!(std::fs::create_dir(&folder).is_ok());
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(path: &str, readonly: bool, key: Option<&Key>) -> Result<Connection> {
    Connection::open(&OpenOptions {
        readonly,
        must_exist: readonly,
        key,
        ..OpenOptions::new(path)
    })
}

fn exec(connection: &Connection, sql: &str) -> Result<()> {
    let sql = format!("{sql}\0");
    connection.exec(sql.as_bytes(), &mut |_| Ok(())).map(|_| ())
}

fn text(connection: &Connection, sql: &str) -> Result<String> {
    let statement = connection.prepare(sql.as_bytes())?;
    let mut running = statement.start(Params::default())?;
    assert_eq!(running.step()?, Step::Row);
    Ok(match running.row().get(0) {
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
    })
}

/// A database of some pages, closed, so that all of it is in the file.
fn source(path: &str, rows: u32) -> Result<()> {
    let connection = open(path, false, None)?;
    exec(
        &connection,
        &format!(
            "CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT); DELETE FROM t;
            INSERT INTO t SELECT value, 'a marker ' || value FROM
            (WITH RECURSIVE n (value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n LIMIT {rows})
            SELECT value FROM n); VACUUM"
        ),
    )?;
    connection.close();
    Ok(())
}

fn copy(from: &str, writer: &PageWriter) -> Result<u32> {
    let bytes = std::fs::read(from).unwrap_or_default();
    writer.begin(false)?;
    let mut size = 0;
    for page in bytes.chunks(PageWriter::PAGE_SIZE) {
        size += 1;
        writer.write(size, page)?;
    }
    writer.commit(size)?;
    Ok(size)
}

const SUM: &str = "SELECT count(*) || ' ' || sum(a) || ' ' || max(b) FROM t";

#[test]
fn pages_make_the_same_database_and_a_smaller_one() -> Result<()> {
    let folder = Folder::new("pages");
    let (from, to) = (folder.file("from.db"), folder.file("to.db"));
    source(&from, 5000)?;
    let writer = PageWriter::open(&to, 5000, None)?;
    let large = copy(&from, &writer)?;
    let reader = open(&to, true, None)?;
    assert_eq!(text(&reader, SUM)?, text(&open(&from, true, None)?, SUM)?);
    assert_eq!(text(&reader, "PRAGMA integrity_check")?, "ok");

    // Whoever reads goes on reading what was there.
    exec(&reader, "BEGIN")?;
    let before = text(&reader, SUM)?;
    source(&from, 10)?;
    let small = copy(&from, &writer)?;
    assert!(small < large);
    assert_eq!(text(&reader, SUM)?, before);
    exec(&reader, "COMMIT")?;
    assert_eq!(text(&reader, SUM)?, "10 55 a marker 9");
    let count = format!("Integer({small})");
    assert_eq!(text(&reader, "PRAGMA page_count")?, count);
    assert_eq!(text(&reader, "PRAGMA integrity_check")?, "ok");
    Ok(())
}

#[test]
fn pages_that_were_rolled_back_have_not_been() -> Result<()> {
    let folder = Folder::new("pages-rollback");
    let (from, to) = (folder.file("from.db"), folder.file("to.db"));
    source(&from, 100)?;
    let writer = PageWriter::open(&to, 5000, None)?;
    copy(&from, &writer)?;
    writer.begin(false)?;
    for number in 1..=3 {
        writer.write(number, &[0x5a; PageWriter::PAGE_SIZE])?;
    }
    writer.rollback();
    assert_eq!(text(&open(&to, true, None)?, SUM)?, "100 5050 a marker 99");
    // One that is begun anew, too.
    writer.begin(false)?;
    writer.write(1, &[0x5a; PageWriter::PAGE_SIZE])?;
    copy(&from, &writer)?;
    assert_eq!(
        text(&open(&to, true, None)?, "PRAGMA integrity_check")?,
        "ok"
    );
    Ok(())
}

#[test]
fn a_schema_of_many_pages_is_read_when_it_is_whole() -> Result<()> {
    let folder = Folder::new("pages-schema");
    let (from, to) = (folder.file("from.db"), folder.file("to.db"));
    source(&from, 10)?;
    let writer = PageWriter::open(&to, 5000, None)?;
    copy(&from, &writer)?;
    let connection = open(&from, false, None)?;
    for number in 0..200 {
        let columns = "a_column_with_a_long_name_of_its_own TEXT NOT NULL DEFAULT ''";
        exec(
            &connection,
            &format!("CREATE TABLE t{number} ({columns}); CREATE VIEW v{number} AS SELECT 1"),
        )?;
    }
    connection.close();
    copy(&from, &writer)?;
    copy(&from, &writer)?;
    let reader = open(&to, true, None)?;
    let count = text(&reader, "SELECT count(*) FROM sqlite_schema")?;
    assert_eq!(count, "Integer(401)");
    assert_eq!(text(&reader, "PRAGMA integrity_check")?, "ok");
    Ok(())
}

#[test]
fn a_copy_may_have_another_encoding() -> Result<()> {
    let folder = Folder::new("pages-encoding");
    let (from, to) = (folder.file("from.db"), folder.file("to.db"));
    let connection = open(&from, false, None)?;
    exec(
        &connection,
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a, b)",
    )?;
    connection.close();
    source(&from, 100)?;
    for _ in 0..2 {
        let writer = PageWriter::open(&to, 5000, None)?;
        copy(&from, &writer)?;
        copy(&from, &writer)?;
    }
    let reader = open(&to, true, None)?;
    assert_eq!(text(&reader, SUM)?, "100 5050 a marker 99");
    assert_eq!(text(&reader, "PRAGMA encoding")?, "UTF-16le");
    Ok(())
}

#[test]
fn pages_are_encrypted_as_others_are() -> Result<()> {
    let folder = Folder::new("pages-key");
    let (from, to) = (folder.file("from.db"), folder.file("to.db"));
    let key = Key::new(b"a passphrase".to_vec());
    source(&from, 100)?;
    assert!(has_marker(Path::new(&from)));
    let writer = PageWriter::open(&to, 5000, Some(&key))?;
    copy(&from, &writer)?;
    assert_eq!(
        text(&open(&to, true, Some(&key))?, SUM)?,
        "100 5050 a marker 99"
    );
    for file in [to.clone(), format!("{to}-wal")] {
        assert!(!has_marker(Path::new(&file)), "{file}");
    }
    drop(writer);
    assert!(!has_marker(Path::new(&to)));
    assert!(PageWriter::open(&to, 5000, None).is_err());
    assert!(PageWriter::open(&to, 5000, Some(&Key::new(b"another".to_vec()))).is_err());
    Ok(())
}

fn has_marker(file: &Path) -> bool {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.windows(8).any(|window| window == b"a marker")
}

#[test]
fn a_write_of_another_connection_is_noticed() -> Result<()> {
    let folder = Folder::new("pages-foreign");
    let (from, to) = (folder.file("from.db"), folder.file("to.db"));
    source(&from, 10)?;
    let writer = PageWriter::open(&to, 5000, None)?;
    copy(&from, &writer)?;
    let version = writer.data_version()?;
    let other = open(&to, false, None)?;
    assert_eq!(writer.data_version()?, version);
    copy(&from, &writer)?;
    assert_eq!(writer.data_version()?, version);
    exec(&other, "DELETE FROM t")?;
    assert_ne!(writer.data_version()?, version);
    Ok(())
}

#[test]
fn the_sum_follows_each_commit() -> Result<()> {
    let folder = Folder::new("sums");
    let from = open(":memory:", false, None)?;
    let pages = PageWriter::open(&folder.file("copy.db"), 0, None)?;
    let grow = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) \
                INSERT INTO t SELECT i, randomblob(500) FROM n";
    let steps = [
        "CREATE TABLE t (a, b)",
        grow,
        "UPDATE t SET b = 1 WHERE a = 200",
        "DELETE FROM t WHERE a > 100; VACUUM",
        "CREATE TABLE u AS SELECT * FROM t",
        "DROP TABLE t; VACUUM",
    ];
    for (i, sql) in steps.into_iter().enumerate() {
        exec(&from, sql)?;
        let image = from.serialize("main")?;
        let image = image.as_bytes();
        // What is there at first is not known.
        pages.begin(i % 3 == 0)?;
        let size = u32::try_from(image.len() / PageWriter::PAGE_SIZE).unwrap_or_default();
        for (number, page) in (1..).zip(image.chunks(PageWriter::PAGE_SIZE)) {
            // A page may come more than once.
            pages.write(number, &vec![7; PageWriter::PAGE_SIZE])?;
            pages.write(number, page)?;
        }
        let sum = pages.sum_after(size)?;
        assert_ne!(sum, pages.sum(), "{sql}");
        pages.commit(size)?;
        assert_eq!(pages.sum(), sum);
        assert_eq!(pages.read_sum()?, sum, "{sql}");
    }
    Ok(())
}
