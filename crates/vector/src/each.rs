//! `vector_each(matrix, dimension)`: the vectors of a matrix, which is a BLOB; `vector_to_json(vector)`.

use ferrolite_sqlite::{
    Args, Arguments, Context, Cursor, Module, ModuleError, Parameters, Plan, Scalar, Scan, Table,
    TableConnection, TableDefinition, ValueRef,
};

use crate::element::Element;
use crate::input;
use crate::options;

type Result<T> = std::result::Result<T, ModuleError>;

fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(ModuleError::Message(message.into()))
}

/// The element that an argument names; `f32` without one.
fn element(value: Option<ValueRef<'_>>) -> Result<Element> {
    match value {
        None => Ok(Element::F32),
        Some(ValueRef::Text(name)) => options::element(&String::from_utf8_lossy(name)),
        Some(_) => options::element(""),
    }
}

pub(crate) struct Each;

impl Module for Each {
    type Table = EachTable;

    fn connect(
        &self,
        _: &TableConnection,
        _: &Arguments<'_>,
    ) -> Result<(EachTable, TableDefinition)> {
        let definition = TableDefinition {
            sql: "CREATE TABLE x(matrix HIDDEN, dimension HIDDEN, element HIDDEN, vector)".into(),
            risk: ferrolite_sqlite::Risk::Innocuous,
            ..TableDefinition::default()
        };
        Ok((EachTable, definition))
    }
}

pub(crate) struct EachTable;

fn parameters() -> Parameters {
    Parameters::new(
        ["matrix", "dimension", "element"]
            .map(String::from)
            .to_vec(),
    )
}

impl Table for EachTable {
    type Cursor = EachCursor;

    fn best_index(&self, plan: &mut Plan<'_>) -> Result<bool> {
        let is_planned = parameters().best_index(plan)?;
        plan.set_cost(1_000.0, 1_000);
        Ok(is_planned)
    }

    fn open(&self) -> Result<EachCursor> {
        Ok(EachCursor::default())
    }
}

#[derive(Default)]
pub(crate) struct EachCursor {
    matrix: Vec<u8>,
    stride: usize,
    at: usize,
}

impl EachCursor {
    fn is_on_row(&self) -> bool {
        self.at * self.stride < self.matrix.len()
    }
}

impl Cursor for EachCursor {
    fn filter(&mut self, scan: Scan<'_>) -> Result<bool> {
        *self = Self::default();
        let parameters = parameters();
        let Some(arguments) = parameters.arguments(&scan) else {
            return Ok(false);
        };
        let [Some(matrix), Some(dimension), element_name] = arguments[..] else {
            return wrong("vector_each takes a matrix and a dimension: vector_each(?, 384)");
        };
        let ValueRef::Blob(matrix) = matrix else {
            return wrong("the matrix of vector_each is a BLOB");
        };
        let dimension = match dimension {
            ValueRef::Integer(dimension) => usize::try_from(dimension).ok(),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked
            ValueRef::Real(real) if real.fract() == 0.0 && (1.0..1e9).contains(&real) => {
                Some(real as usize)
            }
            _ => None,
        };
        let Some(dimension) = dimension.filter(|dimension| (1..=65_536).contains(dimension)) else {
            return wrong("the dimension of vector_each must be a whole number from 1 to 65536");
        };
        self.stride = element(element_name)?.bytes(dimension);
        if matrix.len() % self.stride != 0 {
            return wrong(format!(
                "the matrix of vector_each has {} bytes, which is not a multiple of {}, the bytes of a vector",
                matrix.len(),
                self.stride
            ));
        }
        self.matrix = matrix.to_vec();
        Ok(self.is_on_row())
    }

    fn next(&mut self) -> Result<bool> {
        self.at += 1;
        Ok(self.is_on_row())
    }

    fn column(&mut self, column: usize, context: &mut Context<'_>) -> Result<()> {
        if column == 3 {
            let vector = self.at * self.stride..(self.at + 1) * self.stride;
            context.set(ValueRef::Blob(&self.matrix[vector]));
        }
        Ok(())
    }

    fn rowid(&self) -> Result<i64> {
        Ok(i64::try_from(self.at).unwrap_or(i64::MAX))
    }
}

/// `vector_to_json(vector [, element])`
pub(crate) struct ToJson;

impl Scalar for ToJson {
    fn call(&self, args: Args<'_>, context: &mut Context<'_>) {
        let element = match element((args.len() > 1).then(|| args.get(1))) {
            Ok(element) => element,
            Err(ModuleError::Message(message)) => return context.fail_with(message.as_bytes()),
            Err(_) => return context.fail(),
        };
        match args.get(0) {
            ValueRef::Null => context.set(ValueRef::Null),
            ValueRef::Blob(bytes) if bytes.len() % element.bytes(8).div_ceil(8) == 0 => {
                let finite = input::is_finite(element, bytes);
                if !finite {
                    return context.fail_with(b"JSON has no NaN and no infinity");
                }
                context.set(ValueRef::Text(input::to_json(element, bytes).as_bytes()));
            }
            ValueRef::Blob(_) => context
                .fail_with(b"the BLOB is not a vector: its length is not that of whole numbers"),
            _ => context.fail_with(b"vector_to_json takes a BLOB"),
        }
    }
}
