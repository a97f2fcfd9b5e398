//! Backups, a few pages a call.

use std::rc::Rc;

use ferrolite_sqlite::Backup;
use neon::types::Finalize;

use crate::database::{this_ready, Database};
use crate::sys::{Call, Result, Value};

struct BackupHandle {
    db: Rc<Database>,
    backup: Backup,
}

impl Finalize for BackupHandle {}

/// `(database, path, isNew)` -> handle
pub fn backup<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_ready(call)?;
    let (database, path) = (call.arg(0).to_utf8(env)?, call.arg(1).to_utf8(env)?);
    match db.conn.backup(&database, &path, call.arg(2).as_bool(env)) {
        Ok(backup) => Ok(env.boxed(BackupHandle {
            db: db.clone(),
            backup,
        })),
        Err(error) => Err(db.raise(env, &error)),
    }
}

/// `(pages)` -> `{ totalPages, remainingPages }`
pub fn step<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let this = call.this::<BackupHandle>()?;
    let raise = |error| this.db.raise(env, &error);
    this.db.require_open().map_err(raise)?;
    this.db.require_not_busy().map_err(raise)?;
    let progress = this.backup.step(call.arg(0).as_i32(env)).map_err(raise)?;
    let object = env.object()?;
    object.set(
        env,
        env.utf8(b"totalPages")?,
        env.number(progress.total.into())?,
    )?;
    object.set(
        env,
        env.utf8(b"remainingPages")?,
        env.number(progress.remaining.into())?,
    )?;
    Ok(object)
}

pub fn close<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    call.this::<BackupHandle>()?.backup.close();
    call.env.undefined()
}
