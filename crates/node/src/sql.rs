//! What JavaScript asks about SQL that is not compiled yet.

use ferrolite_sqlite::{batch_fault, file_need, parameters, returns_data, statements};

use crate::sys::{Call, Env, ErrorKind, Result, Value};

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

/// `(sql, isScript)` -> what readers are to do meanwhile, by the numbers of `Need`
pub fn file_need_of<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let sql = call.arg(0).to_utf8(env)?;
    let need = file_need(&sql, call.arg(1).as_bool(env));
    env.number(f64::from(need as i32))
}

/// `(SQL)` -> the names of its parameters, null for each `?`; undefined if it is not one statement
pub fn parameter_names<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let sql = call.arg(0).to_utf8(env)?;
    if statements(&sql).len() != 1 {
        return env.undefined();
    }
    names_of(env, &sql)
}

/// `(SQL)` -> whether it returns data, and the names of its parameters; undefined if it has to be compiled first
pub fn outline<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let sql = call.arg(0).to_utf8(env)?;
    let Some(reader) = returns_data(&sql) else {
        return env.undefined();
    };
    let list = env.array(2)?;
    list.set_at(env, 0, env.boolean(reader)?)?;
    list.set_at(env, 1, names_of(env, &sql)?)?;
    Ok(list)
}

fn names_of<'e>(env: Env<'e>, sql: &str) -> Result<Value<'e>> {
    let names = parameters(sql);
    let list = env.array(names.len())?;
    for (at, name) in (0_u32..).zip(names.iter()) {
        let name = name.as_deref().and_then(|name| name.get(1..));
        let name = name.map_or_else(|| env.null(), |name| env.utf8(name.as_bytes()))?;
        list.set_at(env, at, name)?;
    }
    Ok(list)
}

/// `(SQL)` -> what a log may show of it
pub fn without_keys<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let sql = call.arg(0).to_utf8(env)?.into_bytes();
    let len = sql.len();
    let shown = ferrolite_sqlite::without_keys(sql);
    // Nearly always it is all of it, which JavaScript has already.
    if shown.len() == len && !shown.ends_with(b" ***") {
        return Ok(call.arg(0));
    }
    env.utf8(&shown)
}

/// `(SQL)` -> whether it is a PRAGMA
pub fn is_pragma<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let sql = call.arg(0).to_utf8(call.env)?;
    call.env.boolean(ferrolite_sqlite::is_pragma(&sql))
}

/// `(SQL, name)` -> whether it has a parameter of that name, with any prefix
pub fn has_parameter<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let (sql, name) = (call.arg(0).to_utf8(env)?, call.arg(1).to_utf8(env)?);
    let is_it = |parameter: &Option<String>| {
        let parameter = parameter.as_deref().and_then(|text| text.get(1..));
        parameter == Some(&name)
    };
    env.boolean(parameters(&sql).iter().any(is_it))
}
