//! What a database in a key-value store does besides SQL.

use ferrolite_kv::{Handle, Moment};
use ferrolite_sqlite::{Error, ValueRef};

use super::{Outcome, Owner};
use crate::job::Job;
use crate::protocol::{Reply, StoreTask};
use crate::reply::{Replies, Rows, INTERNAL};

impl Owner<'_> {
    pub(super) fn serve_store(&mut self, job: &Job) -> Outcome {
        let Some(task) = StoreTask::from_number(job.extra) else {
            return Err(INTERNAL);
        };
        let Some(handle) = self.store.clone() else {
            // The front end has asked what kind of database it is.
            return Err(INTERNAL);
        };
        let failed = |error| handle.engine_error(error);
        match task {
            StoreTask::Refresh => {
                let moved = self.refresh(&handle)?;
                self.replies.end_with(&[ValueRef::Integer(moved.into())]);
                return Ok(());
            }
            StoreTask::History => {
                push_moments(&mut self.replies, &handle.history().map_err(failed)?);
                return Ok(());
            }
            StoreTask::Checkpoint => {
                let done = handle.checkpoint_at_rest(&self.conn).map_err(failed)?;
                self.replies.end_with(&[ValueRef::Integer(done.into())]);
                return Ok(());
            }
            StoreTask::Apply => return Err(INTERNAL),
            StoreTask::Flush => handle.flush().map_err(failed)?,
            StoreTask::End => handle.end().map_err(failed)?,
            StoreTask::Restore => handle.restore(&self.conn, job.target).map_err(failed)?,
        }
        self.replies.done();
        Ok(())
    }

    fn refresh(&self, handle: &Handle) -> Result<bool, Error> {
        // A transaction must not see another state in its middle.
        self.conn.reset_cache()?;
        handle.refresh().map_err(|error| handle.engine_error(error))
    }
}

/// The epochs that can be opened, a row each.
pub fn push_moments(replies: &mut Replies<'_>, moments: &[Moment]) {
    let mut rows = Rows::new(replies, 0);
    rows.begin(3);
    for moment in moments {
        let time = i64::try_from(moment.time).unwrap_or(0);
        let values = [moment.epoch.into(), time, moment.pages.into()];
        rows.push_values(values.map(ValueRef::Integer).into_iter());
    }
    rows.end(Reply::LastRows);
}
