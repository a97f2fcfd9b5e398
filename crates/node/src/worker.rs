//! Starts workers and ends them, passes messages to them and copies their blocks.
//!
//! JavaScript packs its calls of one tick into one message; the worker runs them in order and packs what they
//! give into blocks. The two threads share only a [`Port`].

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ferrolite_remote::{Config, ReplicaOptions, Tls};
use ferrolite_sqlite::{Param, Params, Role};
use ferrolite_worker::local::{self, Log, OpenArgs};
use ferrolite_worker::{replica, server, Answer, Block, ConnectionState, Port, Wake};

use crate::authorizer::read_rules;
use crate::bind;
use crate::block_layout::header;
use crate::environment::Environment;
use crate::open::key_of;
use crate::sys::{Call, ErrorKind, Finalize, Result, Value, ValueType};

/// The handle that JavaScript has. Dropping it ends the worker once it has done its work.
pub struct Worker {
    port: Arc<Port>,
}

impl Worker {
    pub fn port(&self) -> &Arc<Port> {
        &self.port
    }
}

impl Finalize for Worker {}

impl Drop for Worker {
    fn drop(&mut self) {
        self.port.close();
    }
}

/// `(onWake)`: called with nothing when blocks have arrived.
pub fn set_on_wake<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let environment: Rc<Environment> = call.data();
    let on_wake = call.env.reference(call.arg(0))?;
    environment.workers.borrow_mut().set_on_wake(on_wake);
    call.env.undefined()
}

/// `(path, readonly, mustExist, timeout, vfs, uri, buffer, log, role, key, quotedStrings)` -> handle.
/// Job 1 is the opening.
pub fn open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let args = open_args(call)?;
    start(call, move |port| local::serve(port, args))
}

/// As `open`, once the replica has been opened whose handle this is called on.
pub fn open_behind<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let args = open_args(call)?;
    let replica = call.this::<Worker>()?.port.clone();
    start(call, move |port| {
        port.wait_for_opening(&replica);
        local::serve(port, args);
    })
}

fn open_args(call: &Call) -> Result<OpenArgs> {
    let env = call.env;
    let vfs = call.arg(4);
    let mut image = Vec::new();
    let has_image = call.arg(6).append_bytes(env, &mut image).is_some();
    Ok(OpenArgs {
        path: call.arg(0).to_utf8(env)?,
        readonly: call.arg(1).as_bool(env),
        must_exist: call.arg(2).as_bool(env),
        timeout: u32::try_from(call.arg(3).as_i32(env)).unwrap_or(0),
        vfs: if vfs.type_of(env) == ValueType::String {
            Some(vfs.to_utf8(env)?)
        } else {
            None
        },
        uri: call.arg(5).as_bool(env),
        quoted_strings: call.arg(10).as_bool(env),
        image: has_image.then_some(image),
        log: Log::from_number(call.arg(7).as_i32(env)).unwrap_or(Log::Nothing),
        role: Role::from_number(call.arg(8).as_i32(env)),
        key: key_of(env, call.arg(9)),
        store: None,
    })
}

/// `(url, token, headers, connectTimeout, requestTimeout, ca, cert, key, acceptAny)` -> handle. `headers` has a
/// name and a value in turn, a line each; times are in ms.
pub fn open_remote<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let config = config_of(call, 0)?;
    start(call, move |port| server::serve(port, &config))
}

/// `(path, timeout, renew, key, period, …)` -> handle, called on the handle of the remote database that writes; the
/// rest is as for that. `period` is in ms, 0 for none.
pub fn open_replica<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let remote = call.this::<Worker>()?.port.clone();
    remote.write_counter.follow();
    let config = config_of(call, 5)?;
    let options = ReplicaOptions {
        path: call.arg(0).to_utf8(env)?,
        timeout: u32::try_from(call.arg(1).as_i32(env)).unwrap_or(0),
        renew: call.arg(2).as_bool(env),
        key: key_of(env, call.arg(3)),
    };
    let period = u64::try_from(call.arg(4).as_i32(env)).unwrap_or(0);
    let period = (period != 0).then(|| Duration::from_millis(period));
    start(call, move |port| {
        replica::serve(port, &remote, &config, &options, period);
    })
}

