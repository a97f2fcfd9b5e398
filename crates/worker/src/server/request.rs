//! What jobs ask the server for: statements with their parameters, scripts and batches.

use std::rc::Rc;

use ferrolite_remote::{
    changes_schema, may_commit, Batch, Column, Description, Effect, Request, Statement,
};
use ferrolite_sqlite::{is_query, statements, Error as LocalError, Param, Params};

use super::Server;
use crate::failure::{internal, no_reader, Failure};
use crate::job::Job;
use crate::protocol::{flag, Op};
use crate::reply::Replies;

/// A statement of the front end.
pub(super) struct ServerStatement {
    pub(super) sql: Rc<str>,
    pub(super) description: Rc<Description>,
    /// Whether it returns data, or is asked as one that does.
    pub(super) reader: bool,
    pub(super) explain: bool,
    /// The columns that the front end knows.
    pub(super) reported: Option<Vec<Column>>,
}

impl ServerStatement {
    pub(super) fn new(job: &Job, sql: Rc<str>, description: Rc<Description>) -> Self {
        Self {
            sql,
            reader: description.reader || job.flags & flag::PRAGMA != 0,
            description,
            explain: job.flags & flag::EXPLAIN != 0,
            reported: None,
        }
    }

    /// Says what the statement is.
    pub(super) fn describe(&self, replies: &mut Replies<'_>) {
        let names = self.description.parameters.iter();
        let names: Vec<_> = names
            .map(|name| Some(name.as_ref()?.as_bytes().get(1..)?.to_vec()))
            .collect();
        let readonly = self.description.readonly;
        let shared = self.only_reads() && is_query(&self.sql);
        replies.description([self.reader, readonly, shared], &names);
    }

    /// Whether it changes nothing. What returns no data may begin or end a transaction.
    pub(super) fn only_reads(&self) -> bool {
        self.reader && self.description.readonly
    }

    pub(super) fn effect(&self) -> Effect {
        if self.only_reads() {
            Effect::Reads
        } else {
            effect_of(&self.sql)
        }
    }

    /// Whether other statements may mean something else after it.
    pub(super) fn changes_schema(&self) -> bool {
        changes_schema(&self.sql)
    }

    fn require_count(&self, params: &Params) -> Result<(), LocalError> {
        let names = &self.description.parameters;
        let (given, wanted) = (params.values.len(), names.len());
        if given < wanted && !self.explain {
            return Err(if names.iter().any(Option::is_some) {
                LocalError::Type("Missing named parameters")
            } else {
                LocalError::Range("Too few parameter values were provided")
            });
        }
        if given > wanted {
            return Err(LocalError::Range("Too many parameter values were provided"));
        }
        Ok(())
    }
}

/// Of SQL that does more than read.
fn effect_of(sql: &str) -> Effect {
    if may_commit(sql) {
        Effect::Commits
    } else {
        Effect::Writes
    }
}

