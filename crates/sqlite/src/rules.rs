//! An authorizer made of rules: each says what it matches and what the answer is.

use crate::authorizer::{glob, Subject};
use crate::hooks::Authorize;

/// A list of rules, of which the first that matches decides.
pub struct Rules {
    /// The rules, the first one first.
    pub rules: Vec<Rule>,
    /// The answer where no rule matches: `SQLITE_OK`, `SQLITE_DENY` or `SQLITE_IGNORE`.
    pub otherwise: i32,
}

/// What a rule matches, and the answer. `None` matches everything.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// `SQLITE_*` action codes.
    pub actions: Option<Vec<i32>>,
    /// The table that is read or changed, or that an index or trigger belongs to.
    pub table: Option<Pattern>,
    /// The column that is read or updated.
    pub column: Option<Pattern>,
    /// The index, trigger, view, pragma, function, module, savepoint, file or command.
    pub entity: Option<Pattern>,
    /// The trigger or view that does it.
    pub accessor: Option<Pattern>,
    /// The answer: `SQLITE_OK`, `SQLITE_DENY` or `SQLITE_IGNORE`.
    pub policy: i32,
}

/// How a name is matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// That name, whatever the case of its ASCII letters.
    Exact(Vec<u8>),
    /// A GLOB pattern of SQL.
    Glob(Vec<u8>),
}

impl Pattern {
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(name) => name.eq_ignore_ascii_case(text),
            Self::Glob(pattern) => glob(pattern, text),
        }
    }
}

impl Rule {
    fn matches(&self, action: i32, subject: &Subject<'_>, accessor: Option<&[u8]>) -> bool {
        let fits = |pattern: &Option<Pattern>, text: Option<&[u8]>| match (pattern, text) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(pattern), Some(text)) => pattern.matches(text),
        };
        let actions = self.actions.as_ref();
        actions.is_none_or(|actions| actions.contains(&action))
            && fits(&self.table, subject.table)
            && fits(&self.column, subject.column)
            && fits(&self.entity, subject.entity)
            && fits(&self.accessor, accessor)
    }
}

impl Authorize for Rules {
    fn authorize(&self, action: i32, args: [Option<&[u8]>; 4]) -> i32 {
        let subject = Subject::new(action, args);
        let decides = |rule: &&Rule| rule.matches(action, &subject, args[3]);
        let rule = self.rules.iter().find(decides);
        rule.map_or(self.otherwise, |rule| rule.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi;

    #[test]
    fn the_first_rule_that_matches_decides() {
        let exact = |name: &str| Some(Pattern::Exact(name.into()));
        let rules = Rules {
            rules: vec![
                Rule {
                    actions: Some(vec![ffi::SQLITE_READ]),
                    table: Some(Pattern::Glob(b"secret*".to_vec())),
                    column: exact("KEY"),
                    policy: ffi::SQLITE_IGNORE,
                    ..Rule::default()
                },
                Rule {
                    accessor: exact("v"),
                    policy: ffi::SQLITE_DENY,
                    ..Rule::default()
                },
            ],
            otherwise: ffi::SQLITE_OK,
        };
        let read = |table: &str, column: &str, accessor: Option<&str>| {
            let args = [
                Some(table.as_bytes()),
                Some(column.as_bytes()),
                Some(&b"main"[..]),
                accessor.map(str::as_bytes),
            ];
            rules.authorize(ffi::SQLITE_READ, args)
        };
        assert_eq!(read("secrets", "key", Some("v")), ffi::SQLITE_IGNORE);
        assert_eq!(read("secrets", "id", Some("V")), ffi::SQLITE_DENY);
        assert_eq!(read("Secrets", "key", None), ffi::SQLITE_OK);
        let select = rules.authorize(ffi::SQLITE_SELECT, [None; 4]);
        assert_eq!(select, ffi::SQLITE_OK);
    }
}
