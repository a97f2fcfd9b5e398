//! What the server's answers become: rows and ends of calls.

use std::rc::Rc;

use ferrolite_remote::Rows as RemoteRows;
use ferrolite_remote::{
    changes_schema, BatchResult, Column, Description, Executed, Outcome, Response,
};
use ferrolite_sqlite::{statements, Error as LocalError, Param, TokenKind, Tokens, ValueRef};

use super::request::{text_of, ServerStatement};
use super::{Iteration, Server, MAX_DESCRIBED};
use crate::failure::{misfit, Ended, Failure};
use crate::job::Job;
use crate::protocol::{flag, Op, Reply};
use crate::reply::{push_column, Replies, Rows};

impl Server<'_> {
    /// Jobs that need no server.
    pub(super) fn answer_locally(&mut self, job: &Job) -> Ended {
        match job.op {
            Op::Prepare => {
                let sql: Rc<str> = text_of(&job.params, 0)?.into();
                if let Some(description) = self.described.get(&sql).cloned() {
                    self.prepared(job, sql, description);
                    return Ok(());
                }
            }
            Op::Next => return self.next(job),
            Op::Return => {
                self.iterations.remove(&job.target);
            }
            Op::Changes => {
                let (changes, rowid) = self.last;
                self.replies.changes(changes, rowid, job.flags);
                return Ok(());
            }
            Op::Close => {
                self.close();
                self.port.close();
            }
            Op::Introduce => {
                let entry = self.statements.get(&job.target).ok_or_else(misfit)?;
                entry.describe(&mut self.replies);
                return Ok(());
            }
            // A script of nothing but comments, too.
            Op::Exec | Op::Undo => {}
            _ => {
                let text = "This method is not available for remote databases";
                return Err(LocalError::Type(text).into());
            }
        }
        self.replies.done();
        Ok(())
    }

    pub(super) fn answer(&mut self, job: &Job, response: Response) -> Ended {
        match (job.op, response) {
            (Op::Prepare, Response::Described(description)) => {
                let sql: Rc<str> = text_of(&job.params, 0)?.into();
                let description = Rc::new(description);
                if self.described.len() >= MAX_DESCRIBED {
                    self.described.clear();
                }
                self.described.insert(sql.clone(), description.clone());
                self.prepared(job, sql, description);
                Ok(())
            }
            (_, Response::Batch(result)) if job.is_inside() && result.is_empty() => {
                Err(Failure::Lost)
            }
            (Op::Exec | Op::Undo, Response::Batch(result)) => self.ran(job, &result),
            (Op::Batch, Response::Batch(result)) => self.batched(job, result),
            (Op::Run | Op::Get | Op::All | Op::Iterate, Response::Batch(mut result)) => {
                if let Some((_, error)) = result.first_error() {
                    self.doubt(error.outcome);
                    return Err(error.clone().into());
                }
                let result = result.take(0).ok_or_else(misfit)?;
                self.executed(job, result)
            }
            (_, Response::Executed(result)) => self.executed(job, result),
            _ => Err(misfit()),
        }
    }

    fn prepared(&mut self, job: &Job, sql: Rc<str>, description: Rc<Description>) {
        let mut entry = ServerStatement::new(job, sql, description);
        let columns = entry.description.columns.clone();
        if !columns.is_empty() {
            report_columns(&mut self.replies, &mut entry, columns);
        }
        entry.describe(&mut self.replies);
        self.statements.insert(job.target, entry);
    }

    /// Takes what the local half of a replica has compiled: the server need not be asked.
    pub(super) fn introduce(&mut self, job: &Job) {
        let Ok(sql) = text_of(&job.params, 0) else {
            return;
        };
        let is = |at| job.params.values.get(at) == Some(&Param::Real(1.0));
        let description = Rc::new(Description::known(&sql, is(1), is(2)));
        self.statements.insert(
            job.target,
            ServerStatement::new(job, sql.into(), description),
        );
    }

    fn executed(&mut self, job: &Job, result: Executed) -> Ended {
        let entry = self.statements.get_mut(&job.target).ok_or_else(misfit)?;
        if !entry.only_reads() {
            // COMMIT only reads, as SQLite has it.
            self.port.write_counter.add(result.frame);
        }
        let readonly = entry.description.readonly;
        if !readonly {
            self.last = (
                result.changes,
                result.last_insert_rowid.unwrap_or(self.last.1),
            );
            if entry.changes_schema() {
                self.described.clear();
            }
        }
        if job.op == Op::Run {
            let changes = if readonly { 0 } else { self.last.0 };
            self.replies.changes(changes, self.last.1, job.flags);
            return Ok(());
        }
        report_columns(&mut self.replies, entry, result.columns);
        let mut rows = result.rows;
        if job.op == Op::Iterate {
            let flags = job.flags;
            self.iterations
                .insert(job.extra.cast_unsigned(), Iteration { rows, flags });
            self.replies.done();
            return Ok(());
        }
        let max = if job.op == Op::Get { 1 } else { usize::MAX };
        fill(&mut self.replies, &mut rows, job.flags, max);
        Ok(())
    }

    fn ran(&mut self, job: &Job, result: &BatchResult) -> Ended {
        self.port.write_counter.add(self.frame);
        for step in (0..).map_while(|step| result.get(step)) {
            if let Some(rowid) = step.last_insert_rowid {
                self.last = (step.changes, rowid);
            }
        }
        let script = text_of(&job.params, 0)?;
        if changes_schema(&script) {
            self.described.clear();
        }
        if let Some((step, error)) = result.first_error() {
            let error = error.clone();
            let ranges = statements(&script);
            let at = usize::try_from(step).ok().filter(|at| *at < ranges.len());
            let Some(at) = at else {
                return Err(error.into());
            };
            let before = ranges[..at].iter().map(|range| &script[range.clone()]);
            let outcome = match at {
                0 => error.outcome,
                _ if leaves_open(before) && !self.connection.in_transaction() => {
                    Outcome::RolledBack
                }
                // Those before it have happened.
                _ => Outcome::Unknown,
            };
            return Err(Failure::Step(
                error.with_outcome(outcome),
                step,
                ranges[at].start,
            ));
        }
        self.replies.done();
        Ok(())
    }

    /// The results of all steps but BEGIN, COMMIT and ROLLBACK: of each a row that describes it and its rows.
    fn batched(&mut self, job: &Job, mut result: BatchResult) -> Ended {
        self.described.clear();
        self.port.write_counter.add(self.frame);
        if let Some((step, error)) = result.first_error() {
            let error = error.clone();
            let Some(number) = step.checked_sub(1) else {
                // It has not begun.
                return Err(error.into());
            };
            let outcome = self.outcome_of_batch(job, &result);
            // The number of one that does not exist is that of its end.
            return Err(Failure::Step(error.with_outcome(outcome), number, 0));
        }
        // All of them ran, and nothing was undone: the last one is the commit.
        let steps = (1..).map_while(|step| result.take(step));
        let mut steps: Vec<_> = steps.collect();
        steps.pop().ok_or_else(misfit)?;
        for step in steps {
            self.last = (step.changes, step.last_insert_rowid.unwrap_or(self.last.1));
            let width = 3 + 2 * step.columns.len();
            self.replies.make_space(width);
            let count = i64::try_from(step.rows.len()).unwrap_or(i64::MAX);
            let start = self.replies.start();
            self.replies.push(ValueRef::Integer(count), false);
            self.replies.push(ValueRef::Integer(step.changes), false);
            let int64 = job.flags & flag::INT64 != 0;
            self.replies.push(ValueRef::Integer(self.last.1), int64);
            for column in &step.columns {
                self.replies.push_text(Some(&column.name));
                self.replies.push_text(column.declared_type.as_deref());
            }
            self.replies.part(Reply::Rows, start, 1, width);
            let mut rows = step.rows;
            fill(&mut self.replies, &mut rows, job.flags, usize::MAX);
            // The job does not end with them.
            self.replies.put_off_end();
        }
        self.replies.done();
        Ok(())
    }

    /// What became of a batch that has begun and failed. What undoes it stands behind its commit.
    fn outcome_of_batch(&self, job: &Job, result: &BatchResult) -> Outcome {
        let is_savepoint = text_of(&job.params, 0).is_ok_and(|sql| sql.starts_with("SAVEPOINT"));
        match (result.is_undone(), is_savepoint) {
            (true, true) => Outcome::NotExecuted,
            (true, false) => Outcome::RolledBack,
            (false, _) if !self.connection.in_transaction() => Outcome::RolledBack,
            (false, _) => Outcome::Unknown,
        }
    }

    fn next(&mut self, job: &Job) -> Ended {
        let iteration = self.iterations.get_mut(&job.target);
        let iteration = iteration.ok_or(LocalError::Type(
            "This iterator is closed: iterate() returns a new one",
        ))?;
        let max = usize::try_from(job.extra).unwrap_or(0);
        let (rows, flags) = (&mut iteration.rows, iteration.flags);
        if fill(&mut self.replies, rows, flags, max) < max {
            self.iterations.remove(&job.target);
        }
        Ok(())
    }
}

