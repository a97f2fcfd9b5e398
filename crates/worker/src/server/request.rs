//! What jobs ask the server for: statements with their parameters, scripts and batches.

use std::rc::Rc;

use ferrolite_remote::number_parameters;
use ferrolite_remote::proto::{
    Batch, BatchCond, BatchCondList, BatchStep, Col, Cond, DescribeResult, Empty, Kind, NamedArg,
    Stmt, Value,
};
use ferrolite_sqlite::{is_query, parameters, statements, Error as LocalError, Param, Params};

use crate::failure::{internal, misfit, Failure};
use crate::job::Job;
use crate::protocol::flag;
use crate::reply::Replies;

pub(super) struct ServerStatement {
    pub(super) sql: Rc<str>,
    pub(super) described: Rc<Described>,
    pub(super) reader: bool,
    pub(super) explain: bool,
    /// The columns that JavaScript knows.
    pub(super) reported: Option<Vec<Column>>,
}

/// Name and declared type.
pub(super) type Column = (bytes::Bytes, Option<bytes::Bytes>);

pub(super) fn columns_of(cols: Vec<Col>) -> Vec<Column> {
    let cols = cols.into_iter();
    // The protocol leaves out a name that is empty.
    cols.map(|col| (col.name.unwrap_or_default(), col.decltype))
        .collect()
}

impl ServerStatement {
    pub(super) fn new(job: &Job, sql: Rc<str>, described: Rc<Described>) -> Self {
        Self {
            sql,
            reader: described.reader || job.flags & flag::PRAGMA != 0,
            described,
            explain: job.flags & flag::EXPLAIN != 0,
            reported: None,
        }
    }

    /// Says what the statement is.
    pub(super) fn describe(&self, replies: &mut Replies<'_>) {
        let names = self.described.names.iter();
        let names: Vec<_> = names
            .map(|name| Some(name.as_ref()?.as_bytes().get(1..)?.to_vec()))
            .collect();
        let readonly = self.described.readonly;
        let shared = self.reader && readonly && is_query(&self.sql);
        replies.description([self.reader, readonly, shared], &names);
    }
}

pub(super) struct Described {
    /// Names of the parameters with their prefix, `?1` and the like too.
    pub(super) names: Vec<Option<String>>,
    /// SQL for the server, if it is not the same.
    pub(super) numbered: Option<String>,
    pub(super) reader: bool,
    /// None where they are known here.
    pub(super) columns: Vec<Column>,
    pub(super) readonly: bool,
}

impl Described {
    pub(super) fn new(sql: &str, result: DescribeResult) -> Self {
        let params = result.params.into_iter();
        let names: Vec<_> = params
            .map(|param| Some(String::from_utf8_lossy(&param.name?).into_owned()))
            .collect();
        Self {
            numbered: numbered(sql, &names),
            names,
            reader: !result.cols.is_empty(),
            columns: columns_of(result.cols),
            readonly: result.is_readonly,
        }
    }

    /// Of SQL that was compiled here. What its columns are called is known here, too.
    pub(super) fn known(sql: &str, reader: bool, readonly: bool) -> Self {
        let names = parameters(sql);
        Self {
            numbered: numbered(sql, &names),
            names,
            reader,
            columns: Vec::new(),
            readonly,
        }
    }
}

/// SQL for the server where some parameters have names and others do not.
fn numbered(sql: &str, names: &[Option<String>]) -> Option<String> {
    let named = names.iter().flatten().filter(|name| is_name(name)).count();
    let is_mixed = named != 0 && named != names.len();
    is_mixed.then(|| number_parameters(sql, names))
}

fn is_name(name: &str) -> bool {
    !name.starts_with('?')
}

/// What the server is to execute: all parameters by name, or all by their place.
pub(super) fn statement(
    entry: &ServerStatement,
    params: &Params,
    want_rows: bool,
) -> Result<Stmt, LocalError> {
    let Described {
        names, numbered, ..
    } = &*entry.described;
    let values = values_of(params)?;
    let mut stmt = with_values(&entry.sql, numbered.as_deref(), names, values);
    stmt.want_rows = Some(want_rows);
    Ok(stmt)
}

/// The values are in the order of the parameters.
fn with_values(
    sql: &str,
    numbered: Option<&str>,
    names: &[Option<String>],
    values: Vec<Value>,
) -> Stmt {
    let mut stmt = Stmt {
        sql: Some(numbered.unwrap_or(sql).into()),
        want_rows: Some(true),
        ..Stmt::default()
    };
    if numbered.is_some() || !names.iter().flatten().any(|name| is_name(name)) {
        stmt.args = values;
        return stmt;
    }
    let named = names.iter().flatten().zip(values);
    stmt.named_args = named
        .map(|(name, value)| NamedArg {
            name: name.clone(),
            value: Some(value),
        })
        .collect();
    stmt
}

