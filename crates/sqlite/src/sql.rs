//! The tokens of SQL, by the rules of `SQLite`'s own tokenizer.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword, or a name without quotes.
    Word,
    /// A name in double quotes, backticks or square brackets.
    Name,
    /// A text in single quotes.
    Text,
    /// `x'0F'`
    Blob,
    /// `1`, `1.5e3`, `0xF`, `1_000`
    Number,
    /// `?`, `?1`, `:name`, `@name`, `$name`, `$name::more(and more)`
    Variable,
    /// An operator, a bracket, a comma, a semicolon.
    Sign,
    /// What no statement may have.
    Illegal,
    /// White space, a comment, a byte order mark.
    Space,
}

/// A part of a statement.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// As it stands in the SQL, with its quotes.
    pub text: &'a str,
    /// The place of its first byte in the SQL.
    pub start: usize,
}

impl Token<'_> {
    /// Whether it is that keyword, which is given in upper case.
    pub fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is one of those keywords, which are given in upper case.
    pub fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Whether it is that operator or bracket.
    pub fn is_sign(&self, sign: &str) -> bool {
        self.kind == TokenKind::Sign && self.text == sign
    }

    /// The place behind its last byte in the SQL.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// What it names, without quotes.
    pub fn name(&self) -> String {
        let mut chars = self.text.chars();
        let quote = match (self.kind, chars.next()) {
            (TokenKind::Name | TokenKind::Text, Some('[')) => ']',
            (TokenKind::Name | TokenKind::Text, Some(quote)) => quote,
            _ => return self.text.into(),
        };
        let inner = self.text.get(1..self.text.len() - 1).unwrap_or_default();
        if quote == ']' {
            return inner.into();
        }
        inner.replace(&format!("{quote}{quote}"), &quote.to_string())
    }

    /// Whether it may stand for a name.
    pub fn is_name(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Word | TokenKind::Name | TokenKind::Text
        )
    }
}

/// The tokens of SQL without what is between them.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    /// The tokens of SQL up to its end or its first NUL.
    pub fn new(sql: &'a str) -> Self {
        Self { sql, at: 0 }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.sql.as_bytes().get(self.at..)?;
            // SQLite reads no further than a NUL.
            if matches!(rest, [] | [0, ..]) {
                return None;
            }
            let start = self.at;
            let (kind, len) = measure(rest);
            self.at += len;
            if kind != TokenKind::Space {
                // A token ends before an ASCII character, or is one that is all of it.
                let text = self.sql.get(start..self.at)?;
                return Some(Token { kind, text, start });
            }
        }
    }
}

/// How many bytes of white space and semicolons are in front of a statement, as better-sqlite3 has them.
pub(crate) fn skipped(sql: &[u8]) -> usize {
    count(sql, |byte| matches!(byte, b' ' | b';' | b'\t'..=b'\r'))
}

/// True if nothing but white space, semicolons and comments is left before the NUL. A comment may be open, even where
/// `SQLite` takes it for a sign: at the very end.
pub(crate) fn is_blank(mut sql: &[u8]) -> bool {
    loop {
        sql = &sql[skipped(sql)..];
        if matches!(sql, [] | [0, ..] | b"/*" | [b'/', b'*', 0, ..]) {
            return true;
        }
        match measure(sql) {
            (TokenKind::Space, len) => sql = &sql[len..],
            _ => return false,
        }
    }
}

/// Statements that cannot change the schema, the set of databases, or a setting. What follows is not read.
pub fn is_plain(mut sql: &[u8]) -> bool {
    const PLAIN: [&[u8]; 13] = [
        b"SELECT",
        b"INSERT",
        b"UPDATE",
        b"DELETE",
        b"REPLACE",
        b"WITH",
        b"VALUES",
        b"BEGIN",
        b"COMMIT",
        b"END",
        b"SAVEPOINT",
        b"RELEASE",
        b"EXPLAIN",
    ];
    loop {
        sql = &sql[skipped(sql)..];
        if matches!(sql, [] | [0, ..]) {
            return false;
        }
        let (kind, len) = measure(sql);
        if kind != TokenKind::Space {
            let is_word = |plain: &&[u8]| plain.eq_ignore_ascii_case(&sql[..len]);
            return PLAIN.iter().any(is_word);
        }
        sql = &sql[len..];
    }
}

