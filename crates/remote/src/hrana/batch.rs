//! Statements that a server executes one after the other, each only if those before it went well.

use std::collections::HashMap;

use ferrolite_sqlite::statements;

use super::proto::{self, BatchCond, BatchCondList, BatchStep, Cond, Empty};
use super::sql::statement_error;
use super::statement::{Executed, Statement};
use crate::error::Error;

/// Steps, each with its condition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    pub(super) steps: Vec<BatchStep>,
    /// The number of the first step that undoes a transaction.
    undo: Option<u32>,
}

impl Batch {
    /// The statements of a script, each if the one before it succeeded; `None` if there are none. Their rows are not
    /// wanted.
    pub fn script(script: &str) -> Option<Self> {
        let mut batch = Self::default();
        for (at, range) in (0_u32..).zip(statements(script)) {
            let before = at.checked_sub(1).map(Cond::StepOk);
            batch.push(Statement::new(&script[range], false), before);
        }
        Some(batch).filter(|batch| !batch.steps.is_empty())
    }

    /// One statement.
    pub fn one(statement: Statement) -> Self {
        let mut batch = Self::default();
        batch.push(statement, None);
        batch
    }

    /// Statements in a transaction of their own, or in a savepoint: how it begins, is committed and is undone is SQL.
    pub fn transaction(
        begin: &str,
        statements: Vec<Statement>,
        commit: &str,
        undo: &[String],
    ) -> Self {
        let mut batch = Self::default();
        batch.push(Statement::new(begin, true), None);
        let mut last = 0;
        for statement in statements {
            batch.push(statement, Some(Cond::StepOk(last)));
            last += 1;
        }
        batch.push(Statement::new(commit, true), Some(Cond::StepOk(last)));
        // What was open before is not undone if it could not begin.
        let conds = vec![when(Cond::StepOk(0)), not(Cond::StepOk(last + 1))];
        batch.undo = Some(last + 2);
        for sql in undo {
            let conds = conds.clone();
            let unless = Cond::And(BatchCondList { conds });
            batch.push(Statement::new(sql, true), Some(unless));
        }
        batch
    }

    /// The same steps, of which nothing runs where no transaction is open.
    #[must_use]
    pub fn guarded(mut self) -> Self {
        if let Some(first) = self.steps.first_mut() {
            first.condition = Some(not(Cond::IsAutocommit(Empty {})));
        }
        self
    }

    fn push(&mut self, statement: Statement, condition: Option<Cond>) {
        self.steps.push(BatchStep {
            condition: condition.map(when),
            stmt: Some(statement.0),
        });
    }

    /// Of each step its SQL and how many values that has.
    pub fn statements(&self) -> impl Iterator<Item = (&str, usize)> {
        let stmts = self.steps.iter().filter_map(|step| step.stmt.as_ref());
        stmts.map(|stmt| {
            let values = stmt.args.len() + stmt.named_args.len();
            (stmt.sql.as_deref().unwrap_or_default(), values)
        })
    }

    fn sql(&self, step: u32) -> &str {
        let step = usize::try_from(step).ok();
        let step = step.and_then(|step| self.steps.get(step)?.stmt.as_ref());
        step.and_then(|stmt| stmt.sql.as_deref())
            .unwrap_or_default()
    }
}

fn when(cond: Cond) -> BatchCond {
    BatchCond { cond: Some(cond) }
}

fn not(cond: Cond) -> BatchCond {
    when(Cond::Not(Box::new(when(cond))))
}

/// What the steps of a batch came to, each by its number, which counts from 0.
#[derive(Debug, Default)]
pub struct BatchResult {
    results: HashMap<u32, Executed>,
    errors: HashMap<u32, Error>,
    undo: Option<u32>,
}

impl BatchResult {
    /// Of a result that was checked.
    pub(super) fn read(batch: &Batch, result: proto::BatchResult) -> Self {
        let results = result.step_results.into_iter();
        let errors = result.step_errors.into_iter();
        Self {
            results: results
                .map(|(step, result)| (step, Executed::read(result)))
                .collect(),
            undo: batch.undo,
            errors: errors
                .map(|(step, error)| (step, statement_error(batch.sql(step), &error)))
                .collect(),
        }
    }

    /// Whether what undoes a transaction has run: the first step behind the commit that failed or had no turn.
    pub fn is_undone(&self) -> bool {
        self.undo
            .is_some_and(|undo| self.results.contains_key(&undo))
    }

    /// No step had its turn.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty() && self.errors.is_empty()
    }

    /// The result of a step that succeeded.
    pub fn get(&self, step: u32) -> Option<&Executed> {
        self.results.get(&step)
    }

    /// The same, which is taken out.
    pub fn take(&mut self, step: u32) -> Option<Executed> {
        self.results.remove(&step)
    }

    /// The step that failed first, which is why others did not run.
    pub fn first_error(&self) -> Option<(u32, &Error)> {
        let errors = self.errors.iter().map(|(step, error)| (*step, error));
        errors.min_by_key(|(step, _)| *step)
    }
}
