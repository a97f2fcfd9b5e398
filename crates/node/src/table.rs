//! Virtual tables whose rows a JavaScript generator gives.

use std::rc::Rc;

use ferrolite_sqlite::{
    Arguments, Context, Cursor, Module, ModuleError, Parameters, Plan, Risk, Scan, Table,
    TableConnection, TableDefinition,
};

use crate::callback::Host;
use crate::database::{this_idle, Database};
use crate::sys::{Call, Env, Ref, Result, Value};

type Outcome<T> = std::result::Result<T, ModuleError>;

struct JsModule {
    db: std::rc::Weak<Database>,
    host: Rc<Host>,
    factory: Ref,
    prefix: String,
}

struct JsTable {
    host: Rc<Host>,
    generator: Rc<Ref>,
    parameters: Rc<Parameters>,
}

struct JsCursor {
    host: Rc<Host>,
    generator: Rc<Ref>,
    parameters: Rc<Parameters>,
    /// The generator object and its `next`, as an array.
    iterator: Option<Ref>,
    /// The current row: parameters first, then columns.
    row: Option<Ref>,
    rowid: i64,
}

impl Module for JsModule {
    type Table = JsTable;

    fn connect(
        &self,
        _: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Outcome<(JsTable, TableDefinition)> {
        let made = self.host.enter(|env| {
            let arguments = arguments
                .all()
                .iter()
                .map(|argument| env.utf8(argument))
                .collect::<Result<Vec<_>>>()?;
            let definition = env.call(self.factory.get(env)?, env.undefined()?, &arguments)?;
            self.read_definition(env, definition)
        });
        made.ok_or(ModuleError::Host)
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
        let table = JsTable {
            host,
            generator: Rc::new(env.reference(definition.at(env, 1)?)?),
            parameters: Rc::new(Parameters::new(parameters)),
        };
        let is_direct_only = definition.at(env, 4)?.as_bool(env);
        let definition = TableDefinition {
            sql: definition.at(env, 0)?.to_utf8(env)?,
            risk: if is_direct_only {
                Risk::DirectOnly
            } else {
                Risk::Normal
            },
            ..TableDefinition::default()
        };
        Ok((table, definition))
    }
}

impl Table for JsTable {
    type Cursor = JsCursor;

    fn best_index(&self, plan: &mut Plan<'_>) -> Outcome<bool> {
        self.parameters.best_index(plan)
    }

    fn open(&self) -> Outcome<JsCursor> {
        Ok(JsCursor {
            host: self.host.clone(),
            generator: self.generator.clone(),
            parameters: self.parameters.clone(),
            iterator: None,
            row: None,
            rowid: 0,
        })
    }
}

impl Cursor for JsCursor {
    fn filter(&mut self, scan: Scan<'_>) -> Outcome<bool> {
        (self.iterator, self.row, self.rowid) = (None, None, 0);
        let Some(args) = self.parameters.arguments(&scan) else {
            return Ok(false);
        };
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
        self.iterator = Some(iterator.ok_or(ModuleError::Host)?);
        self.next()
    }

    fn next(&mut self) -> Outcome<bool> {
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
                self.rowid += 1;
                Ok(self.row.is_some())
            }
            None => Err(ModuleError::Host),
        }
    }

    fn column(&mut self, column: usize, context: &mut Context<'_>) -> Outcome<()> {
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

    fn rowid(&self) -> Outcome<i64> {
        Ok(self.rowid)
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
