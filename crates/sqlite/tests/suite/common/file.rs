//! Files of tests, for all crates.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A file of one test, removed with its journals when it is dropped.
pub struct TestFile(PathBuf);

impl TestFile {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ferrolite-test-{}-{number}.db", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
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
