//! What a statement is nested too deep by.

use std::ffi::c_int;
use std::ptr;
use std::rc::Rc;

use crate::connection::{Connection, Shared};
use crate::error::{Error, Result};
use crate::ffi;
use crate::sql::Tokens;
use crate::stack::TOO_DEEP;

/// The words that `SQLite` has for triggers that call each other.
const TRIGGERS: &str = "too many levels of trigger recursion";

/// The error of a statement that could not be compiled. `compile` compiles it once more without triggers and
/// foreign keys (which are triggers to the engine): if that succeeds, they are the cause.
#[cold]
pub(crate) fn explain(
    shared: &Rc<Shared>,
    sql: &[u8],
    error: Error,
    compile: impl FnOnce() -> Result<()>,
) -> Error {
    if !is_too_deep(&error) || !writes(sql) {
        return error;
    }
    let conn = Connection {
        shared: shared.clone(),
    };
    let settings = [
        ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        ffi::SQLITE_DBCONFIG_ENABLE_FKEY,
    ];
    let before = settings.map(|setting| is_on(&conn, setting));
    for setting in settings {
        let _ = conn.config(setting, false);
    }
    let without = compile();
    for (setting, on) in settings.into_iter().zip(before) {
        let _ = conn.config(setting, on);
    }
    match without {
        Err(without) if is_too_deep(&without) => error,
        _ => Error::sqlite(ffi::SQLITE_ERROR, TRIGGERS),
    }
}

fn is_too_deep(error: &Error) -> bool {
    matches!(error, Error::Sqlite { message, .. } if **message == *TOO_DEEP.as_bytes())
}

fn writes(sql: &[u8]) -> bool {
    let sql = String::from_utf8_lossy(sql);
    let mut tokens = Tokens::new(&sql).skip_while(|token| token.is_sign(";"));
    let words = ["INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"];
    tokens.next().is_some_and(|token| token.is_any(&words))
}

fn is_on(conn: &Connection, setting: c_int) -> bool {
    let mut on: c_int = 0;
    let Ok(db) = conn.shared.open_db() else {
        return false;
    };
    // SAFETY: open; a negative value changes nothing, and `on` is where to write.
    unsafe { ffi::sqlite3_db_config(db, setting, -1, ptr::from_mut(&mut on)) };
    on != 0
}
