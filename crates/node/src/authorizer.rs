//! Authorizer rules that JavaScript has written.

use ferrolite_sqlite::{Authorize, Pattern, Rule, Rules};

use crate::database::this_ready;
use crate::sys::{Call, Env, Result, Value, ValueType};

/// `(rules | null, otherwise)`. A rule is an array: action codes or null, then name and whether it is a
/// glob for table, column, entity and accessor, then the policy.
pub fn authorizer<'e>(call: &Call<'e>) -> Result<Value<'e>> {
    let env = call.env;
    let db = this_ready(call)?;
    let rules = read_rules(call)?;
    db.conn
        .set_authorizer(rules.map(|rules| Box::new(rules) as Box<dyn Authorize>))
        .map_err(|error| db.raise(env, &error))?;
    env.undefined()
}

/// The rules that a call has as its arguments.
pub fn read_rules(call: &Call<'_>) -> Result<Option<Rules>> {
    let env = call.env;
    let list = call.arg(0);
    if list.type_of(env) != ValueType::Object {
        return Ok(None);
    }
    let rules = (0..list.array_len(env))
        .map(|at| rule(env, list.at(env, at)?))
        .collect::<Result<Vec<_>>>()?;
    Ok(Some(Rules {
        rules,
        otherwise: call.arg(1).as_i32(env),
    }))
}

fn rule<'e>(env: Env<'e>, rule: Value<'e>) -> Result<Rule> {
    let pattern = |at| -> Result<Option<Pattern>> {
        let name = rule.at(env, at)?;
        if name.type_of(env) != ValueType::String {
            return Ok(None);
        }
        let name = name.to_utf8(env)?.into_bytes();
        let glob = rule.at(env, at + 1)?.as_bool(env);
        Ok(Some(if glob {
            Pattern::Glob(name)
        } else {
            Pattern::Exact(name)
        }))
    };
    let codes = rule.at(env, 0)?;
    let actions = if codes.type_of(env) == ValueType::Object {
        let len = codes.array_len(env);
        let codes = (0..len).map(|at| Ok(codes.at(env, at)?.as_i32(env)));
        Some(codes.collect::<Result<Vec<_>>>()?)
    } else {
        None
    };
    Ok(Rule {
        actions,
        table: pattern(1)?,
        column: pattern(3)?,
        entity: pattern(5)?,
        accessor: pattern(7)?,
        policy: rule.at(env, 9)?.as_i32(env),
    })
}
