//! What tests of virtual tables share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use ferrolite_sqlite::{Connection, OpenOptions, Params, Result, Step, ValueRef};

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

/// Runs a script.
pub fn exec(connection: &Connection, sql: &str) -> Result<()> {
    connection
        .exec(format!("{sql}\0").as_bytes(), &mut |_| Ok(()))
        .map(|_| ())
}

/// Rows as `a|b` each, separated by spaces.
pub fn rows(connection: &Connection, sql: &str) -> Result<String> {
    let statement = connection.prepare(sql.as_bytes())?;
    let columns = usize::from(statement.column_count()?);
    let mut running = statement.start(Params::default())?;
    let mut rows = Vec::new();
    while running.step()? == Step::Row {
        let values = running.row().values(columns).map(show);
        rows.push(values.collect::<Vec<_>>().join("|"));
    }
    running.finish().1?;
    Ok(rows.join(" "))
}

fn show(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(blob) => format!("{} bytes", blob.len()),
    }
}

/// The message of an error; what succeeds is none.
pub fn error<T>(result: Result<T>) -> String {
    result
        .err()
        .map_or_else(|| "no error".into(), |error| error.to_string())
}
