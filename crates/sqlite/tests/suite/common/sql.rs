//! SQL in short: what the tests of all crates share.
#![allow(dead_code)] // each test file takes what it needs

use ferrolite_sqlite::{Connection, Params, Result, Step, ValueRef};

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