impl Server<'_> {
    /// What a job asks the server for, if it does; with a guard, only as long as its transaction is open.
    pub(super) fn ask(&self, job: &Job, guard: bool) -> Result<Option<(Request, Effect)>, Failure> {
        let asked = match job.op {
            Op::Prepare => self.ask_to_describe(job)?,
            Op::Run | Op::Get | Op::All | Op::Iterate => Some(self.ask_to_execute(job)?),
            Op::Exec => ask_for_script(job)?,
            Op::Batch => Some(self.ask_for_batch(job)?),
            Op::Undo if self.connection.in_transaction() => {
                let batch = Batch::script(&text_of(&job.params, 0)?);
                batch.map(|batch| (Request::Batch(batch), Effect::Writes))
            }
            _ => None,
        };
        Ok(
            asked.map(|(request, effect)| match (guard, request, effect) {
                (true, Request::Batch(batch), _) => (Request::Batch(batch.guarded()), effect),
                (true, Request::Execute(statement), Effect::Writes | Effect::Commits) => {
                    let batch = Batch::one(statement).guarded();
                    (Request::Batch(batch), effect)
                }
                (_, request, _) => (request, effect),
            }),
        )
    }

    fn ask_to_describe(&self, job: &Job) -> Result<Option<(Request, Effect)>, Failure> {
        let sql = text_of(&job.params, 0)?;
        require_one(&sql)?;
        if self.described.contains_key(sql.as_str()) {
            return Ok(None);
        }
        Ok(Some((Request::Describe(sql), Effect::Reads)))
    }

    fn ask_to_execute(&self, job: &Job) -> Result<(Request, Effect), Failure> {
        let entry = self.statements.get(&job.target);
        let entry = entry.ok_or_else(LocalError::closed)?;
        let wants_rows = job.op != Op::Run;
        if wants_rows && !entry.reader {
            return Err(no_reader().into());
        }
        entry.require_count(&job.params)?;
        let ServerStatement {
            sql, description, ..
        } = entry;
        let statement = Statement::with_values(sql, description, &job.params, wants_rows);
        let statement = statement.ok_or_else(internal)?;
        Ok((Request::Execute(statement), entry.effect()))
    }

    fn ask_for_batch(&self, job: &Job) -> Result<(Request, Effect), Failure> {
        let effect = if self.connection.in_transaction() {
            // It is a savepoint.
            Effect::Writes
        } else {
            Effect::Commits
        };
        Ok((Request::Batch(batch_of(&job.params)?), effect))
    }
}

fn ask_for_script(job: &Job) -> Result<Option<(Request, Effect)>, Failure> {
    let script = text_of(&job.params, 0)?;
    require_no_nul(&script)?;
    let batch = Batch::script(&script);
    Ok(batch.map(|batch| (Request::Batch(batch), effect_of(&script))))
}

/// The server compiles the first statement and is silent about the rest.
fn require_one(sql: &str) -> Result<(), LocalError> {
    require_no_nul(sql)?;
    match statements(sql).len() {
        0 => Err(LocalError::Range(
            "The supplied SQL string contains no statements",
        )),
        1 => Ok(()),
        _ => Err(LocalError::Range(
            "The supplied SQL string contains more than one statement",
        )),
    }
}

fn require_no_nul(sql: &str) -> Result<(), LocalError> {
    if sql.contains('\0') {
        return Err(LocalError::Range(
            "The supplied SQL string contains a NUL character",
        ));
    }
    Ok(())
}

/// What a batch consists of: how it begins, is committed and is undone (one or two statements), then of each
/// statement its SQL, how many values it has, and those, in the order of its parameters.
pub(super) fn batch_of(params: &Params) -> Result<Batch, Failure> {
    const FIRST: usize = 4;
    let (begin, commit) = (text_of(params, 0)?, text_of(params, 1)?);
    let undo: Vec<_> = (2..FIRST)
        .filter_map(|at| text_of(params, at).ok())
        .collect();
    let mut list = Vec::new();
    let mut at = FIRST;
    while at < params.values.len() {
        let sql = text_of(params, at)?;
        let number = u32::try_from(list.len()).unwrap_or(u32::MAX);
        require_one(&sql).map_err(|error| Failure::from(error).at(number, 0))?;
        let Some(Param::Real(count)) = params.values.get(at + 1) else {
            return Err(internal().into());
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
        let count = *count as usize;
        let first = at + 2;
        at = first.saturating_add(count);
        let statement = Statement::undescribed(&sql, params, first..at);
        list.push(statement.ok_or_else(internal)?);
    }
    Ok(Batch::transaction(&begin, list, &commit, &undo))
}

pub(super) fn text_of(params: &Params, at: usize) -> Result<String, LocalError> {
    match params.values.get(at) {
        Some(Param::Text(start, len)) => {
            let text = params.bytes.get(*start..start + len).unwrap_or_default();
            Ok(String::from_utf8_lossy(text).into_owned())
        }
        _ => Err(internal()),
    }
}
