//! The thread that stores a database which is in memory on the thread of the front end: it asks the store, and has no
//! connection.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use ferrolite_kv::{Database, Error as StoreFailure, Result};
use ferrolite_sqlite::{Params, ValueRef};

use super::store::store_of;
use super::store_task::push_moments;
use super::StoreArgs;
use crate::block::ConnectionState;
use crate::job::{Job, Jobs, Malformed};
use crate::port::Port;
use crate::protocol::{job, Op, StoreTask};
use crate::reply::{Replies, INTERNAL};

/// Opens the database `name`, leaves its state at the port, and stores what is left there.
pub fn serve(port: &Arc<Port>, name: &str, args: &StoreArgs) {
    let mut replies = Replies::new(port);
    let opened = open(port, name, args);
    let database = match opened {
        Ok(Some(database)) => database,
        Ok(None) => {
            let missing = ferrolite_kv::missing(name);
            return replies.refuse(|replies| replies.error(&missing));
        }
        Err(error) => {
            let code = error.result_code();
            return replies.refuse(|replies| replies.store_error(&error, code));
        }
    };
    replies.done();
    replies.end_and_send(job::OPENING);
    Keeper {
        port,
        replies,
        database,
    }
    .run();
}

fn open(port: &Arc<Port>, name: &str, args: &StoreArgs) -> Result<Option<Database>> {
    let mut database = Database::open(store_of(port, args), name, args.options.clone())?;
    if database.number() == 0 {
        return Ok(None);
    }
    port.exchange.leave_snapshot(database.snapshot()?);
    Ok(Some(database))
}

struct Keeper<'p> {
    port: &'p Arc<Port>,
    replies: Replies<'p>,
    database: Database,
}

impl Keeper<'_> {
    fn run(mut self) {
        while let Some(message) = self.port.receive() {
            let mut jobs = Jobs::new(&message);
            while let Some(job) = jobs.next(Params::default()) {
                if self.port.is_shutting_down() {
                    return;
                }
                match job {
                    Ok(job) => self.serve(&job),
                    Err(Malformed { id }) => self.replies.malformed(id),
                }
            }
        }
    }

    fn serve(&mut self, job: &Job) {
        self.port.begin(job.id);
        match catch_unwind(AssertUnwindSafe(|| self.execute(job))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.replies.store_error(&error, error.result_code()),
            Err(_) => self.replies.error(&INTERNAL),
        }
        let state = ConnectionState {
            in_transaction: false,
            shareable: false,
        };
        self.replies.end(job.id, state);
    }

    fn execute(&mut self, job: &Job) -> Result<()> {
        match (job.op, StoreTask::from_number(job.extra)) {
            (Op::Close, _) => {
                let closed = self.database.close();
                // The thread ends with what has come until now.
                self.port.close();
                closed?;
            }
            (Op::Store, Some(StoreTask::Refresh)) => {
                let moved = self.database.refresh()?;
                if moved {
                    self.leave_snapshot()?;
                }
                self.replies.end_with(&[ValueRef::Integer(moved.into())]);
                return Ok(());
            }
            (Op::Store, Some(StoreTask::History)) => {
                push_moments(&mut self.replies, &self.database.history()?);
                return Ok(());
            }
            (Op::Store, Some(StoreTask::Restore)) => {
                self.database.restore(job.target)?;
                self.leave_snapshot()?;
            }
            (Op::Store, Some(StoreTask::Apply)) => {
                let batch = self.port.exchange.take_batch();
                let applied = batch.map_or(Ok(()), |batch| self.database.apply(&batch));
                self.port.exchange.leave_outcome(applied.clone());
                applied?;
            }
            (Op::Store, Some(StoreTask::Checkpoint)) => {
                self.database.checkpoint()?;
                self.replies.end_with(&[ValueRef::Integer(1)]);
                return Ok(());
            }
            (Op::Store, Some(StoreTask::Flush | StoreTask::End)) => {}
            _ => {
                let message = "the store of this database has another thread";
                return Err(StoreFailure::Usage(message.into()));
            }
        }
        self.replies.done();
        Ok(())
    }

    fn leave_snapshot(&mut self) -> Result<()> {
        let snapshot = self.database.snapshot()?;
        self.port.exchange.leave_snapshot(snapshot);
        Ok(())
    }
}
