//! Databases whose pages are all in this thread, and which a worker stores.

use std::rc::Rc;
use std::sync::Arc;

use ferrolite_kv::{connect_resident_with, Error as KvError};
use ferrolite_worker::local::storing;
use ferrolite_worker::Port;

use crate::database::{this_ready, Database};
use crate::environment::Environment;
use crate::kept::{done, kept_of, this_kept, Failure, Kept};
use crate::open::{hand_over, Stored};
use crate::store::options_of;
use crate::sys::{Call, ErrorKind, Result, Value};
use crate::worker::{start_on, Worker};
use crate::worker_store::store_args;

/// `(name, readonly, store)` -> handle of the worker; `store`: `AskedStore` in lib/engine.d.ts. Job 1 is the opening.
pub fn open_worker<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let name = call.arg(0).to_utf8(env)?;
    let args = store_args(env, call.arg(2), call.arg(1).as_bool(env))?;
    let environment: Rc<Environment> = call.data();
    let waker = environment.workers.borrow_mut().store_waker(call);
    let wake = Box::new(move || waker.wake());
    start_on(call, Some(wake), move |port| {
        storing::serve(port, &name, &args);
    })
}

/// `(worker, host, ...)` and the arguments of [`Stored`] -> handle of the state that the worker has left; `host`:
/// `ResidentHost` in lib/engine.d.ts
pub fn open<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let environment: Rc<Environment> = call.data();
    let host = Rc::new(env.reference(call.arg(1))?);
    let stored = Stored::read(call, 2)?;
    let name = &stored.name;
    let options = options_of(env, call.arg(1), stored.readonly)?;
    let opened = match worker_of(call, 0)?.exchange.take_snapshot() {
        Some(snapshot) => connect_resident_with(snapshot, name, &options, &stored.options()),
        None => Err(nothing()),
    };
    let (conn, handle) = opened.map_err(|error| {
        let failure = Failure::new(error, host.clone());
        environment.throw_failure(env, &failure, name)
    })?;
    let (called, notified) = (environment.clone(), host.clone());
    let noted = handle.on_queued(move || {
        // Fails only when the environment is going down.
        called.in_callback(|env| {
            let host = notified.get(env)?;
            env.call(host.get(env, "queued")?, host, &[]).map(|_| ())
        });
    });
    let kept = Kept {
        handle,
        host,
        store: None,
    };
    if let Err(error) = noted {
        return Err(environment.throw_failure(env, &kept.failure(error), name));
    }
    hand_over(
        env,
        environment,
        conn,
        Some(kept),
        stored.name,
        &stored.setup,
    )
}

fn nothing() -> KvError {
    KvError::Usage("the worker has left no state".into())
}

fn worker_of<'e>(call: &Call<'e>, at: usize) -> Result<&'e Arc<Port>> {
    if let Some(worker) = call.arg(at).unbox::<Worker>(call.env) {
        return Ok(worker.port());
    }
    Err(call.env.throw_error(ErrorKind::Type, "Illegal invocation"))
}

/// `(worker)` -> whether there was a batch, which the worker takes over
pub fn take_batch<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = open_kept(call)?;
    let batch = done(call, db, &kept, kept.handle.take_batch())?;
    let found = batch.is_some();
    if let Some(batch) = batch {
        worker_of(call, 0)?.exchange.leave_batch(batch);
    }
    call.env.boolean(found)
}

/// `(worker)`: what became of the batch. Throws if it is lost.
pub fn settle<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = open_kept(call)?;
    let outcome = worker_of(call, 0)?.exchange.take_outcome();
    let outcome = outcome.unwrap_or_else(|| Err(KvError::Usage("the worker has ended".into())));
    done(call, db, &kept, kept.handle.settle_batch(outcome))?;
    call.env.undefined()
}

/// `(worker)`: the state that the worker has left takes the place of this one.
pub fn replace<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = this_kept(call)?;
    let Some(snapshot) = worker_of(call, 0)?.exchange.take_snapshot() else {
        return Err(db
            .environment
            .throw_failure(call.env, &kept.failure(nothing()), db.name()));
    };
    let _busy = db.enter_busy();
    done(call, db, &kept, kept.handle.replace(&db.conn, snapshot))?;
    call.env.undefined()
}

/// `(on)`: whether nothing can be committed.
pub fn freeze<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = open_kept(call)?;
    let frozen = call.arg(0).as_bool(call.env);
    done(call, db, &kept, kept.handle.freeze(frozen))?;
    call.env.undefined()
}

/// -> how many transactions the store does not have; throws once some are lost
pub fn queued<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let (db, kept) = open_kept(call)?;
    done(call, db, &kept, kept.handle.check_state())?;
    call.env.number(f64::from(kept.handle.queued().0))
}

/// As `this_kept`, also while something iterates.
fn open_kept<'e>(call: &Call<'e>) -> Result<(&'e Rc<Database>, Kept)> {
    kept_of(call, this_ready(call)?)
}
