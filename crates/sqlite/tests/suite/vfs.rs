//! A VFS of the host: databases in memory, with what the contract of the engine asks for.

// A test may fail by panicking.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::common::{error, exec, rows};
use ferrolite_sqlite::{
    register_vfs, Connection, Control, FileFlags, FileKind, LockLevel, OpenOptions, PragmaAnswer,
    Vfs, VfsError, VfsFile, VfsResult,
};

type Bytes = Arc<Mutex<Vec<u8>>>;

#[derive(Default)]
struct Disk {
    files: Mutex<HashMap<String, Bytes>>,
    syncs: AtomicUsize,
    opened: AtomicUsize,
    fails_to_sync: AtomicBool,
}

#[derive(Clone)]
struct MemoryVfs(Arc<Disk>);

struct MemoryFile {
    disk: Arc<Disk>,
    bytes: Bytes,
}

impl Vfs for MemoryVfs {
    type File = MemoryFile;

    fn owns(&self, name: &str) -> bool {
        name.starts_with("mem:")
    }

    fn open(&self, name: &str, flags: FileFlags) -> VfsResult<MemoryFile> {
        if flags.kind == FileKind::Wal || name.ends_with("broken") {
            return Err(VfsError::CANTOPEN);
        }
        let mut files = self.0.files.lock().expect("not poisoned");
        if !flags.create && !files.contains_key(name) {
            return Err(VfsError::CANTOPEN);
        }
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        Ok(MemoryFile {
            disk: Arc::clone(&self.0),
            bytes: Arc::clone(files.entry(name.into()).or_default()),
        })
    }

    fn delete(&self, name: &str, _sync: bool) -> VfsResult<()> {
        self.0.files.lock().expect("not poisoned").remove(name);
        Ok(())
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        Ok(self
            .0
            .files
            .lock()
            .expect("not poisoned")
            .contains_key(name))
    }
}

