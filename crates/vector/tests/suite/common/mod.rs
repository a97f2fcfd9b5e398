//! What tests of vector tables share.
#![allow(dead_code)] // each test file takes what it needs

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use ferrolite_sqlite::{Connection, OpenOptions, Result};

pub mod disk;
pub mod random;

#[path = "../../../../sqlite/tests/suite/common/sql.rs"]
mod sql;

#[allow(unused_imports)] // each test file takes what it needs
pub use sql::{error, exec, rows};

/// A file of one test, removed with its journals when it is dropped.
pub struct TestFile(PathBuf);

impl TestFile {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ferrolite-vector-{}-{number}.db", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    pub fn open(&self) -> Result<Connection> {
        open(&self.path())
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        for end in ["", "-journal", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A connection with vector tables that waits for nobody.
pub fn open(path: &str) -> Result<Connection> {
    Connection::open(&OpenOptions {
        timeout: 0,
        modules: &[ferrolite_vector::register],
        ..OpenOptions::new(path)
    })
}

/// Asserts that the table and its file are as they should be.
pub fn check(connection: &Connection, table: &str) {
    let verify = format!("INSERT INTO {table}({table}) VALUES ('verify')");
    assert_eq!(error(exec(connection, &verify)), "no error");
    check_file(connection);
}

/// The same of all tables, without the right to write.
pub fn check_file(connection: &Connection) {
    let found = rows(connection, "PRAGMA integrity_check");
    assert_eq!(found.as_deref(), Ok("ok"));
}
