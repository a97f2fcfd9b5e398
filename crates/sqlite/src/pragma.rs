//! What a PRAGMA is about: one connection, the database, or the file and all who have it open.

use crate::script::statements;
use crate::sql::Tokens;

/// A PRAGMA and its parts, as `SQLite` reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pragma {
    /// `main`, `temp` or the name of an attached database, where the statement has one.
    pub schema: Option<String>,
    /// In lower case.
    pub name: String,
    /// What stands behind `=` or in brackets, without its sign and its quotes.
    pub argument: Option<String>,
}

/// Pragmas that only read something of the database or of the engine, without an argument.
const READING: [&str; 26] = [
    "application_id",
    "auto_vacuum",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "quick_check",
    "schema_version",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// Those whose argument names what they read.
const READING_OF: [&str; 10] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Those whose result differs from one connection to the next, of those that read.
const OWN: [&str; 3] = ["data_version", "database_list", "journal_mode"];

/// Settings of a connection that its reads may depend on.
const SETTINGS: [&str; 35] = [
    "analysis_limit",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "case_sensitive_like",
    "cell_size_check",
    "cipher",
    "count_changes",
    "defer_foreign_keys",
    "empty_result_callbacks",
    "foreign_keys",
    "full_column_names",
    "hard_heap_limit",
    "hexkey",
    "hmac_algorithm",
    "hmac_pgno",
    "hmac_use",
    "ignore_check_constraints",
    "kdf_algorithm",
    "kdf_iter",
    "key",
    "legacy",
    "legacy_alter_table",
    "legacy_page_size",
    "mmap_size",
    "plaintext_header_size",
    "query_only",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "short_column_names",
    "temp_store",
    "threads",
    "trusted_schema",
];

/// What other connections of the process are to do for a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// They go on.
    Nothing = 0,
    /// They read nothing meanwhile.
    Rest = 1,
    /// They let go of the file.
    Leave = 2,
}

impl Pragma {
    /// The PRAGMA that a statement is: `PRAGMA [schema.]name [= value | (value)]`.
    pub fn parse(sql: &str) -> Option<Self> {
        let mut tokens = Tokens::new(sql).skip_while(|token| token.is_sign(";"));
        if !tokens.next()?.is("PRAGMA") {
            return None;
        }
        let mut name = tokens.next()?.name();
        let mut schema = None;
        let mut next = tokens.next();
        if next.is_some_and(|token| token.is_sign(".")) {
            schema = Some(name);
            name = tokens.next()?.name();
            next = tokens.next();
        }
        let has_argument = next.is_some_and(|token| token.is_sign("=") || token.is_sign("("));
        let value =
            has_argument.then(|| tokens.find(|token| !token.is_sign("-") && !token.is_sign("+")));
        Some(Self {
            schema,
            name: name.to_ascii_lowercase(),
            argument: value.map(|value| value.map(|token| token.name()).unwrap_or_default()),
        })
    }

    /// Whether it only reads something that is in the file.
    pub fn only_reads(&self) -> bool {
        let name = self.name.as_str();
        let is_main = self
            .schema
            .as_deref()
            .is_none_or(|schema| schema.eq_ignore_ascii_case("main"));
        let list = if self.argument.is_none() {
            &READING[..]
        } else {
            &READING_OF[..]
        };
        is_main && list.contains(&name)
    }

    /// Whether it sets something of its connection that reads may depend on.
    pub fn is_setting(&self) -> bool {
        self.argument.is_some() && SETTINGS.contains(&self.name.as_str())
    }

    fn need(&self) -> Need {
        let Some(argument) = &self.argument else {
            return Need::Nothing;
        };
        match self.name.as_str() {
            "journal_mode" | "locking_mode" => Need::Leave,
            "wal_checkpoint" if !argument.eq_ignore_ascii_case("passive") => Need::Rest,
            _ => Need::Nothing,
        }
    }

    /// The same in SQL.
    pub fn to_sql(&self) -> String {
        let name = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let schema = self.schema.as_deref().map(|schema| name(schema) + ".");
        let argument = self.argument.as_deref();
        let argument = argument.map(|text| format!(" = '{}'", text.replace('\'', "''")));
        format!(
            "PRAGMA {}{}{}",
            schema.unwrap_or_default(),
            name(&self.name),
            argument.unwrap_or_default()
        )
    }
}

/// Whether a statement is a PRAGMA.
pub fn is_pragma(sql: &str) -> bool {
    let mut tokens = Tokens::new(sql).skip_while(|token| token.is_sign(";"));
    tokens.next().is_some_and(|token| token.is("PRAGMA"))
}

/// Whether the table of that name is a PRAGMA whose answer depends on the connection.
pub(crate) fn is_own_table(table: &[u8]) -> bool {
    let table = String::from_utf8_lossy(table).to_ascii_lowercase();
    match table.strip_prefix("pragma_") {
        Some(name) => !READING.contains(&name) || OWN.contains(&name),
        // What the connection has compiled.
        None => table == "sqlite_stmt",
    }
}

/// What one statement, or a script, needs of others that have the file open.
pub fn file_need(sql: &str, is_script: bool) -> Need {
    let need = |sql| Pragma::parse(sql).map_or(Need::Nothing, |pragma| pragma.need());
    if !is_script {
        return need(sql);
    }
    let needs = statements(sql).into_iter().map(|range| need(&sql[range]));
    needs.max().unwrap_or(Need::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(sql: &str) -> String {
        let parsed = Pragma::parse(sql);
        parsed.map_or_else(String::new, |pragma| pragma.to_sql())
    }

    #[test]
    fn pragmas_are_read_as_sqlite_reads_them() {
        for (sql, expected) in [
            ("PRAGMA user_version", "PRAGMA \"user_version\""),
            ("pragma User_Version (6)", "PRAGMA \"user_version\" = '6'"),
            (
                "PRAGMA/**/main . [cache_size]=-5;",
                "PRAGMA \"main\".\"cache_size\" = '5'",
            ),
            ("; PRAGMA \"x\" = 'it''s'", "PRAGMA \"x\" = 'it''s'"),
            ("SELECT 1", ""),
            ("PRAGMA", ""),
        ] {
            assert_eq!(parse(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_pragma_that_sets_something_does_not_only_read() {
        let only_reads = |sql| Pragma::parse(sql).is_some_and(|pragma| pragma.only_reads());
        for sql in [
            "PRAGMA user_version",
            "PRAGMA main.table_info(t)",
            "PRAGMA integrity_check = 1",
        ] {
            assert!(only_reads(sql), "{sql}");
        }
        for sql in [
            "PRAGMA user_version(6)",
            "PRAGMA \"user_version\" = 6",
            "PRAGMA temp.table_info(t)",
            "PRAGMA cache_size",
        ] {
            assert!(!only_reads(sql), "{sql}");
        }
    }

    #[test]
    fn needs_of_a_script_are_those_of_its_statements() {
        for (sql, need) in [
            ("SELECT 'PRAGMA journal_mode = DELETE'", Need::Nothing),
            ("PRAGMA journal_mode", Need::Nothing),
            ("PRAGMA wal_checkpoint(PASSIVE)", Need::Nothing),
            ("SELECT 1; PRAGMA wal_checkpoint(TRUNCATE)", Need::Rest),
            (
                "PRAGMA wal_checkpoint(FULL); PRAGMA main.journal_mode = DELETE; SELECT 1",
                Need::Leave,
            ),
        ] {
            assert_eq!(file_need(sql, true), need, "{sql}");
        }
    }
}
