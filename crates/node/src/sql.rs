//! What JavaScript asks about SQL that is not compiled yet.

use ferrolite_sqlite::batch_fault;

use crate::sys::{Call, ErrorKind, Result, Value};

/// `(SQL of each statement, our savepoint)`: throws if one would begin or end the batch's transaction.
pub fn check_batch<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let list = call.arg(0);
    let statements = (0..list.array_len(env)).map(|at| list.at(env, at)?.to_utf8(env));
    let statements = statements.collect::<Result<Vec<_>>>()?;
    let reserved = call.arg(1).to_utf8(env)?;
    if let Some((at, fault)) = batch_fault(statements.iter().map(String::as_str), &reserved) {
        let message = format!(
            "A batch begins and ends its transaction itself: statements[{at}] cannot be {fault}"
        );
        return Err(env.throw_error(ErrorKind::Type, &message));
    }
    env.undefined()
}
