//! Sessions: record changes, and apply them elsewhere.

use std::rc::Rc;

use ferrolite_sqlite::{ApplyHandler, ConflictAction, Error, Session};

use crate::database::{this_ready, Database};
use crate::sys::{Call, Env, Finalize, Ref, Result, Thrown, Value, ValueType};

struct SessionHandle {
    db: Rc<Database>,
    session: Session,
}

impl Finalize for SessionHandle {}

/// `(database, table | null)` -> handle
pub fn create<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_ready(call)?;
    let database = call.arg(0).to_utf8(env)?;
    let table = call.arg(1);
    let table = if table.type_of(env) == ValueType::String {
        Some(table.to_utf8(env)?)
    } else {
        None
    };
    match db.conn.create_session(&database, table.as_deref()) {
        Ok(session) => Ok(env.boxed(SessionHandle {
            db: db.clone(),
            session,
        })),
        Err(error) => Err(db.raise(env, &error)),
    }
}

/// `(patchset)` -> Buffer
pub fn changeset<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let this = call.this::<SessionHandle>()?;
    let ready = this.db.require_ready();
    let changes = ready.and_then(|()| this.session.changeset(call.arg(0).as_bool(env)));
    match changes {
        Ok(changes) => env.buffer(&changes),
        Err(error) => Err(this.db.raise(env, &error)),
    }
}

/// -> false if it was closed before
pub fn close<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let this = call.this::<SessionHandle>()?;
    if let Err(error) = this.db.require_not_busy() {
        return Err(this.db.raise(call.env, &error));
    }
    call.env.boolean(this.session.close())
}

/// The host's callbacks while a changeset is applied.
struct Handler<'a> {
    db: &'a Database,
    filter: Option<Ref>,
    conflict: Option<Ref>,
}

impl Handler<'_> {
    fn call<R>(&self, or: R, callback: impl FnOnce(Env<'_>) -> Result<R>) -> R {
        if self.db.pending.get() {
            return or;
        }
        let called = self.db.environment.in_callback(|env| {
            callback(env).map_err(|Thrown| {
                self.db.stash(env);
            })
        });
        match called {
            Some(Ok(answer)) => answer,
            _ => or,
        }
    }
}

impl ApplyHandler for Handler<'_> {
    fn filter(&mut self, table: &[u8]) -> bool {
        let Some(filter) = &self.filter else {
            return true;
        };
        self.call(false, |env| {
            let answer = env.call(filter.get(env)?, env.undefined()?, &[env.utf8(table)?])?;
            Ok(answer.as_bool(env))
        })
    }

    fn conflict(&mut self, kind: i32) -> ConflictAction {
        let Some(conflict) = &self.conflict else {
            return ConflictAction::Abort;
        };
        self.call(ConflictAction::Abort, |env| {
            let kind = env.number(kind.into())?;
            let answer = env.call(conflict.get(env)?, env.undefined()?, &[kind])?;
            Ok(ConflictAction::from_code(answer.as_i32(env)))
        })
    }
}

/// `(changeset, filter | null, onConflict | null)` -> boolean
pub fn apply<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_ready(call)?;
    let raise = |error: Error| db.raise(env, &error);
    db.require_no_iterators_unless_unsafe().map_err(raise)?;
    let mut bytes = Vec::new();
    call.arg(0).append_bytes(env, &mut bytes);
    let optional = |value: Value<'_>| {
        let is_function = env.adopt(value).type_of(env) == ValueType::Function;
        is_function.then(|| env.reference(value)).transpose()
    };
    let mut handler = Handler {
        db: db.as_ref(),
        filter: optional(call.arg(1))?,
        conflict: optional(call.arg(2))?,
    };
    let applied = {
        let _busy = db.enter_busy();
        db.conn.apply_changeset(&bytes, &mut handler)
    };
    db.dispatch_changes(env)?;
    match applied {
        Ok(_) if db.pending.get() => Err(db.raise(env, &Error::Callback)),
        Ok(applied) => env.boolean(applied),
        Err(error) => Err(db.raise(env, &error)),
    }
}