/// Whether a transaction is open after these statements that was not open before them.
fn leaves_open<'s>(statements: impl Iterator<Item = &'s str>) -> bool {
    statements.fold(false, |is_open, sql| {
        let mut words = Tokens::new(sql).filter(|token| token.kind == TokenKind::Word);
        let Some(first) = words.next() else {
            return is_open;
        };
        if first.is_any(&["BEGIN", "SAVEPOINT"]) {
            return true;
        }
        // ROLLBACK TO undoes, and goes on.
        let ends = first.is_any(&["COMMIT", "END", "RELEASE"])
            || (first.is("ROLLBACK") && !words.any(|word| word.is("TO")));
        is_open && !ends
    })
}

/// Packs up to `max` rows; the last part ends the job. -> how many there were.
fn fill(replies: &mut Replies<'_>, from: &mut RemoteRows, flags: u32, max: usize) -> usize {
    let mut rows = Rows::new(replies, flags);
    for row in from.by_ref().take(max) {
        if rows.count() == 0 {
            rows.begin(row.width());
        }
        rows.push_values(row.values());
    }
    let count = rows.count();
    rows.end(Reply::LastRows);
    count
}

/// Says what the columns are, if that is news.
fn report_columns(replies: &mut Replies<'_>, entry: &mut ServerStatement, columns: Vec<Column>) {
    if entry.reported.as_ref() == Some(&columns) {
        return;
    }
    let mut text = Vec::new();
    for column in &columns {
        let declared_type = column.declared_type.as_deref();
        // Where a column comes from is what the protocol does not say.
        push_column(
            &mut text,
            [Some(&column.name), None, None, None, declared_type],
        );
    }
    replies.push_values(Reply::Columns, &[ValueRef::Text(&text)]);
    entry.reported = Some(columns);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_may_leave_a_transaction_open() {
        let open = |script: &str| {
            let ranges = statements(script);
            leaves_open(ranges.into_iter().map(|range| &script[range]))
        };
        for script in [
            "BEGIN",
            "/* a */ begin immediate; INSERT INTO t VALUES (1)",
            "BEGIN; ROLLBACK TO a",
            "COMMIT; SAVEPOINT a",
        ] {
            assert!(open(script), "{script}");
        }
        for script in [
            "SELECT 1",
            "BEGIN; COMMIT",
            "BEGIN; END",
            "BEGIN; ROLLBACK",
            "SAVEPOINT a; RELEASE a",
        ] {
            assert!(!open(script), "{script}");
        }
    }
}
