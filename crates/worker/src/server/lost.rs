//! Which call has ended the transaction that it belongs to.

use ferrolite_remote::{Answer, Effect, Pipeline, Response};

use super::Pending;
use crate::failure::Failure;
use crate::job::Job;
use crate::protocol::Op;

type Answers = Result<Vec<Answer>, Failure>;

/// The first that failed, of a pipeline that a transaction was open before and is not any more; `None` if it
/// has ended as it should.
pub(super) fn ender(pending: &[Pending], pipeline: &Pipeline, answers: &Answers) -> Option<usize> {
    if pending.iter().any(|p| has_committed(p, pipeline, answers)) {
        return None;
    }
    let first = |is_meant: fn(&Job) -> bool| {
        let mut pending = pending.iter();
        pending.position(|p| is_meant(&p.job) && has_failed(p, answers))
    };
    // The pipeline of another call may be lost, too: what is compiled meanwhile is in the same stream.
    first(Job::is_inside).or_else(|| first(|_| true))
}

fn has_committed(
    Pending { job, request }: &Pending,
    pipeline: &Pipeline,
    answers: &Answers,
) -> bool {
    let (Ok(Some(at)), Ok(answers)) = (request, answers) else {
        return false;
    };
    let is_commit = job.op != Op::Batch && pipeline.effect(*at) == Some(Effect::Commits);
    is_commit && answers.get(*at).is_some_and(has_succeeded)
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
        Ok(Response::Batch(result)) => result.first_error().is_none(),
        answer => answer.is_ok(),
    }
}
