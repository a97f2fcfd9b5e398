//! Databases in key-value stores of JavaScript, which are called in place.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ferrolite_kv::{connect_with, Entry, Limits, Options, Retry, Store, StoreError, StoreResult};
use ferrolite_sqlite::{Connection, Error, OpenOptions};
use ferrolite_worker::protocol::StoreCall;

use crate::environment::{options_bool, options_get, Environment};
use crate::kept::{Failure, Kept};
use crate::sys::{Env, Ref, Result, Thrown, Value, ValueType};

/// A store, behind the object that calls its methods and checks their answers (`lib/kv/host.js`).
pub struct JsStore {
    environment: Rc<Environment>,
    host: Rc<Ref>,
    limits: Limits,
    fenced: bool,
    lists: bool,
    gives_up: Cell<bool>,
    /// It is being called.
    called: Cell<bool>,
    /// No JavaScript can run any more.
    silent: Cell<bool>,
}

/// Opens the database `name`. `host`: `StoreHost` in lib/engine.d.ts.
pub fn open(
    env: Env<'_>,
    environment: &Rc<Environment>,
    host: Value<'_>,
    name: &str,
    open: &OpenOptions<'_>,
) -> Result<std::result::Result<(Connection, Kept), Error>> {
    let host_ref = Rc::new(env.reference(host)?);
    let store = Rc::new(JsStore {
        environment: environment.clone(),
        host: host_ref.clone(),
        limits: limits_of(env, host)?,
        fenced: options_bool(env, host, "fenced")?,
        lists: options_bool(env, host, "lists")?,
        gives_up: Cell::new(false),
        called: Cell::new(false),
        silent: Cell::new(false),
    });
    let options = Options {
        // The event loop stands still meanwhile.
        retry: Retry {
            attempts: 4,
            pause: Duration::from_millis(10),
            ..Retry::default()
        },
        ..options_of(env, host, open.readonly)?
    };
    let shared: Rc<dyn Store> = store.clone();
    let (connection, handle) = match connect_with(shared, name, options, open) {
        Ok(opened) => opened,
        Err(error) => {
            let failure = Failure::new(error, host_ref);
            return Err(environment.throw_failure(env, &failure, name));
        }
    };
    if handle.epoch() == 0 {
        return Ok(Err(ferrolite_kv::missing(name)));
    }
    let kept = Kept {
        handle,
        host: host_ref,
        store: Some(store),
    };
    Ok(Ok((connection, kept)))
}

fn failed(message: impl Into<String>) -> StoreError {
    StoreError::new(message)
}

impl JsStore {
    /// From now on it is not called.
    pub fn silence(&self) {
        self.silent.set(true);
    }

    /// Whether it is being called.
    pub fn is_called(&self) -> bool {
        self.called.get()
    }

    /// Asks the host, and reads its answer: a string says why there is none.
    fn ask<R>(
        &self,
        operation: StoreCall,
        keys: &[&str],
        values: &[&[u8]],
        read: impl FnOnce(Env<'_>, Value<'_>) -> Result<R>,
    ) -> StoreResult<R> {
        const ENDED: &str = "JavaScript cannot be called any more";
        if self.silent.get() {
            return Err(failed(ENDED));
        }
        self.gives_up.set(false);
        let asked = self.environment.in_callback(|env| {
            let answered = || -> Result<std::result::Result<R, String>> {
                let answer = self.call(env, operation, keys, values)?;
                if answer.type_of(env) == ValueType::String {
                    let last = options_get(env, self.host.get(env)?, "final")?;
                    self.gives_up.set(last.as_bool(env));
                    return Ok(Err(answer.to_utf8(env)?));
                }
                read(env, answer).map(Ok)
            };
            answered().map_err(|Thrown| self.give_up(env))
        });
        match asked {
            Some(Ok(Ok(answer))) => Ok(answer),
            Some(Ok(Err(message))) => Err(failed(message)),
            Some(Err(message)) => Err(failed(message)),
            None => {
                self.silent.set(true);
                Err(failed(ENDED))
            }
        }
    }

    /// The host itself has failed: there is no stack left, or the thread is being terminated.
    fn give_up(&self, env: Env<'_>) -> &'static str {
        self.gives_up.set(true);
        match env.take_exception() {
            Ok(exception) if exception.type_of(env) != ValueType::Undefined => {
                "it could not be called"
            }
            _ => {
                self.silent.set(true);
                "the thread of JavaScript has ended"
            }
        }
    }

    fn call<'e>(
        &self,
        env: Env<'e>,
        operation: StoreCall,
        keys: &[&str],
        values: &[&[u8]],
    ) -> Result<Value<'e>> {
        let host = self.host.get(env)?;
        let list = buffers(env, keys)?;
        let images = buffers(env, values)?;
        let number = env.number(f64::from(operation as i32))?;
        let function = host.get(env, "call")?;
        let outer = self.called.replace(true);
        let answer = env.call(function, host, &[number, list, images]);
        self.called.set(outer);
        answer
    }
}

