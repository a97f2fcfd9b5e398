//! Functions of the front end that a worker calls: it sends the arguments and waits for the result.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ferrolite_sqlite::{
    Aggregate, ApplyHandler, Args, ConflictAction, Connection, Context, Error, FunctionFlags,
    Scalar, ValueRef,
};

use crate::block::Packer;
use crate::job::Job;
use crate::port::{Answer, Port};
use crate::protocol::{flag, Ask, Reply};

/// The way to the functions of the front end, which all of a connection share.
#[derive(Clone)]
pub(super) struct Callbacks(Rc<Shared>);

struct Shared {
    port: Arc<Port>,
    /// Questions that are not sent yet.
    packer: RefCell<Packer>,
}

/// No answer is waited for.
const UNASKED: u32 = 0;

impl Callbacks {
    pub(super) fn new(port: &Arc<Port>) -> Self {
        Self(Rc::new(Shared {
            port: port.clone(),
            packer: RefCell::default(),
        }))
    }

    /// The function of this number.
    pub(super) fn function(&self, number: u32, int64: bool) -> Callback {
        Callback {
            callbacks: self.clone(),
            number,
            int64,
        }
    }
}

/// A function of the front end, by its number.
pub(super) struct Callback {
    callbacks: Callbacks,
    number: u32,
    int64: bool,
}

impl Callback {
    /// Another function of the same connection.
    pub(super) fn sibling(&self, number: u32, int64: bool) -> Self {
        self.callbacks.function(number, int64)
    }

    /// Asks for something without an answer.
    pub(super) fn notify(&self, ask: Ask, group: i32) {
        self.pack(UNASKED, ask, group, Args::default());
        self.send();
    }

    fn send(&self) {
        let Shared { port, packer } = &*self.callbacks.0;
        port.send(&mut packer.borrow_mut());
    }

    fn pack(&self, question: u32, ask: Ask, group: i32, args: Args<'_>) {
        let args = (0..args.len()).map(|at| args.get(at));
        self.pack_values(question, ask, group, args);
    }

    fn pack_values<'v>(
        &self,
        question: u32,
        ask: Ask,
        group: i32,
        args: impl ExactSizeIterator<Item = ValueRef<'v>>,
    ) {
        let count = 4 + args.len();
        let Shared { port, packer } = &*self.callbacks.0;
        let mut packer = packer.borrow_mut();
        if !packer.has_space(count) {
            port.send(&mut packer);
        }
        let start = packer.start();
        let header = [
            i64::from(question),
            i64::from(self.number),
            ask as i64,
            group.into(),
        ];
        for value in header {
            packer.push(ValueRef::Integer(value), false);
        }
        for value in args {
            packer.push(value, self.int64);
        }
        packer.part(Reply::Call, start, 1, count);
    }

    /// `None` after a failure, whose reason the front end keeps.
    fn ask(&self, ask: Ask, group: i32, args: Args<'_>) -> Option<Answer> {
        let args = (0..args.len()).map(|at| args.get(at));
        self.ask_values(ask, group, args)
    }

    pub(super) fn ask_values<'v>(
        &self,
        ask: Ask,
        group: i32,
        args: impl ExactSizeIterator<Item = ValueRef<'v>>,
    ) -> Option<Answer> {
        let port = &self.callbacks.0.port;
        let question = port.next_question();
        self.pack_values(question, ask, group, args);
        self.send();
        port.wait_for_answer()
    }

    fn ask_for_result(
        &self,
        ask: Ask,
        group: i32,
        args: Args<'_>,
        context: &mut Context<'_>,
    ) -> bool {
        let Some(answer) = self.ask(ask, group, args) else {
            context.fail();
            return false;
        };
        context.set(match &answer {
            Answer::Null | Answer::Failed => ValueRef::Null,
            Answer::Integer(value) => ValueRef::Integer(*value),
            Answer::Real(value) => ValueRef::Real(*value),
            Answer::Text(text) => ValueRef::Text(text),
            Answer::Blob(blob) => ValueRef::Blob(blob),
        });
        true
    }
}

