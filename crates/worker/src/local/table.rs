//! Virtual tables whose rows a generator of the front end gives to a worker, many at a time.

use std::cell::Cell;
use std::rc::Rc;

use ferrolite_sqlite::{
    Arguments, Connection, Context, Cursor, Error, Module, ModuleError, Param, Parameters, Params,
    Plan, Risk, Scan, Table, TableConnection, TableDefinition, ValueRef,
};

use super::callback::{Callback, Callbacks};
use crate::job::Jobs;
use crate::port::Answer;
use crate::protocol::Ask;

type Outcome<T> = Result<T, ModuleError>;

/// Rows that are asked for at once: it starts with one and doubles.
const MOST_ROWS: i32 = 128;

struct CallbackModule {
    callback: Callback,
    cursors: Rc<Cell<i32>>,
}

struct CallbackTable {
    callback: Rc<Callback>,
    parameters: Rc<Parameters>,
    width: usize,
    cursors: Rc<Cell<i32>>,
}

struct CallbackCursor {
    callback: Rc<Callback>,
    parameters: Rc<Parameters>,
    number: i32,
    width: usize,
    /// Rows that are here, and the one that is read: 0 is before the first.
    batch: Params,
    rows: usize,
    row: usize,
    asked: i32,
    ended: bool,
    rowid: i64,
}

/// Registers a module whose number is `number`.
pub(super) fn register(
    conn: &Connection,
    callbacks: &Callbacks,
    number: u32,
    name: &str,
    eponymous: bool,
) -> Result<(), Error> {
    let module = CallbackModule {
        callback: callbacks.function(number, false),
        cursors: Rc::default(),
    };
    conn.create_module(name, eponymous, module)
}

impl Module for CallbackModule {
    type Table = CallbackTable;

    fn connect(
        &self,
        _: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Outcome<(CallbackTable, TableDefinition)> {
        let args = arguments.all().iter().map(|arg| ValueRef::Text(arg));
        let Some(Answer::Text(text)) = self.callback.ask_values(Ask::Call, 0, args) else {
            return Err(ModuleError::Host);
        };
        let text = String::from_utf8(text).map_err(|_| ModuleError::Host)?;
        let mut fields = text.split('\0');
        let mut number = || fields.next()?.parse::<u32>().ok();
        let (Some(generator), Some(int64), Some(direct_only), Some(width)) =
            (number(), number(), number(), number())
        else {
            return Err(ModuleError::Host);
        };
        let definition = TableDefinition {
            sql: fields.next().unwrap_or_default().into(),
            risk: if direct_only == 0 {
                Risk::Normal
            } else {
                Risk::DirectOnly
            },
            ..TableDefinition::default()
        };
        let parameters = Parameters::new(fields.map(Into::into).collect());
        let table = CallbackTable {
            parameters: Rc::new(parameters),
            callback: Rc::new(self.callback.sibling(generator, int64 != 0)),
            width: usize::try_from(width).unwrap_or(0),
            cursors: self.cursors.clone(),
        };
        Ok((table, definition))
    }
}

impl Table for CallbackTable {
    type Cursor = CallbackCursor;

    fn best_index(&self, plan: &mut Plan<'_>) -> Outcome<bool> {
        self.parameters.best_index(plan)
    }

    fn open(&self) -> Outcome<CallbackCursor> {
        self.cursors.set(self.cursors.get().wrapping_add(1));
        Ok(CallbackCursor {
            callback: self.callback.clone(),
            parameters: self.parameters.clone(),
            number: self.cursors.get(),
            width: self.width,
            batch: Params::default(),
            rows: 0,
            row: 0,
            asked: 1,
            ended: false,
            rowid: 0,
        })
    }
}

impl CallbackCursor {
    fn fetch(&mut self) -> Outcome<()> {
        let max = [ValueRef::Integer(self.asked.into())];
        let answer = self
            .callback
            .ask_values(Ask::Value, self.number, max.into_iter());
        let Some(Answer::Blob(message)) = answer else {
            return Err(ModuleError::Host);
        };
        let job = Jobs::new(&message).next(std::mem::take(&mut self.batch));
        let Some(Ok(job)) = job else {
            return Err(ModuleError::Host);
        };
        // An error may be behind the rows that came before it.
        self.ended = job.extra < self.asked && job.flags == 0;
        self.rows = usize::try_from(job.extra).unwrap_or(0);
        self.batch = job.params;
        self.row = 0;
        self.asked = (self.asked * 2).min(MOST_ROWS);
        Ok(())
    }
}

impl Cursor for CallbackCursor {
    fn filter(&mut self, scan: Scan<'_>) -> Outcome<bool> {
        (self.rows, self.row, self.asked, self.ended) = (0, 0, 1, false);
        self.rowid = 0;
        let Some(args) = self.parameters.arguments(&scan) else {
            return Ok(false);
        };
        // Which were given, and then their values.
        let given = args
            .iter()
            .enumerate()
            .map(|(at, arg)| i64::from(arg.is_some()) << at)
            .sum();
        let mut values = vec![ValueRef::Integer(given)];
        values.extend(args.iter().map(|arg| arg.unwrap_or(ValueRef::Null)));
        let started = self
            .callback
            .ask_values(Ask::Start, self.number, values.into_iter());
        started.ok_or(ModuleError::Host)?;
        self.next()
    }

    fn next(&mut self) -> Outcome<bool> {
        if self.row >= self.rows {
            if self.ended {
                return Ok(false);
            }
            self.fetch()?;
            if self.rows == 0 {
                return Ok(false);
            }
        }
        self.row += 1;
        self.rowid += 1;
        Ok(true)
    }

    fn column(&mut self, column: usize, context: &mut Context<'_>) -> Outcome<()> {
        let at = self.row.saturating_sub(1) * self.width + column;
        let slice = |start: usize, len: usize| self.batch.bytes.get(start..start + len);
        context.set(match self.batch.values.get(at) {
            Some(Param::Integer(value)) => ValueRef::Integer(*value),
            Some(Param::Real(value)) => ValueRef::Real(*value),
            Some(Param::Text(start, len)) => {
                ValueRef::Text(slice(*start, *len).unwrap_or_default())
            }
            Some(Param::Blob(start, len)) => {
                ValueRef::Blob(slice(*start, *len).unwrap_or_default())
            }
            _ => ValueRef::Null,
        });
        Ok(())
    }

    fn rowid(&self) -> Outcome<i64> {
        Ok(self.rowid)
    }
}

impl Drop for CallbackCursor {
    fn drop(&mut self) {
        self.callback.notify(Ask::Drop, self.number);
    }
}
