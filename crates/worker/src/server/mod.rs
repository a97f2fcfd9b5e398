//! The thread that serves a database on a libSQL server. What is called while a request is under way crosses with
//! the next one, all of it in one trip.

mod lost;
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
use ferrolite_remote::{may_commit, Answer, Config, Session, Trip};
use ferrolite_sqlite::{Error as LocalError, Params};
use tokio::runtime::Runtime;

use crate::failure::{internal, interrupted, no_reader, server_failure, Failure};
use crate::job::{Job, Jobs};
use crate::port::Port;
use crate::protocol::{flag, job, Op, Reply};
use crate::reply::{ConnectionState, Scratch};
use request::{
    batch_of, guarded, require_count, require_one, script_of, statement, text_of, Described, Entry,
};

/// How long a request may miss the word to stop.
const TICK: Duration = Duration::from_millis(10);

/// How long closing a connection may take.
const CLOSING: Duration = Duration::from_secs(1);

/// Requests that cross together, at most.
const MAX_REQUESTS: usize = 256;

/// Descriptions of SQL that are kept.
const MAX_DESCRIBED: usize = 1000;

/// Serves a connection until there is nothing left to do.
pub fn serve(port: &Arc<Port>, config: &Config) {
    let mut remote = match open(port, config) {
        Ok(remote) => remote,
        Err(error) => return refuse(port, &error),
    };
    remote.done();
    remote.end(job::OPENING);
    remote.run();
}

fn open<'p>(port: &'p Arc<Port>, config: &Config) -> Result<Remote<'p>, Failure> {
    Ok(Remote {
        port,
        session: Session::new(config)?,
        runtime: runtime()?,
        scratch: Scratch::new(),
        statements: HashMap::new(),
        described: HashMap::new(),
        cursors: HashMap::new(),
        frame: None,
        last: (0, 0),
        lost: false,
        notified: Instant::now(),
    })
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
    let no_runtime = LocalError::Type("Cannot open database because no thread could be started");
    runtime.map_err(|_| no_runtime)
}

/// Answers every job with the error that opening ended with.
pub(crate) fn refuse(port: &Port, error: &Failure) {
    let mut scratch = Scratch::new();
    let mut reply = |id| {
        error.push(&mut scratch);
        port.end(id);
        port.send(&mut scratch);
    };
    reply(job::OPENING);
    while let Some(message) = port.receive() {
        let mut jobs = Jobs::new(&message);
        while let Some(job) = jobs.next(Params::default()) {
            if job.op != Op::Drop {
                reply(job.id);
            }
            if job.op == Op::Close {
                port.close();
            }
        }
    }
}

struct Remote<'p> {
    port: &'p Arc<Port>,
    session: Session,
    runtime: Runtime,
    scratch: Scratch,
    statements: HashMap<u32, Entry>,
    /// What the server said of SQL, by the SQL.
    described: HashMap<Rc<str>, Rc<Described>>,
    cursors: HashMap<u32, Cursor>,
    /// The primary's last frame after the trip, where that was asked.
    frame: Option<u64>,
    /// Changes and rowid of the last statement that wrote.
    last: (i64, i64),
    /// An error has ended the transaction whose calls may still come.
    lost: bool,
    /// When JavaScript was woken last.
    notified: Instant,
}

struct Cursor {
    rows: std::vec::IntoIter<Row>,
    flags: u32,
}

/// A job, and its request's place in the trip if it has one.
struct Passenger {
    job: Job,
    request: Result<Option<usize>, Failure>,
}

