//! Files that were changed at random: no panic, no endless loop, and an error or rows that are right.
//!
//! `VECTOR_MUTATIONS` is how many files, `VECTOR_SEED` the first of them.

use std::time::Duration;

use crate::common::random::{setting, Random};
use crate::common::{exec, open, rows};
use ferrolite_sqlite::{Connection, Error, Result};

/// No call takes so long.
const LIMIT: Duration = Duration::from_secs(30);

fn image(with_graph: bool) -> Vec<u8> {
    let connection = open(":memory:").unwrap();
    connection.set_defensive(false).unwrap();
    exec(
        &connection,
        "CREATE VIRTUAL TABLE t USING diskann(dimension=4, metric=euclidean, tag TEXT, n INTEGER INDEXED)",
    )
    .unwrap();
    if with_graph {
        exec(
            &connection,
            "INSERT INTO t_config VALUES ('least_rows', 50)",
        )
        .unwrap();
    }
    exec(
        &connection,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
        INSERT INTO t(vector, tag, n) SELECT '[' || (i % 13) || ',' || (i % 7) || ',' || i || ',1]', char(97 + i % 3), i % 5 FROM n;
        DELETE FROM t WHERE rowid % 11 = 0; INSERT INTO t(vector, tag) VALUES ('[1,2,3,4]', 'z')",
    )
    .unwrap();
    connection.serialize("main").unwrap().as_bytes().to_vec()
}

/// A number that may do harm.
fn number(random: &mut Random) -> i64 {
    let near = i64::try_from(random.below(400)).unwrap();
    *random.pick(&[
        near,
        -1,
        0,
        1,
        149,
        150,
        255,
        256,
        65535,
        0x7fff_ffff,
        0xffff_ffff,
        i64::MAX,
        i64::MIN,
        near + 1_000_000,
    ])
}

/// A change of what the shadow tables hold, as SQL.
fn mutation(random: &mut Random) -> String {
    let (table, column, key) = *random.pick(&[
        ("t_vectors", "data", "block"),
        ("t_graph", "data", "block"),
        ("t_graph", "data", "block"),
        ("t_log", "state", "seq"),
        ("t_log", "state", "seq"),
        ("t_log", "changes", "seq"),
        ("t_rows", "slot", "id"),
        ("t_rows", "id", "id"),
        ("t_log", "stamp", "seq"),
        ("t_log", "seq", "seq"),
        ("t_vectors", "block", "block"),
        ("t_graph", "block", "block"),
        ("t_config", "value", "key"),
        ("t_rows", "tag", "id"),
    ]);
    let mut any = |what: &str| {
        let number = random.below(10_000);
        format!("(SELECT {what} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {number} % (SELECT max(count(*), 1) FROM {table}))")
    };
    let (row, other) = (any(key), any(column));
    let last = format!("(SELECT max({key}) FROM {table})");
    let at = if random.below(2) == 0 { row } else { last };
    let value = number(random);
    let place = random.below(60) + 1;
    let byte = random.below(256);
    match random.below(9) {
        0..=2 => format!(
            "UPDATE {table} SET {column} = CAST(substr({column}, 1, {place} - 1) || x'{byte:02x}' || substr({column}, {place} + 1) AS BLOB) WHERE {key} = {at}"
        ),
        3 => format!("UPDATE {table} SET {column} = substr({column}, 1, {place}) WHERE {key} = {at}"),
        4 => format!("UPDATE {table} SET {column} = {column} || zeroblob({place}) WHERE {key} = {at}"),
        5 => format!(
            "UPDATE {table} SET {column} = {other} WHERE {key} = {at}"
        ),
        6 => format!("UPDATE OR REPLACE {table} SET {column} = {value} WHERE {key} = {at}"),
        7 => format!("DELETE FROM {table} WHERE {key} = {at}"),
        _ => format!("UPDATE {table} SET {column} = NULL WHERE {key} = {at}"),
    }
}

/// What a search finds is there, where it says.
fn search(connection: &Connection, sql: &str) -> Result<()> {
    // Beyond 1e15 the square of a distance leaves single precision, and is clamped. In a damaged page a rowid may be
    // out of order, so that it is found by a scan alone.
    let found = rows(
        connection,
        &format!(
            "WITH s AS ({sql}), m AS (SELECT s.id, s.distance, sqrt((
                SELECT sum((v.value - q.value) * (v.value - q.value)) FROM json_each(vector_to_json(s.vector)) v
                    JOIN json_each('[1,2,3,4]') q ON q.key = v.key)) AS measured FROM s)
            SELECT id, distance, measured FROM m
            WHERE id NOT IN (SELECT id + 0 FROM t_rows) OR (measured < 1e15 AND abs(distance - measured) > 1e-4 * measured + 1e-3)"
        ),
    )?;
    assert_eq!(found, "", "{sql}");
    Ok(())
}