/// `IdChar()` of `SQLite`: what a name goes on with.
pub const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn count(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|&&byte| is(byte)).count()
}

/// Kind and length of the first token; `sql` is not empty and has no NUL in front.
fn measure(sql: &[u8]) -> (TokenKind, usize) {
    let at = |i: usize| sql.get(i).copied().unwrap_or(0);
    match sql[0] {
        b' ' | b'\t' | b'\n' | b'\x0c' | b'\r' => (TokenKind::Space, count(sql, is_space)),
        b'-' if at(1) == b'-' => (TokenKind::Space, count(sql, |b| b != b'\n' && b != 0)),
        b'-' if at(1) == b'>' => (TokenKind::Sign, 2 + usize::from(at(2) == b'>')),
        b'/' if at(1) == b'*' && at(2) != 0 => (TokenKind::Space, comment(sql)),
        b'=' => (TokenKind::Sign, 1 + usize::from(at(1) == b'=')),
        b'<' => (
            TokenKind::Sign,
            1 + usize::from(matches!(at(1), b'=' | b'>' | b'<')),
        ),
        b'>' => (
            TokenKind::Sign,
            1 + usize::from(matches!(at(1), b'=' | b'>')),
        ),
        b'!' if at(1) == b'=' => (TokenKind::Sign, 2),
        b'|' => (TokenKind::Sign, 1 + usize::from(at(1) == b'|')),
        b'-' | b'/' | b'(' | b')' | b';' | b'+' | b'*' | b'%' | b',' | b'&' | b'~' => {
            (TokenKind::Sign, 1)
        }
        b'\'' | b'"' | b'`' => quoted(sql),
        b'[' => match sql.iter().position(|&b| b == b']' || b == 0) {
            Some(end) if at(end) == b']' => (TokenKind::Name, end + 1),
            end => (TokenKind::Illegal, end.unwrap_or(sql.len())),
        },
        b'.' if !at(1).is_ascii_digit() => (TokenKind::Sign, 1),
        b'.' | b'0'..=b'9' => number(sql),
        b'?' => (
            TokenKind::Variable,
            1 + count(&sql[1..], |b| b.is_ascii_digit()),
        ),
        b'$' | b'@' | b':' | b'#' => variable(sql),
        b'x' | b'X' if at(1) == b'\'' => blob(sql),
        0xef if at(1) == 0xbb && at(2) == 0xbf => (TokenKind::Space, 3),
        byte if is_name_byte(byte) => (TokenKind::Word, count(sql, is_name_byte)),
        _ => (TokenKind::Illegal, 1),
    }
}

/// One that is open goes on to the end.
fn comment(sql: &[u8]) -> usize {
    let end = sql[2..]
        .windows(2)
        .position(|pair| pair == b"*/" || pair[0] == 0);
    match end {
        Some(at) if sql[2 + at] == 0 => 2 + at,
        Some(at) => at + 4,
        None => count(sql, |b| b != 0),
    }
}

fn quoted(sql: &[u8]) -> (TokenKind, usize) {
    let quote = sql[0];
    let kind = if quote == b'\'' {
        TokenKind::Text
    } else {
        TokenKind::Name
    };
    let mut i = 1;
    while i < sql.len() && sql[i] != 0 {
        if sql[i] == quote {
            if sql.get(i + 1) != Some(&quote) {
                return (kind, i + 1);
            }
            i += 1;
        }
        i += 1;
    }
    (TokenKind::Illegal, i)
}

fn blob(sql: &[u8]) -> (TokenKind, usize) {
    let digits = count(&sql[2..], |b| b.is_ascii_hexdigit());
    if sql.get(2 + digits) == Some(&b'\'') && digits % 2 == 0 {
        return (TokenKind::Blob, digits + 3);
    }
    let text = count(&sql[2..], |b| b != b'\'' && b != 0);
    let is_closed = sql.get(2 + text) == Some(&b'\'');
    (TokenKind::Illegal, 2 + text + usize::from(is_closed))
}

