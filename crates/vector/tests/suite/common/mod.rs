//! What tests of vector tables share.

use ferrolite_sqlite::{Connection, OpenOptions, Result};

pub mod disk;
pub mod random;

#[path = "../../../../sqlite/tests/suite/common/file.rs"]
mod file;
#[path = "../../../../sqlite/tests/suite/common/sql.rs"]
mod sql;

pub use file::TestFile;
pub use sql::{error, exec, rows};

impl TestFile {
    pub fn open(&self) -> Result<Connection> {
        open(&self.path())
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
