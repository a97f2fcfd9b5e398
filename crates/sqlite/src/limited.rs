//! `UPDATE` and `DELETE` with `ORDER BY` and `LIMIT`. The engine's parser lacks them, so what it refuses is written
//! as `SQLite` itself understands it: `WHERE rowid IN (SELECT rowid ... ORDER BY ... LIMIT ...)`.

use std::ops::Range;
use std::rc::Rc;

use crate::connection::{Connection, Shared};
use crate::error::{Error, Result};
use crate::ffi;
use crate::params::Params;
use crate::script::number_of;
use crate::sql::{Token, TokenKind, Tokens};
use crate::value::ValueRef;

/// A statement in the engine's own words.
pub(crate) struct Rewritten {
    /// Ends in NUL.
    pub(crate) sql: Vec<u8>,
    /// How much of the script it took.
    pub(crate) tail: usize,
    /// Names of the parameters with their prefix, where they have numbers now.
    pub(crate) names: Option<Vec<Option<String>>>,
}

impl Rewritten {
    /// An error about its words, as one about the script: it says where only if that is not in doubt.
    pub(crate) fn place(&self, script: &[u8], error: Error) -> Error {
        let Error::Sqlite {
            code,
            message,
            offset,
            statement,
        } = error
        else {
            return error;
        };
        let sql = String::from_utf8_lossy(&self.sql);
        let script = String::from_utf8_lossy(script);
        let at = usize::try_from(offset).ok();
        let found = at.and_then(|at| Tokens::new(&sql).find(|token| token.start == at));
        let same = |token: &Token<'_>| found.is_some_and(|found| found.text == token.text);
        let mut places = Tokens::new(&script).filter(same);
        let offset = match (places.next(), places.next()) {
            (Some(place), None) => i32::try_from(place.start).unwrap_or(-1),
            _ => -1,
        };
        Error::Sqlite {
            code,
            message,
            offset,
            statement,
        }
    }
}

/// The first statement of a script with `literal` of each parameter, from 0, in its place.
pub(crate) fn expand(script: &[u8], literal: impl Fn(usize) -> Option<Vec<u8>>) -> Vec<u8> {
    let Ok(sql) = std::str::from_utf8(script) else {
        return script.to_vec();
    };
    let (tokens, tail) = first_statement(sql);
    let mut names = Vec::new();
    let mut expanded = Vec::new();
    let mut copied = 0;
    for (token, _) in &tokens {
        let number = number_of(token, &mut names);
        if number == 0 {
            continue;
        }
        expanded.extend_from_slice(&script[copied..token.start]);
        expanded.extend(literal(number - 1).unwrap_or_else(|| b"NULL".to_vec()));
        copied = token.end();
    }
    expanded.extend_from_slice(&script[copied..tail]);
    expanded
}

/// Whether an error may be about a clause that the engine does not know.
pub(crate) fn may_be_limited(error: &Error) -> bool {
    let Error::Sqlite { code, message, .. } = error else {
        return false;
    };
    let text = String::from_utf8_lossy(message).to_ascii_uppercase();
    *code == ffi::SQLITE_ERROR
        && (text.starts_with("NEAR \"ORDER\"") || text.starts_with("NEAR \"LIMIT\""))
}

/// The clauses of a statement, as ranges of its tokens.
struct Clauses {
    verb: &'static str,
    /// Name and schema are tokens of it.
    table: Range<usize>,
    indexed: Range<usize>,
    set: Range<usize>,
    from: Range<usize>,
    condition: Range<usize>,
    returning: Range<usize>,
    limit: Range<usize>,
    is_limited: bool,
}

/// The tokens of the first statement, how deep in brackets each is, and where the statement ends.
fn first_statement(sql: &str) -> (Vec<(Token<'_>, usize)>, usize) {
    let mut list = Vec::new();
    let mut depth = 0_usize;
    for token in Tokens::new(sql).skip_while(|token| token.is_sign(";")) {
        if token.is_sign(";") {
            return (list, token.end());
        }
        if token.is_sign(")") {
            depth = depth.saturating_sub(1);
        }
        list.push((token, depth));
        if token.is_sign("(") {
            depth += 1;
        }
    }
    (list, sql.len())
}

type Listed<'a> = [(Token<'a>, usize)];

/// Whether the token at that place is that keyword, and in no brackets.
fn is(tokens: &Listed<'_>, at: usize, word: &str) -> bool {
    tokens
        .get(at)
        .is_some_and(|(token, depth)| *depth == 0 && token.is(word))
}

