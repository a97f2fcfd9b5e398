//! One scan of a table.

use std::rc::Rc;
use std::sync::Arc;

use ferrolite_sqlite::{Context, Cursor, ModuleError, Operator, Scan, ValueRef};

use crate::choose::{self, Hits};
use crate::filter::{Filter, Test};
use crate::input::Shape;
use crate::kept::{self, Kept};
use crate::load;
use crate::plan::{terms, Places, Subject};
use crate::root::{Kind, Root};
use crate::scan::{Hit, Query};
use crate::state::TableState;
use crate::store::{corrupt, Store};
use crate::value::{is_numeric, Affinity, Value, Wide};

type Result<T> = std::result::Result<T, ModuleError>;

/// The rows that are still to come.
enum Rows {
    /// Those of a search.
    Found(Box<Query>, Hits),
    /// Those of these slots, the last one first.
    Slots(Arc<Root>, Filter, Vec<u32>),
}

pub(crate) struct VectorCursor {
    state: Rc<TableState>,
    store: Rc<Store>,
    rows: Option<Rows>,
    at: Option<Hit>,
    /// The values of the row's columns, once one that is not in memory was asked for.
    values: Option<Vec<Value>>,
    /// Those of rows that have changed since the scan began.
    kept: Option<Rc<Kept>>,
}

/// What a scan asks for.
#[derive(Default)]
struct Asked {
    vector: Option<Vec<u8>>,
    k: Option<usize>,
    width: Option<usize>,
    tests: Vec<(Option<usize>, Test)>,
    bounds: Vec<Test>,
}

fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(ModuleError::Message(message.into()))
}

/// A number of rows; JavaScript's numbers are REAL.
fn positive(name: &str, value: ValueRef<'_>) -> Result<usize> {
    let number = match value {
        ValueRef::Integer(number) => Some(number),
        #[allow(clippy::cast_possible_truncation)] // a whole number below 2^53
        ValueRef::Real(number)
            if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 =>
        {
            Some(number as i64)
        }
        _ => None,
    };
    match number.filter(|number| *number > 0) {
        Some(number) => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
        None => wrong(format!("{name} must be a whole number above 0")),
    }
}

impl VectorCursor {
    pub(crate) fn new(state: Rc<TableState>, store: Rc<Store>) -> Self {
        Self {
            state,
            store,
            rows: None,
            at: None,
            values: None,
            kept: None,
        }
    }

    /// A value as it is compared with a column of an affinity.
    fn with_affinity(&self, affinity: Affinity, value: ValueRef<'_>) -> Result<Value> {
        let cast = match (affinity, value) {
            (Affinity::Numeric, ValueRef::Text(text)) if is_numeric(text) => {
                "SELECT CAST(? AS NUMERIC)"
            }
            (Affinity::Text, ValueRef::Integer(_) | ValueRef::Real(_)) => "SELECT CAST(? AS TEXT)",
            _ => return Ok(value.into()),
        };
        let statement = self.store.statement(cast)?;
        let parameters = [value];
        let mut rows = statement.query(&parameters)?;
        let row = rows.next()?.ok_or_else(corrupt)?;
        Ok(row.get(0).into())
    }

    /// A term of a column of an affinity: `None` is `IN`.
    fn test(
        &self,
        operator: Option<Operator>,
        values: Vec<Value>,
        affinity: Affinity,
    ) -> Result<Test> {
        let cast: Result<Vec<_>> = values
            .iter()
            .map(|value| self.with_affinity(affinity, value.as_ref()))
            .collect();
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        let wide = match operator {
            Some(
                Operator::Less
                | Operator::LessOrEqual
                | Operator::Greater
                | Operator::GreaterOrEqual,
            ) if affinity == Affinity::Text || values.iter().any(is_text) => {
                self.store.wide_text()?
            }
            _ => None,
        };
        let test = |mut values: Vec<Value>| match (operator, wide) {
            (None, _) => Test::any_of(values),
            (Some(operator), wide) => match (values.pop().unwrap_or(Value::Null), wide) {
                (Value::Text(text), Some(is_big_endian)) => {
                    Test::Wide(operator, Wide::new(&text, is_big_endian))
                }
                (value, _) => Test::Compare(operator, value),
            },
        };
        let is_number = |value: &Value| matches!(value, Value::Integer(_) | Value::Real(_));
        if affinity == Affinity::Text && values.iter().any(is_number) {
            return Ok(Test::Either {
                text: Box::new(test(cast?)),
                number: Box::new(test(values)),
            });
        }
        Ok(test(cast?))
    }

