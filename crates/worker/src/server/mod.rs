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

use ferrolite_remote::proto::{
    Batch, BatchRequest, BatchStep, ExecuteRequest, Request, Response, Row, SqlRequest, Stmt,
};
use ferrolite_remote::{may_commit, Answer, Config, Pipeline, ServerError, Session};
use ferrolite_sqlite::{statements, Error as LocalError, Params};
use tokio::runtime::Runtime;

use crate::block::ConnectionState;
use crate::failure::{internal, interrupted, no_reader, server_failure, Failure};
use crate::job::{Job, Jobs, Malformed};
use crate::port::Port;
use crate::protocol::{flag, job, Op};
use crate::reply::Replies;
use request::{
    batch_of, guarded, require_count, require_one, script_of, statement, text_of, Described,
    ServerStatement,
};

/// How long a request may go on after it was stopped.
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
    let (session, runtime) = match open(config) {
        Ok(opened) => opened,
        Err(failure) => return replies.refuse(|replies| failure.reply(replies)),
    };
    replies.done();
    let mut server = Server {
        port,
        session,
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

fn open(config: &Config) -> Result<(Session, Runtime), Failure> {
    Ok((Session::new(config)?, runtime()?))
}

/// The result of any statement says what the last frame is.
fn frame_request() -> Request {
    Request::Execute(ExecuteRequest {
        stmt: Some(Stmt {
            sql: Some("SELECT 1".into()),
            want_rows: Some(false),
            ..Stmt::default()
        }),
    })
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
    session: Session,
    runtime: Runtime,
    replies: Replies<'p>,
    statements: HashMap<u32, ServerStatement>,
    /// What the server said of SQL, by the SQL.
    described: HashMap<Rc<str>, Rc<Described>>,
    iterations: HashMap<u32, Iteration>,
    /// The primary's last frame after the pipeline, where that was asked.
    frame: Option<u64>,
    /// Changes and rowid of the last statement that wrote.
    last: (i64, i64),
    /// An error has ended the transaction whose calls may still come.
    lost: bool,
}

struct Iteration {
    rows: std::vec::IntoIter<Row>,
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
                None if queue.is_empty() || self.port.is_stopping() => break,
                None => {}
            }
            self.serve(&mut queue);
        }
        if !self.port.is_stopping() {
            self.close();
        }
        // A name that is being looked up is on a thread of its own.
        self.runtime.shutdown_background();
    }

    pub(super) fn close(&mut self) {
        let Self {
            runtime, session, ..
        } = self;
        let closing = async { tokio::time::timeout(CLOSING, session.close()).await };
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
        let mut pipeline = Pipeline {
            repeatable: true,
            ..Pipeline::default()
        };
        let mut pending = Vec::new();
        let was_open = self.session.in_transaction();
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
            if is_last && !pipeline.requests.is_empty() {
                queue.push_front(Ok(job));
                break;
            }
            if job.op.executes() && job.flags & flag::INSIDE == 0 {
                self.lost = false;
            }
            let request = if self.lost && job.is_inside() {
                Err(Failure::Lost)
            } else if self.port.wants(job.id) {
                let guard = is_second && was_open && !pipeline.may_commit && job.is_inside();
                self.request(&job, &mut pipeline, guard)
            } else {
                Err(Failure::Local(interrupted()))
            };
            is_second |= job.is_inside() && matches!(request, Ok(Some(_)));
            pending.push(Pending { job, request });
            if is_last || pipeline.requests.len() >= MAX_REQUESTS {
                break;
            }
        }
        let is_batch = |request: &Request| matches!(request, Request::Batch(_));
        let asks_frame = self.port.writes.is_followed() && pipeline.requests.iter().any(is_batch);
        if asks_frame {
            // The answer to a batch does not say which frame it has become.
            pipeline.requests.push(frame_request());
        }
        let began = Instant::now();
        let mut answers = self.run_pipeline(&pipeline, &pending);
        let time = began.elapsed();
        self.frame = None;
        if let (true, Ok(answers)) = (asks_frame, &mut answers) {
            if let Some(Ok(Response::Execute(answer))) = answers.pop() {
                self.frame = answer.result.and_then(|result| result.replication_index);
            }
        }
        let has_ended = was_open && !self.session.in_transaction();
        self.reply(pending, answers, time, has_ended);
    }

    /// What a job asks the server for, if it does; with a guard, only as long as its transaction is open.
    fn request(
        &self,
        job: &Job,
        pipeline: &mut Pipeline,
        guard: bool,
    ) -> Result<Option<usize>, Failure> {
        let request = match job.op {
            Op::Prepare => {
                let sql = text_of(&job.params, 0)?;
                require_one(&sql)?;
                if self.described.contains_key(sql.as_str()) {
                    return Ok(None);
                }
                Request::Describe(SqlRequest { sql: Some(sql) })
            }
            Op::Run | Op::Get | Op::All | Op::Iterate => {
                let entry = self.statements.get(&job.target);
                let entry = entry.ok_or_else(LocalError::closed)?;
                if job.op != Op::Run && !entry.reader {
                    return Err(no_reader().into());
                }
                require_count(entry, &job.params)?;
                pipeline.repeatable &= entry.described.readonly && entry.reader;
                pipeline.may_commit |= may_commit(&entry.sql);
                let stmt = Some(statement(entry, &job.params, job.op != Op::Run)?);
                if guard && !(entry.described.readonly && entry.reader) {
                    let batch = Some(guarded(Batch {
                        steps: vec![BatchStep {
                            stmt,
                            ..BatchStep::default()
                        }],
                    }));
                    Request::Batch(BatchRequest { batch })
                } else {
                    Request::Execute(ExecuteRequest { stmt })
                }
            }
            Op::Exec => {
                let script = text_of(&job.params, 0)?;
                let Some(batch) = script_of(&script)? else {
                    return Ok(None);
                };
                pipeline.repeatable = false;
                pipeline.may_commit |= may_commit(&script);
                let batch = Some(if guard { guarded(batch) } else { batch });
                Request::Batch(BatchRequest { batch })
            }
            Op::Batch => {
                pipeline.repeatable = false;
                // Inside a transaction it is a savepoint.
                pipeline.may_commit |= !self.session.in_transaction();
                let batch = batch_of(&job.params)?;
                let batch = Some(if guard { guarded(batch) } else { batch });
                Request::Batch(BatchRequest { batch })
            }
            Op::Undo if self.session.in_transaction() => {
                pipeline.repeatable = false;
                let batch = script_of(&text_of(&job.params, 0)?)?;
                Request::Batch(BatchRequest { batch })
            }
            _ => return Ok(None),
        };
        pipeline.requests.push(request);
        Ok(Some(pipeline.requests.len() - 1))
    }

    /// The answers to a pipeline's requests, or the one error that all of them end with.
    fn run_pipeline(
        &mut self,
        pipeline: &Pipeline,
        pending: &[Pending],
    ) -> Result<Vec<Answer>, Failure> {
        if pipeline.requests.is_empty() {
            return Ok(Vec::new());
        }
        self.port.notify();
        // A transaction that is lost is rolled back, unless it may have been committed.
        let may_write =
            !(pipeline.repeatable || (self.session.in_transaction() && !pipeline.may_commit));
        let Self {
            port,
            session,
            runtime,
            ..
        } = self;
        let wanted = || !port.is_stopping() && pending.iter().any(|p| port.wants(p.job.id));
        let running = AssertUnwindSafe(|| runtime.block_on(until(session.run(pipeline), wanted)));
        let outcome = catch_unwind(running);
        let is_clear = match &outcome {
            Ok(Some(Err(error))) => error.is_refusal(),
            Ok(Some(Ok(_))) => true,
            _ => false,
        };
        if !is_clear && may_write {
            self.port.writes.doubt();
        }
        match outcome {
            Ok(Some(outcome)) => Ok(outcome?),
            Ok(None) => Err(interrupted().into()),
            Err(_) => Err(internal().into()),
        }
    }

    /// `time` is how long the pipeline took, which is the same for all of its jobs.
    fn reply(
        &mut self,
        pending: Vec<Pending>,
        answers: Result<Vec<Answer>, Failure>,
        time: Duration,
        has_ended: bool,
    ) {
        let ender = if has_ended {
            self.ender(&pending, &answers)
        } else {
            None
        };
        self.lost |= ender.is_some();
        let (mut answers, failure) = match answers {
            Ok(answers) => (answers.into_iter().map(Some).collect(), None),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        for (number, Pending { job, request }) in pending.into_iter().enumerate() {
            let outcome = match (request, &failure) {
                (Err(error), _) => Err(error),
                (Ok(None), _) => self.answer_locally(&job),
                (Ok(Some(_)), Some(failure)) => {
                    failure.reply(&mut self.replies);
                    Ok(())
                }
                (Ok(Some(at)), None) => match answers.get_mut(at).and_then(Option::take) {
                    Some(Ok(response)) => self.answer(&job, response),
                    Some(Err(error)) => Err(refused(&job, server_failure(&error))),
                    None => Err(internal().into()),
                },
            };
            if let Err(error) = outcome {
                error.reply(&mut self.replies);
            }
            if ender == Some(number) {
                self.replies.lost();
            }
            if job.flags & flag::TIMED != 0 {
                self.replies.time(time);
            }
            self.end(job.id);
        }
    }

    fn end(&mut self, id: u32) {
        let state = ConnectionState {
            in_transaction: self.session.in_transaction(),
            shareable: false,
        };
        self.replies.end(id, state);
    }
}

