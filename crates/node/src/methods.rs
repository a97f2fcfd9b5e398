//! Methods of a connection.

use std::rc::Rc;

use ferrolite_sqlite::{is_plain, Error, Limit, OnWork};

use crate::callback::Host;
use crate::database::{this, this_idle, this_ready};
use crate::kept;
use crate::open::key_of;
use crate::sys::{Call, Env, Result, Value, ValueType};

/// Throws if it is closed.
pub fn require_open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    db.check(call.env, db.require_open())?;
    call.env.undefined()
}

pub fn close<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    if db.conn.is_open() {
        this_idle(call)?;
        let failure = kept::end(db);
        db.conn.close();
        db.kept.take();
        db.on_change.take();
        if let Some(failure) = failure {
            let environment = &db.environment;
            return Err(environment.throw_failure(call.env, &failure, db.name()));
        }
    }
    call.env.undefined()
}

pub fn is_open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    call.env.boolean(this(call)?.conn.is_open())
}

pub fn in_transaction<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    call.env.boolean(this(call)?.conn.in_transaction())
}

/// -> whether a statement has begun and not ended
pub fn is_reading<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let is_reading = this(call)?.conn.has_running_statements();
    call.env.boolean(is_reading.unwrap_or(false))
}

/// `(sql, timeout or -1)` -> whether it was one plain statement, which may be compiled once and kept
pub fn exec<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_ready(call)?;
    db.check(env, db.require_no_iterators_unless_unsafe())?;
    let mut params = db.environment.take_params();
    call.arg(0)
        .append_utf8(env, &mut params.bytes, usize::MAX)?;
    params.bytes.push(0);
    let result = {
        let _clock = db.start_clock(call.arg(1).as_i32(env));
        let _busy = db.enter_busy();
        db.conn.exec(&params.bytes, &mut |statement| {
            db.log(|with_values| statement.logged_sql(with_values))
        })
    };
    let plain = is_plain(&params.bytes);
    let script = params.bytes.strip_suffix(b"\0").unwrap_or_default();
    let failed = if db.pending.get() {
        Err(Error::Callback)
    } else {
        Ok(())
    };
    let count = match result.and_then(|count| failed.map(|()| count)) {
        Ok(count) => db.dispatch_changes(env).map(|()| count),
        Err(error) => Err(db.raise_after_changes(env, &error, script)),
    };
    params.clear();
    db.environment.give_params(params);
    env.boolean(plain && count? == 1)
}

/// `(on)`
pub fn unsafe_mode<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    db.check(call.env, db.require_open())?;
    let on = call.arg(0).as_bool(call.env);
    db.unsafe_mode.set(on);
    db.check(call.env, db.conn.set_defensive(!on))?;
    call.env.undefined()
}

/// `(path, entryPoint | undefined)`
pub fn load_extension<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let path = call.arg(0).to_utf8(env)?;
    let entry = call.arg(1);
    let entry = if entry.type_of(env) == ValueType::String {
        Some(entry.to_utf8(env)?)
    } else {
        None
    };
    let _busy = db.enter_busy();
    db.check(env, db.conn.load_extension(&path, entry.as_deref()))?;
    env.undefined()
}

/// `(key | null)`
pub fn rekey<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let key = key_of(env, call.arg(0));
    let _busy = db.enter_busy();
    db.check(env, db.conn.rekey(key))?;
    env.undefined()
}

/// `(database)` -> Buffer
pub fn serialize<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let name = call.arg(0).to_utf8(env)?;
    match db.conn.serialize(&name) {
        Ok(bytes) => env.buffer(bytes.as_bytes()),
        Err(error) => Err(db.raise(env, &error)),
    }
}

pub fn interrupt<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    db.check(call.env, db.require_open())?;
    db.interrupt.interrupt();
    call.env.undefined()
}

/// Rows changed by the last statement and the last inserted rowid, in the header.
pub fn last_changes<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let db = this(call)?;
    db.put_changes(db.conn.last_changes());
    call.env.undefined()
}

/// `(number of the limit, value or -1)` -> the value before
pub fn limit<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this(call)?;
    db.check(env, db.require_open())?;
    let value = call.arg(1).as_i32(env);
    if value >= 0 {
        db.check(env, db.require_not_busy())?;
    }
    let number = usize::try_from(call.arg(0).as_i32(env)).unwrap_or(usize::MAX);
    let limit = Limit::from_number(number);
    match db.conn.limit(limit, value) {
        Ok(before) => env.number(before.into()),
        Err(error) => Err(db.raise(env, &error)),
    }
}

/// -> the numbers of `Connection::stats`
pub fn stats<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this(call)?;
    let stats = db.conn.stats().map_err(|error| db.raise(env, &error))?;
    let list = env.array(stats.len())?;
    for (at, value) in (0..).zip(stats) {
        #[allow(clippy::cast_precision_loss)] // exact up to 2^53
        list.set_at(env, at, env.number(value as f64)?)?;
    }
    Ok(list)
}

/// `(listener | null)`: called with operation, database, table, rowid.
pub fn on_change<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this(call)?;
    db.check(env, db.require_open())?;
    let listener = call.arg(0);
    let on = listener.type_of(env) == ValueType::Function;
    db.on_change.replace(if on {
        Some(env.reference(listener)?)
    } else {
        None
    });
    db.check(env, db.conn.watch_changed_rows(on))?;
    env.undefined()
}

/// `(listener | null)`: called with table, done, total while a table does long work, which ends if it throws.
pub fn on_work<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this(call)?;
    db.check(env, db.require_open())?;
    let listener = call.arg(0);
    let listener: Option<OnWork> = if listener.type_of(env) == ValueType::Function {
        let host = Host::new(db, false, String::new());
        let listener = env.reference(listener)?;
        Some(Rc::new(move |work| {
            let call = |env: Env<'_>| {
                #[allow(clippy::cast_precision_loss)] // JavaScript numbers; exact up to 2^53
                let number = |number: u64| env.number(number as f64);
                let args = [
                    env.utf8(work.table.as_bytes())?,
                    number(work.done)?,
                    number(work.total)?,
                ];
                env.call(listener.get(env)?, env.undefined()?, &args)
                    .map(|_| ())
            };
            host.enter(call).is_some()
        }))
    } else {
        None
    };
    db.check(env, db.conn.on_work(listener))?;
    env.undefined()
}