/// Digits may have underscores between them.
fn number(sql: &[u8]) -> (TokenKind, usize) {
    let at = |i: usize| sql.get(i).copied().unwrap_or(0);
    let digits = |from: usize| from + count(&sql[from..], |b| b.is_ascii_digit() || b == b'_');
    let mut end;
    if at(0) == b'0' && matches!(at(1), b'x' | b'X') && at(2).is_ascii_hexdigit() {
        end = 2 + count(&sql[2..], |b| b.is_ascii_hexdigit() || b == b'_');
    } else {
        end = digits(0);
        if at(end) == b'.' {
            end = digits(end + 1);
        }
        let sign = usize::from(matches!(at(end + 1), b'+' | b'-'));
        if matches!(at(end), b'e' | b'E') && at(end + 1 + sign).is_ascii_digit() {
            end = digits(end + 1 + sign);
        }
    }
    let more = count(&sql[end..], is_name_byte);
    let kind = if more == 0 {
        TokenKind::Number
    } else {
        TokenKind::Illegal
    };
    (kind, end + more)
}

/// As Tcl has them: `$name::more(and more)`.
fn variable(sql: &[u8]) -> (TokenKind, usize) {
    let mut is_named = false;
    let mut i = 1;
    while let Some(&byte) = sql.get(i) {
        if is_name_byte(byte) {
            is_named = true;
            i += 1;
        } else if byte == b'(' && is_named {
            i += 1 + count(&sql[i + 1..], |b| b != 0 && b != b')' && !is_space(b));
            if sql.get(i) == Some(&b')') {
                return (TokenKind::Variable, i + 1);
            }
            return (TokenKind::Illegal, i);
        } else if byte == b':' && sql.get(i + 1) == Some(&b':') {
            i += 2;
        } else {
            break;
        }
    }
    let kind = if is_named {
        TokenKind::Variable
    } else {
        TokenKind::Illegal
    };
    (kind, i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(sql: &str) -> Vec<(TokenKind, &str)> {
        Tokens::new(sql)
            .map(|token| (token.kind, token.text))
            .collect()
    }

    #[test]
    fn tokens_are_those_of_sqlite() {
        use TokenKind::{Blob, Illegal, Name, Number, Sign, Text, Variable, Word};
        assert_eq!(
            kinds("\u{feff}a$b -- c\n/* d */x'0F' 'it''s'\"q\"\"\"[c]`d`"),
            [
                (Word, "a$b"),
                (Blob, "x'0F'"),
                (Text, "'it''s'"),
                (Name, "\"q\"\"\""),
                (Name, "[c]"),
                (Name, "`d`")
            ]
        );
        assert_eq!(
            kinds("?1?:a@b $c::d(e f) $c::d(e)x #1"),
            [
                (Variable, "?1"),
                (Variable, "?"),
                (Variable, ":a"),
                (Variable, "@b"),
                (Illegal, "$c::d(e"),
                (Word, "f"),
                (Sign, ")"),
                (Variable, "$c::d(e)"),
                (Word, "x"),
                (Variable, "#1")
            ]
        );
        assert_eq!(
            kinds("1_0.5e-3 .5 1. 0xF_F 1a ->>-> >=<>==||!="),
            [
                (Number, "1_0.5e-3"),
                (Number, ".5"),
                (Number, "1."),
                (Number, "0xF_F"),
                (Illegal, "1a"),
                (Sign, "->>"),
                (Sign, "->"),
                (Sign, ">="),
                (Sign, "<>"),
                (Sign, "=="),
                (Sign, "||"),
                (Sign, "!=")
            ]
        );
        assert_eq!(
            kinds("x'1' x'0g' é'a"),
            [
                (Illegal, "x'1'"),
                (Illegal, "x'0g'"),
                (Word, "é"),
                (Illegal, "'a")
            ]
        );
        assert_eq!(
            kinds("a /*/ b */ /* c"),
            [(Word, "a")],
            "a comment may be open"
        );
        assert_eq!(kinds("a\0b"), [(Word, "a")]);
        assert_eq!(kinds("/*"), [(Sign, "/"), (Sign, "*")]);
    }

    #[test]
    fn names_lose_their_quotes() {
        let name = |sql| Tokens::new(sql).next().map(|token| token.name());
        for (sql, expected) in [
            ("a", "a"),
            ("\"a\"\"b\"", "a\"b"),
            ("[a\"\"]", "a\"\""),
            ("'a''b'", "a'b"),
            ("`é`", "é"),
        ] {
            assert_eq!(name(sql).as_deref(), Some(expected));
        }
    }
}
