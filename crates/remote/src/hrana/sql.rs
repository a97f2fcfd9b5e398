//! What has to be known of SQL before the server sees it, and of its errors afterwards.

use ferrolite_sqlite::{has_word, TokenKind, Tokens};

use super::proto;

/// SQL with `?1` for its first parameter and so on, for servers that take parameters by place or by name but not
/// both. `names` has the parameters' names with their prefix.
pub fn number_parameters(sql: &str, names: &[Option<String>]) -> String {
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

/// An error of the server's `SQLite`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// Extended, as far as the message tells
    pub code: String,
    pub message: String,
    /// Where in the SQL it is, in bytes
    pub offset: Option<u32>,
}

/// What the server says of an error, in `SQLite`'s words. `sqld` wraps messages and cuts codes to their primary
/// part, with a name of its own for `SQLITE_ERROR`.
pub fn sqlite_error(error: &proto::ServerError) -> ServerError {
    let message = String::from_utf8_lossy(&error.message);
    let code = String::from_utf8_lossy(&error.code);
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
        return ServerError {
            code: "SQLITE_ERROR".into(),
            message: near,
            offset: None,
        };
    }
    let code = match code.as_ref() {
        "SQLITE_UNKNOWN" | "SQL_PARSE_ERROR" | "SQL_INPUT_ERROR" | "" => "SQLITE_ERROR",
        "SQLITE_CONSTRAINT" => constraint(text),
        code => code,
    };
    ServerError {
        code: code.into(),
        message: text.into(),
        offset,
    }
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
            let error = sqlite_error(&proto::ServerError {
                message: message.to_owned().into(),
                code: code.to_owned().into(),
            });
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
}
