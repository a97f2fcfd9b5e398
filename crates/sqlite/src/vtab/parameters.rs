//! Table-valued functions: hidden columns that take arguments, `SELECT … FROM table(1, 2)`.

use super::object::{ModuleError, Result};
use super::plan::{Operator, Plan};
use super::read::Scan;
use crate::value::ValueRef;

/// The hidden columns of a table-valued function, which are its first ones; 32 at most.
#[derive(Debug, Default)]
pub struct Parameters {
    names: Vec<String>,
}

impl Parameters {
    /// Parameters of these names.
    pub fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    /// Plans to read rows for the arguments that are given; false without one that is.
    pub fn best_index(&self, plan: &mut Plan<'_>) -> Result<bool> {
        let mut given = Vec::new();
        for constraint in plan.constraints() {
            let Some((column, name)) = constraint
                .column
                .and_then(|column| Some((column, self.names.get(column)?)))
            else {
                continue;
            };
            if constraint.operator != Operator::Equal {
                return Err(ModuleError::Message(format!(
                    "virtual table parameter \"{name}\" can only be constrained by the '=' operator"
                )));
            }
            if !constraint.usable {
                // A plan that ignores an argument would run the function without it.
                return Ok(false);
            }
            given.push((column, constraint.number));
        }
        given.sort_unstable();
        given.dedup_by_key(|(column, _)| *column);
        let mut bits = 0;
        for (column, number) in &given {
            bits |= 1 << column;
            plan.pass(*number, true);
        }
        plan.set_number(bits);
        // So high that SQLite avoids running the function inside a loop; fewer rows with more arguments.
        let share = u32::try_from(given.len() + 1).unwrap_or(u32::MAX);
        plan.set_cost(1e9 / f64::from(share), 1_000_000_000 / i64::from(share));
        Ok(true)
    }

    /// The arguments of a scan, `None` for one that was not given. Nothing at all if one is `NULL`: no row is equal
    /// to that.
    pub fn arguments<'a>(&self, scan: &Scan<'a>) -> Option<Vec<Option<ValueRef<'a>>>> {
        let mut taken = 0;
        let is_given = |parameter: usize| scan.number & (1 << parameter) != 0;
        let arguments: Vec<_> = (0..self.names.len())
            .map(|parameter| {
                is_given(parameter).then(|| {
                    taken += 1;
                    scan.args.get(taken - 1)
                })
            })
            .collect();
        (!arguments.contains(&Some(ValueRef::Null))).then_some(arguments)
    }
}