    fn asked(&self, scan: Scan<'_>) -> Result<Asked> {
        let config = self.state.config.borrow();
        let options = &config.options;
        let mut asked = Asked::default();
        let terms = terms(scan.text).ok_or_else(corrupt)?;
        for (at, term) in terms.into_iter().enumerate() {
            let (column, affinity) = match term.subject {
                Subject::Match => {
                    let shape = Shape {
                        element: options.element,
                        dimension: options.dimension as usize,
                        metric: options.metric,
                    };
                    asked.vector = Some(shape.read(scan.args.get(at))?);
                    continue;
                }
                Subject::K => {
                    asked.k = Some(positive("k", scan.args.get(at))?);
                    continue;
                }
                Subject::List => {
                    asked.width = Some(positive("search_list_size", scan.args.get(at))?);
                    continue;
                }
                Subject::Rowid | Subject::Distance => (None, Affinity::Numeric),
                Subject::Column(number) => {
                    let column = options.columns.get(number).ok_or_else(corrupt)?;
                    (Some(number), column.column_type.into())
                }
            };
            let mut values = Vec::new();
            let operator = term.operator;
            if operator.is_some() {
                values.push(Value::from(scan.args.get(at)));
            } else {
                scan.args.list(at, &mut |value| {
                    values.push(value.into());
                    Ok::<_, ModuleError>(())
                })?;
            }
            let test = self.test(operator, values, affinity)?;
            if term.subject == Subject::Distance {
                asked.bounds.push(test);
            } else {
                asked.tests.push((column, test));
            }
        }
        Ok(asked)
    }

    /// Slots that a term gives right away: of rowids, or of an INDEXED column. The term is done with then.
    fn list(
        &self,
        root: &Root,
        tests: &mut Vec<(Option<usize>, Test)>,
    ) -> Result<Option<Vec<u32>>> {
        let config = self.state.config.borrow();
        let columns = &config.options.columns;
        let rank = |(column, test): &(Option<usize>, Test)| {
            let is_equal = matches!(
                test,
                Test::In(_) | Test::Compare(Operator::Equal | Operator::Is, _)
            );
            match column {
                None if is_equal => Some(0),
                Some(number) if is_equal && columns.get(*number).is_some_and(|c| c.is_indexed) => {
                    Some(1)
                }
                _ => None,
            }
        };
        let best = tests
            .iter()
            .enumerate()
            .filter_map(|(at, test)| Some((rank(test)?, at)));
        let Some((_, at)) = best.min() else {
            return Ok(None);
        };
        let (column, test) = tests.swap_remove(at);
        let sql = match column {
            None => "SELECT slot FROM {rows} WHERE id IS ?".to_string(),
            Some(number) => format!("SELECT slot FROM {{rows}} WHERE c{number} IS ?"),
        };
        let statement = self.store.statement(&sql)?;
        let values = match test {
            Test::In(values) => values,
            Test::Compare(Operator::Equal, Value::Null) => Vec::new(),
            Test::Compare(_, value) => vec![value],
            Test::Either { .. } | Test::Wide(..) => return Err(corrupt()), // they have no rank
        };
        let mut slots = Vec::new();
        for value in &values {
            let parameters = [value.as_ref()];
            let mut rows = statement.query(&parameters)?;
            while let Some(row) = rows.next()? {
                let slot = match row.get(0) {
                    ValueRef::Integer(slot) => u32::try_from(slot).ok(),
                    _ => None,
                };
                slots.push(
                    slot.filter(|slot| root.is_live(*slot))
                        .ok_or_else(corrupt)?,
                );
            }
        }
        slots.sort_unstable();
        Ok(Some(slots))
    }

