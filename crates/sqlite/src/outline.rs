//! What a statement will be, where its words say so before it is compiled.

use crate::script::statements;
use crate::sql::Tokens;

/// Whether SQL is one query or one statement that changes rows, whose words say which: true if it returns data. `None`
/// for all else. Whether it compiles is not known.
pub fn returns_data(sql: &str) -> Option<bool> {
    if sql.contains('\0') || statements(sql).len() != 1 {
        return None;
    }
    let mut tokens = Tokens::new(sql).skip_while(|token| token.is_sign(";"));
    let first = tokens.next()?;
    let mut has = |words: &[&str]| tokens.any(|token| token.is_any(words));
    if first.is_any(&["SELECT", "VALUES"]) {
        return Some(true);
    }
    if first.is("WITH") {
        let is_query = !has(&["INSERT", "REPLACE", "UPDATE", "DELETE"]);
        return is_query.then_some(true);
    }
    if first.is_any(&["INSERT", "REPLACE", "UPDATE", "DELETE"]) {
        return (!has(&["RETURNING"])).then_some(false);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use crate::error::Result;
    use crate::open::OpenOptions;

    #[test]
    fn what_the_words_say_is_what_is_compiled() -> Result<()> {
        let conn = Connection::open(&OpenOptions::new(":memory:"))?;
        conn.exec(b"CREATE TABLE t (a, returning_, b)\0", &mut |_| Ok(()))?;
        for sql in [
            "SELECT 1",
            ";; /* INSERT */ select * from t;",
            "VALUES (1), (2)",
            "WITH c AS (SELECT 1) SELECT * FROM c",
            "INSERT INTO t (a) VALUES ('RETURNING')",
            "insert into t select 1, 2, 3",
            "REPLACE INTO t (a) VALUES (1)",
            "UPDATE t SET a = 1 WHERE returning_ = 2",
            "DELETE FROM t -- RETURNING a",
        ] {
            let statement = conn.prepare(sql.as_bytes())?;
            assert_eq!(
                returns_data(sql),
                Some(statement.column_count()? != 0),
                "{sql}"
            );
        }
        Ok(())
    }

    #[test]
    fn what_has_to_be_compiled_first_is_left_open() {
        for sql in [
            "",
            "-- nothing",
            "SELECT 1; SELECT 2",
            "SELECT '\0'",
            "SELEC 1",
            "WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c",
            "WITH c AS (SELECT replace('a', 'b', 'c')) SELECT * FROM c",
            "INSERT INTO t VALUES (1) RETURNING a",
            "DELETE FROM t RETURNING *",
            "PRAGMA user_version",
            "EXPLAIN SELECT 1",
            "BEGIN",
            "CREATE TABLE t AS SELECT 1",
        ] {
            assert_eq!(returns_data(sql), None, "{sql}");
        }
    }
}