/// Everything that can be done with it. Returns how much of it was refused.
fn use_it(connection: &Connection) -> usize {
    let of = "SELECT rowid AS id, distance, vector FROM t WHERE vector MATCH '[1,2,3,4]'";
    let queries = [
        format!("{of} AND k = 10"),
        format!("{of} ORDER BY distance LIMIT 200"),
        format!("{of} AND k = 5 AND n = 3"),
        format!("{of} AND k = 500 AND tag >= 'b' AND search_list_size = 30"),
        format!("{of} AND k = 5 AND rowid IN (1, 2, 3, 22, 149)"),
    ];
    let commands = [
        "SELECT count(*), sum(n), max(tag) FROM t",
        "INSERT INTO t(t) VALUES ('verify')",
        "PRAGMA integrity_check",
        "INSERT INTO t(vector, tag, n) VALUES ('[4,3,2,1]', 'new', 9)",
        "UPDATE t SET vector = '[1,1,1,1]' WHERE rowid = 5",
        "UPDATE t SET tag = 'x' WHERE rowid = 6",
        "DELETE FROM t WHERE rowid IN (7, 8)",
        "INSERT INTO t(t) VALUES ('merge')",
        "INSERT INTO t(t) VALUES ('optimize')",
        "INSERT INTO t(t) VALUES ('rebuild')",
        "INSERT INTO t(t) VALUES ('verify')",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE u RENAME TO t",
        "SELECT count(*) FROM t",
        "DROP TABLE t",
    ];
    let mut outcomes: Vec<_> = queries
        .iter()
        .map(|sql| (sql.as_str(), search(connection, sql)))
        .collect();
    outcomes.extend(commands.map(|sql| (sql, rows(connection, sql).map(|_| ()))));
    let mut refused = 0;
    for (sql, outcome) in outcomes {
        if let Err(error) = outcome {
            let text = error.to_string();
            assert!(
                !text.contains("panicked") && !text.contains("internal"),
                "{sql}: {text}"
            );
            assert!(!text.contains("interrupted"), "{sql} takes too long");
            refused += 1;
        }
    }
    refused
}

fn opened(image: &[u8]) -> Result<Connection> {
    let connection = open(":memory:")?;
    connection.deserialize(image, false)?;
    connection.set_defensive(false)?;
    connection.watch(Some(LIMIT));
    Ok(connection)
}

fn each(what: &str, mut damaged: impl FnMut(u64, &mut Random) -> Option<Vec<u8>>) {
    let rounds = setting("VECTOR_MUTATIONS", 100_u64);
    let first = setting("VECTOR_SEED", 1_u64);
    let (mut refused, mut files) = (0, 0);
    for seed in first..first + rounds {
        println!("VECTOR_SEED={seed} VECTOR_MUTATIONS=1");
        let Some(image) = damaged(seed, &mut Random::new(seed)) else {
            continue;
        };
        match opened(&image) {
            Ok(connection) => refused += use_it(&connection),
            Err(Error::Sqlite { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        files += 1;
    }
    println!("{what}: {files} files, {refused} calls refused");
}

#[test]
fn damaged_shadow_tables_are_refused_or_read_right() {
    let images = [image(true), image(false)];
    each("shadow tables", |seed, random| {
        let connection = opened(&images[usize::from(seed % 4 == 0)]).ok()?;
        for _ in 0..=random.below(3) {
            // Some make no sense: a key that is taken, text as a key.
            let _ = exec(&connection, &mutation(random));
        }
        Some(connection.serialize("main").ok()?.as_bytes().to_vec())
    });
}

#[test]
fn damaged_pages_are_refused_or_read_right() {
    let image = image(true);
    each("pages", |_, random| {
        let mut image = image.clone();
        for _ in 0..=random.below(8) {
            let at = 100 + random.below(image.len() - 100);
            image[at] = u8::try_from(random.below(256)).unwrap();
        }
        Some(image)
    });
}