/// The verb, and the tokens of the table's name.
fn verb_and_table(tokens: &Listed<'_>) -> Option<(&'static str, Range<usize>)> {
    let is = |at: usize, word: &str| is(tokens, at, word);
    let is_name = |at: usize| tokens.get(at).is_some_and(|(token, _)| token.is_name());
    let mut at = 0;
    if is(at, "EXPLAIN") {
        at += if is(1, "QUERY") { 3 } else { 1 };
    }
    if is(at, "WITH") {
        at = (at..tokens.len()).find(|&at| is(at, "UPDATE") || is(at, "DELETE"))?;
    }
    let verb = if is(at, "UPDATE") { "UPDATE" } else { "DELETE" };
    if !is(at, verb) {
        return None;
    }
    at += 1;
    if verb == "UPDATE" && is(at, "OR") || verb == "DELETE" {
        at += if verb == "UPDATE" { 2 } else { 1 };
    }
    let start = at;
    at += 1;
    if tokens.get(at).is_some_and(|(token, _)| token.is_sign(".")) {
        at += 2;
    }
    if is(at, "AS") {
        at += 2;
    }
    (is_name(start) && is_name(at - 1)).then_some((verb, start..at))
}

fn clauses(tokens: &Listed<'_>) -> Option<Clauses> {
    let is = |at: usize, word: &str| is(tokens, at, word);
    let find = |from: usize, word: &str| (from..tokens.len()).find(|&at| is(at, word));
    let (verb, table) = verb_and_table(tokens)?;
    let mut at = table.end;
    if is(at, "INDEXED") {
        at += 3;
    } else if is(at, "NOT") && is(at + 1, "INDEXED") {
        at += 2;
    }
    let indexed = table.end..at;
    let end = tokens.len();
    let limit = find(at, "LIMIT");
    let order = (at..end).find(|&at| is(at, "ORDER") && is(at + 1, "BY"));
    let limits = order.or(limit)?;
    let returning = find(at, "RETURNING").unwrap_or(limits);
    let condition = find(at, "WHERE").unwrap_or(returning);
    // IS DISTINCT FROM
    let from = (at..condition).find(|&at| is(at, "FROM") && !is(at - 1, "DISTINCT"));
    let from = from.unwrap_or(condition);
    let is_sorted = [at, from, condition, returning, limits, end].is_sorted();
    is_sorted.then_some(Clauses {
        verb,
        table,
        indexed,
        set: at..from,
        from: from..condition,
        condition: condition..returning,
        returning: returning..limits,
        limit: limits..end,
        is_limited: limit.is_some(),
    })
}

/// The statement in other words; `None` if it is none of these.
pub(crate) fn rewrite(shared: &Rc<Shared>, script: &[u8]) -> Result<Option<Rewritten>> {
    let script = script.strip_suffix(b"\0").unwrap_or(script);
    let Ok(sql) = std::str::from_utf8(script) else {
        return Ok(None);
    };
    let (tokens, tail) = first_statement(sql);
    let Some(parts) = clauses(&tokens) else {
        return Ok(None);
    };
    if !parts.is_limited {
        let message = format!("ORDER BY without LIMIT on {}", parts.verb);
        return Err(Error::sqlite(ffi::SQLITE_ERROR, &message));
    }
    let table = &tokens[parts.table.clone()];
    let is_qualified = table.get(1).is_some_and(|(token, _)| token.is_sign("."));
    let schema = is_qualified.then(|| table[0].0.name());
    let name = table[if is_qualified { 2 } else { 0 }].0.name();
    let Some(keys) = keys_of(shared, schema.as_deref(), &name)? else {
        return Ok(None);
    };
    let called = table.last().map(|(token, _)| quote(&token.name()));
    let called = called.unwrap_or_default();
    let keys: Vec<_> = keys.iter().map(|key| format!("{called}.{key}")).collect();
    let keys = keys.join(", ");

    let source = Source::new(sql, &tokens, &parts);
    let mut rewritten = source.in_other_words(&parts, &keys).into_bytes();
    rewritten.push(0);
    Ok(Some(Rewritten {
        sql: rewritten,
        tail,
        names: source.moves.then_some(source.names),
    }))
}

/// The tokens of a statement, and its parameters.
struct Source<'a> {
    sql: &'a str,
    tokens: &'a [(Token<'a>, usize)],
    /// The number of each token that is a parameter, else 0.
    numbers: Vec<usize>,
    names: Vec<Option<String>>,
    /// The order of parameters in the text is another one now, or some stand in it twice.
    moves: bool,
}

