//! What the server's answers become: rows and ends of calls.

use std::rc::Rc;
use std::vec::IntoIter;

use ferrolite_remote::changes_schema;
use ferrolite_remote::proto::{BatchResponse, BatchResult, Kind, Response, Row, StmtResult, Value};
use ferrolite_sqlite::{statements, Error as LocalError, Param, ValueRef};

use super::request::{columns_of, text_of, Column, Described, ServerStatement};
use super::{Iteration, Server, MAX_DESCRIBED};
use crate::failure::{first_error, misfit, Failure, Outcome};
use crate::job::Job;
use crate::protocol::{flag, Op, Reply};
use crate::reply::{push_column, Replies, Rows};

impl Server<'_> {
    /// Jobs that need no server.
    pub(super) fn answer_locally(&mut self, job: &Job) -> Outcome {
        match job.op {
            Op::Prepare => {
                let sql: Rc<str> = text_of(&job.params, 0)?.into();
                if let Some(described) = self.described.get(&sql).cloned() {
                    self.prepared(job, sql, described);
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

    pub(super) fn answer(&mut self, job: &Job, response: Response) -> Outcome {
        match (job.op, response) {
            (Op::Prepare, Response::Describe(response)) => {
                let result = response.result.ok_or_else(misfit)?;
                let sql: Rc<str> = text_of(&job.params, 0)?.into();
                let described = Rc::new(Described::new(&sql, result));
                if self.described.len() >= MAX_DESCRIBED {
                    self.described.clear();
                }
                self.described.insert(sql.clone(), described.clone());
                self.prepared(job, sql, described);
            }
            (_, Response::Batch(response)) if job.is_inside() && ran_nothing(&response) => {
                return Err(Failure::Lost);
            }
            (Op::Exec | Op::Undo, Response::Batch(response)) => {
                let result = response.result.ok_or_else(misfit)?;
                self.ran(job, &result)?;
            }
            (Op::Batch, Response::Batch(response)) => {
                let result = response.result.ok_or_else(misfit)?;
                return self.batched(job, result);
            }
            (Op::Run | Op::Get | Op::All | Op::Iterate, Response::Batch(response)) => {
                let mut result = response.result.ok_or_else(misfit)?;
                first_error(&result, |_| None)?;
                let result = result.step_results.remove(&0).ok_or_else(misfit)?;
                return self.executed(job, result);
            }
            (_, Response::Execute(response)) => {
                let result = response.result.ok_or_else(misfit)?;
                return self.executed(job, result);
            }
            _ => return Err(misfit()),
        }
        Ok(())
    }

    fn prepared(&mut self, job: &Job, sql: Rc<str>, described: Rc<Described>) {
        let mut entry = ServerStatement::new(job, sql, described);
        let columns = entry.described.columns.clone();
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
        let described = Rc::new(Described::known(&sql, is(1), is(2)));
        self.statements
            .insert(job.target, ServerStatement::new(job, sql.into(), described));
    }

    fn executed(&mut self, job: &Job, result: StmtResult) -> Outcome {
        let entry = self.statements.get_mut(&job.target).ok_or_else(misfit)?;
        if !entry.described.readonly || !entry.reader {
            // COMMIT only reads, as SQLite has it.
            self.port.writes.add(result.replication_index);
        }
        if !entry.described.readonly {
            let changes = i64::try_from(result.affected_row_count).unwrap_or(i64::MAX);
            self.last = (changes, result.last_insert_rowid.unwrap_or(self.last.1));
            if changes_schema(&entry.sql) {
                self.described.clear();
            }
        }
        if job.op == Op::Run {
            let changes = if entry.described.readonly {
                0
            } else {
                self.last.0
            };
            self.replies.changes(changes, self.last.1, job.flags);
            return Ok(());
        }
        report_columns(&mut self.replies, entry, columns_of(result.cols));
        let mut rows = result.rows.into_iter();
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

    fn ran(&mut self, job: &Job, result: &BatchResult) -> Outcome {
        self.port.writes.add(self.frame);
        for step in (0..).map_while(|step| result.step_results.get(&step)) {
            if let Some(rowid) = step.last_insert_rowid {
                let changes = i64::try_from(step.affected_row_count).unwrap_or(i64::MAX);
                self.last = (changes, rowid);
            }
        }
        if changes_schema(&text_of(&job.params, 0)?) {
            self.described.clear();
        }
        let script = text_of(&job.params, 0)?;
        first_error(result, |step| {
            let at = usize::try_from(step).ok()?;
            Some((step, statements(&script).get(at)?.start))
        })?;
        self.replies.done();
        Ok(())
    }

    /// The results of all steps but BEGIN, COMMIT and ROLLBACK: of each a row that describes it and its rows.
    fn batched(&mut self, job: &Job, mut result: BatchResult) -> Outcome {
        self.described.clear();
        self.port.writes.add(self.frame);
        // Behind the one that begins it; the number of one that does not exist is that of its end.
        first_error(&result, |step| Some((step.checked_sub(1)?, 0)))?;
        // All of them ran, and nothing was undone: the last one is the commit.
        let steps = (1..).map_while(|step| result.step_results.remove(&step));
        let mut steps: Vec<_> = steps.collect();
        steps.pop().ok_or_else(misfit)?;
        for step in steps {
            let changes = i64::try_from(step.affected_row_count).unwrap_or(i64::MAX);
            self.last = (changes, step.last_insert_rowid.unwrap_or(self.last.1));
            self.replies.make_space(3 + 2 * step.cols.len());
            let count = i64::try_from(step.rows.len()).unwrap_or(i64::MAX);
            let start = self.replies.start();
            self.replies.push(ValueRef::Integer(count), false);
            self.replies.push(ValueRef::Integer(changes), false);
            let int64 = job.flags & flag::INT64 != 0;
            self.replies.push(ValueRef::Integer(self.last.1), int64);
            for col in &step.cols {
                self.replies.push_text(col.name.as_deref());
                self.replies.push_text(col.decltype.as_deref());
            }
            self.replies
                .part(Reply::Rows, start, 1, 3 + 2 * step.cols.len());
            let mut rows = step.rows.into_iter();
            fill(&mut self.replies, &mut rows, job.flags, usize::MAX);
            // The job does not end with them.
            self.replies.put_off_end();
        }
        self.replies.done();
        Ok(())
    }

    fn next(&mut self, job: &Job) -> Outcome {
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

/// None of the steps had its turn.
fn ran_nothing(response: &BatchResponse) -> bool {
    let ran =
        |result: &BatchResult| !(result.step_results.is_empty() && result.step_errors.is_empty());
    !response.result.as_ref().is_some_and(ran)
}

/// Packs up to `max` rows; the last part ends the job. -> how many there were.
fn fill(replies: &mut Replies<'_>, from: &mut IntoIter<Row>, flags: u32, max: usize) -> usize {
    let mut rows = Rows::new(replies, flags);
    for row in from.by_ref().take(max) {
        if rows.count() == 0 {
            rows.begin(row.values.len());
        }
        rows.push_values(row.values.iter().map(value_ref));
    }
    let count = rows.count();
    rows.end(Reply::LastRows);
    count
}

fn value_ref(value: &Value) -> ValueRef<'_> {
    match &value.kind {
        None | Some(Kind::Null(_)) => ValueRef::Null,
        Some(Kind::Integer(value)) => ValueRef::Integer(*value),
        Some(Kind::Float(value)) => ValueRef::Real(*value),
        Some(Kind::Text(text)) => ValueRef::Text(text),
        Some(Kind::Blob(blob)) => ValueRef::Blob(blob),
    }
}

/// Says what the columns are, if that is news.
fn report_columns(replies: &mut Replies<'_>, entry: &mut ServerStatement, columns: Vec<Column>) {
    if entry.reported.as_ref() == Some(&columns) {
        return;
    }
    let mut text = Vec::new();
    for (name, decltype) in &columns {
        // Where a column comes from is what the protocol does not say.
        push_column(
            &mut text,
            [Some(name), None, None, None, decltype.as_deref()],
        );
    }
    replies.push_values(Reply::Columns, &[ValueRef::Text(&text)]);
    entry.reported = Some(columns);
}
