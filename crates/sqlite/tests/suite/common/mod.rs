//! What tests of virtual tables share.

use ferrolite_sqlite::{Connection, OpenOptions, Result};

mod file;
mod sql;

pub use file::TestFile;
pub use sql::{error, exec, rows};

impl TestFile {
    pub fn open(&self, timeout: u32) -> Result<Connection> {
        Connection::open(&OpenOptions {
            timeout,
            ..OpenOptions::new(&self.path())
        })
    }
}