/// `(path)` -> nothing, or a code, a line feed and why the replica there could not be made a plain database
pub fn detach_replica<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    match ferrolite_remote::detach(&call.arg(0).to_utf8(env)?) {
        Err(error) => env.utf8(format!("{}\n{}", error.code, error.message).as_bytes()),
        Ok(()) => env.undefined(),
    }
}

/// -> the last frame of the primary's log that came from here, or undefined
pub fn written<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    match this(call)?.write_counter.written() {
        #[allow(clippy::cast_precision_loss)] // exact up to 2^53 frames
        Some(frame) => call.env.number(frame as f64),
        None => call.env.undefined(),
    }
}

/// -> how often something was written to the primary, and 2^32 for each time that this is not known
pub fn writes<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    #[allow(clippy::cast_precision_loss)] // exact up to 2^21 times
    call.env.number(this(call)?.write_counter.count() as f64)
}

/// `(on)`: whether JavaScript is notified of each sync
pub fn report_syncs<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    this(call)?.syncs.report(call.arg(0).as_bool(call.env));
    call.env.undefined()
}

/// -> when the last sync that succeeded began, in ms since 1970, and how many ms ago, or undefined
pub fn last_sync<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let Some(last) = this(call)?.syncs.last() else {
        return env.undefined();
    };
    let list = env.array(2)?;
    for (at, time) in (0..).zip([last.since_epoch(), last.elapsed()]) {
        list.set_at(env, at, env.number(1000.0 * time.as_secs_f64())?)?;
    }
    Ok(list)
}

/// The arguments from number `first` on say where a server is.
fn config_of(call: &Call, first: usize) -> Result<Config> {
    let env = call.env;
    let text = |at: usize| -> Result<Option<String>> {
        let value = call.arg(first + at);
        if value.type_of(env) == ValueType::String {
            return value.to_utf8(env).map(Some);
        }
        Ok(None)
    };
    let ms = |at: usize| {
        let ms = call.arg(first + at).as_i32(env);
        Duration::from_millis(ms.try_into().unwrap_or(0))
    };
    let headers = text(2)?.unwrap_or_default();
    let mut lines = headers.lines().map(String::from);
    Ok(Config {
        url: text(0)?.unwrap_or_default(),
        auth_token: text(1)?,
        headers: std::iter::from_fn(|| Some((lines.next()?, lines.next()?))).collect(),
        connect_timeout: ms(3),
        request_timeout: ms(4),
        tls: Tls {
            ca: text(5)?.map(String::into_bytes),
            cert: text(6)?.map(String::into_bytes),
            key: text(7)?.map(String::into_bytes),
            accept_any: call.arg(first + 8).as_bool(env),
        },
    })
}

/// What the main thread has; Rust's own choice is a quarter, too little for a LIKE pattern of 50,000 bytes.
const STACK_SIZE: usize = 8 << 20;

/// Starts a worker: job 1 is the opening.
fn start<'e>(
    call: &Call<'e>,
    serve: impl FnOnce(&Arc<Port>) + Send + 'static,
) -> Result<Value<'e>> {
    start_on(call, None, serve)
}

/// The same, of a worker that has a store, which `wake_store` has asked.
pub fn start_on<'e>(
    call: &Call<'e>,
    wake_store: Option<Wake>,
    serve: impl FnOnce(&Arc<Port>) + Send + 'static,
) -> Result<Value<'e>> {
    let env = call.env;
    let environment: Rc<Environment> = call.data();
    let mut workers = environment.workers.borrow_mut();
    let waker = workers.waker(call);
    let port = Arc::new(Port::with_store(Box::new(move || waker.wake()), wake_store));
    let shared = port.clone();
    let thread = std::thread::Builder::new()
        .name("ferrolite".into())
        .stack_size(STACK_SIZE)
        .spawn(move || serve(&shared));
    let Ok(thread) = thread else {
        let message = "Cannot open database because no thread could be started: the system has no memory or threads left";
        return Err(env.throw_error(ErrorKind::Plain, message));
    };
    workers.add(port.clone(), thread);
    Ok(env.boxed(Worker { port }))
}

