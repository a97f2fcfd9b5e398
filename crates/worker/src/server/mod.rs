//! The thread that serves a database on a libSQL server. What is called while a request is under way crosses with
//! the next one, all of it in one pipeline.

mod lost;
mod refused;
mod request;
mod result;

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrolite_remote::{
    Answer, Batch, Config, Connection, Description, Effect, Error, Outcome, Pipeline, Request,
    Response, Rows, Statement,
};
use ferrolite_sqlite::{statements, Error as LocalError, Params};
use tokio::runtime::Runtime;

use crate::block::ConnectionState;
use crate::failure::{internal, Ended, Failure};
use crate::job::{Job, Jobs, Malformed};
use crate::port::Port;
use crate::protocol::{flag, job, Op};
use crate::reply::Replies;
use lost::ender;
use request::{batch_of, text_of, ServerStatement};

/// How long a request may go on after it was interrupted.
const TICK: Duration = Duration::from_millis(10);

/// How long closing a connection may take.
const CLOSING: Duration = Duration::from_secs(1);

/// Requests of a pipeline, at most.
const MAX_REQUESTS: usize = 256;

/// Descriptions of SQL that are kept.
const MAX_DESCRIBED: usize = 1000;

/// Serves a connection until there is nothing left to do.
pub fn serve(port: &Arc<Port>, config: &Config) {
    let mut replies = Replies::new(port);
    let (connection, runtime) = match open(config) {
        Ok(opened) => opened,
        Err(failure) => return replies.refuse(|replies| failure.reply(replies)),
    };
    replies.done();
    let mut server = Server {
        port,
        connection,
        runtime,
        replies,
        statements: HashMap::new(),
        described: HashMap::new(),
        iterations: HashMap::new(),
        frame: None,
        last: (0, 0),
        lost: false,
    };
    server.end(job::OPENING);
    server.run();
}

fn open(config: &Config) -> Result<(Connection, Runtime), Failure> {
    Ok((Connection::new(config)?, runtime()?))
}

/// The result of any statement says what the last frame is.
fn frame_request() -> Request {
    Request::Execute(Statement::new("SELECT 1", false))
}

pub(crate) fn runtime() -> Result<Runtime, LocalError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let no_runtime = LocalError::Type(
        "Cannot open database because the event loop of its thread could not be started",
    );
    runtime.map_err(|_| no_runtime)
}

/// A connection to a database of a server.
struct Server<'p> {
    port: &'p Arc<Port>,
    connection: Connection,
    runtime: Runtime,
    replies: Replies<'p>,
    statements: HashMap<u32, ServerStatement>,
    /// What the server said of SQL, by the SQL.
    described: HashMap<Rc<str>, Rc<Description>>,
    iterations: HashMap<u32, Iteration>,
    /// The primary's last frame after the pipeline, where that was asked.
    frame: Option<u64>,
    /// Changes and rowid of the last statement that wrote.
    last: (i64, i64),
    /// An error has ended the transaction whose calls may still come.
    lost: bool,
}

struct Iteration {
    rows: Rows,
    flags: u32,
}

/// Jobs that were posted, in their order
type Queue = VecDeque<Result<Job, Malformed>>;

/// A job that waits for its reply, and the place of its request in the pipeline if it has one.
struct Pending {
    job: Job,
    request: Result<Option<usize>, Failure>,
}