impl<'a> Source<'a> {
    fn new(sql: &'a str, tokens: &'a [(Token<'a>, usize)], parts: &Clauses) -> Self {
        let mut names = Vec::new();
        let numbers: Vec<_> = tokens
            .iter()
            .map(|(token, _)| number_of(token, &mut names))
            .collect();
        let has = |range: &Range<usize>| numbers[range.clone()].iter().any(|&n| n != 0);
        let moves = has(&parts.from)
            || !parts.from.is_empty() && has(&parts.condition)
            || has(&parts.returning) && has(&parts.limit);
        Self {
            sql,
            tokens,
            numbers,
            names,
            moves,
        }
    }

    fn text(&self, range: &Range<usize>) -> String {
        let mut text = String::new();
        let mut copied = None;
        for at in range.clone() {
            let token = &self.tokens[at].0;
            let from = copied.unwrap_or(token.start);
            text.push_str(&self.sql[from..token.start]);
            if self.moves && token.kind == TokenKind::Variable {
                text.push('?');
                text.push_str(&self.numbers[at].to_string());
            } else {
                text.push_str(token.text);
            }
            copied = Some(token.end());
        }
        text
    }

    fn in_other_words(&self, parts: &Clauses, keys: &str) -> String {
        let indexed = self.text(&parts.indexed);
        // A hint holds for the search alone, as SQLite has it.
        let outer = if indexed.to_ascii_uppercase().starts_with("NOT") {
            indexed.as_str()
        } else {
            ""
        };
        let from = self.text(&parts.from);
        let joined = from.get(4..).map(|more| format!(",{more}"));
        // Rows that are joined are those of the condition.
        let condition = self.text(&parts.condition);
        let both = match condition.get(5..) {
            Some(condition) if !from.is_empty() => format!("({condition}) AND"),
            _ => String::new(),
        };
        let row = if keys.contains(", ") {
            format!("({keys})")
        } else {
            keys.into()
        };
        format!(
            "{} {outer} {} {from} WHERE {both} {row} IN (SELECT {keys} FROM {} {indexed}{} {condition} {}) {}",
            self.text(&(0..parts.table.end)),
            self.text(&parts.set),
            self.text(&parts.table),
            joined.unwrap_or_default(),
            self.text(&parts.limit),
            self.text(&parts.returning),
        )
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What identifies a row of a table: a name of its rowid, or its primary key. `None` for a view, and where
/// columns have all names of the rowid.
fn keys_of(shared: &Rc<Shared>, schema: Option<&str>, name: &str) -> Result<Option<Vec<String>>> {
    const TABLE: &[u8] = b"SELECT l.schema, l.type, l.wr FROM pragma_table_list AS l
        JOIN pragma_database_list AS d ON d.name = l.schema
        WHERE l.name = ?1 COLLATE NOCASE AND l.schema = coalesce(?2, l.schema) COLLATE NOCASE
        ORDER BY d.seq <> 1, d.seq LIMIT 1";
    const COLUMNS: &[u8] = b"SELECT name, pk FROM pragma_table_xinfo(?1, ?2) ORDER BY pk";
    let conn = Connection {
        shared: shared.clone(),
    };
    let ask = |sql: &[u8], schema: Option<&str>| {
        let mut params = Params::default();
        params.push_text(name.as_bytes());
        match schema {
            Some(schema) => params.push_text(schema.as_bytes()),
            None => params.values.push(crate::params::Param::Null),
        }
        let mut rows = Vec::new();
        let mut running = conn.prepare(sql)?.start(params)?;
        while running.next_row()? {
            let value = |at| match running.row().get(at) {
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Integer(number) => number.to_string(),
                _ => String::new(),
            };
            rows.push([value(0), value(1), value(2)]);
        }
        Ok::<_, Error>(rows)
    };
    let found = ask(TABLE, schema)?;
    let Some([schema, kind, without_rowid]) = found.first() else {
        return Ok(None);
    };
    if kind == "view" {
        return Ok(None);
    }
    let columns = ask(COLUMNS, Some(schema))?;
    if without_rowid == "1" {
        let keys = columns.iter().filter(|[_, pk, _]| pk != "0");
        return Ok(Some(keys.map(|[name, ..]| quote(name)).collect()));
    }
    let is_free = |key: &&str| {
        !columns
            .iter()
            .any(|[name, ..]| name.eq_ignore_ascii_case(key))
    };
    let key = ["rowid", "_rowid_", "oid"].into_iter().find(is_free);
    Ok(key.map(|key| vec![key.into()]))
}
