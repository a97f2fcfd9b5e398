//! What has to be known of SQL before the server sees it, and of its errors afterwards.

use crate::proto;

/// The statements of a script, without what is between them. Comments and empty ones do not count.
pub fn statements(sql: &str) -> Vec<&str> {
    let mut list = Vec::new();
    let mut tokens = Tokens(sql.as_bytes());
    let mut start = None;
    let mut end = 0;
    let mut words = Vec::new();
    while let Some(token) = tokens.next() {
        // The body of a trigger has statements of its own, up to `END;`.
        if token == b";" && !is_open_trigger(&words) {
            list.extend(start.map(|start| &sql[start..end]));
            start = None;
            words.clear();
            continue;
        }
        end = sql.len() - tokens.0.len();
        start = start.or(Some(end - token.len()));
        if words.len() < 4 {
            words.push(token);
        } else {
            // The first three tell what it is, the last one whether it is over.
            words[3] = token;
        }
    }
    list.extend(start.map(|start| &sql[start..end]));
    list
}

fn is_open_trigger(words: &[&[u8]]) -> bool {
    let is = |at: usize, word: &str| {
        words
            .get(at)
            .is_some_and(|w| w.eq_ignore_ascii_case(word.as_bytes()))
    };
    let kind = if is(1, "temp") || is(1, "temporary") {
        2
    } else {
        1
    };
    is(0, "create") && is(kind, "trigger") && !is(words.len() - 1, "end")
}

