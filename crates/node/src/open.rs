//! Open a connection that JavaScript uses in its own thread.

use std::rc::Rc;

use ferrolite_sqlite::{Connection, Error, Key, OpenOptions, Role};
use ferrolite_worker::local::MODULES;

use crate::database::{Database, DatabaseHandle};
use crate::environment::{Environment, Subject};
use crate::kept::Kept;
use crate::store;
use crate::sys::{Call, Env, Result, Thrown, Value, ValueType};

/// `(path, readonly, mustExist, timeout, logger, buffer, vfs, uri, defaultTimeout, key, role, name, hideParameters,
/// quotedStrings)` -> handle
pub fn open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let environment: Rc<Environment> = call.data();
    let path = call.arg(0).to_utf8(env)?;
    let readonly = call.arg(1).as_bool(env);
    let (logger, buffer, vfs) = (call.arg(4), call.arg(5), call.arg(6));
    let vfs = if vfs.type_of(env) == ValueType::String {
        Some(vfs.to_utf8(env)?)
    } else {
        None
    };
    let key = key_of(env, call.arg(9));
    let options = OpenOptions {
        path: &path,
        readonly,
        must_exist: call.arg(2).as_bool(env),
        timeout: unsigned(call.arg(3).as_i32(env)),
        vfs: vfs.as_deref(),
        uri: call.arg(7).as_bool(env),
        quoted_strings: call.arg(13).as_bool(env),
        key: key.as_ref(),
        modules: MODULES,
    };
    let name = call.arg(11).to_utf8(env)?;
    let throw = |error: Error| throw_opening(env, &environment, &error, &name);
    let conn = Connection::open(&options).map_err(throw)?;
    let mut bytes = Vec::new();
    if buffer.append_bytes(env, &mut bytes).is_some() {
        conn.deserialize(&bytes, readonly).map_err(throw)?;
    }
    let setup = Setup {
        role: call.arg(10).as_i32(env),
        logger,
        hides_parameters: call.arg(12).as_bool(env),
        default_timeout: unsigned(call.arg(8).as_i32(env)),
    };
    hand_over(env, environment.clone(), conn, None, name.clone(), &setup)
}

/// `(host, ...)` and the arguments of [`Stored`] -> handle; for `host` see [`store::open`]
pub fn open_store<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let environment: Rc<Environment> = call.data();
    let stored = Stored::read(call, 1)?;
    let (name, options) = (&stored.name, stored.options());
    let opened = store::open(env, &environment, call.arg(0), name, &options)?;
    let (conn, kept) = opened.map_err(|error| throw_opening(env, &environment, &error, name))?;
    hand_over(
        env,
        environment,
        conn,
        Some(kept),
        stored.name,
        &stored.setup,
    )
}

/// What a connection to a database in a store is opened with: `(name, readonly, timeout, logger, defaultTimeout, role,
/// hideParameters)`.
pub struct Stored<'e> {
    pub name: String,
    pub readonly: bool,
    timeout: u32,
    pub setup: Setup<'e>,
}

impl<'e> Stored<'e> {
    /// From the argument at `first` on.
    pub fn read(call: &Call<'e>, first: usize) -> Result<Self> {
        let env = call.env;
        Ok(Self {
            name: call.arg(first).to_utf8(env)?,
            readonly: call.arg(first + 1).as_bool(env),
            timeout: unsigned(call.arg(first + 2).as_i32(env)),
            setup: Setup {
                logger: call.arg(first + 3),
                default_timeout: unsigned(call.arg(first + 4).as_i32(env)),
                role: call.arg(first + 5).as_i32(env),
                hides_parameters: call.arg(first + 6).as_bool(env),
            },
        })
    }

    pub fn options(&self) -> OpenOptions<'static> {
        OpenOptions {
            readonly: self.readonly,
            timeout: self.timeout,
            modules: MODULES,
            ..OpenOptions::new("")
        }
    }
}

fn throw_opening(env: Env<'_>, environment: &Environment, error: &Error, database: &str) -> Thrown {
    let subject = Subject {
        sql: None,
        database,
        timed_out: false,
        failure: None,
    };
    environment.throw(env, error, &subject)
}

/// What a connection has that JavaScript opens.
pub struct Setup<'e> {
    pub role: i32,
    pub logger: Value<'e>,
    pub hides_parameters: bool,
    pub default_timeout: u32,
}

/// Makes the handle of a connection that is open.
pub fn hand_over<'e>(
    env: Env<'e>,
    environment: Rc<Environment>,
    conn: Connection,
    kept: Option<Kept>,
    name: String,
    setup: &Setup<'e>,
) -> Result<Value<'e>> {
    if environment.is_worker {
        let watched = environment.clone();
        conn.set_interrupt_check(Box::new(move || !watched.can_run_js()));
    }
    conn.set_role(Role::from_number(setup.role))
        .map_err(|error| throw_opening(env, &environment, &error, &name))?;
    let database = Rc::new(Database::new(env, environment, conn, kept, name, setup)?);
    let weak = Rc::downgrade(&database);
    database.environment.add_database(weak);
    Ok(env.boxed(DatabaseHandle(database)))
}

/// The key that a Buffer holds.
pub fn key_of(env: Env<'_>, value: Value<'_>) -> Option<Key> {
    let mut bytes = Vec::new();
    value.append_bytes(env, &mut bytes).map(|_| Key::new(bytes))
}

fn unsigned(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}