impl Server<'_> {
    fn run(mut self) {
        let mut queue = VecDeque::new();
        loop {
            let message = if queue.is_empty() {
                self.port.receive()
            } else {
                self.port.try_receive()
            };
            match message {
                Some(message) => {
                    let mut jobs = Jobs::new(&message);
                    while let Some(job) = jobs.next(Params::default()) {
                        queue.push_back(job);
                    }
                    continue;
                }
                None if queue.is_empty() || self.port.is_shutting_down() => break,
                None => {}
            }
            self.serve(&mut queue);
        }
        if !self.port.is_shutting_down() {
            self.close();
        }
        // A name that is being looked up is on a thread of its own.
        self.runtime.shutdown_background();
    }

    pub(super) fn close(&mut self) {
        let Self {
            runtime,
            connection,
            ..
        } = self;
        let closing = async { tokio::time::timeout(CLOSING, connection.close()).await };
        let _ = catch_unwind(AssertUnwindSafe(|| runtime.block_on(closing)));
    }

    /// The next job for a pipeline. What cannot be read is replied to in its turn.
    fn take_job(&mut self, queue: &mut Queue, is_first: bool) -> Option<Job> {
        loop {
            match queue.pop_front()? {
                Ok(job) => return Some(job),
                Err(Malformed { id }) if is_first => self.replies.malformed(id),
                malformed => {
                    queue.push_front(malformed);
                    return None;
                }
            }
        }
    }

    /// Takes what goes into one pipeline from the queue, and replies to it.
    fn serve(&mut self, queue: &mut Queue) {
        let was_inside = self.connection.in_transaction();
        let (mut pipeline, pending) = self.gather(queue);
        let asks_frame = self.port.write_counter.is_followed() && pipeline.has_batch();
        if asks_frame {
            // The answer to a batch does not say which frame it has become.
            pipeline.push(frame_request(), Effect::Reads);
        }
        let began = Instant::now();
        let mut answers = self.run_pipeline(&pipeline, &pending);
        let time = began.elapsed();
        self.frame = None;
        if let (true, Ok(answers)) = (asks_frame, &mut answers) {
            if let Some(Ok(Response::Executed(answer))) = answers.pop() {
                self.frame = answer.frame;
            }
        }
        let has_ended = was_inside && !self.connection.in_transaction();
        let ender = has_ended.then(|| ender(&pending, &pipeline, &answers));
        let ran = Ran {
            pipeline,
            was_inside,
            ender: ender.flatten(),
            time,
        };
        self.reply(pending, answers, &ran);
    }

    /// The next jobs, as many as one pipeline takes, and what they ask the server for.
    fn gather(&mut self, queue: &mut Queue) -> (Pipeline, Vec<Pending>) {
        let mut pipeline = Pipeline::default();
        let mut pending = Vec::new();
        let was_inside = self.connection.in_transaction();
        // A request before may end the transaction that it is for.
        let mut is_second = false;
        while let Some(job) = self.take_job(queue, pending.is_empty()) {
            if job.op == Op::Drop {
                self.statements.remove(&job.target);
                continue;
            }
            // What comes with it in the same pipeline may execute it.
            if job.op == Op::Introduce {
                self.introduce(&job);
                if job.id == job::NONE {
                    continue;
                }
            }
            // What comes after it is for another state of the connection.
            let is_last = matches!(job.op, Op::Undo | Op::Close);
            if is_last && !pipeline.is_empty() {
                queue.push_front(Ok(job));
                break;
            }
            if job.op.executes() && job.flags & flag::INSIDE == 0 {
                self.lost = false;
            }
            let guard = is_second && was_inside && !pipeline.may_commit() && job.is_inside();
            let request = self.request(&job, &mut pipeline, guard);
            is_second |= job.is_inside() && matches!(request, Ok(Some(_)));
            pending.push(Pending { job, request });
            if is_last || pipeline.len() >= MAX_REQUESTS {
                break;
            }
        }
        (pipeline, pending)
    }

    /// The place of what a job asks the server for, if it does.
    fn request(
        &self,
        job: &Job,
        pipeline: &mut Pipeline,
        guard: bool,
    ) -> Result<Option<usize>, Failure> {
        if self.lost && job.is_inside() {
            return Err(Failure::Lost);
        }
        if !self.port.take_job(job.id) {
            return Err(Error::interrupt(Outcome::NotExecuted).into());
        }
        let asked = self.ask(job, guard)?;
        Ok(asked.map(|(request, effect)| pipeline.push(request, effect)))
    }

    /// The answers to a pipeline's requests, or the one error that all of them end with.
    fn run_pipeline(
        &mut self,
        pipeline: &Pipeline,
        pending: &[Pending],
    ) -> Result<Vec<Answer>, Failure> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        self.port.notify();
        let Self {
            port,
            connection,
            runtime,
            ..
        } = self;
        let wanted = || !port.is_shutting_down() && pending.iter().any(|p| port.wants(p.job.id));
        let running =
            AssertUnwindSafe(|| runtime.block_on(until(connection.run(pipeline), wanted)));
        let error = match catch_unwind(running) {
            Ok(Some(Ok(answers))) => return Ok(answers),
            Ok(Some(Err(error))) => error,
            Ok(None) => self.connection.abandoned(pipeline),
            Err(_) => {
                self.doubt(self.connection.abandoned(pipeline).outcome);
                return Err(internal().into());
            }
        };
        self.doubt(error.outcome);
        Err(error.into())
    }

    /// Something may have been written.
    pub(super) fn doubt(&self, outcome: Outcome) {
        if outcome == Outcome::Unknown {
            self.port.write_counter.doubt();
        }
    }

    fn reply(&mut self, pending: Vec<Pending>, answers: Result<Vec<Answer>, Failure>, ran: &Ran) {
        self.lost |= ran.ender.is_some();
        let (mut answers, failure) = match answers {
            Ok(answers) => (answers.into_iter().map(Some).collect(), None),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        for (number, Pending { job, request }) in pending.into_iter().enumerate() {
            let ended = match (request, &failure) {
                (Err(error), _) => Err(error),
                (Ok(None), _) => self.answer_locally(&job),
                (Ok(Some(at)), Some(failure)) => Err(ran.failure_of(at, failure)),
                (Ok(Some(at)), None) => match answers.get_mut(at).and_then(Option::take) {
                    Some(answer) => self.end_with(&job, answer, ran),
                    None => Err(internal().into()),
                },
            };
            if let Err(failure) = ended {
                failure.reply(&mut self.replies);
            }
            if ran.ender == Some(number) {
                self.replies.lost();
            }
            if job.flags & flag::TIMED != 0 {
                self.replies.time(ran.time);
            }
            self.end(job.id);
        }
    }

    /// Ends a job with the server's answer.
    fn end_with(&mut self, job: &Job, answer: Answer, ran: &Ran) -> Ended {
        let ended = match answer {
            Ok(response) => self.answer(job, response),
            Err(error) => {
                self.doubt(error.outcome);
                Err(refused(job, error))
            }
        };
        let has_ended = ran.ender.is_some() && job.op.executes();
        ended.map_err(|failure| match failure.outcome() {
            // Whichever has ended the transaction, all of it is rolled back.
            Some(_) if has_ended => failure.with_outcome(Outcome::RolledBack),
            _ => failure,
        })
    }

    fn end(&mut self, id: u32) {
        let state = ConnectionState {
            in_transaction: self.connection.in_transaction(),
            shareable: false,
        };
        self.replies.end(id, state);
    }
}