/// Words, literals and signs; no comments, no space.
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let sql = self.0;
            let first = *sql.first()?;
            let find = |from: usize, stop: &dyn Fn(&[u8]) -> bool| {
                (from..sql.len())
                    .find(|&i| stop(&sql[i..]))
                    .unwrap_or(sql.len())
            };
            let (len, is_token) = match first {
                b if b.is_ascii_whitespace() => (1, false),
                b'-' if sql.starts_with(b"--") => (find(2, &|s| s[0] == b'\n'), false),
                b'/' if sql.starts_with(b"/*") => (
                    (find(2, &|s| s.starts_with(b"*/")) + 2).min(sql.len()),
                    false,
                ),
                b'\'' | b'"' | b'`' => (find(1, &|s| s[0] == first) + 1, true),
                b'[' => (find(1, &|s| s[0] == b']') + 1, true),
                b if is_word(b) => (find(1, &|s| !is_word(s[0])), true),
                _ => (1, true),
            };
            let (token, rest) = sql.split_at(len.min(sql.len()));
            self.0 = rest;
            if is_token {
                return Some(token);
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn has_word(sql: &str, words: &[&str]) -> bool {
    Tokens(sql.as_bytes()).any(|token| {
        words
            .iter()
            .any(|word| token.eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// SQL with `?1` for its first parameter and so on, for servers that take parameters by place or by name but not
/// both. `names` has the parameters' names with their prefix.
pub fn number_parameters(sql: &str, names: &[Option<String>]) -> String {
    let mut tokens = Tokens(sql.as_bytes());
    let mut numbered = String::with_capacity(sql.len());
    let mut copied = 0;
    while let Some(token) = tokens.next() {
        if !matches!(token, b":" | b"@" | b"$") {
            continue;
        }
        let start = sql.len() - tokens.0.len() - 1;
        let len = tokens.0.iter().take_while(|&&b| is_word(b)).count();
        let name = &sql[start..=start + len];
        let at = names
            .iter()
            .position(|known| known.as_deref() == Some(name));
        if let Some(at) = at {
            tokens.0 = &tokens.0[len..];
            numbered.push_str(&sql[copied..start]);
            numbered.push('?');
            numbered.push_str(&(at + 1).to_string());
            copied = start + 1 + len;
        }
    }
    numbered.push_str(&sql[copied..]);
    numbered
}

/// The parameters of a statement in the order of their numbers, with their prefix (`?2` too); `None` for a `?`. As
/// <https://sqlite.org/lang_expr.html#parameters> has it.
pub fn parameters(sql: &str) -> Vec<Option<String>> {
    let mut names: Vec<Option<String>> = Vec::new();
    let mut tokens = Tokens(sql.as_bytes());
    while let Some(token) = tokens.next() {
        let [prefix @ (b'?' | b':' | b'@' | b'$')] = token else {
            continue;
        };
        let start = sql.len() - tokens.0.len() - 1;
        let len = tokens.0.iter().take_while(|&&b| is_word(b)).count();
        let name = &sql[start..=start + len];
        tokens.0 = &tokens.0[len..];
        if *prefix != b'?' {
            if len != 0 && !names.iter().flatten().any(|known| known == name) {
                names.push(Some(name.into()));
            }
            continue;
        }
        // SQLite's own limit is 32766.
        let number = name[1..]
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=32766).contains(n));
        match number {
            None => names.push(None),
            Some(number) => {
                if names.len() < number {
                    names.resize(number, None);
                }
                names[number - 1] = Some(name.into());
            }
        }
    }
    names
}

/// Whether a transaction may be over after it. True too often does no harm.
pub fn may_commit(sql: &str) -> bool {
    has_word(sql, &["commit", "end", "release"])
}

/// Whether other statements may mean something else after it. True too often does no harm.
pub fn changes_schema(sql: &str) -> bool {
    has_word(
        sql,
        &["create", "drop", "alter", "attach", "detach", "rollback"],
    )
}

/// An error of the server's `SQLite`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// Extended, as far as the message tells
    pub code: String,
    pub message: String,
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
    if let Some((before, offset)) = text.rsplit_once(" (at offset ") {
        if offset.trim_end_matches(')').parse::<u32>().is_ok() {
            text = before;
        }
    }
    if let Some(near) = parse_error(text) {
        return ServerError {
            code: "SQLITE_ERROR".into(),
            message: near,
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
    fn scripts_are_split_as_sqlite_does() {
        assert_eq!(
            statements(" SELECT 1 ; -- one;\n/* ; */ SELECT ';', \"a;b\" /* x */;; [c;d] "),
            ["SELECT 1", "SELECT ';', \"a;b\"", "[c;d]"]
        );
        let trigger = "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END";
        let temporary = trigger.replace("CREATE", "create temp");
        let script = format!("{trigger}; {temporary};SELECT 3;");
        assert_eq!(statements(&script), [trigger, &temporary, "SELECT 3"]);
        for (sql, count) in [
            ("", 0),
            (" ;; -- SELECT 1", 0),
            ("/* open", 0),
            ("SELECT 'it''s; all one'", 1),
            ("SELECT 1;x", 2),
            ("CREATE TABLE t (a); SELECT 1", 2),
            ("SELECT 'open; é", 1),
            ("SELECT é;é", 2),
        ] {
            assert_eq!(statements(sql).len(), count, "{sql}");
        }
    }

    #[test]
    fn named_parameters_become_numbers() {
        let names = [None, Some(":é".to_owned()), Some("@a".to_owned()), None];
        let numbered = |sql| number_parameters(sql, &names);
        assert_eq!(numbered("SELECT ?, :é, @a, ?"), "SELECT ?, ?2, ?3, ?");
        assert_eq!(
            numbered("SELECT ?,':é',@a+@a -- @a"),
            "SELECT ?,':é',?3+?3 -- @a"
        );
        assert_eq!(numbered("SELECT @ab, @"), "SELECT @ab, @");
    }

    #[test]
    fn parameters_have_their_numbers() {
        let names = |sql| {
            let names = parameters(sql).into_iter();
            names.map(Option::unwrap_or_default).collect::<Vec<_>>()
        };
        assert_eq!(names("SELECT ?, :é, @a, ?, :é, '?'"), ["", ":é", "@a", ""]);
        assert_eq!(names("SELECT ?3, ?, $a -- ?"), ["", "", "?3", "", "$a"]);
        assert_eq!(names("SELECT 1"), [""; 0]);
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
