//! Whether what a server answers fits what it was asked for. Whoever reads rows trusts their widths.

use super::pipeline::{missing, other};
use super::proto::{
    BatchResult, Col, DescribeResult, Request, Response, Row, ServerError, StmtResult,
};
use crate::error::{Error, Result};

/// `SQLITE_MAX_COLUMN` as it is if nobody raises it: a block has no room for a row of many more.
const MAX_COLUMNS: usize = 2000;

/// `SQLITE_MAX_VARIABLE_NUMBER`
const MAX_PARAMETERS: usize = 32766;

/// That an answer is to the request, and is what it can be.
pub(crate) fn check(
    request: &Request,
    answer: &std::result::Result<Response, ServerError>,
) -> Result<()> {
    let Ok(answer) = answer else { return Ok(()) };
    match (request, answer) {
        (Request::Execute(_), Response::Execute(answer)) => {
            statement(answer.result.as_ref().ok_or_else(missing)?)
        }
        (Request::Batch(request), Response::Batch(answer)) => {
            let steps = request.batch.as_ref().map_or(0, |batch| batch.steps.len());
            batch(steps, answer.result.as_ref().ok_or_else(missing)?)
        }
        (Request::Describe(_), Response::Describe(answer)) => {
            description(answer.result.as_ref().ok_or_else(missing)?)
        }
        (Request::Close(_), Response::Close(_))
        | (Request::GetAutocommit(_), Response::GetAutocommit(_)) => Ok(()),
        _ => Err(other()),
    }
}

fn statement(result: &StmtResult) -> Result<()> {
    columns(&result.cols)?;
    let width = result.cols.len();
    let fits = |row: &Row| row.values.len() == width && width != 0;
    if !result.rows.iter().all(fits) {
        return Err(Error::protocol("a row has not a value for each column"));
    }
    let mut values = result.rows.iter().flat_map(|row| &row.values);
    if values.any(|value| value.kind.is_none()) {
        return Err(Error::protocol("a value has no type"));
    }
    if i64::try_from(result.affected_row_count).is_err() {
        return Err(Error::protocol("a number of changes is none"));
    }
    Ok(())
}

fn columns(cols: &[Col]) -> Result<()> {
    if cols.len() > MAX_COLUMNS {
        return Err(Error::protocol("it has more columns than there can be"));
    }
    let texts = cols.iter().flat_map(|col| [&col.name, &col.decltype]);
    names(texts.flatten())
}

fn names<'a>(mut names: impl Iterator<Item = &'a bytes::Bytes>) -> Result<()> {
    if names.any(|name| name.contains(&0)) {
        return Err(Error::protocol("a name has a NUL character"));
    }
    Ok(())
}

fn batch(steps: usize, result: &BatchResult) -> Result<()> {
    let is_step = |step: &u32| usize::try_from(*step).is_ok_and(|step| step < steps);
    let mut answered = result.step_results.keys().chain(result.step_errors.keys());
    let has_both = |step: &u32| result.step_errors.contains_key(step);
    if !answered.all(is_step) || result.step_results.keys().any(has_both) {
        return Err(other());
    }
    result.step_results.values().try_for_each(statement)
}

fn description(result: &DescribeResult) -> Result<()> {
    columns(&result.cols)?;
    if result.params.len() > MAX_PARAMETERS {
        return Err(Error::protocol("it has more parameters than there can be"));
    }
    let given = || result.params.iter().filter_map(|param| param.name.as_ref());
    names(given())?;
    if given().any(|name| !name.first().is_some_and(|first| b"?:@$".contains(first))) {
        return Err(Error::protocol("a parameter has no name"));
    }
    Ok(())
}
