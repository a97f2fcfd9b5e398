//! Which statement the server has refused: it parses a script or a batch before it runs any of it, and does not
//! say. An engine without tables finds the same mistakes.

use ferrolite_remote::Batch;
use ferrolite_sqlite::{parameters, Connection, Error, OpenOptions};

/// Messages of the parser: they are about the text of a statement and no table.
const OF_PARSER: [&str; 3] = ["syntax error", "incomplete input", "unrecognized token"];

/// The step that a message of the server is about, and the byte of its SQL.
pub(super) fn find(batch: &Batch, message: &str) -> Option<(u32, u32)> {
    let engine = Connection::open(&OpenOptions::new(":memory:")).ok()?;
    let is_count = message.ends_with("were provided");
    (0..)
        .zip(batch.statements())
        .find_map(|(at, (sql, values))| {
            if is_count {
                return (parameters(sql).len() != values).then_some((at, 0));
            }
            if message.contains("unsupported statement") && message.ends_with(sql) {
                return Some((at, 0));
            }
            match engine.prepare(sql.as_bytes()) {
                Err(Error::Sqlite {
                    message: found,
                    offset,
                    ..
                }) => {
                    let found = String::from_utf8_lossy(&found);
                    let is_it = OF_PARSER.iter().any(|what| found.contains(what));
                    (is_it || message.contains(&*found))
                        .then(|| (at, u32::try_from(offset).unwrap_or(0)))
                }
                _ => None,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrolite_remote::Statement;

    fn batch(list: &[&str]) -> Batch {
        let list = list.iter().map(|sql| Statement::new(sql, true));
        Batch::transaction("BEGIN", list.collect(), "COMMIT", &[])
    }

    #[test]
    fn the_statement_that_a_message_is_about_is_found() {
        for (list, message, found) in [
            (
                &["SELECT 1", "SELEC 2"][..],
                "near \"SELEC\": syntax error",
                Some((1, 0)),
            ),
            (
                &["SELECT 1", "SELECT 1 2 3"],
                "near \"2\": syntax error",
                Some((1, 9)),
            ),
            (
                &["SELECT a FROM t", "SELECT ("],
                "incomplete input",
                Some((1, 0)),
            ),
            (
                &["SELECT 1", "SELECT 'abc"],
                "SQL string could not be parsed: non-terminated literal at (1, 8)",
                Some((1, 7)),
            ),
            (
                &["SELECT 1", "CREATE TABLE a (b, b)"],
                "SQL string could not be parsed: duplicate column name: b at (1, 21)",
                Some((1, 0)),
            ),
            (
                &["SELECT 1", "VACUUM"],
                "SQL string could not be parsed: unsupported statement: VACUUM",
                Some((1, 0)),
            ),
            (
                &["SELECT 1", "SELECT ?"],
                "Too few parameter values were provided",
                Some((1, 0)),
            ),
            (&["SELECT 1"], "the server is tired", None),
        ] {
            // Behind the one that begins it.
            let found = found.map(|(step, offset)| (step + 1, offset));
            assert_eq!(find(&batch(list), message), found, "{list:?}: {message}");
        }
    }
}
