//! What tests of virtual tables share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use ferrolite_sqlite::{Connection, OpenOptions, Result};

mod sql;

#[allow(unused_imports)] // each test file takes what it needs
pub use sql::{error, exec, rows};

/// A file of one test, removed with its journals when it is dropped.
pub struct TestFile(PathBuf);

impl TestFile {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ferrolite-vtab-{}-{number}.db", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    #[allow(dead_code)] // Only one of the tests asks.
    pub fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    pub fn open(&self, timeout: u32) -> Result<Connection> {
        Connection::open(&OpenOptions {
            timeout,
            ..OpenOptions::new(&self.0.to_string_lossy())
        })
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
