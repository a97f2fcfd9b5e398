//! JavaScript called by `SQLite`: functions and aggregates.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use ferrolite_sqlite::{Aggregate, Args, Context, FunctionFlags, Param, Params, Scalar, ValueRef};

use crate::bind;
use crate::database::{this_idle, Database};
use crate::sys::{Call, Env, ErrorKind, Ref, Result, Thrown, Value, ValueType};

/// What callbacks need of their connection.
pub struct Host {
    db: Weak<Database>,
    pub int64: bool,
    /// Start of messages about wrong results.
    prefix: String,
    params: RefCell<Params>,
}

impl Host {
    pub fn new(db: &Rc<Database>, int64: bool, prefix: String) -> Self {
        Self { db: Rc::downgrade(db), int64, prefix, params: RefCell::default() }
    }

    /// Calls into JavaScript. `None` after a failure, which the connection remembers: nothing is called
    /// again until `SQLite` has unwound and the exception is thrown.
    #[inline]
    pub fn enter<R>(&self, callback: impl FnOnce(Env<'_>) -> Result<R>) -> Option<R> {
        let db = self.db.upgrade()?;
        if db.pending.get() {
            return None;
        }
        db.callbacks.set(db.callbacks.get().wrapping_add(1));
        let result = db.state.in_callback(|env| {
            callback(env).map_err(|Thrown| {
                db.stash(env);
            })
        });
        match result {
            Some(Ok(result)) => Some(result),
            Some(Err(())) => None,
            None => {
                db.pending.set(true);
                None
            }
        }
    }

    /// A value of `SQLite` for JavaScript.
    #[inline]
    pub fn to_js<'e>(&self, env: Env<'e>, value: ValueRef<'_>) -> Result<Value<'e>> {
        match value {
            ValueRef::Null => env.null(),
            ValueRef::Integer(value) if self.int64 => env.bigint(value),
            #[allow(clippy::cast_precision_loss)] // JavaScript numbers, as documented
            ValueRef::Integer(value) => env.number(value as f64),
            ValueRef::Real(value) => env.number(value),
            ValueRef::Text(text) => env.utf8(text),
            ValueRef::Blob(blob) => env.buffer(blob),
        }
    }

    /// A result of JavaScript for `SQLite`; throws if there is no type for it.
    #[inline]
    pub fn set_result(&self, env: Env<'_>, value: Value<'_>, context: &mut Context<'_>) -> Result<()> {
        let value = env.adopt(value);
        if value.type_of(env) == ValueType::Number {
            context.set(ValueRef::Real(value.as_f64(env)));
            return Ok(());
        }
        let mut params = self.params.try_borrow_mut().map_err(|_| Thrown)?;
        params.clear();
        if !bind::push(env, value, &mut params)? {
            let (kind, what) = match value.type_of(env) {
                ValueType::BigInt => (ErrorKind::Range, "a bigint that was too big"),
                _ => (ErrorKind::Type, "an invalid value"),
            };
            return Err(env.throw_error(kind, &format!("{} {what}", self.prefix)));
        }
        let bytes = &params.bytes;
        context.set(match params.values.first() {
            Some(Param::Integer(value)) => ValueRef::Integer(*value),
            Some(Param::Real(value)) => ValueRef::Real(*value),
            Some(Param::Text(..)) => ValueRef::Text(bytes),
            Some(Param::Blob(..)) => ValueRef::Blob(bytes),
            _ => ValueRef::Null,
        });
        Ok(())
    }

    /// Calls `function` with `first` and the arguments of `SQLite`.
    #[inline]
    fn call<'e>(
        &self,
        env: Env<'e>,
        function: &Ref,
        first: Option<Value<'e>>,
        args: Args<'_>,
    ) -> Result<Value<'e>> {
        const INLINE: usize = 6;
        let undefined = env.undefined()?;
        let skip = usize::from(first.is_some());
        let count = args.len() + skip;
        let mut inline = [undefined; INLINE];
        let mut more = Vec::new();
        let values = if count <= INLINE {
            &mut inline[..count]
        } else {
            more.resize(count, undefined);
            &mut more[..]
        };
        if let (Some(first), Some(slot)) = (first, values.first_mut()) {
            *slot = first;
        }
        for (at, slot) in values.iter_mut().skip(skip).enumerate() {
            *slot = self.to_js(env, args.get(at))?;
        }
        env.call(function.get(env)?, undefined, values)
    }
}

struct JsFunction {
    host: Host,
    function: Ref,
}

