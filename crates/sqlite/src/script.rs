//! What the tokenizer finds in SQL that is not compiled: the statements of a script, the parameters of a
//! statement, transactions.

use std::ops::Range;

use crate::sql::{Token, TokenKind, Tokens};

/// States of `sqlite3_complete()`. They find the end of a `CREATE TRIGGER`: `; END ;`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Normal,
    Explain,
    Create,
    Trigger,
    Semicolon,
    End,
}

impl State {
    fn after(self, token: &Token<'_>) -> Self {
        let is_semicolon = token.is_sign(";");
        match self {
            Self::Trigger | Self::Semicolon if is_semicolon => Self::Semicolon,
            _ if is_semicolon => Self::Start,
            Self::Semicolon if token.is("END") => Self::End,
            Self::Trigger | Self::Semicolon | Self::End => Self::Trigger,
            Self::Start if token.is("EXPLAIN") => Self::Explain,
            Self::Start | Self::Explain if token.is("CREATE") => Self::Create,
            // EXPLAIN QUERY PLAN
            Self::Explain if token.is_any(&["QUERY", "PLAN"]) => Self::Explain,
            Self::Create if token.is_any(&["TEMP", "TEMPORARY"]) => Self::Create,
            Self::Create if token.is("TRIGGER") => Self::Trigger,
            _ => Self::Normal,
        }
    }
}

/// Where the statements of a script are, without what is between them. Comments and empty ones do not count.
pub fn statements(sql: &str) -> Vec<Range<usize>> {
    let mut list = Vec::new();
    let mut state = State::Start;
    let mut current: Option<Range<usize>> = None;
    for token in Tokens::new(sql) {
        state = state.after(&token);
        if state == State::Start {
            list.extend(current.take());
        } else {
            let start = current.map_or(token.start, |range| range.start);
            current = Some(start..token.end());
        }
    }
    list.extend(current);
    list
}

/// `SQLite`'s own limit.
const MAX_VARIABLE: usize = 32766;

/// The parameters of a statement in the order of their numbers, with their prefix (`?2` too); `None` for a `?`. As
/// <https://sqlite.org/lang_expr.html#parameters> has it.
pub fn parameters(sql: &str) -> Vec<Option<String>> {
    let mut names = Vec::new();
    let mut first = Tokens::new(sql)
        .skip_while(|token| token.is_sign(";") || token.is_any(&["EXPLAIN", "QUERY", "PLAN"]));
    // What stands in its brackets is for the module, as it is.
    let [create, virtually] = [first.next(), first.next()];
    if create.is_some_and(|token| token.is("CREATE"))
        && virtually.is_some_and(|token| token.is("VIRTUAL"))
    {
        return names;
    }
    for token in Tokens::new(sql) {
        number_of(&token, &mut names);
    }
    names
}

/// The number of a variable, from 1; `names` has those before it. 0 for other tokens.
pub fn number_of(token: &Token<'_>, names: &mut Vec<Option<String>>) -> usize {
    if token.kind != TokenKind::Variable {
        return 0;
    }
    let Some(digits) = token.text.strip_prefix('?') else {
        let known = |known: &Option<String>| known.as_deref() == Some(token.text);
        if let Some(at) = names.iter().position(known) {
            return at + 1;
        }
        names.push(Some(token.text.into()));
        return names.len();
    };
    let number = digits.parse::<usize>().ok();
    match number.filter(|number| (1..=MAX_VARIABLE).contains(number)) {
        None => {
            names.push(None);
            names.len()
        }
        Some(number) => {
            if names.len() < number {
                names.resize(number, None);
            }
            // One that has a name keeps it.
            names[number - 1].get_or_insert_with(|| token.text.into());
            number
        }
    }
}

/// Whether one of the words, in upper case, is in the SQL as a word of its own.
pub fn has_word(sql: &str, words: &[&str]) -> bool {
    Tokens::new(sql).any(|token| token.is_any(words))
}

/// Why a batch, which is a transaction of its own, cannot have a statement: it would begin or end that
/// transaction, or one around it. `reserved` is the savepoint that the transaction itself may be made of.
pub fn batch_fault<'a>(
    statements: impl Iterator<Item = &'a str>,
    reserved: &str,
) -> Option<(usize, String)> {
    let mut open: Vec<String> = Vec::new();
    for (at, sql) in statements.enumerate() {
        if let Some(fault) = control_fault(sql, reserved, &mut open) {
            return Some((at, fault));
        }
    }
    None
}