/// The server compiles the first statement and is silent about the rest.
pub(super) fn require_one(sql: &str) -> Result<(), LocalError> {
    if sql.contains('\0') {
        return Err(LocalError::Range(
            "The supplied SQL string contains a NUL character",
        ));
    }
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

pub(super) fn require_count(entry: &ServerStatement, params: &Params) -> Result<(), LocalError> {
    let (given, wanted) = (params.values.len(), entry.described.names.len());
    if given < wanted && !entry.explain {
        return Err(if entry.described.names.iter().any(Option::is_some) {
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

fn values_of(params: &Params) -> Result<Vec<Value>, LocalError> {
    let value = |param: &Param| {
        let bytes = |start: usize, len: usize| {
            let bytes = params.bytes.get(start..start + len);
            bytes::Bytes::copy_from_slice(bytes.unwrap_or_default())
        };
        let kind = match *param {
            Param::Null => Kind::Null(Empty {}),
            Param::Integer(value) => Kind::Integer(value),
            // As SQLite has it: NaN is NULL.
            Param::Real(value) if value.is_nan() => Kind::Null(Empty {}),
            Param::Real(value) => Kind::Float(value),
            Param::Text(start, len) => Kind::Text(bytes(start, len)),
            Param::Blob(start, len) => Kind::Blob(bytes(start, len)),
            _ => return Err(internal()),
        };
        Ok(Value { kind: Some(kind) })
    };
    params.values.iter().map(value).collect()
}

/// The steps of a script, each if the one before it succeeded; `None` if there are none.
pub(super) fn script_of(script: &str) -> Result<Option<Batch>, LocalError> {
    if script.contains('\0') {
        return Err(LocalError::Range(
            "The supplied SQL string contains a NUL character",
        ));
    }
    let mut batch = Batch::default();
    for (at, range) in (0_u32..).zip(statements(script)) {
        let before = at.checked_sub(1).map(|before| BatchCond {
            cond: Some(Cond::StepOk(before)),
        });
        batch.steps.push(BatchStep {
            condition: before,
            stmt: Some(Stmt {
                sql: Some(script[range].into()),
                want_rows: Some(false),
                ..Stmt::default()
            }),
        });
    }
    Ok(Some(batch).filter(|batch| !batch.steps.is_empty()))
}

/// A batch of which nothing runs where no transaction is open.
pub(super) fn guarded(mut batch: Batch) -> Batch {
    let autocommit = BatchCond {
        cond: Some(Cond::IsAutocommit(Empty {})),
    };
    if let Some(first) = batch.steps.first_mut() {
        first.condition = Some(BatchCond {
            cond: Some(Cond::Not(Box::new(autocommit))),
        });
    }
    batch
}

/// What a batch consists of: how it begins, is committed and is undone (one or two statements), then of each
/// statement its SQL, how many values it has, and those, in the order of its parameters.
pub(super) fn batch_of(params: &Params) -> Result<Batch, Failure> {
    let values = values_of(params)?;
    let mut kinds = values.into_iter().filter_map(|value| value.kind);
    let mut text = || match kinds.next() {
        Some(Kind::Text(text)) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    };
    let (begin, commit) = (text(), text());
    let undo = [text(), text()];
    let mut batch = Batch::default();
    let mut push = |stmt: Stmt, condition: Option<Cond>| {
        batch.steps.push(BatchStep {
            condition: condition.map(|cond| BatchCond { cond: Some(cond) }),
            stmt: Some(stmt),
        });
    };
    let sql = |sql: String| Stmt {
        sql: Some(sql),
        want_rows: Some(true),
        ..Stmt::default()
    };
    push(sql(begin.ok_or_else(internal)?), None);
    let mut last = 0;
    while let Some(Kind::Text(text)) = kinds.next() {
        let text = String::from_utf8_lossy(&text).into_owned();
        require_one(&text).map_err(|error| Failure::from(error).at(Some((last, 0))))?;
        let Some(Kind::Float(count)) = kinds.next() else {
            return Err(misfit());
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
        let values = kinds.by_ref().take(count as usize);
        let values: Vec<_> = values.map(|kind| Value { kind: Some(kind) }).collect();
        let names = if values.is_empty() {
            Vec::new()
        } else {
            parameters(&text)
        };
        let numbered = numbered(&text, &names);
        let stmt = with_values(&text, numbered.as_deref(), &names, values);
        push(stmt, Some(Cond::StepOk(last)));
        last += 1;
    }
    push(sql(commit.ok_or_else(internal)?), Some(Cond::StepOk(last)));
    // What was open before is not undone if it could not begin.
    let begun = Cond::StepOk(0);
    let committed = BatchCond {
        cond: Some(Cond::StepOk(last + 1)),
    };
    let conds = vec![
        BatchCond { cond: Some(begun) },
        BatchCond {
            cond: Some(Cond::Not(Box::new(committed))),
        },
    ];
    for text in undo.into_iter().flatten() {
        let conds = conds.clone();
        push(sql(text), Some(Cond::And(BatchCondList { conds })));
    }
    Ok(batch)
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
