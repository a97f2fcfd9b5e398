//! The thread that keeps a replica up to date.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrolite_remote::{Config, Replica, ReplicaOptions, Synced};
use ferrolite_sqlite::{Error as LocalError, Param, Params, ValueRef};
use tokio::runtime::Runtime;

use crate::failure::{internal, interrupted, Failure};
use crate::job::{Job, Jobs, Malformed};
use crate::port::{NoMessage, Port};
use crate::protocol::{job, Extent, Op, Reply};
use crate::reply::Replies;
use crate::server::{runtime, until};
use crate::syncs::Moment;

/// How long after a write the replica catches up by itself: others may come with it.
const SOON: Duration = Duration::from_millis(20);

/// How long after an attempt in vain it is tried again to learn what came of a write: at first, and at most.
const RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(30);

struct Syncer<'p> {
    port: &'p Arc<Port>,
    /// Of the connection that writes.
    remote: &'p Arc<Port>,
    /// None once it is closed.
    replica: Option<Replica>,
    runtime: Runtime,
    replies: Replies<'p>,
    /// Doubts about writes that a sync has settled since.
    settled: u64,
}

/// Serves a replica until it is closed; every `period`, it is brought up to date without being asked.
pub fn serve(
    port: &Arc<Port>,
    remote: &Arc<Port>,
    config: &Config,
    options: &ReplicaOptions,
    period: Option<Duration>,
) {
    let opened = catch_unwind(AssertUnwindSafe(|| open(port, remote, config, options)));
    port.set_opened();
    let mut syncer = match opened.unwrap_or_else(|_| Err(internal().into())) {
        Ok(syncer) => syncer,
        Err(failure) => {
            return Replies::new(port).refuse(|replies| failure.reply(replies));
        }
    };
    let frame = syncer.replica.as_ref().and_then(Replica::readable);
    syncer.end(job::OPENING, Ok(Synced { frame, frames: 0 }));
    // What is due without being asked for: after each period, and soon after a write.
    let mut due = period.map(|_| Instant::now());
    let mut soon: Option<Instant> = None;
    let mut retry = RETRY;
    loop {
        match port.receive_until(due.into_iter().chain(soon).min()) {
            Ok(message) => {
                let mut jobs = Jobs::new(&message);
                while let Some(job) = jobs.next(Params::default()) {
                    let job = match job {
                        Ok(job) => job,
                        Err(Malformed { id }) => {
                            syncer.replies.malformed(id);
                            continue;
                        }
                    };
                    if job.id == job::NONE {
                        soon.get_or_insert_with(|| Instant::now() + SOON);
                    } else {
                        syncer.serve(&job);
                        soon = syncer.is_in_doubt().then(|| Instant::now() + retry);
                    }
                }
            }
            Err(NoMessage::Closed) => break,
            Err(NoMessage::Yet) => {
                let is_soon = soon.take_if(|soon| *soon <= Instant::now()).is_some();
                let how_far = if is_soon {
                    Extent::Written
                } else {
                    Extent::Now
                };
                // Whoever wants to know why it failed asks for a sync.
                let _ = syncer.run(job::NONE, how_far, 0);
                if !is_soon {
                    due = period.map(|period| Instant::now() + period);
                }
                if syncer.is_in_doubt() {
                    soon = Some(Instant::now() + retry);
                    retry = MAX_RETRY.min(2 * retry);
                } else {
                    retry = RETRY;
                }
            }
        }
    }
    syncer.close();
    // A name that is being looked up is on a thread of its own.
    syncer.runtime.shutdown_background();
}

fn open<'p>(
    port: &'p Arc<Port>,
    remote: &'p Arc<Port>,
    config: &Config,
    options: &ReplicaOptions,
) -> Result<Syncer<'p>, Failure> {
    let replica = Replica::open(config, options)?;
    Ok(Syncer {
        port,
        remote,
        replica: Some(replica),
        runtime: runtime()?,
        replies: Replies::new(port),
        settled: 0,
    })
}