fn this<'e>(call: &Call<'e>) -> Result<&'e Port> {
    Ok(&call.this::<Worker>()?.port)
}

/// `(buffer, length)`: jobs for the worker.
pub fn post<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let mut message = Vec::new();
    call.arg(0).append_bytes(env, &mut message);
    this(call)?.post(message);
    env.undefined()
}

/// `(job)` -> what was found, by the numbers of `Interrupted`
pub fn interrupt<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let id = call.arg(0).as_i32(call.env).cast_unsigned();
    let found = this(call)?.interrupt(id);
    call.env.number(f64::from(found as i32))
}

/// `(ms)` -> whether replies came within that time
pub fn wait<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let ms = call.arg(0).as_i32(call.env).try_into().unwrap_or(0);
    let found = this(call)?.wait(Duration::from_millis(ms));
    call.env.boolean(found)
}

/// -> whether replies came within a moment, for which the event loop is not woken
pub fn spin<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let found = this(call)?.spin();
    call.env.boolean(found)
}

/// -> undefined when there are no more blocks; else the next one's Latin-1 text, or null. The block and
/// its parts are in the environment's.
pub fn take<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let Some(block) = this(call)?.take() else {
        return env.undefined();
    };
    let text = show(call, &block);
    this(call)?.give_back(block);
    text
}

/// Copies a block into the environment's. -> its Latin-1 text, or null
fn show<'e>(call: &Call<'e>, block: &Block) -> Result<Value<'e>> {
    let env = call.env;
    let environment: Rc<Environment> = call.data();
    environment.begin_block(env)?;
    let (tags, slots, bytes) = (block.tags(), block.slots(), block.bytes());
    let target = environment.block.target();
    target.tags[..tags.len()].copy_from_slice(tags);
    target.slots[..slots.len()].copy_from_slice(slots);
    target.bytes[..bytes.len()].copy_from_slice(bytes);
    environment.block.set_parts(block.parts());
    environment.set_used(slots.len(), bytes.len());
    let int = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    environment
        .block
        .set_i32(header::PARTS, int(block.parts().len()));
    environment.block.set_i32(header::SLOTS, int(slots.len()));
    // Negative: as before.
    let known =
        |flag: fn(ConnectionState) -> bool| block.state().map_or(-1, |state| flag(state).into());
    let (in_transaction, shareable) = (known(|s| s.in_transaction), known(|s| s.shareable));
    environment
        .block
        .set_i32(header::IN_TRANSACTION, in_transaction);
    environment.block.set_i32(header::SHAREABLE, shareable);
    if !block.utf16().is_empty() {
        environment.set_wide_text(env, block.utf16())?;
    }
    for large in block.larges() {
        environment.push_large(env, &large.borrow())?;
    }
    environment
        .block
        .set_i32(header::EXTRAS, environment.has_extras().into());
    if block.latin1().is_empty() {
        env.null()
    } else {
        env.latin1(block.latin1())
    }
}

/// `(question, failed, value)`: what a function returned.
pub fn answer<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let question = call.arg(0).as_i32(env).cast_unsigned();
    let answer = if call.arg(1).as_bool(env) {
        Answer::Failed
    } else {
        let mut params = Params::default();
        bind::push(env, call.arg(2), &mut params)?;
        match params.values.first() {
            Some(Param::Integer(value)) => Answer::Integer(*value),
            Some(Param::Real(value)) => Answer::Real(*value),
            Some(Param::Text(..)) => Answer::Text(params.bytes),
            Some(Param::Blob(..)) => Answer::Blob(params.bytes),
            _ => Answer::Null,
        }
    };
    this(call)?.answer(question, answer);
    env.undefined()
}

/// `(rules | null, otherwise)`: left for the job that is posted next.
pub fn authorizer<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let rules = read_rules(call)?;
    this(call)?.leave_authorizer(rules);
    call.env.undefined()
}

/// `(on)`: whether the event loop goes on while nothing else keeps it.
pub fn ref_wake_up<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let environment: Rc<Environment> = call.data();
    let on = call.arg(0).as_bool(call.env);
    environment.workers.borrow_mut().ref_wake_up(call.env, on);
    call.env.undefined()
}