/// The words of a statement that it may not have; `open` are the savepoints of those before it.
fn control_fault(sql: &str, reserved: &str, open: &mut Vec<String>) -> Option<String> {
    let mut tokens = Tokens::new(sql).skip_while(|token| token.is_sign(";"));
    let first = tokens.next()?;
    let word = first.text.to_ascii_uppercase();
    let is_rollback = first.is("ROLLBACK");
    if first.is_any(&["BEGIN", "COMMIT", "END"]) {
        return Some(word);
    }
    if !is_rollback && !first.is_any(&["SAVEPOINT", "RELEASE"]) {
        return None;
    }
    let rest: Vec<_> = tokens.take_while(|token| !token.is_sign(";")).collect();
    let Some(name) = rest.last().filter(|token| token.is_name()) else {
        return is_rollback.then_some(word);
    };
    if is_rollback && !rest.iter().any(|token| token.is("TO")) {
        return Some(word);
    }
    let name = name.name();
    let is_known = |known: &String| known.eq_ignore_ascii_case(&name);
    if first.is("SAVEPOINT") {
        let is_ours = name.eq_ignore_ascii_case(reserved);
        open.push(name);
        return is_ours.then_some(word);
    }
    // Those that were opened after it are over with it.
    let Some(at) = open.iter().rposition(is_known) else {
        return Some(format!(
            "{word} of a savepoint that it did not begin ({name:?})"
        ));
    };
    open.truncate(at + usize::from(is_rollback));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(sql: &str) -> Vec<&str> {
        statements(sql)
            .into_iter()
            .map(|range| &sql[range])
            .collect()
    }

    #[test]
    fn scripts_are_split_as_sqlite_does() {
        assert_eq!(
            split(" SELECT 1 ; -- one;\n/* ; */ SELECT ';', \"a;b\" /* x */;; [c;d] "),
            ["SELECT 1", "SELECT ';', \"a;b\"", "[c;d]"]
        );
        let trigger = "CREATE TRIGGER r AFTER INSERT ON t BEGIN \
            UPDATE t SET a = CASE WHEN a THEN 1 END; SELECT 2, 'x'; END";
        for prefix in [
            "CREATE",
            "create temp",
            "CREATE /* ; */ TEMPORARY",
            "EXPLAIN CREATE",
            "explain query plan create",
        ] {
            let trigger = trigger.replace("CREATE", prefix);
            let script = format!("SELECT 0;{trigger}; -- end\n;SELECT 3;");
            assert_eq!(split(&script), ["SELECT 0", &trigger, "SELECT 3"]);
            assert_eq!(split(&trigger), [&trigger]);
        }
        for (sql, count) in [
            ("", 0),
            (" ;; -- SELECT 1", 0),
            ("/* open", 0),
            ("SELECT 'it''s; all one'", 1),
            ("SELECT 1;x", 2),
            ("CREATE TABLE t (a); SELECT 1", 2),
            ("CREATE TABLE trigger_ (a); SELECT 1", 2),
            ("\u{feff}SELECT 1;\u{feff}", 1),
            ("SELECT 'open; é", 1),
            ("SELECT é;é", 2),
        ] {
            assert_eq!(statements(sql).len(), count, "{sql}");
        }
    }

    #[test]
    fn parameters_have_their_numbers() {
        let names = |sql| {
            let names = parameters(sql).into_iter();
            names.map(Option::unwrap_or_default).collect::<Vec<_>>()
        };
        assert_eq!(names("SELECT ?, :é, @a, ?, :é, '?'"), ["", ":é", "@a", ""]);
        assert_eq!(names("SELECT ?3, ?, $a -- ?"), ["", "", "?3", "", "$a"]);
        assert_eq!(names("SELECT a$b, a:b, $c::d(e), [?]"), [":b", "$c::d(e)"]);
        assert_eq!(names("SELECT 1"), [""; 0]);
        assert_eq!(names("SELECT :a, ?1, ?, ?2"), [":a", "?2"]);
        assert_eq!(names("CREATE TABLE t AS SELECT ?"), [""]);
        assert_eq!(
            names("CREATE VIRTUAL TABLE t USING m(how are you?)"),
            [""; 0]
        );
    }

    #[test]
    fn a_batch_neither_begins_nor_ends_a_transaction() {
        let fault = |list: &[&str]| batch_fault(list.iter().copied(), "\t_x.\t");
        for sql in [
            "BEGIN",
            " ; begin IMMEDIATE",
            "/* x */ COMMIT",
            "-- y\nend transaction;",
            "\u{feff}ROLLBACK",
            "ROLLBACK TRANSACTION",
            "ROLLBACK TO outer",
            "RELEASE outer",
            "RELEASE SAVEPOINT `\t_X.\t`",
            "SAVEPOINT \"\t_x.\t\"",
        ] {
            let faults = fault(&["SELECT 1", sql]);
            assert_eq!(faults.map(|(at, _)| at), Some(1), "{sql}");
        }
        let own = [
            "SAVEPOINT a",
            "SAVEPOINT 'b'",
            "ROLLBACK TRANSACTION TO SAVEPOINT A",
            "SAVEPOINT c",
            "release [a]",
        ];
        assert_eq!(fault(&own), None);
        let over = [&own[..], &["RELEASE c"]].concat();
        assert_eq!(fault(&over).map(|(at, _)| at), Some(5));
        for sql in [
            "",
            "SELECT 'COMMIT'",
            "EXPLAIN COMMIT",
            "INSERT OR ROLLBACK INTO t VALUES (1)",
            "-- COMMIT",
        ] {
            assert_eq!(fault(&[sql]), None, "{sql}");
        }
    }
}
