//! JavaScript called by `SQLite`: functions and aggregates.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use ferrolite_sqlite::{
    Aggregate, Args, Context, FunctionFlags, Param, Params, Scalar, Tag, ValueRef,
};

use crate::bind;
use crate::block_layout::header;
use crate::database::{this_idle, Database};
use crate::sys::{Call, Env, ErrorKind, HotFunction, Result, Thrown, Value, ValueType};

/// Longer results would be copied only for `SQLite` to refuse them.
const MAX_RESULT: usize = 1 << 30;

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
        db.runs_callbacks.set(true);
        Self {
            db: Rc::downgrade(db),
            int64,
            prefix,
            params: RefCell::default(),
        }
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
        let result = db.environment.in_callback(|env| {
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

    /// True once the time of what runs is over.
    #[inline]
    pub fn is_overdue(&self) -> bool {
        self.db.upgrade().is_some_and(|db| db.conn.is_overdue())
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
            ValueRef::Text(text) => env.utf8(text).map_err(|Thrown| too_large(env)),
            ValueRef::Blob(blob) => env.buffer(blob).map_err(|Thrown| too_large(env)),
        }
    }

    /// A result of JavaScript for `SQLite`; throws if there is no type for it.
    #[inline]
    pub fn set_result(
        &self,
        env: Env<'_>,
        value: Value<'_>,
        context: &mut Context<'_>,
    ) -> Result<()> {
        let value = env.adopt(value);
        if value.type_of(env) == ValueType::Number {
            context.set(ValueRef::Real(value.as_f64(env)));
            return Ok(());
        }
        if value.byte_len(env) > MAX_RESULT {
            context.too_big();
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

    /// Calls a trampoline (`lib/callbacks.js`), which finds its arguments in the block and leaves the
    /// result there. `false` after a failure.
    #[inline]
    fn jump(&self, function: &HotFunction, group: i32, args: Args<'_>) -> bool {
        let Some(db) = self.db.upgrade() else {
            return false;
        };
        if db.pending.get() {
            return false;
        }
        db.callbacks.set(db.callbacks.get().wrapping_add(1));
        let environment = &*db.environment;
        environment.block.set_i32(header::CALL_GROUP, group);
        environment.block.set_i32(
            header::CALL_ARGS,
            i32::try_from(args.len()).unwrap_or(i32::MAX),
        );
        let mut plain = environment.execution() != 0;
        for at in 0..args.len() {
            match args.get(at) {
                ValueRef::Null => environment.block.set_argument(at, Tag::Null as u8, 0),
                ValueRef::Real(value) => {
                    environment
                        .block
                        .set_argument(at, Tag::Double as u8, value.to_bits());
                }
                ValueRef::Integer(value) if self.int64 => {
                    environment
                        .block
                        .set_argument(at, Tag::Int64 as u8, value.cast_unsigned());
                }
                ValueRef::Integer(value) => {
                    #[allow(clippy::cast_precision_loss)] // JavaScript numbers, as documented
                    let (tag, bits) = match i32::try_from(value) {
                        Ok(value) => (Tag::Int32, u64::from(value.cast_unsigned())),
                        Err(_) => (Tag::Double, (value as f64).to_bits()),
                    };
                    environment.block.set_argument(at, tag as u8, bits);
                }
                ValueRef::Text(_) | ValueRef::Blob(_) => plain = false,
            }
        }
        let called = if plain {
            environment.in_hot_callback(|| {
                let called = function.call(environment.env, environment.execution(), &[]);
                // At once: with an exception pending the block cannot be put back.
                called.inspect_err(|Thrown| {
                    environment.env.enter(|env| db.stash(env));
                })
            })
        } else {
            self.jump_with_values(&db, function, args)
        };
        if called.is_err() {
            db.pending.set(true);
        }
        called.is_ok()
    }

    /// Text and blobs go along as real arguments.
    fn jump_with_values(
        &self,
        db: &Database,
        function: &HotFunction,
        args: Args<'_>,
    ) -> Result<()> {
        let environment = &*db.environment;
        let called = environment.in_callback(|env| {
            let mut values = Vec::with_capacity(4);
            for at in 0..args.len() {
                let value = args.get(at);
                if matches!(value, ValueRef::Text(_) | ValueRef::Blob(_)) {
                    environment
                        .block
                        .set_argument(at, Tag::Large as u8, values.len() as u64);
                    values.push(self.to_js(env, value)?);
                }
            }
            let called = function.call(environment.env, 0, &values);
            called.map_err(|Thrown| {
                db.stash(env);
                Thrown
            })
        });
        called.unwrap_or(Err(Thrown))
    }

    /// Gives `SQLite` the result that a trampoline left in the block.
    #[inline]
    fn take_result(&self, context: &mut Context<'_>) -> bool {
        let Some(db) = self.db.upgrade() else {
            return false;
        };
        let block = &db.environment.block;
        let tag = block.i32(header::CALL_RESULT);
        if tag == Tag::Double as i32 {
            context.set(ValueRef::Real(block.f64(header::CALL_VALUE)));
        } else if tag == Tag::Null as i32 {
            context.set(ValueRef::Null);
        } else if tag == Tag::Int64 as i32 {
            context.set(ValueRef::Integer(block.i64(header::CALL_VALUE)));
        } else {
            return self
                .enter(|env| self.set_result(env, db.environment.take_result(env)?, context))
                .is_some();
        }
        true
    }
}

#[cold]
fn too_large(env: Env<'_>) -> Thrown {
    let message = "An argument is too large for a JavaScript string or Buffer";
    env.throw_error(ErrorKind::Range, message)
}

struct JsFunction {
    host: Host,
    function: HotFunction,
}

impl Scalar for JsFunction {
    #[inline]
    fn call(&self, args: Args<'_>, context: &mut Context<'_>) {
        if !self.host.jump(&self.function, 0, args) || !self.host.take_result(context) {
            context.fail();
        } else if self.host.is_overdue() {
            context.interrupt();
        }
    }
}

/// Trampolines; the accumulators stay in JavaScript, under the number of their group.
struct JsAggregate {
    host: Host,
    start: HotFunction,
    step: HotFunction,
    inverse: Option<HotFunction>,
    value: HotFunction,
    finish: HotFunction,
    /// Numbers given out so far, and those that are free again.
    groups: Cell<i32>,
    free: RefCell<Vec<i32>>,
    /// Groups that ended while nothing could be called; JavaScript forgets them at the next chance.
    dead: RefCell<Vec<i32>>,
}

struct Group {
    number: i32,
    /// A window's last result was already given by `value`.
    window: bool,
    failed: bool,
}

impl JsAggregate {
    #[inline]
    fn jump(
        &self,
        function: &HotFunction,
        group: &mut Group,
        args: Args<'_>,
        context: &mut Context<'_>,
    ) -> bool {
        if group.failed {
            return false;
        }
        if !self.host.jump(function, group.number, args) {
            group.failed = true;
            context.fail();
        } else if self.host.is_overdue() {
            group.failed = true;
            context.interrupt();
        }
        !group.failed
    }
}

impl Aggregate for JsAggregate {
    type State = Group;

    fn is_window(&self) -> bool {
        self.inverse.is_some()
    }

    fn start(&self, context: &mut Context<'_>) -> Option<Group> {
        for number in self.dead.take() {
            self.host.jump(&self.finish, number, Args::default());
            self.free.borrow_mut().push(number);
        }
        let number = self.free.borrow_mut().pop().unwrap_or_else(|| {
            self.groups.set(self.groups.get() + 1);
            self.groups.get() - 1
        });
        let mut group = Group {
            number,
            window: false,
            failed: false,
        };
        if self.jump(&self.start, &mut group, Args::default(), context) {
            return Some(group);
        }
        self.dead.borrow_mut().push(number);
        None
    }

    #[inline]
    fn step(&self, group: &mut Group, args: Args<'_>, context: &mut Context<'_>) {
        self.jump(&self.step, group, args, context);
    }

    fn inverse(&self, group: &mut Group, args: Args<'_>, context: &mut Context<'_>) {
        if let Some(inverse) = &self.inverse {
            self.jump(inverse, group, args, context);
        }
    }

    fn value(&self, group: &mut Group, context: &mut Context<'_>) {
        group.window = true;
        if self.jump(&self.value, group, Args::default(), context)
            && !self.host.take_result(context)
        {
            group.failed = true;
            context.fail();
        }
    }

    fn finalize(&self, mut group: Group, context: &mut Context<'_>) {
        if !group.window {
            self.value(&mut group, context);
        }
        // After a window function's last value, this only drops the accumulator.
        self.jump(&self.finish, &mut group, Args::default(), context);
        let ended = if group.failed { &self.dead } else { &self.free };
        ended.borrow_mut().push(group.number);
    }
}

fn flags(call: &Call<'_>, at: usize) -> FunctionFlags {
    FunctionFlags {
        deterministic: call.arg(at).as_bool(call.env),
        direct_only: call.arg(at + 1).as_bool(call.env),
        innocuous: false,
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
    let function = JsFunction {
        host,
        function: HotFunction::new(env, call.arg(0))?,
    };
    let created = db
        .conn
        .create_scalar(&name, call.arg(2).as_i32(env), flags(call, 4), function);
    created.map_err(|error| db.raise(env, &error))?;
    env.undefined()
}

/// `(start, step, inverse | null, value, finish, name, argCount, int64, deterministic, directOnly)`
pub fn aggregate<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let name = call.arg(5).to_utf8(env)?;
    let inverse = call.arg(2);
    let has_inverse = inverse.type_of(env) == ValueType::Function;
    let aggregate = JsAggregate {
        host: Host::new(db, call.arg(7).as_bool(env), prefix(&name)),
        start: HotFunction::new(env, call.arg(0))?,
        step: HotFunction::new(env, call.arg(1))?,
        inverse: if has_inverse {
            Some(HotFunction::new(env, inverse)?)
        } else {
            None
        },
        value: HotFunction::new(env, call.arg(3))?,
        finish: HotFunction::new(env, call.arg(4))?,
        groups: Cell::new(0),
        free: RefCell::default(),
        dead: RefCell::default(),
    };
    let created =
        db.conn
            .create_aggregate(&name, call.arg(6).as_i32(env), flags(call, 8), aggregate);
    created.map_err(|error| db.raise(env, &error))?;
    env.undefined()
}