/// What the server refused as a whole, with the statement that it is about.
fn refused(job: &Job, failure: Failure) -> Failure {
    let script = text_of(&job.params, 0).unwrap_or_default();
    let batch = match job.op {
        Op::Exec => script_of(&script).ok().flatten(),
        Op::Batch => batch_of(&job.params).ok(),
        _ => return failure,
    };
    let Some(batch) = batch else {
        return failure;
    };
    let (_, message) = failure.describe();
    let Some((step, offset)) = refused::find(&batch, &message) else {
        return failure;
    };
    let place = if job.op == Op::Batch {
        // Behind the one that begins it.
        step.checked_sub(1).map(|number| (number, 0))
    } else {
        let ranges = statements(&script);
        let at = usize::try_from(step).ok().and_then(|at| ranges.get(at));
        at.map(|range| (step, range.start))
    };
    let failure = match failure {
        Failure::Server(error) => Failure::Server(ServerError {
            offset: Some(offset),
            ..error
        }),
        failure => failure,
    };
    failure.at(place)
}

/// Waits for `future` as long as anybody wants it.
pub(crate) async fn until<T>(
    future: impl Future<Output = T>,
    wanted: impl Fn() -> bool,
) -> Option<T> {
    let mut future = pin!(future);
    loop {
        match tokio::time::timeout(TICK, &mut future).await {
            Ok(output) => return Some(output),
            Err(_) if wanted() => {}
            Err(_) => return None,
        }
    }
}