    fn start(&mut self, scan: Scan<'_>) -> Result<()> {
        let mut asked = self.asked(scan)?;
        let root = self.state.resolve(&self.store)?;
        let list = self.list(&root, &mut asked.tests)?;
        {
            let config = self.state.config.borrow();
            for (column, _) in &asked.tests {
                if let Some(number) = *column {
                    let definition = config.options.columns.get(number).ok_or_else(corrupt)?;
                    load::column(&self.store, &root, number, definition)?;
                }
            }
        }
        let filter = Filter::new(&root, asked.tests);
        // All columns of a single row are read at once.
        let is_one = asked.vector.is_none() && list.as_ref().is_some_and(|list| list.len() <= 1);
        if !is_one && !root.columns.is_empty() {
            self.kept = Some(self.state.scans.begin());
        }
        let Some(vector) = asked.vector else {
            let mut slots = list.unwrap_or_else(|| root.slots_of(Kind::Live).collect());
            slots.reverse();
            self.rows = Some(Rows::Slots(root, filter, slots));
            return Ok(());
        };
        let rows = root.rows() as usize;
        let mut query = Query::new(root, &vector);
        query.filter = filter;
        query.bounds = asked.bounds;
        query.list = list;
        query.width = asked.width.or_else(|| {
            let config = self.state.config.borrow();
            config.options.search_list_size.map(|size| size as usize)
        });
        let k = asked.k.map(|k| k.min(rows));
        let hits = choose::search(
            &query,
            &self.store,
            k,
            &mut self.state.scratches.borrow_mut(),
        )?;
        self.rows = Some(Rows::Found(Box::new(query), hits));
        Ok(())
    }

    fn advance(&mut self) -> Result<bool> {
        self.values = None;
        self.at = match &mut self.rows {
            None => None,
            Some(Rows::Found(query, hits)) => hits.next(query, &self.store)?,
            Some(Rows::Slots(root, filter, slots)) => loop {
                match slots.pop() {
                    None => break None,
                    Some(slot) if filter.holds(root, slot) => {
                        break Some(Hit {
                            rank: 0.0,
                            id: root.id(slot),
                            slot,
                        })
                    }
                    Some(_) => {}
                }
            },
        };
        Ok(self.at.is_some())
    }

    fn root(&self) -> Result<&Arc<Root>> {
        match &self.rows {
            Some(Rows::Found(query, _)) => Ok(&query.root),
            Some(Rows::Slots(root, ..)) => Ok(root),
            None => Err(corrupt()),
        }
    }

    /// The columns of the row as they were when the scan began.
    fn read_values(&self, id: i64, columns: usize) -> Result<Vec<Value>> {
        match self.kept.as_ref().and_then(|kept| kept.get(id)) {
            Some(values) => Ok(values),
            None => kept::read(&self.store, id, columns),
        }
    }
}

impl Cursor for VectorCursor {
    fn filter(&mut self, scan: Scan<'_>) -> Result<bool> {
        self.rows = None;
        self.kept = None;
        self.start(scan)?;
        self.advance()
    }

    fn next(&mut self) -> Result<bool> {
        self.advance()
    }

    fn column(&mut self, column: usize, context: &mut Context<'_>) -> Result<()> {
        let columns = self.state.config.borrow().options.columns.len();
        let places = Places { columns, texts: 0 };
        let Some(hit) = self.at else {
            return Ok(());
        };
        if context.is_unchanged() {
            return Ok(());
        }
        if column < columns {
            let root = self.root()?;
            if let Some(loaded) = root.columns.get(column).and_then(|cell| cell.get()) {
                loaded.with_value(hit.slot, |value| context.set(value));
                return Ok(());
            }
            if self.values.is_none() {
                self.values = Some(self.read_values(hit.id, columns)?);
            }
            if let Some(value) = self.values.as_ref().and_then(|values| values.get(column)) {
                context.set(value.as_ref());
            }
        } else if column == places.vector() {
            context.set(ValueRef::Blob(self.root()?.vector(hit.slot)));
        } else if column == places.distance() {
            if let Some(Rows::Found(query, _)) = &self.rows {
                context.set(ValueRef::Real(query.distance(hit.rank)));
            }
        }
        Ok(())
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.at.map_or(0, |hit| hit.id))
    }
}