impl Remote<'_> {
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

    /// Takes what may cross together from the queue, and answers it.
    fn serve(&mut self, queue: &mut VecDeque<Job>) {
        let mut trip = Trip {
            repeatable: true,
            ..Trip::default()
        };
        let mut passengers = Vec::new();
        let was_open = self.session.in_transaction();
        // A request before may end the transaction that it is for.
        let mut is_second = false;
        while let Some(job) = queue.pop_front() {
            if job.op == Op::Drop {
                self.statements.remove(&job.target);
                continue;
            }
            // What comes with it in the same trip may execute it.
            if job.op == Op::Introduce {
                self.introduce(&job);
                if job.id == job::NONE {
                    continue;
                }
            }
            // What comes after it is for another state of the connection.
            let is_last = matches!(job.op, Op::Undo | Op::Close);
            if is_last && !trip.requests.is_empty() {
                queue.push_front(job);
                break;
            }
            if job.op.executes() && job.flags & flag::INSIDE == 0 {
                self.lost = false;
            }
            let request = if self.lost && job.is_inside() {
                Err(Failure::Lost)
            } else if self.port.wants(job.id) {
                let guard = is_second && was_open && !trip.may_commit && job.is_inside();
                self.request(&job, &mut trip, guard)
            } else {
                Err(Failure::Local(interrupted()))
            };
            is_second |= job.is_inside() && matches!(request, Ok(Some(_)));
            passengers.push(Passenger { job, request });
            if is_last || trip.requests.len() >= MAX_REQUESTS {
                break;
            }
        }
        let is_batch = |request: &Request| matches!(request, Request::Batch(_));
        let asks_frame = self.port.writes.is_followed() && trip.requests.iter().any(is_batch);
        if asks_frame {
            // The answer to a batch does not say which frame it has become.
            trip.requests.push(frame_request());
        }
        let began = Instant::now();
        let mut answers = self.travel(&trip, &passengers);
        let time = began.elapsed();
        self.frame = None;
        if let (true, Ok(answers)) = (asks_frame, &mut answers) {
            if let Some(Ok(Response::Execute(answer))) = answers.pop() {
                self.frame = answer.result.and_then(|result| result.replication_index);
            }
        }
        let has_ended = was_open && !self.session.in_transaction();
        self.arrive(passengers, answers, time, has_ended);
    }

    /// What a job asks the server for, if it does; with a guard, only as long as its transaction is open.
    fn request(&self, job: &Job, trip: &mut Trip, guard: bool) -> Result<Option<usize>, Failure> {
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
                trip.repeatable &= entry.described.readonly && entry.reader;
                trip.may_commit |= may_commit(&entry.sql);
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
                trip.repeatable = false;
                trip.may_commit |= may_commit(&script);
                let batch = Some(if guard { guarded(batch) } else { batch });
                Request::Batch(BatchRequest { batch })
            }
            Op::Batch => {
                trip.repeatable = false;
                // Inside a transaction it is a savepoint.
                trip.may_commit |= !self.session.in_transaction();
                let batch = batch_of(&job.params)?;
                let batch = Some(if guard { guarded(batch) } else { batch });
                Request::Batch(BatchRequest { batch })
            }
            Op::Undo if self.session.in_transaction() => {
                trip.repeatable = false;
                let batch = script_of(&text_of(&job.params, 0)?)?;
                Request::Batch(BatchRequest { batch })
            }
            _ => return Ok(None),
        };
        trip.requests.push(request);
        Ok(Some(trip.requests.len() - 1))
    }

    /// The answers to a trip's requests, or the one error that all of them end with.
    fn travel(&mut self, trip: &Trip, passengers: &[Passenger]) -> Result<Vec<Answer>, Failure> {
        if trip.requests.is_empty() {
            return Ok(Vec::new());
        }
        self.port.notify();
        // A transaction that is lost is rolled back, unless it may have been committed.
        let may_write = !(trip.repeatable || (self.session.in_transaction() && !trip.may_commit));
        let Self {
            port,
            session,
            runtime,
            ..
        } = self;
        let wanted = || !port.is_stopping() && passengers.iter().any(|p| port.wants(p.job.id));
        let travelling = AssertUnwindSafe(|| runtime.block_on(until(session.run(trip), wanted)));
        let outcome = catch_unwind(travelling);
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

    /// `time` is how long the trip took, which is the same for all that crossed in it.
    fn arrive(
        &mut self,
        passengers: Vec<Passenger>,
        answers: Result<Vec<Answer>, Failure>,
        time: Duration,
        has_ended: bool,
    ) {
        let ender = if has_ended {
            self.ender(&passengers, &answers)
        } else {
            None
        };
        self.lost |= ender.is_some();
        let (mut answers, failure) = match answers {
            Ok(answers) => (answers.into_iter().map(Some).collect(), None),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        for (number, Passenger { job, request }) in passengers.into_iter().enumerate() {
            let outcome = match (request, &failure) {
                (Err(error), _) => Err(error),
                (Ok(None), _) => self.answer_here(&job),
                (Ok(Some(_)), Some(failure)) => {
                    failure.push(&mut self.scratch);
                    Ok(())
                }
                (Ok(Some(at)), None) => match answers.get_mut(at).and_then(Option::take) {
                    Some(Ok(response)) => self.answer(&job, response),
                    Some(Err(error)) => Err(server_failure(&error)),
                    None => Err(internal().into()),
                },
            };
            if let Err(error) = outcome {
                error.push(&mut self.scratch);
            }
            if ender == Some(number) {
                self.scratch.push_lost();
            }
            if job.flags & flag::TIMED != 0 {
                self.scratch.push_time(time);
            }
            self.end(job.id);
        }
    }

    pub(super) fn end(&mut self, id: u32) {
        self.port.end(id);
        self.scratch.state = Some(ConnectionState {
            in_transaction: self.session.in_transaction(),
            shareable: false,
        });
        self.port.send_with_others(&mut self.scratch);
        if Port::has_gathered(self.notified) {
            self.port.notify();
            self.notified = Instant::now();
        }
    }

    pub(super) fn done(&mut self) {
        self.scratch.part(Reply::Done, 0, 0, 0);
    }
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