impl VfsFile for MemoryFile {
    fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize> {
        let file = self.bytes.lock().expect("not poisoned");
        let start = usize::try_from(offset).expect("small").min(file.len());
        let len = bytes.len().min(file.len() - start);
        bytes[..len].copy_from_slice(&file[start..start + len]);
        // What is behind must not reach the engine.
        bytes[len..].fill(0xaa);
        Ok(len)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        let mut file = self.bytes.lock().expect("not poisoned");
        let start = usize::try_from(offset).expect("small");
        let end = start + bytes.len();
        if file.len() < end {
            file.resize(end, 0);
        }
        file[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        let size = usize::try_from(size).expect("small");
        self.bytes.lock().expect("not poisoned").truncate(size);
        Ok(())
    }

    fn sync(&mut self) -> VfsResult<()> {
        Ok(())
    }

    fn size(&mut self) -> VfsResult<u64> {
        let len = self.bytes.lock().expect("not poisoned").len();
        Ok(u64::try_from(len).expect("small"))
    }

    fn lock(&mut self, level: LockLevel) -> VfsResult<()> {
        assert!(level > LockLevel::None);
        Ok(())
    }

    fn control(&mut self, control: Control<'_>) -> VfsResult<bool> {
        match control {
            Control::Sync(Some(_)) => Err(VfsError::SYNC),
            Control::Sync(None) if self.disk.fails_to_sync.load(Ordering::Relaxed) => {
                Err(VfsError::SYNC)
            }
            Control::Sync(None) => {
                self.disk.syncs.fetch_add(1, Ordering::Relaxed);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn pragma(&mut self, name: &str, value: Option<&str>) -> PragmaAnswer {
        match (name, value) {
            ("disk_syncs", None) => {
                let syncs = self.disk.syncs.load(Ordering::Relaxed);
                PragmaAnswer::Done(Some(syncs.to_string()))
            }
            ("disk_syncs", Some(value)) => PragmaAnswer::Refused(format!("no {value}% here")),
            ("disk_panic", _) => panic!("as a test"),
            _ => PragmaAnswer::NotOurs,
        }
    }

    fn close(self) -> VfsResult<()> {
        self.disk.opened.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A disk of one test, known by a name of its own.
fn disk(vfs: &str) -> Arc<Disk> {
    let disk = Arc::new(Disk::default());
    register_vfs(vfs, MemoryVfs(Arc::clone(&disk))).expect("registers");
    disk
}

fn open(vfs: &str, path: &str) -> ferrolite_sqlite::Result<Connection> {
    Connection::open(&OpenOptions {
        vfs: Some(vfs),
        ..OpenOptions::new(path)
    })
}

#[test]
fn a_database_lives_in_the_files_of_its_vfs() {
    let disk = disk("lives");
    let connection = open("lives", "mem:a").expect("opens");
    exec(
        &connection,
        "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)",
    )
    .expect("writes");
    exec(&connection, "BEGIN; INSERT INTO t VALUES (3); ROLLBACK").expect("rolls back");
    connection.close();
    assert_eq!(
        disk.opened.load(Ordering::Relaxed),
        0,
        "every file is closed"
    );
    let connection = open("lives", "mem:a").expect("opens again");
    assert_eq!(rows(&connection, "SELECT a FROM t").expect("reads"), "1 2");
    assert_eq!(
        rows(&connection, "PRAGMA integrity_check").expect("checks"),
        "ok"
    );
    let names: Vec<String> = disk
        .files
        .lock()
        .expect("not poisoned")
        .keys()
        .cloned()
        .collect();
    assert_eq!(names, ["mem:a"], "the journal was deleted");
}

#[test]
fn temporary_files_and_other_names_go_to_the_default_vfs() {
    let disk = disk("others");
    let connection = open("others", "mem:b").expect("opens");
    exec(&connection, "CREATE TABLE t(a, b)").expect("creates");
    exec(
        &connection,
        "PRAGMA cache_size=5; PRAGMA temp_store=FILE; CREATE TEMP TABLE u(a);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO t SELECT i * 7919 % 20011, hex(randomblob(40)) FROM n;
         INSERT INTO u SELECT b FROM t ORDER BY b; VACUUM",
    )
    .expect("sorts and vacuums");
    assert_eq!(
        rows(&connection, "SELECT count(*) FROM u").expect("reads"),
        "20000"
    );
    let file = crate::common::TestFile::new();
    file.open(0).expect("creates a file");
    let path = file.path();
    exec(
        &connection,
        &format!("ATTACH '{path}' AS o; CREATE TABLE o.v(a)"),
    )
    .expect("attaches");
    assert_eq!(disk.opened.load(Ordering::Relaxed), 1);
    let both = exec(
        &connection,
        "BEGIN; INSERT INTO t VALUES (1, 2); INSERT INTO o.v VALUES (1); COMMIT",
    );
    assert_eq!(
        error(both),
        "disk I/O error",
        "the file was told of the super-journal"
    );
}

#[test]
fn a_failed_commit_is_rolled_back() {
    let disk = disk("fails");
    let connection = open("fails", "mem:c").expect("opens");
    exec(
        &connection,
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY",
    )
    .expect("sets up");
    exec(&connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1)").expect("writes");
    disk.fails_to_sync.store(true, Ordering::Relaxed);
    assert_eq!(
        error(exec(&connection, "INSERT INTO t VALUES (2)")),
        "disk I/O error"
    );
    disk.fails_to_sync.store(false, Ordering::Relaxed);
    assert_eq!(rows(&connection, "SELECT a FROM t").expect("reads"), "1");
    exec(&connection, "INSERT INTO t VALUES (3)").expect("goes on");
    assert_eq!(rows(&connection, "SELECT a FROM t").expect("reads"), "1 3");
}

#[test]
fn one_sync_a_commit_of_every_size() {
    let disk = disk("syncs");
    let connection = open("syncs", "mem:d").expect("opens");
    exec(
        &connection,
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY",
    )
    .expect("sets up");
    exec(&connection, "CREATE TABLE t(a); PRAGMA cache_size=10").expect("creates");
    for rows in [1, 100, 100_000] {
        let before = disk.syncs.load(Ordering::Relaxed);
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO t SELECT randomblob(50) FROM n"
        );
        exec(&connection, &sql).expect("inserts");
        assert_eq!(disk.syncs.load(Ordering::Relaxed) - before, 1);
    }
}

#[test]
fn a_file_answers_pragmas() {
    let _disk = disk("pragmas");
    let connection = open("pragmas", "mem:e").expect("opens");
    exec(&connection, "CREATE TABLE t(a)").expect("creates");
    assert_eq!(
        rows(&connection, "PRAGMA disk_syncs").expect("answers"),
        "1"
    );
    assert_eq!(
        error(exec(&connection, "PRAGMA disk_syncs=5")),
        "no 5% here"
    );
    assert_eq!(
        rows(&connection, "PRAGMA user_version").expect("is SQLite's"),
        "0"
    );
}

#[test]
fn a_panic_and_a_file_that_cannot_be_opened_are_errors() {
    static VFS: OnceLock<Arc<Disk>> = OnceLock::new();
    let disk = VFS.get_or_init(|| disk("panics"));
    let connection = open("panics", "mem:f").expect("opens");
    exec(&connection, "CREATE TABLE t(a)").expect("creates");
    assert_ne!(error(exec(&connection, "PRAGMA disk_panic")), "no error");
    assert_eq!(
        rows(&connection, "SELECT count(*) FROM t").expect("goes on"),
        "0"
    );
    let opened = open("panics", "mem:broken");
    let message = error(opened.and_then(|connection| exec(&connection, "CREATE TABLE t(a)")));
    assert!(
        message.starts_with("unable to open database file"),
        "{message}"
    );
    assert_eq!(disk.opened.load(Ordering::Relaxed), 1);
}

#[test]
fn a_cache_can_be_reset_outside_transactions() {
    let disk = disk("resets");
    let connection = open("resets", "mem:g").expect("opens");
    exec(
        &connection,
        "PRAGMA locking_mode=EXCLUSIVE; CREATE TABLE t(a); INSERT INTO t VALUES (1)",
    )
    .expect("writes");
    assert_eq!(rows(&connection, "SELECT a FROM t").expect("reads"), "1");
    exec(&connection, "BEGIN").expect("begins");
    assert_eq!(
        error(connection.reset_cache()),
        "The database connection is in a transaction"
    );
    exec(&connection, "COMMIT").expect("commits");
    let file = disk.files.lock().expect("not poisoned")["mem:g"].clone();
    // The row of the last page: the number 1 is its last byte, as the type 9.
    let old = file.lock().expect("not poisoned").clone();
    exec(&connection, "UPDATE t SET a = 5").expect("updates");
    *file.lock().expect("not poisoned") = old;
    assert_eq!(
        rows(&connection, "SELECT a FROM t").expect("reads the cache"),
        "5"
    );
    connection.reset_cache().expect("resets");
    assert_eq!(
        rows(&connection, "SELECT a FROM t").expect("reads the file"),
        "1"
    );
}