/// What the server refused as a whole, with the statement that it is about.
fn refused(job: &Job, mut error: Error) -> Failure {
    let script = text_of(&job.params, 0).unwrap_or_default();
    let batch = match job.op {
        Op::Exec => Batch::script(&script),
        Op::Batch => batch_of(&job.params).ok(),
        _ => None,
    };
    let found = batch.and_then(|batch| refused::find(&batch, &error.message));
    let Some((step, offset)) = found else {
        return error.into();
    };
    if !error.is_about_parameters() {
        error.offset = Some(offset);
    }
    let place = if job.op == Op::Batch {
        // Behind the one that begins it.
        step.checked_sub(1).map(|number| (number, 0))
    } else {
        let ranges = statements(&script);
        let at = usize::try_from(step).ok().and_then(|at| ranges.get(at));
        at.map(|range| (step, range.start))
    };
    match place {
        Some((number, start)) => Failure::from(error).at(number, start),
        None => error.into(),
    }
}

/// A pipeline that has come to its end.
struct Ran {
    pipeline: Pipeline,
    /// A transaction was open before.
    was_inside: bool,
    /// The place of the job that has ended it.
    ender: Option<usize>,
    /// How long it took, which is the same for all of its jobs.
    time: Duration,
}

impl Ran {
    /// What the job of one request ends with where the pipeline has failed.
    fn failure_of(&self, at: usize, failure: &Failure) -> Failure {
        let failure = failure.clone();
        let only_reads = self.pipeline.effect(at) == Some(Effect::Reads);
        match failure.outcome() {
            Some(Outcome::Unknown) if only_reads && !self.was_inside => {
                failure.with_outcome(Outcome::NotExecuted)
            }
            _ => failure,
        }
    }
}

/// Turns of the runtime in which a connection is closed that nobody waits for any more.
const TURNS: u32 = 8;

/// Waits for `future` as long as anybody wants it.
pub(crate) async fn until<T>(
    future: impl Future<Output = T>,
    wanted: impl Fn() -> bool,
) -> Option<T> {
    let output = wait_while(future, wanted).await;
    if output.is_none() {
        // A server that does not see the end of its connection goes on, and keeps its locks.
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }
    output
}

async fn wait_while<T>(future: impl Future<Output = T>, wanted: impl Fn() -> bool) -> Option<T> {
    let mut future = pin!(future);
    loop {
        match tokio::time::timeout(TICK, &mut future).await {
            Ok(output) => return Some(output),
            Err(_) if wanted() => {}
            Err(_) => return None,
        }
    }
}