impl Scalar for Callback {
    fn call(&self, args: Args<'_>, context: &mut Context<'_>) {
        self.ask_for_result(Ask::Call, 0, args, context);
    }
}

/// The accumulators stay in the front end, under the number of their group. Steps are sent many at a time:
/// nothing depends on them before a value is asked for.
struct CallbackAggregate {
    callback: Callback,
    window: bool,
    groups: Cell<i32>,
}

struct Group {
    number: i32,
    failed: bool,
    /// A window's last result was already given.
    given: bool,
}

impl Aggregate for CallbackAggregate {
    type State = Group;

    fn is_window(&self) -> bool {
        self.window
    }

    fn start(&self, _: &mut Context<'_>) -> Option<Group> {
        let number = self.groups.get().wrapping_add(1);
        self.groups.set(number);
        self.callback
            .pack(UNASKED, Ask::Start, number, Args::default());
        Some(Group {
            number,
            failed: false,
            given: false,
        })
    }

    fn step(&self, state: &mut Group, args: Args<'_>, _: &mut Context<'_>) {
        self.callback.pack(UNASKED, Ask::Step, state.number, args);
    }

    fn inverse(&self, state: &mut Group, args: Args<'_>, _: &mut Context<'_>) {
        self.callback
            .pack(UNASKED, Ask::Inverse, state.number, args);
    }

    fn value(&self, state: &mut Group, context: &mut Context<'_>) {
        state.given = true;
        let (ask, args) = (Ask::Value, Args::default());
        state.failed = !self
            .callback
            .ask_for_result(ask, state.number, args, context);
    }

    fn finalize(&self, state: Group, context: &mut Context<'_>) {
        // After a window function's last value, this only drops the accumulator.
        if state.given || state.failed {
            return self.callback.notify(Ask::Drop, state.number);
        }
        let (ask, args) = (Ask::Finish, Args::default());
        self.callback
            .ask_for_result(ask, state.number, args, context);
    }
}

/// Registers what a job describes: its parameters are the name and the number of arguments.
pub(super) fn register(
    conn: &Connection,
    callbacks: &Callbacks,
    job: &Job,
    name: &str,
    arg_count: i32,
) -> Result<(), Error> {
    let callback = callbacks.function(job.target, job.flags & flag::INT64 != 0);
    let flags = FunctionFlags {
        deterministic: job.flags & flag::DETERMINISTIC != 0,
        direct_only: job.flags & flag::DIRECT_ONLY != 0,
        innocuous: false,
    };
    if job.flags & flag::AGGREGATE == 0 {
        return conn.create_scalar(name, arg_count, flags, callback);
    }
    let aggregate = CallbackAggregate {
        callback,
        window: job.flags & flag::WINDOW != 0,
        groups: Cell::new(0),
    };
    conn.create_aggregate(name, arg_count, flags, aggregate)
}

/// What the front end decides while a changeset is applied; 0 is no function.
pub(super) struct ApplyCallbacks {
    filter: Option<Callback>,
    conflict: Option<Callback>,
}

impl ApplyCallbacks {
    pub(super) fn new(callbacks: &Callbacks, filter: u32, conflict: u32) -> Self {
        let function = |number| (number != 0).then(|| callbacks.function(number, false));
        Self {
            filter: function(filter),
            conflict: function(conflict),
        }
    }
}

impl ApplyHandler for ApplyCallbacks {
    fn filter(&mut self, table: &[u8]) -> bool {
        let Some(filter) = &self.filter else {
            return true;
        };
        let answer = filter.ask_values(Ask::Call, 0, [ValueRef::Text(table)].into_iter());
        matches!(answer, Some(Answer::Real(value)) if value != 0.0)
    }

    fn conflict(&mut self, kind: i32) -> ConflictAction {
        let Some(conflict) = &self.conflict else {
            return ConflictAction::Abort;
        };
        let kind = ValueRef::Integer(kind.into());
        let Some(Answer::Real(action)) = conflict.ask_values(Ask::Call, 0, [kind].into_iter())
        else {
            return ConflictAction::Abort;
        };
        #[allow(clippy::cast_possible_truncation)] // `as` saturates
        ConflictAction::from_code(action as i32)
    }
}
