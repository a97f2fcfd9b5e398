//! Functions of JavaScript that a worker calls: it sends the arguments and waits for the result.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use ferrolite_sqlite::{
    Aggregate, ApplyHandler, Args, ConflictAction, Connection, Context, Error, FunctionFlags,
    Scalar, ValueRef,
};

use crate::job::Job;
use crate::port::{Answer, Port};
use crate::protocol::{flag, Ask, Reply};
use crate::reply::Scratch;

/// A function of JavaScript, by its number.
pub struct Remote {
    port: Arc<Port>,
    number: u32,
    int64: bool,
    /// Questions that are not sent yet, packed.
    scratch: RefCell<Scratch>,
}

/// No answer is waited for.
const UNASKED: u32 = 0;

impl Remote {
    pub fn new(port: &Arc<Port>, number: u32, int64: bool) -> Self {
        Self {
            port: port.clone(),
            number,
            int64,
            scratch: RefCell::new(Scratch::new()),
        }
    }

    /// Another function of the same worker.
    pub fn sibling(&self, number: u32, int64: bool) -> Self {
        Self::new(&self.port, number, int64)
    }

    /// Says something that has no answer.
    pub fn tell(&self, ask: Ask, group: i32) {
        self.pack(UNASKED, ask, group, Args::default());
        self.port.send(&mut self.scratch.borrow_mut());
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
        let mut scratch = self.scratch.borrow_mut();
        if !scratch.has_room(count) {
            self.port.send(&mut scratch);
        }
        let start = scratch.start();
        let header = [
            i64::from(question),
            i64::from(self.number),
            ask as i64,
            group.into(),
        ];
        for value in header {
            scratch.push(ValueRef::Integer(value), false);
        }
        for value in args {
            scratch.push(value, self.int64);
        }
        scratch.part(Reply::Call, start, 1, count);
    }

    /// `None` after a failure, whose reason JavaScript keeps.
    fn ask(&self, ask: Ask, group: i32, args: Args<'_>) -> Option<Answer> {
        let args = (0..args.len()).map(|at| args.get(at));
        self.ask_values(ask, group, args)
    }

    pub fn ask_values<'v>(
        &self,
        ask: Ask,
        group: i32,
        args: impl ExactSizeIterator<Item = ValueRef<'v>>,
    ) -> Option<Answer> {
        let question = self.port.next_question();
        self.pack_values(question, ask, group, args);
        self.port.send(&mut self.scratch.borrow_mut());
        self.port.wait_for_answer()
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

impl Scalar for Remote {
    fn call(&self, args: Args<'_>, context: &mut Context<'_>) {
        self.ask_for_result(Ask::Call, 0, args, context);
    }
}

/// The accumulators stay in JavaScript, under the number of their group. Steps are sent many at a time:
/// nothing depends on them before a value is asked for.
struct RemoteAggregate {
    remote: Remote,
    window: bool,
    groups: Cell<i32>,
}

struct Group {
    number: i32,
    failed: bool,
    /// A window's last result was already given.
    given: bool,
}

impl Aggregate for RemoteAggregate {
    type State = Group;

    fn is_window(&self) -> bool {
        self.window
    }

    fn start(&self, _: &mut Context<'_>) -> Option<Group> {
        let number = self.groups.get().wrapping_add(1);
        self.groups.set(number);
        self.remote
            .pack(UNASKED, Ask::Start, number, Args::default());
        Some(Group {
            number,
            failed: false,
            given: false,
        })
    }

    fn step(&self, state: &mut Group, args: Args<'_>, _: &mut Context<'_>) {
        self.remote.pack(UNASKED, Ask::Step, state.number, args);
    }

    fn inverse(&self, state: &mut Group, args: Args<'_>, _: &mut Context<'_>) {
        self.remote.pack(UNASKED, Ask::Inverse, state.number, args);
    }

    fn value(&self, state: &mut Group, context: &mut Context<'_>) {
        state.given = true;
        let (ask, args) = (Ask::Value, Args::default());
        state.failed = !self.remote.ask_for_result(ask, state.number, args, context);
    }

    fn finalize(&self, state: Group, context: &mut Context<'_>) {
        // After a window function's last value, this only drops the accumulator.
        if state.given || state.failed {
            return self.remote.tell(Ask::Drop, state.number);
        }
        let (ask, args) = (Ask::Finish, Args::default());
        self.remote.ask_for_result(ask, state.number, args, context);
    }
}

/// Registers what a job describes: its parameters are the name and the number of arguments.
pub fn register(
    conn: &Connection,
    port: &Arc<Port>,
    job: &Job,
    name: &str,
    arg_count: i32,
) -> Result<(), Error> {
    let remote = Remote::new(port, job.target, job.flags & flag::INT64 != 0);
    let flags = FunctionFlags {
        deterministic: job.flags & flag::DETERMINISTIC != 0,
        direct_only: job.flags & flag::DIRECT_ONLY != 0,
    };
    if job.flags & flag::AGGREGATE == 0 {
        return conn.create_scalar(name, arg_count, flags, remote);
    }
    let aggregate = RemoteAggregate {
        remote,
        window: job.flags & flag::WINDOW != 0,
        groups: Cell::new(0),
    };
    conn.create_aggregate(name, arg_count, flags, aggregate)
}

/// What JavaScript decides while a changeset is applied; 0 is no function.
pub struct ApplyCallbacks {
    filter: Option<Remote>,
    conflict: Option<Remote>,
}

impl ApplyCallbacks {
    pub fn new(port: &Arc<Port>, filter: u32, conflict: u32) -> Self {
        let remote = |number| (number != 0).then(|| Remote::new(port, number, false));
        Self {
            filter: remote(filter),
            conflict: remote(conflict),
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
