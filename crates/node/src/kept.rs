//! What databases in key-value stores have beside their connections, and can do besides SQL.

use std::borrow::Cow;
use std::rc::Rc;

use ferrolite_kv::{Error as KvError, Handle};
use ferrolite_sqlite::{code_name, Connection, Error};

use crate::database::{this_idle, this_ready, Database};
use crate::environment::{Environment, Subject};
use crate::store::JsStore;
use crate::sys::{Call, Env, Ref, Result, Thrown, Value};

/// What a database in a store has beside its connection.
#[derive(Clone)]
pub struct Kept {
    pub handle: Handle,
    /// Has as `error` what the store threw last.
    pub host: Rc<Ref>,
    /// None where a worker calls it.
    pub store: Option<Rc<JsStore>>,
}

/// Why an error of `SQLite` came about.
pub struct Failure {
    error: KvError,
    host: Rc<Ref>,
}

impl Kept {
    /// From now on the store is not called: a transaction that was acknowledged is there, and a checkpoint can wait.
    pub fn silence(&self) {
        if let Some(store) = &self.store {
            store.silence();
        }
    }

    /// Whether the store is being called.
    pub fn is_called(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.is_called())
    }

    /// An error that did not pass through `SQLite`.
    pub fn failure(&self, error: KvError) -> Failure {
        Failure::new(error, Rc::clone(&self.host))
    }

    /// The reason of an error that has just come.
    pub fn reason(&self, conn: &Connection, error: &Error) -> Option<Failure> {
        let reason = self.handle.reason_of(conn, error)?;
        Some(self.failure(reason))
    }
}

impl Failure {
    pub fn new(error: KvError, host: Rc<Ref>) -> Self {
        Self { error, host }
    }

    /// Message and code of the error, where `SQLite` has this one.
    pub fn words(&self, code: i32) -> (Vec<u8>, Cow<'static, str>) {
        let name = match self.error {
            KvError::Full | KvError::Behind { .. } | KvError::Usage(_) => code_name(code),
            _ => self.error.code().into(),
        };
        (self.error.to_string().into_bytes(), name)
    }

    /// The key that it is about, and what the store threw, for `lib/errors.js`.
    pub fn details<'e>(&self, env: Env<'e>) -> Result<[Value<'e>; 2]> {
        let key = match self.error.key() {
            Some(key) => env.utf8(key.as_bytes())?,
            None => env.undefined()?,
        };
        let host = if self.error.store_error().is_some() {
            self.host.get(env)?
        } else {
            env.undefined()?
        };
        Ok([key, host])
    }
}

impl Environment {
    /// Throws why a database could not be opened.
    pub fn throw_failure(&self, env: Env<'_>, failure: &Failure, name: &str) -> Thrown {
        let code = failure.error.result_code();
        let error = Error::sqlite(code, &failure.error.to_string());
        let subject = Subject {
            sql: None,
            database: name,
            timed_out: false,
            failure: Some(failure),
        };
        self.throw(env, &error, &subject)
    }
}

/// The database that a function was called on, which nothing uses, and what it has as one in a store.
pub fn this_kept<'e>(call: &Call<'e>) -> Result<(&'e Rc<Database>, Kept)> {
    kept_of(call, this_idle(call)?)
}

pub fn kept_of<'e>(call: &Call<'e>, db: &'e Rc<Database>) -> Result<(&'e Rc<Database>, Kept)> {
    match db.kept.borrow().clone() {
        Some(kept) => Ok((db, kept)),
        None => Err(db.raise(call.env, &Error::Type("It is not in a key-value store"))),
    }
}

/// What came of it; throws why it has failed.
pub fn done<T>(
    call: &Call<'_>,
    db: &Database,
    kept: &Kept,
    result: std::result::Result<T, KvError>,
) -> Result<T> {
    result.map_err(|error| {
        let failure = kept.failure(error);
        db.environment.throw_failure(call.env, &failure, db.name())
    })
}

/// Moves a reader to the newest state -> whether that is another one
pub fn refresh<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = this_kept(call)?;
    let _busy = db.enter_busy();
    // A transaction must not see another state in its middle.
    db.check(call.env, db.conn.reset_cache())?;
    let moved = done(call, db, &kept, kept.handle.refresh())?;
    call.env.boolean(moved)
}

/// Waits until the store has all that was committed.
pub fn flush<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = this_kept(call)?;
    let _busy = db.enter_busy();
    done(call, db, &kept, kept.handle.flush())?;
    call.env.undefined()
}

/// Makes a checkpoint -> whether no transaction was in its way
pub fn checkpoint<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = kept_of(call, this_ready(call)?)?;
    let _busy = db.enter_busy();
    let made = done(call, db, &kept, kept.handle.checkpoint_at_rest(&db.conn))?;
    call.env.boolean(made)
}

/// -> number, time and pages of each epoch that can be opened, one after the other
pub fn history<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let (db, kept) = this_kept(call)?;
    let _busy = db.enter_busy();
    let moments = done(call, db, &kept, kept.handle.history())?;
    let list = env.array(3 * moments.len())?;
    let numbers = moments.iter().flat_map(|moment| {
        #[allow(clippy::cast_precision_loss)] // exact for 280,000 years
        let time = moment.time as f64;
        [f64::from(moment.epoch), time, f64::from(moment.pages)]
    });
    for (at, number) in (0..).zip(numbers) {
        list.set_at(env, at, env.number(number)?)?;
    }
    Ok(list)
}

/// `(epoch)`: commits its state once more.
pub fn restore<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = this_kept(call)?;
    let _busy = db.enter_busy();
    let epoch = u32::try_from(call.arg(0).as_i32(call.env)).unwrap_or(0);
    let restored = kept.handle.restore(&db.conn, epoch);
    done(call, db, &kept, restored)?;
    call.env.undefined()
}

/// Flushes before it is closed -> why that failed, if that has not been reported
pub fn end(db: &Database) -> Option<Failure> {
    let kept = db.kept.borrow().clone()?;
    let _busy = db.enter_busy();
    let error = kept.handle.end().err()?;
    Some(kept.failure(error))
}