impl Syncer<'_> {
    /// Whether the file may lack a write of which it is not known whether it has happened.
    fn is_in_doubt(&self) -> bool {
        self.remote.write_counter.doubts() != self.settled
    }

    fn close(&mut self) {
        if let Some(replica) = self.replica.take() {
            replica.close();
        }
    }

    fn serve(&mut self, job: &Job) {
        match job.op {
            Op::Sync => {
                let frame = match job.params.values.first() {
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
                    Some(Param::Real(frame)) => *frame as u64,
                    _ => 0,
                };
                let how_far = Extent::from_number(job.extra).unwrap_or(Extent::Now);
                let outcome = self.run(job.id, how_far, frame);
                self.end(job.id, outcome);
            }
            Op::Close => {
                // Whoever waits for it may open the file again.
                self.close();
                self.port.close();
                self.replies.done();
                self.send(job.id);
            }
            _ => self.end(job.id, Err(internal().into())),
        }
    }

    fn end(&mut self, id: u32, outcome: Result<Synced, Failure>) {
        match outcome {
            Ok(Synced { frame, frames }) => {
                let integer = |n: u64| ValueRef::Integer(i64::try_from(n).unwrap_or(i64::MAX));
                let values = [frame.map_or(ValueRef::Null, integer), integer(frames)];
                self.replies.end_with(&values);
            }
            Err(failure) => failure.reply(&mut self.replies),
        }
        self.send(id);
    }

    fn send(&mut self, id: u32) {
        self.replies.end_and_send(id);
    }

    /// Syncs for a job, or for none.
    fn run(&mut self, id: u32, how_far: Extent, frame: u64) -> Result<Synced, Failure> {
        let readable = self.replica.as_ref().and_then(Replica::readable);
        if how_far == Extent::Frame && readable.is_some_and(|last| last >= frame) {
            // Nothing is asked of the server, so nothing new is known.
            return self.pull(id, how_far, frame);
        }
        let began = Moment::now();
        let outcome = self.pull(id, how_far, frame);
        if outcome.is_ok() {
            self.port.syncs.succeeded(began);
        }
        self.report(id, how_far, began, &outcome);
        outcome
    }

    /// Reports a sync, together with the reply if there is one.
    fn report(
        &mut self,
        id: u32,
        how_far: Extent,
        began: Moment,
        outcome: &Result<Synced, Failure>,
    ) {
        let is_asked = id != job::NONE;
        let has_made_way = !is_asked && matches!(outcome, Err(error) if error.is_interrupt());
        if !self.port.syncs.are_reported() || has_made_way || (!is_asked && self.port.is_behind()) {
            return;
        }
        let integer = |n: u64| ValueRef::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let (frame, frames) = match outcome {
            Ok(Synced { frame, frames }) => (*frame, *frames),
            Err(_) => (self.replica.as_ref().and_then(Replica::frame), 0),
        };
        let failure = outcome.as_ref().err().map(Failure::describe);
        let (code, message) = match &failure {
            Some((code, message)) => (
                ValueRef::Text(code.as_bytes()),
                ValueRef::Text(message.as_bytes()),
            ),
            None => (ValueRef::Null, ValueRef::Null),
        };
        let values = [
            ValueRef::Integer(is_asked.into()),
            ValueRef::Integer(how_far as i64),
            frame.map_or(ValueRef::Null, integer),
            integer(frames),
            ValueRef::Real(1000.0 * began.elapsed().as_secs_f64()),
            code,
            message,
        ];
        self.replies.push_values(Reply::Sync, &values);
        if !is_asked {
            self.replies.send();
        }
    }

    fn pull(&mut self, id: u32, how_far: Extent, frame: u64) -> Result<Synced, Failure> {
        let Self {
            port,
            remote,
            replica,
            runtime,
            settled,
            ..
        } = self;
        let Some(replica) = replica else {
            return Err(LocalError::closed().into());
        };
        let doubts = remote.write_counter.doubts();
        let sync = async {
            match how_far {
                Extent::Written => replica.catch_up(remote.write_counter.last()).await,
                Extent::Frame => replica.sync_until(frame).await,
                Extent::Anew => replica.resync().await,
                Extent::Now => replica.sync().await,
            }
        };
        // What nobody has asked for makes way for what somebody asks for.
        let wanted = || match id {
            job::NONE => !port.is_shutting_down() && !port.has_message(),
            id => !port.is_shutting_down() && port.wants(id),
        };
        let syncing = AssertUnwindSafe(|| runtime.block_on(until(sync, wanted)));
        let outcome: Result<Synced, Failure> = match catch_unwind(syncing) {
            Ok(Some(outcome)) => outcome.map_err(Failure::from),
            Ok(None) => Err(interrupted().into()),
            Err(_) => Err(internal().into()),
        };
        match &outcome {
            Ok(_) if how_far != Extent::Frame => *settled = doubts,
            Ok(_) => {}
            Err(_) => replica.abandon(),
        }
        outcome
    }
}
