//! Workers whose databases are in key-value stores of JavaScript: requests out, answers in.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ferrolite_kv::{Options, Retry};
use ferrolite_sqlite::Role;
use ferrolite_worker::local::{self, Log, OpenArgs, StoreArgs};
use ferrolite_worker::protocol::StoreAnswer;
use ferrolite_worker::{Port, StoreReply, StoreRequest};

use crate::environment::{options_bool, options_get, Environment};
use crate::store::{buffers, count_of, keys_of, limits_of, options_of, values_of};
use crate::sys::{Call, Env, Result, Value};
use crate::worker::{start_on, Worker};

/// `(onRequest)`: called with nothing when workers ask for something.
pub fn set_on_request<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let environment: Rc<Environment> = call.data();
    let on_request = call.env.reference(call.arg(0))?;
    environment.workers.borrow_mut().set_on_request(on_request);
    call.env.undefined()
}

/// `(name, readonly, timeout, log, role, store)` -> handle; `store`: `AskedStore` in lib/engine.d.ts. Job 1 is
/// the opening.
pub fn open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let args = OpenArgs {
        path: call.arg(0).to_utf8(env)?,
        readonly: call.arg(1).as_bool(env),
        must_exist: false,
        timeout: u32::try_from(call.arg(2).as_i32(env)).unwrap_or(0),
        vfs: None,
        uri: false,
        quoted_strings: false,
        image: None,
        log: Log::from_number(call.arg(3).as_i32(env)).unwrap_or(Log::Nothing),
        role: Role::from_number(call.arg(4).as_i32(env)),
        key: None,
        store: Some(store_args(env, call.arg(5), call.arg(1).as_bool(env))?),
    };
    let environment: Rc<Environment> = call.data();
    let waker = environment.workers.borrow_mut().store_waker(call);
    let wake = Box::new(move || waker.wake());
    start_on(call, Some(wake), move |port| local::serve(port, args))
}

pub fn store_args(env: Env<'_>, store: Value<'_>, readonly: bool) -> Result<StoreArgs> {
    let limits = options_get(env, store, "limits")?;
    let timeout = u64::try_from(count_of(env, store, "timeout")?).unwrap_or(0);
    Ok(StoreArgs {
        limits: limits_of(env, store)?,
        fenced: options_bool(env, store, "fenced")?,
        lists: options_bool(env, store, "lists")?,
        concurrency: count_of(env, limits, "concurrency")?,
        options: Options {
            retry: Retry {
                deadline: Duration::from_millis(timeout),
                ..Retry::default()
            },
            ..options_of(env, store, readonly)?
        },
    })
}

fn this<'e>(call: &Call<'e>) -> Result<&'e Arc<Port>> {
    Ok(call.this::<Worker>()?.port())
}

/// -> `[number, call, keys, values]`, the next request to the store, or undefined
pub fn take<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let Some((number, request)) = this(call)?.take_request() else {
        return env.undefined();
    };
    let StoreRequest {
        call: what,
        keys,
        values,
    } = request;
    let list = env.array(4)?;
    list.set_at(env, 0, env.number(f64::from(number))?)?;
    list.set_at(env, 1, env.number(f64::from(what as i32))?)?;
    list.set_at(env, 2, buffers(env, &keys)?)?;
    list.set_at(env, 3, buffers(env, &values)?)?;
    Ok(list)
}

/// `(request, kind, answer, reason)`: what the store answered, by the numbers of `StoreAnswer`.
pub fn answer<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
    let number = |at: usize| call.arg(at).as_f64(env) as u32;
    let value = call.arg(2);
    let kind = StoreAnswer::from_number(call.arg(1).as_i32(env));
    let reply = match kind {
        Some(StoreAnswer::Done) => StoreReply::Done,
        Some(StoreAnswer::Created) => StoreReply::Created(value.as_bool(env)),
        Some(StoreAnswer::Values) => StoreReply::Values(values_of(env, value)?),
        Some(StoreAnswer::Keys) => StoreReply::Keys(keys_of(env, value)?),
        Some(StoreAnswer::Failed | StoreAnswer::TimedOut) | None => StoreReply::Failed {
            message: value.to_utf8(env)?,
            timed_out: kind == Some(StoreAnswer::TimedOut),
            reason: number(3),
        },
    };
    this(call)?.answer_request(number(0), reply);
    env.undefined()
}
