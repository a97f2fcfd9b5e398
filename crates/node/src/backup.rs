//! Backups, a few pages a call.

use std::rc::Rc;

use ferrolite_sqlite::Backup;

use crate::database::{this_ready, Database};
use crate::sys::{Call, Env, Finalize, Result, Value};

struct BackupHandle {
    db: Rc<Database>,
    backup: Backup,
}

impl Finalize for BackupHandle {}

/// `(database, path, uri, from)` -> `[handle, busyTimeout, sourceFile, targetFile]`; `from` the file, into this connection.
pub fn backup<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_ready(call)?;
    let (database, path) = (call.arg(0).to_utf8(env)?, call.arg(1).to_utf8(env)?);
    let backup = if call.arg(3).as_bool(env) {
        db.conn.backup_from(&path)
    } else {
        db.conn.backup(&database, &path, call.arg(2).as_bool(env))
    };
    let backup = backup.map_err(|error| db.raise(env, &error))?;
    let facts = [
        env.number(db.conn.busy_timeout().into())?,
        env.utf8(backup.source_file.as_bytes())?,
        env.utf8(backup.target_file.as_bytes())?,
    ];
    let db = db.clone();
    let handle = env.boxed(BackupHandle { db, backup });
    array(env, [handle].into_iter().chain(facts))
}

/// `(pages)` -> `[totalPages, remainingPages, done]`; done is 1 or 0
pub fn step<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let this = call.this::<BackupHandle>()?;
    let raise = |error| this.db.raise(env, &error);
    this.db.require_open().map_err(raise)?;
    this.db.require_not_busy().map_err(raise)?;
    let progress = this.backup.step(call.arg(0).as_i32(env)).map_err(raise)?;
    let numbers = [progress.total, progress.remaining, progress.done.into()];
    let numbers = numbers.map(|number| env.number(number.into()));
    array(env, numbers.into_iter().collect::<Result<Vec<_>>>()?)
}

fn array<'e>(env: Env<'e>, items: impl IntoIterator<Item = Value<'e>>) -> Result<Value<'e>> {
    let array = env.array(0)?;
    for (at, item) in (0..).zip(items) {
        array.set_at(env, at, item)?;
    }
    Ok(array)
}

pub fn close<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    call.this::<BackupHandle>()?.backup.close();
    call.env.undefined()
}