impl Scalar for JsFunction {
    #[inline]
    fn call(&self, args: Args<'_>, context: &mut Context<'_>) {
        let done = self.host.enter(|env| {
            let result = self.host.call(env, &self.function, None, args)?;
            self.host.set_result(env, result, context)
        });
        if done.is_none() {
            context.fail();
        }
    }
}

struct JsAggregate {
    host: Host,
    /// An array with the start value, which may be anything.
    start: Ref,
    start_is_function: bool,
    step: Ref,
    inverse: Option<Ref>,
    result: Option<Ref>,
}

/// An accumulator: an array with one element, since only objects can be referred to.
struct Group {
    accumulator: Ref,
    /// A window's last result was already given by `value`.
    window: bool,
    failed: bool,
}

impl JsAggregate {
    fn advance(&self, function: &Ref, state: &mut Group, args: Args<'_>, context: &mut Context<'_>) {
        if state.failed {
            return;
        }
        let done = self.host.enter(|env| {
            let holder = state.accumulator.get(env)?;
            let next = self.host.call(env, function, Some(holder.at(env, 0)?), args)?;
            if next.type_of(env) != ValueType::Undefined {
                holder.set_at(env, 0, next)?;
            }
            Ok(())
        });
        if done.is_none() {
            state.failed = true;
            context.fail();
        }
    }
}

impl Aggregate for JsAggregate {
    type State = Group;

    fn is_window(&self) -> bool {
        self.inverse.is_some()
    }

    fn start(&self, context: &mut Context<'_>) -> Option<Group> {
        let group = self.host.enter(|env| {
            let mut start = self.start.get(env)?.at(env, 0)?;
            if self.start_is_function {
                start = env.call(start, env.undefined()?, &[])?;
            }
            let holder = env.array(1)?;
            holder.set_at(env, 0, start)?;
            Ok(Group { accumulator: env.reference(holder)?, window: false, failed: false })
        });
        if group.is_none() {
            context.fail();
        }
        group
    }

    fn step(&self, state: &mut Group, args: Args<'_>, context: &mut Context<'_>) {
        self.advance(&self.step, state, args, context);
    }

    fn inverse(&self, state: &mut Group, args: Args<'_>, context: &mut Context<'_>) {
        if let Some(inverse) = &self.inverse {
            self.advance(inverse, state, args, context);
        }
    }

    fn value(&self, state: &mut Group, is_final: bool, context: &mut Context<'_>) {
        if state.failed {
            return;
        }
        // A window function has given its last value before the final call.
        if is_final && state.window {
            return;
        }
        state.window = !is_final;
        let done = self.host.enter(|env| {
            let mut value = state.accumulator.get(env)?.at(env, 0)?;
            if let Some(result) = &self.result {
                value = env.call(result.get(env)?, env.undefined()?, &[value])?;
            }
            self.host.set_result(env, value, context)
        });
        if done.is_none() {
            state.failed = true;
            context.fail();
        }
    }
}

fn flags(call: &Call<'_>, at: usize) -> FunctionFlags {
    FunctionFlags {
        deterministic: call.arg(at).as_bool(call.env),
        direct_only: call.arg(at + 1).as_bool(call.env),
    }
}

fn prefix(name: &str) -> String {
    format!("User-defined function {name}() returned")
}

/// `(fn, name, argCount, int64, deterministic, directOnly)`
pub fn function<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let name = call.arg(1).to_utf8(env)?;
    let host = Host::new(db, call.arg(3).as_bool(env), prefix(&name));
    let function = JsFunction { host, function: env.reference(call.arg(0))? };
    let created = db.conn.create_scalar(&name, call.arg(2).as_i32(env), flags(call, 4), function);
    created.map_err(|error| db.raise(env, &error))?;
    env.undefined()
}

/// `([start], step, inverse | null, result | null, name, argCount, int64, deterministic, directOnly)`
pub fn aggregate<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let name = call.arg(4).to_utf8(env)?;
    let optional = |value: Value<'_>| {
        let is_function = env.adopt(value).type_of(env) == ValueType::Function;
        is_function.then(|| env.reference(value)).transpose()
    };
    let start = call.arg(0);
    let aggregate = JsAggregate {
        host: Host::new(db, call.arg(6).as_bool(env), prefix(&name)),
        start: env.reference(start)?,
        start_is_function: start.at(env, 0)?.type_of(env) == ValueType::Function,
        step: env.reference(call.arg(1))?,
        inverse: optional(call.arg(2))?,
        result: optional(call.arg(3))?,
    };
    let created = db.conn.create_aggregate(&name, call.arg(5).as_i32(env), flags(call, 7), aggregate);
    created.map_err(|error| db.raise(env, &error))?;
    env.undefined()
}
