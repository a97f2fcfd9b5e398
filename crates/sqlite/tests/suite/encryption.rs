//! Encrypted files: who can read them, and that a wrong key harms nothing.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use ferrolite_sqlite::{
    without_keys, Connection, Error, Key, OpenOptions, Params, Result, Step, ValueRef,
};

const SECRET: &str = "a long text that nobody may find in the file";
const NOTADB: i32 = 26;

/// A folder of its own for each test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ferrolite-key-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
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

fn key(text: &str) -> Key {
    Key::new(text.into())
}

fn open(path: &str, key: Option<&Key>) -> Result<Connection> {
    Connection::open(&OpenOptions {
        timeout: 1000,
        key,
        ..OpenOptions::new(path)
    })
}

fn script(connection: &Connection, sql: &str) -> Result<u32> {
    connection.exec(format!("{sql}\0").as_bytes(), &mut |_| Ok(()))
}

fn text(connection: &Connection, sql: &str) -> Result<String> {
    let mut running = connection
        .prepare(sql.as_bytes())?
        .start(Params::default())?;
    assert_eq!(running.step()?, Step::Row);
    match running.row().get(0) {
        ValueRef::Text(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        other => Ok(format!("{other:?}")),
    }
}

fn fill(connection: &Connection) -> Result<u32> {
    script(
        connection,
        &format!("CREATE TABLE private (text); INSERT INTO private VALUES ('{SECRET}')"),
    )
}

fn holds(path: &str, text: &str) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn code(opened: Result<Connection>) -> i32 {
    opened.err().as_ref().map_or(0, Error::code)
}

#[test]
fn an_encrypted_file_holds_no_plaintext_and_opens_with_its_key_alone() -> std::io::Result<()> {
    let folder = Folder::new()?;
    let file = folder.file("a.db");
    let write = || -> Result<()> {
        let connection = open(&file, Some(&key("right")))?;
        fill(&connection)?;
        connection.close();
        let connection = open(&file, Some(&key("right")))?;
        assert_eq!(text(&connection, "SELECT text FROM private")?, SECRET);
        Ok(())
    };
    assert_eq!(write(), Ok(()));
    for found in [SECRET, "CREATE TABLE", "SQLite format 3"] {
        assert!(!holds(&file, found), "{found}");
    }
    assert_eq!(code(open(&file, Some(&key("wrong")))), NOTADB);
    let plain = open(&file, None).and_then(|c| text(&c, "SELECT 1 FROM private"));
    assert_eq!(plain.err().map(|error| error.code()), Some(NOTADB));
    Ok(())
}

#[test]
fn a_key_for_no_file_or_for_a_plain_one_is_refused() -> std::io::Result<()> {
    let folder = Folder::new()?;
    let file = folder.file("plain.db");
    for path in ["", ":memory:"] {
        let opened = open(path, Some(&key("any")));
        assert!(matches!(opened, Err(Error::Type(_))));
    }
    assert!(open(&file, None).and_then(|c| fill(&c)).is_ok());
    assert_eq!(code(open(&file, Some(&key("any")))), NOTADB);
    Ok(())
}

#[test]
fn rekey_encrypts_changes_and_decrypts_in_every_journal_mode() -> std::io::Result<()> {
    let folder = Folder::new()?;
    for mode in ["delete", "wal", "truncate", "persist", "memory"] {
        let file = folder.file(&format!("{mode}.db"));
        let change = || -> Result<()> {
            let connection = open(&file, None)?;
            text(&connection, &format!("PRAGMA journal_mode = {mode}"))?;
            fill(&connection)?;
            for next in [Some("one"), Some("two"), None, Some("three")] {
                connection.rekey(next.map(key))?;
                assert_eq!(text(&connection, "PRAGMA integrity_check")?, "ok");
                assert_eq!(text(&connection, "PRAGMA journal_mode")?, mode);
                assert_eq!(holds(&file, SECRET), next.is_none());
            }
            connection.close();
            let connection = open(&file, Some(&key("three")))?;
            assert_eq!(text(&connection, "SELECT text FROM private")?, SECRET);
            Ok(())
        };
        assert_eq!(change(), Ok(()), "{mode}");
        assert!(!holds(&format!("{file}-journal"), SECRET), "{mode}");
    }
    Ok(())
}

#[test]
fn rekey_is_refused_while_something_is_open() -> std::io::Result<()> {
    let folder = Folder::new()?;
    let refuse = || -> Result<()> {
        let connection = open(&folder.file("b.db"), None)?;
        fill(&connection)?;
        let mut running = connection
            .prepare(b"SELECT text FROM private")?
            .start(Params::default())?;
        running.step()?;
        assert!(connection.rekey(Some(key("one"))).is_err());
        drop(running);
        script(&connection, "BEGIN")?;
        assert!(connection.rekey(Some(key("one"))).is_err());
        script(&connection, "COMMIT")?;
        connection.rekey(Some(key("one")))
    };
    assert_eq!(refuse(), Ok(()));
    Ok(())
}

/// Copies a file and what belongs to it, as a crash would leave them.
fn crash(folder: &Folder, file: &str) -> std::io::Result<String> {
    let copy = folder.file("crashed.db");
    for suffix in ["", "-wal", "-journal"] {
        let (from, to) = (format!("{file}{suffix}"), format!("{copy}{suffix}"));
        let _ = std::fs::remove_file(&to);
        if Path::new(&from).exists() {
            std::fs::copy(from, to)?;
        }
    }
    Ok(copy)
}

#[test]
fn a_wrong_key_does_not_harm_what_a_crash_left() -> std::io::Result<()> {
    let folder = Folder::new()?;
    for mode in ["wal", "delete"] {
        let file = folder.file(&format!("{mode}.db"));
        let right = key("right");
        let connection = match open(&file, Some(&right)) {
            Ok(connection) => connection,
            Err(error) => return Err(std::io::Error::other(error)),
        };
        let change = || -> Result<()> {
            text(&connection, &format!("PRAGMA journal_mode = {mode}"))?;
            fill(&connection)?;
            script(
                &connection,
                "PRAGMA cache_size = 5; CREATE TABLE big (a);
                INSERT INTO big SELECT hex(randomblob(1000)) FROM generate_series(1, 300)",
            )?;
            if mode == "delete" {
                script(
                    &connection,
                    "BEGIN; DROP TABLE private; UPDATE big SET a = hex(randomblob(1000))",
                )?;
            }
            Ok(())
        };
        assert_eq!(change(), Ok(()));
        let crashed = crash(&folder, &file)?;
        assert_eq!(code(open(&crashed, Some(&key("wrong")))), NOTADB);
        let plain = open(&crashed, None).and_then(|c| text(&c, "SELECT 1 FROM private"));
        assert_eq!(plain.err().map(|error| error.code()), Some(NOTADB));
        let read = || -> Result<()> {
            let connection = open(&crashed, Some(&right))?;
            assert_eq!(text(&connection, "SELECT text FROM private")?, SECRET);
            assert_eq!(text(&connection, "PRAGMA integrity_check")?, "ok");
            assert_eq!(
                text(&connection, "SELECT count(*) FROM big")?,
                "Integer(300)"
            );
            Ok(())
        };
        assert_eq!(read(), Ok(()), "{mode}");
    }
    Ok(())
}

#[test]
fn memory_mapping_stays_off_in_an_encrypted_file() -> std::io::Result<()> {
    let folder = Folder::new()?;
    let file = folder.file("c.db");
    let map = || -> Result<()> {
        let connection = open(&file, Some(&key("one")))?;
        fill(&connection)?;
        script(&connection, "PRAGMA mmap_size = 1000000")?;
        connection.set_authorizer(None)?;
        script(&connection, "PRAGMA main.mmap_size(1000000)")?;
        assert_eq!(text(&connection, "SELECT text FROM private")?, SECRET);
        assert_eq!(text(&connection, "PRAGMA integrity_check")?, "ok");
        connection.rekey(None)?;
        script(&connection, "PRAGMA mmap_size = 1000000")?;
        connection.rekey(Some(key("two")))?;
        assert_eq!(text(&connection, "SELECT text FROM private")?, SECRET);
        Ok(())
    };
    assert_eq!(map(), Ok(()));
    Ok(())
}

#[test]
fn a_backup_has_the_key_of_its_source() -> std::io::Result<()> {
    let folder = Folder::new()?;
    let (file, copy) = (folder.file("d.db"), folder.file("copy.db"));
    let copied = || -> Result<()> {
        let connection = open(&file, Some(&key("one")))?;
        fill(&connection)?;
        let backup = connection.backup("main", &copy, false)?;
        backup.step(-1)?;
        backup.close();
        let connection = open(&copy, Some(&key("one")))?;
        assert_eq!(text(&connection, "SELECT text FROM private")?, SECRET);
        Ok(())
    };
    assert_eq!(copied(), Ok(()));
    assert!(!holds(&copy, SECRET));
    Ok(())
}

#[test]
fn logs_and_debug_texts_have_no_key() {
    assert_eq!(format!("{:?}", key("hidden")), "Key(***)");
    for (sql, shown) in [
        ("PRAGMA key = 'hidden'", "PRAGMA key ***"),
        (
            " /* ; */ pragma main.\"rekey\"('hidden')",
            " /* ; */ pragma main.\"rekey\" ***",
        ),
        ("-- x\nPRAGMA hexkey='00'", "-- x\nPRAGMA hexkey ***"),
        ("ATTACH 'a' AS b KEY 'hidden'", "ATTACH 'a' AS b KEY ***"),
        ("ATTACH 'file:a?key=hidden' AS b", "ATTACH 'file:a? ***"),
        ("ATTACH 'file:a?k%65y=hidden' AS b", "ATTACH 'file:a? ***"),
        ("VACUUM INTO 'file:a?hexkey=00'", "VACUUM INTO 'file:a? ***"),
        ("\u{feff}PRAGMA key = 'hidden'", "\u{feff}PRAGMA key ***"),
        (";\u{feff};PRAGMA key('hidden')", ";\u{feff};PRAGMA key ***"),
        ("PRAGMA/* = */key='hidden'", "PRAGMA/* = */key ***"),
        (
            "PRAGMA \"a=(\".[key] = 'hidden'",
            "PRAGMA \"a=(\".[key] ***",
        ),
        ("PRAGMA `text``key` = 1", "PRAGMA `text``key` = 1"),
        ("PRAGMA 'textkey' = 'hidden'", "PRAGMA 'textkey' ***"),
        (
            "EXPLAIN QUERY PLAN PRAGMA hexrekey=1",
            "EXPLAIN QUERY PLAN PRAGMA hexrekey ***",
        ),
        (
            "/**/ATTACH 'a' AS [key] KEY 1",
            "/**/ATTACH 'a' AS [key] KEY ***",
        ),
        ("PRAGMA table_info(key)", "PRAGMA table_info(key)"),
        ("PRAGMA foreign_key_check", "PRAGMA foreign_key_check"),
        ("SELECT key FROM t", "SELECT key FROM t"),
    ] {
        assert_eq!(String::from_utf8_lossy(&without_keys(sql.into())), shown);
    }
}
