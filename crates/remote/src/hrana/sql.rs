//! What has to be known of SQL before the server sees it, and of its errors afterwards.

use ferrolite_sqlite::{code_name, has_word, TokenKind, Tokens};

use super::proto::ServerError;
use crate::error::{Error, Origin, Outcome};

/// SQL with `?1` for its first parameter and so on, for servers that take parameters by place or by name but not
/// both. `names` has the parameters' names with their prefix.
pub(super) fn number_parameters(sql: &str, names: &[Option<String>]) -> String {
    let mut numbered = String::with_capacity(sql.len());
    let mut copied = 0;
    for token in Tokens::new(sql) {
        if token.kind != TokenKind::Variable || token.text.starts_with('?') {
            continue;
        }
        let is_known = |known: &Option<String>| known.as_deref() == Some(token.text);
        if let Some(at) = names.iter().position(is_known) {
            numbered.push_str(&sql[copied..token.start]);
            numbered.push('?');
            numbered.push_str(&(at + 1).to_string());
            copied = token.end();
        }
    }
    numbered.push_str(&sql[copied..]);
    numbered
}

/// Whether a transaction may be over after it. True too often does no harm.
pub fn may_commit(sql: &str) -> bool {
    has_word(sql, &["COMMIT", "END", "RELEASE"])
}

/// Whether other statements may mean something else after it. True too often does no harm.
pub fn changes_schema(sql: &str) -> bool {
    has_word(
        sql,
        &["CREATE", "DROP", "ALTER", "ATTACH", "DETACH", "ROLLBACK"],
    )
}

