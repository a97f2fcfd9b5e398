//! Virtual tables whose rows a JavaScript generator gives.

use std::rc::Rc;

use ferrolite_sqlite::{Context, Cursor, Module, ModuleError, Table, TableDefinition, ValueRef};

use crate::callback::Host;
use crate::database::{this_idle, Database};
use crate::sys::{Call, Env, Ref, Result, Value};

struct JsModule {
    db: std::rc::Weak<Database>,
    host: Rc<Host>,
    factory: Ref,
    prefix: String,
}

struct JsTable {
    host: Rc<Host>,
    generator: Ref,
}

struct JsCursor {
    host: Rc<Host>,
    generator: Rc<Ref>,
    /// The generator object and its `next`, as an array.
    iterator: Option<Ref>,
    /// The current row: parameters first, then columns.
    row: Option<Ref>,
}

struct SharedTable {
    host: Rc<Host>,
    generator: Rc<Ref>,
}

impl Module for JsModule {
    type Table = SharedTable;

    fn connect(
        &self,
        args: &[&[u8]],
    ) -> std::result::Result<(SharedTable, TableDefinition), ModuleError> {
        let made = self.host.enter(|env| {
            let args = args
                .iter()
                .map(|arg| env.utf8(arg))
                .collect::<Result<Vec<_>>>()?;
            let definition = env.call(self.factory.get(env)?, env.undefined()?, &args)?;
            self.read_definition(env, definition)
        });
        let Some((table, definition)) = made else {
            return Err(ModuleError::Host);
        };
        let generator = Rc::new(table.generator);
        Ok((
            SharedTable {
                host: table.host,
                generator,
            },
            definition,
        ))
    }
}

impl JsModule {
    /// `[sql, generator, parameters, safeIntegers (boolean), directOnly]`, checked by JavaScript.
    fn read_definition<'e>(
        &self,
        env: Env<'e>,
        definition: Value<'e>,
    ) -> Result<(JsTable, TableDefinition)> {
        let names = definition.at(env, 2)?;
        let parameters = (0..names.array_len(env))
            .map(|at| names.at(env, at)?.to_utf8(env))
            .collect::<Result<Vec<_>>>()?;
        let int64 = definition.at(env, 3)?.as_bool(env);
        let host = match self.db.upgrade() {
            Some(db) => Rc::new(Host::new(&db, int64, self.prefix.clone())),
            None => self.host.clone(),
        };
        let generator = env.reference(definition.at(env, 1)?)?;
        let definition = TableDefinition {
            sql: definition.at(env, 0)?.to_utf8(env)?,
            parameters,
            direct_only: definition.at(env, 4)?.as_bool(env),
        };
        Ok((JsTable { host, generator }, definition))
    }
}

impl Table for SharedTable {
    type Cursor = JsCursor;

    fn open(&self) -> JsCursor {
        JsCursor {
            host: self.host.clone(),
            generator: self.generator.clone(),
            iterator: None,
            row: None,
        }
    }
}

impl Cursor for JsCursor {
    fn filter(&mut self, args: &[Option<ValueRef<'_>>]) -> std::result::Result<(), ModuleError> {
        let host = self.host.clone();
        let iterator = host.enter(|env| {
            let undefined = env.undefined()?;
            let args = args
                .iter()
                .map(|arg| arg.map_or(Ok(undefined), |arg| host.to_js(env, arg)))
                .collect::<Result<Vec<_>>>()?;
            let iterator = env.call(self.generator.get(env)?, undefined, &args)?;
            let pair = env.array(2)?;
            pair.set_at(env, 0, iterator)?;
            pair.set_at(env, 1, iterator.get(env, "next")?)?;
            env.reference(pair)
        });
        self.row = None;
        self.iterator = iterator;
        if self.iterator.is_some() {
            Ok(())
        } else {
            Err(ModuleError::Host)
        }
    }

    fn next(&mut self) -> std::result::Result<bool, ModuleError> {
        let Some(pair) = &self.iterator else {
            return Ok(false);
        };
        let advanced = self.host.enter(|env| {
            let pair = pair.get(env)?;
            let record = env.call(pair.at(env, 1)?, pair.at(env, 0)?, &[])?;
            if record.get(env, "done")?.as_bool(env) {
                return Ok(None);
            }
            env.reference(record.get(env, "value")?).map(Some)
        });
        match advanced {
            Some(_) if self.host.is_overdue() => Err(ModuleError::Interrupted),
            Some(row) => {
                self.row = row;
                Ok(self.row.is_some())
            }
            None => Err(ModuleError::Host),
        }
    }

    fn column(
        &mut self,
        column: usize,
        context: &mut Context<'_>,
    ) -> std::result::Result<(), ModuleError> {
        let Some(row) = &self.row else { return Ok(()) };
        let index = u32::try_from(column).unwrap_or(u32::MAX);
        let set = self.host.enter(|env| {
            let value = row.get(env)?.at(env, index)?;
            self.host.set_result(env, value, context)
        });
        if self.host.is_overdue() {
            context.interrupt();
        }
        set.ok_or(ModuleError::Host)
    }
}

/// `(factory, name, eponymous)`
pub fn table<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_idle(call)?;
    let name = call.arg(1).to_utf8(env)?;
    let prefix = format!("Virtual table module \"{name}\" yielded");
    let module = JsModule {
        db: Rc::downgrade(db),
        host: Rc::new(Host::new(db, false, prefix.clone())),
        factory: env.reference(call.arg(0))?,
        prefix,
    };
    let created = {
        let _busy = db.enter_busy();
        db.conn
            .create_module(&name, call.arg(2).as_bool(env), module)
    };
    created.map_err(|error| db.raise(env, &error))?;
    env.undefined()
}