/// `limits` of the options of a store, which JavaScript has checked.
pub fn limits_of(env: Env<'_>, store: Value<'_>) -> Result<Limits> {
    let limits = options_get(env, store, "limits")?;
    Ok(Limits {
        max_keys: count_of(env, limits, "maxKeys")?,
        max_read_keys: count_of(env, limits, "maxReadKeys")?,
        max_value_bytes: count_of(env, limits, "maxValueBytes")?,
        max_batch_bytes: count_of(env, limits, "maxBatchBytes")?,
    })
}

/// The options of a database in a store, which JavaScript has checked.
pub fn options_of(env: Env<'_>, store: Value<'_>, readonly: bool) -> Result<Options> {
    let number = |name| count_of(env, store, name);
    let small = |name| Ok(u32::try_from(number(name)?).unwrap_or(0));
    let epoch = small("epoch")?;
    Ok(Options {
        readonly,
        // 0 is none.
        epoch: (epoch != 0).then_some(epoch),
        page_size: small("pageSize")?,
        single_writer: options_bool(env, store, "singleWriter")?,
        keep_epochs: small("keepEpochs")?,
        max_queued_bytes: number("maxQueuedBytes")?,
        resident: options_bool(env, store, "resident")?,
        ..Options::default()
    })
}

/// A number that is not negative.
pub fn count_of(env: Env<'_>, options: Value<'_>, name: &str) -> Result<usize> {
    let number = options_get(env, options, name)?.as_i32(env);
    Ok(usize::try_from(number).unwrap_or(0))
}

/// Keys or values for a store, each a Buffer.
pub fn buffers<'e>(env: Env<'e>, items: &[impl AsRef<[u8]>]) -> Result<Value<'e>> {
    let list = env.array(items.len())?;
    for (at, item) in (0..).zip(items) {
        list.set_at(env, at, env.buffer(item.as_ref())?)?;
    }
    Ok(list)
}

fn bytes_of(env: Env<'_>, value: Value<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    env.adopt(value)
        .append_bytes(env, &mut bytes)
        .map(|_| bytes)
}

/// The values that a store has given; none where there was no typed array.
pub fn values_of(env: Env<'_>, values: Value<'_>) -> Result<Vec<Option<Vec<u8>>>> {
    let values = env.adopt(values);
    let count = values.array_len(env);
    (0..count)
        .map(|at| Ok(bytes_of(env, values.at(env, at)?)))
        .collect()
}

/// The keys that a store has listed.
pub fn keys_of(env: Env<'_>, keys: Value<'_>) -> Result<Vec<String>> {
    let keys = env.adopt(keys);
    let count = keys.array_len(env);
    (0..count)
        .map(|at| keys.at(env, at)?.to_utf8(env))
        .collect()
}

#[allow(clippy::unnecessary_wraps)] // as the others read
fn nothing(_: Env<'_>, _: Value<'_>) -> Result<()> {
    Ok(())
}

impl Store for JsStore {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn is_fenced(&self) -> bool {
        self.fenced
    }

    fn get(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        self.ask(StoreCall::Get, &[key], &[], |env, value| {
            Ok(bytes_of(env, value))
        })
    }

    fn get_batch(&self, keys: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        let list: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.ask(StoreCall::GetBatch, &list, &[], values_of)
    }

    fn put(&self, key: &str, value: &[u8]) -> StoreResult<()> {
        self.ask(StoreCall::Put, &[key], &[value], nothing)
    }

    fn put_batch(&self, entries: &[Entry]) -> StoreResult<()> {
        let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        let values: Vec<&[u8]> = entries.iter().map(|(_, value)| value.as_slice()).collect();
        self.ask(StoreCall::PutBatch, &keys, &values, nothing)
    }

    fn delete_batch(&self, keys: &[String]) -> StoreResult<()> {
        let list: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.ask(StoreCall::DeleteBatch, &list, &[], nothing)
    }

    fn put_if_absent(&self, key: &str, value: &[u8]) -> StoreResult<bool> {
        self.ask(StoreCall::PutIfAbsent, &[key], &[value], |env, answer| {
            Ok(env.adopt(answer).as_bool(env))
        })
    }

    fn list(&self, prefix: &str) -> Option<StoreResult<Vec<String>>> {
        self.lists
            .then(|| self.ask(StoreCall::List, &[prefix], &[], keys_of))
    }

    fn gives_up(&self) -> bool {
        self.gives_up.get() || self.silent.get()
    }
}