/// What the server says of an execution, in `SQLite`'s words. `sqld` wraps messages and cuts codes to their primary
/// part, with a name of its own for `SQLITE_ERROR`.
pub(super) fn statement_error(sql: &str, error: &ServerError) -> Error {
    let message = String::from_utf8_lossy(&error.message);
    let code = String::from_utf8_lossy(&error.code);
    if let Some(what) = message.strip_prefix("Arguments do not match SQL parameters: ") {
        if let Some(error) = parameters_error(what) {
            return error;
        }
    }
    let mut text = message.as_ref();
    for prefix in [
        "SQLite error: ",
        "SQLite input error: ",
        "SQL input error: ",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    let mut offset = None;
    if let Some((before, at)) = text.rsplit_once(" (at offset ") {
        offset = at.trim_end_matches(')').parse().ok();
        if offset.is_some() {
            text = before;
        }
    }
    if let Some(near) = parse_error(text) {
        return answer("SQLITE_ERROR", &near, None, Outcome::NotExecuted);
    }
    let outcome = outcome_of(&code, sql);
    let code = match code.as_ref() {
        "SQLITE_UNKNOWN" | "SQL_PARSE_ERROR" | "SQL_INPUT_ERROR" | "" => "SQLITE_ERROR",
        "SQLITE_CONSTRAINT" => constraint(text),
        code => code,
    };
    answer(code, text, offset, outcome)
}

fn answer(code: &str, message: &str, offset: Option<u32>, outcome: Outcome) -> Error {
    Error {
        offset,
        outcome,
        origin: Origin::Statement,
        ..Error::new(code, message)
    }
}

/// What became of a statement that the server answered with this code. `SQLite` undoes a statement that fails.
fn outcome_of(code: &str, sql: &str) -> Outcome {
    match code {
        // Rows before the one that failed stay. Tables and triggers may say so as well, which is not known here.
        "SQLITE_CONSTRAINT" if has_word(sql, &["FAIL"]) => Outcome::Unknown,
        // A commit that could not be made to last may be found again when the file is opened the next time.
        code if code.starts_with("SQLITE_IOERR") => Outcome::Unknown,
        code if code.starts_with("SQLITE_") => Outcome::NotExecuted,
        "TRANSACTION_TIMEOUT" => Outcome::RolledBack,
        "SQL_PARSE_ERROR"
        | "SQL_INPUT_ERROR"
        | "SQL_NO_STATEMENT"
        | "SQL_MANY_STATEMENTS"
        | "ARGS_INVALID"
        | "ARGS_BOTH_POSITIONAL_AND_NAMED"
        | "TRANSACTION_BUSY"
        | "BLOCKED" => Outcome::NotExecuted,
        // Rows that were too large to be sent, a primary that did not answer, and what other servers have.
        _ => Outcome::Unknown,
    }
}

/// In better-sqlite3's words.
fn parameters_error(what: &str) -> Option<Error> {
    const TOO_BIG: i32 = 18;
    if what == "string or blob too big" {
        let error = ferrolite_sqlite::Error::from_code(TOO_BIG);
        let (code, text) = (code_name(error.code()), error.to_string());
        return Some(answer(&code, &text, None, Outcome::NotExecuted));
    }
    let missing = what.strip_prefix("value for parameter ");
    let missing = missing.and_then(|what| what.strip_suffix(" not found"));
    let message = match missing {
        None if !what.starts_with("too many") => return None,
        Some(number) if number.parse::<u32>().is_ok() => {
            "Too few parameter values were provided".into()
        }
        Some(name) => format!(
            "Missing named parameter \"{}\"",
            name.get(1..).unwrap_or(name)
        ),
        None => "Too many parameter values were provided".into(),
    };
    Some(Error {
        origin: Origin::Parameters,
        ..Error::new("", message)
    })
}

/// `sqld` has a parser of its own in front of `SQLite`'s.
fn parse_error(text: &str) -> Option<String> {
    let rest = text.strip_prefix("SQL string could not be parsed: ")?;
    if let Some((_, near)) = rest.split_once("syntax error around ") {
        let (_, token) = near.split_once(": ")?;
        return Some(format!(
            "near \"{}\": syntax error",
            token.trim_matches('`')
        ));
    }
    if rest.starts_with("unexpected end of input") {
        return Some("incomplete input".into());
    }
    rest.starts_with("near ").then(|| rest.into())
}

fn constraint(text: &str) -> &'static str {
    // https://www.sqlite.org/rescode.html: the kinds that have a message of their own.
    const KINDS: [(&str, &str); 5] = [
        ("UNIQUE constraint failed", "SQLITE_CONSTRAINT_UNIQUE"),
        ("NOT NULL constraint failed", "SQLITE_CONSTRAINT_NOTNULL"),
        ("CHECK constraint failed", "SQLITE_CONSTRAINT_CHECK"),
        (
            "FOREIGN KEY constraint failed",
            "SQLITE_CONSTRAINT_FOREIGNKEY",
        ),
        ("cannot store ", "SQLITE_CONSTRAINT_DATATYPE"),
    ];
    let kind = KINDS.iter().find(|(prefix, _)| text.starts_with(prefix));
    kind.map_or("SQLITE_CONSTRAINT", |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_parameters_become_numbers() {
        let names = [None, Some(":é".to_owned()), Some("@a".to_owned()), None];
        let numbered = |sql| number_parameters(sql, &names);
        assert_eq!(numbered("SELECT ?, :é, @a, ?"), "SELECT ?, ?2, ?3, ?");
        assert_eq!(
            numbered("SELECT ?,':é',@a+@a -- @a"),
            "SELECT ?,':é',?3+?3 -- @a"
        );
        assert_eq!(numbered("SELECT @ab, a@a, b$a"), "SELECT @ab, a?3, b$a");
    }

    #[test]
    fn errors_have_the_words_of_sqlite() {
        let error = |message: &str, code: &str| {
            let error = ServerError {
                message: message.to_owned().into(),
                code: code.to_owned().into(),
            };
            let error = statement_error("SELECT 1", &error);
            (error.message, error.code)
        };
        let is = |message: &str, code: &str| (message.to_owned(), code.to_owned());
        assert_eq!(
            error(
                "SQLite error: UNIQUE constraint failed: t.a",
                "SQLITE_CONSTRAINT"
            ),
            is("UNIQUE constraint failed: t.a", "SQLITE_CONSTRAINT_UNIQUE")
        );
        assert_eq!(
            error(
                "SQL string could not be parsed: syntax error around L1:6: `selec`",
                "SQL_PARSE_ERROR"
            ),
            is("near \"selec\": syntax error", "SQLITE_ERROR")
        );
        assert_eq!(
            error("SQLite error: no such table: missing", "SQLITE_UNKNOWN"),
            is("no such table: missing", "SQLITE_ERROR")
        );
    }
    #[test]
    fn outcomes_are_those_of_sqlite() {
        let outcome = |sql: &str, code: &str| {
            let error = ServerError {
                message: "SQLite error: No".to_owned().into(),
                code: code.to_owned().into(),
            };
            statement_error(sql, &error).outcome
        };
        let insert = "INSERT INTO t VALUES (1), (2)";
        for code in [
            "SQLITE_CONSTRAINT",
            "SQLITE_BUSY",
            "SQLITE_UNKNOWN",
            "SQL_INPUT_ERROR",
        ] {
            assert_eq!(outcome(insert, code), Outcome::NotExecuted, "{code}");
        }
        for code in [
            "SQLITE_IOERR",
            "RESPONSE_TOO_LARGE",
            "PROXY_ERROR",
            "OTHER",
            "",
        ] {
            assert_eq!(outcome(insert, code), Outcome::Unknown, "{code}");
        }
        let keeps = "INSERT OR FAIL INTO t VALUES (1), (2)";
        assert_eq!(outcome(keeps, "SQLITE_CONSTRAINT"), Outcome::Unknown);
        assert_eq!(outcome(keeps, "SQLITE_BUSY"), Outcome::NotExecuted);
        assert_eq!(outcome(insert, "TRANSACTION_TIMEOUT"), Outcome::RolledBack);
    }

    #[test]
    fn values_that_do_not_fit_have_the_words_of_better_sqlite3() {
        let error = |what: &str| {
            let error = ServerError {
                message: format!("Arguments do not match SQL parameters: {what}").into(),
                code: "ARGS_INVALID".to_owned().into(),
            };
            let error = statement_error("SELECT ?", &error);
            (error.is_about_parameters(), error.message)
        };
        let few = "Too few parameter values were provided";
        assert_eq!(error("value for parameter 1 not found"), (true, few.into()));
        let named = "Missing named parameter \"a\"";
        assert_eq!(
            error("value for parameter :a not found"),
            (true, named.into())
        );
        let many = "Too many parameter values were provided";
        assert_eq!(error("too many arguments"), (true, many.into()));
        assert_eq!(
            error("string or blob too big"),
            (false, "string or blob too big".into())
        );
    }
}
