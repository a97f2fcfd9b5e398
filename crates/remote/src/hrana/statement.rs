//! Statements that a server executes, what it says of them, and their rows.

use std::ops::Range;
use std::vec::IntoIter;

use bytes::Bytes;
use ferrolite_sqlite::{parameters, Param, Params, ValueRef};

use super::proto::{
    Col, DescribeResult, Empty, Kind, NamedArg, Row as ProtoRow, Stmt, StmtResult, Value,
};
use super::sql::number_parameters;

/// SQL with values for its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement(pub(super) Stmt);

impl Statement {
    /// SQL without parameters. `wants_rows` says whether the server is to send its rows.
    pub fn new(sql: &str, wants_rows: bool) -> Self {
        Self(Stmt {
            sql: Some(sql.into()),
            want_rows: Some(wants_rows),
            ..Stmt::default()
        })
    }

    /// SQL with values in the order of its parameters, which `description` names. `None` if the values are not ones
    /// that can be sent: those that are lent by somebody else.
    pub fn with_values(
        sql: &str,
        description: &Description,
        params: &Params,
        wants_rows: bool,
    ) -> Option<Self> {
        let Description {
            parameters,
            numbered,
            ..
        } = description;
        let values = values_of(params, 0..params.values.len())?;
        let statement = Self::new(numbered.as_deref().unwrap_or(sql), wants_rows);
        Some(statement.bind(numbered.is_some(), parameters, values))
    }

    /// SQL that nobody has described, with the values of `params` that are in `range`.
    pub fn undescribed(sql: &str, params: &Params, range: Range<usize>) -> Option<Self> {
        let values = values_of(params, range)?;
        let names = if values.is_empty() {
            Vec::new()
        } else {
            parameters(sql)
        };
        let numbered = numbered(sql, &names);
        let statement = Self::new(numbered.as_deref().unwrap_or(sql), true);
        Some(statement.bind(numbered.is_some(), &names, values))
    }

    /// The protocol takes all values by name, or all by their place.
    fn bind(mut self, is_numbered: bool, names: &[Option<String>], values: Vec<Value>) -> Self {
        if is_numbered || !names.iter().flatten().any(|name| is_name(name)) {
            self.0.args = values;
            return self;
        }
        let named = names.iter().flatten().zip(values);
        self.0.named_args = named
            .map(|(name, value)| NamedArg {
                name: name.clone(),
                value: Some(value),
            })
            .collect();
        self
    }

    pub(super) fn sql(&self) -> &str {
        self.0.sql.as_deref().unwrap_or_default()
    }
}

fn values_of(params: &Params, range: Range<usize>) -> Option<Vec<Value>> {
    let value = |param: &Param| {
        let bytes = |start: usize, len: usize| {
            let bytes = params.bytes.get(start..start + len);
            Bytes::copy_from_slice(bytes.unwrap_or_default())
        };
        let kind = match *param {
            Param::Null => Kind::Null(Empty {}),
            Param::Integer(value) => Kind::Integer(value),
            // As SQLite has it: NaN is NULL.
            Param::Real(value) if value.is_nan() => Kind::Null(Empty {}),
            Param::Real(value) => Kind::Float(value),
            Param::Text(start, len) => Kind::Text(bytes(start, len)),
            Param::Blob(start, len) => Kind::Blob(bytes(start, len)),
            _ => return None,
        };
        Some(Value { kind: Some(kind) })
    };
    params.values.get(range)?.iter().map(value).collect()
}

/// What a statement is, as the server compiled it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Its parameters in their order, each with its name and prefix (`:a`, `?1`), or none for a plain `?`.
    pub parameters: Vec<Option<String>>,
    /// Its columns; none if the server was not asked.
    pub columns: Vec<Column>,
    /// Whether it returns data.
    pub reader: bool,
    /// Whether it changes nothing, as `sqlite3_stmt_readonly()` has it.
    pub readonly: bool,
    /// SQL for the server, if it is not the same.
    numbered: Option<String>,
}

impl Description {
    /// Of SQL that was compiled elsewhere, with the same schema.
    pub fn known(sql: &str, reader: bool, readonly: bool) -> Self {
        Self::new(sql, parameters(sql), Vec::new(), reader, readonly)
    }

    pub(super) fn read(sql: &str, result: DescribeResult) -> Self {
        let params = result.params.into_iter();
        let names = params.map(|param| Some(String::from_utf8_lossy(&param.name?).into_owned()));
        let columns: Vec<_> = result.cols.into_iter().map(Column::read).collect();
        let reader = !columns.is_empty();
        Self::new(sql, names.collect(), columns, reader, result.is_readonly)
    }

    fn new(
        sql: &str,
        parameters: Vec<Option<String>>,
        columns: Vec<Column>,
        reader: bool,
        readonly: bool,
    ) -> Self {
        Self {
            numbered: numbered(sql, &parameters),
            parameters,
            columns,
            reader,
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

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What it is called: text, nearly always UTF-8, without a NUL.
    pub name: Bytes,
    /// Its type as the table declares it; none for expressions. Text as `name` is.
    pub declared_type: Option<Bytes>,
}

impl Column {
    fn read(col: Col) -> Self {
        Self {
            // The protocol leaves out a name that is empty.
            name: col.name.unwrap_or_default(),
            declared_type: col.decltype,
        }
    }
}

/// What an execution came to.
#[derive(Debug, Clone)]
pub struct Executed {
    /// Its columns; none if it returns no data.
    pub columns: Vec<Column>,
    /// Its rows, if they were wanted.
    pub rows: Rows,
    /// How many rows it changed.
    pub changes: i64,
    /// The rowid of the last row that was inserted, as far as the server says.
    pub last_insert_rowid: Option<i64>,
    /// The number of the last frame of the primary's log, as far as the server says.
    pub frame: Option<u64>,
}

impl Executed {
    /// Of a result that was checked.
    pub(super) fn read(result: StmtResult) -> Self {
        Self {
            columns: result.cols.into_iter().map(Column::read).collect(),
            rows: Rows(result.rows.into_iter()),
            changes: i64::try_from(result.affected_row_count).unwrap_or(i64::MAX),
            last_insert_rowid: result.last_insert_rowid,
            frame: result.replication_index,
        }
    }
}

/// Rows of one result: each has a value for each of its columns.
#[derive(Debug, Clone)]
pub struct Rows(IntoIter<ProtoRow>);

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.0.next().map(Row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Rows {}

/// One row.
#[derive(Debug, Clone)]
pub struct Row(ProtoRow);

impl Row {
    /// How many values it has.
    pub fn width(&self) -> usize {
        self.0.values.len()
    }

    /// Its values, in the order of the columns.
    pub fn values(&self) -> impl Iterator<Item = ValueRef<'_>> {
        self.0.values.iter().map(|value| match &value.kind {
            None | Some(Kind::Null(_)) => ValueRef::Null,
            Some(Kind::Integer(value)) => ValueRef::Integer(*value),
            Some(Kind::Float(value)) => ValueRef::Real(*value),
            Some(Kind::Text(text)) => ValueRef::Text(text),
            Some(Kind::Blob(blob)) => ValueRef::Blob(blob),
        })
    }
}
