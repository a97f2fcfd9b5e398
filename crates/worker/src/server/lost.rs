//! Which call has ended the transaction that it belongs to.

use ferrolite_remote::proto::Response;
use ferrolite_remote::{may_commit, Answer};

use super::request::text_of;
use super::{Pending, Server};
use crate::failure::Failure;
use crate::job::Job;
use crate::protocol::Op;

type Answers = Result<Vec<Answer>, Failure>;

impl Server<'_> {
    /// The first that failed, of a pipeline that a transaction was open before and is not any more; `None` if a
    /// commit or rollback of its own has ended it.
    pub(super) fn ender(&self, pending: &[Pending], answers: &Answers) -> Option<usize> {
        if pending.iter().any(|p| self.has_committed(p, answers)) {
            return None;
        }
        let first = |is_meant: fn(&Job) -> bool| {
            let mut pending = pending.iter();
            pending.position(|p| is_meant(&p.job) && has_failed(p, answers))
        };
        // The pipeline of another call may be lost, too: what is compiled meanwhile is in the same stream.
        first(Job::is_inside).or_else(|| first(|_| true))
    }

    fn has_committed(&self, Pending { job, request }: &Pending, answers: &Answers) -> bool {
        let (Ok(Some(at)), Ok(answers)) = (request, answers) else {
            return false;
        };
        self.is_commit(job) && answers.get(*at).is_some_and(has_succeeded)
    }

    fn is_commit(&self, job: &Job) -> bool {
        match job.op {
            Op::Exec => text_of(&job.params, 0).is_ok_and(|script| may_commit(&script)),
            Op::Batch => false,
            _ => {
                let entry = self.statements.get(&job.target);
                entry.is_some_and(|entry| may_commit(&entry.sql))
            }
        }
    }
}

/// Whether the server was asked, and it did not succeed.
fn has_failed(pending: &Pending, answers: &Answers) -> bool {
    let Ok(Some(at)) = &pending.request else {
        return false;
    };
    let answer = answers.as_ref().ok().and_then(|answers| answers.get(*at));
    !answer.is_some_and(has_succeeded)
}

fn has_succeeded(answer: &Answer) -> bool {
    match answer {
        Ok(Response::Batch(answer)) => {
            let result = answer.result.as_ref();
            result.is_some_and(|result| result.step_errors.is_empty())
        }
        answer => answer.is_ok(),
    }
}
