//! Tables that are large enough for a graph, which tests make smaller ones have.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{check, check_file, error, exec, open, rows, TestFile};
use ferrolite_sqlite::{Connection, Result};

const ROWS: u32 = 2000;

/// Clustered vectors of eight numbers, made by SQL; the same each time.
fn fill(connection: &Connection, table: &str, from: u32, to: u32) -> Result<()> {
    let number = |n: u32| format!("((i * 37 % 23) + ((i * {n} + i * i * 7) % 101) / 60.0)");
    let vector: Vec<_> = (1..=8).map(|n| number(n * 131)).collect();
    exec(
        connection,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})
            INSERT INTO {table}(rowid, vector, half, rare, owner) SELECT i, '[' || {} || ']', i % 2, i % 100, i % 50 FROM n",
            vector.join(" || ',' || ")
        ),
    )
}

fn create(connection: &Connection, options: &str) -> Result<()> {
    connection.set_defensive(false)?;
    exec(
        connection,
        &format!(
            "CREATE VIRTUAL TABLE t USING diskann(dimension=8, metric=euclidean, half INTEGER, rare INTEGER, owner INTEGER INDEXED{options});
            INSERT INTO t_config VALUES ('least_rows', 1000)"
        ),
    )
}

fn with_graph() -> Result<Connection> {
    let connection = open(":memory:")?;
    create(&connection, "")?;
    fill(&connection, "t", 1, ROWS)?;
    assert!(has_graph(&connection)?);
    Ok(connection)
}

fn has_graph(connection: &Connection) -> Result<bool> {
    Ok(rows(connection, "SELECT count(*) FROM t_graph")? != "0")
}

/// The share of the nearest rows that searches find by the graph.
fn recall(connection: &Connection, rest: &str) -> Result<f64> {
    let (mut found, mut all) = (0_u32, 0_u32);
    for id in (1..200).step_by(7) {
        let of = format!("(SELECT vector FROM t WHERE rowid IN ({id}, {id} + 1) LIMIT 1)");
        let search = |how: &str| {
            rows(
                connection,
                &format!("SELECT rowid FROM t WHERE vector MATCH {of} AND k = 10 {how} {rest}"),
            )
        };
        let truth = search("AND search_list_size = 100000")?;
        let truth: HashSet<&str> = truth.split(' ').collect();
        let near = search("AND search_list_size = 40")?;
        let near: HashSet<&str> = near.split(' ').collect();
        assert_eq!(near.len(), truth.len(), "{rest}");
        all += u32::try_from(truth.len()).unwrap_or(0);
        found += u32::try_from(near.intersection(&truth).count()).unwrap_or(0);
    }
    Ok(f64::from(found) / f64::from(all))
}

#[test]
fn most_of_the_nearest_are_found_with_any_filter() -> Result<()> {
    let connection = with_graph()?;
    for filter in [
        "",
        "AND half = 1",
        "AND rare = 7",
        "AND owner IN (1, 2, 3)",
        "AND owner = 4",
        "AND rowid > 1000",
        "AND half = 1 AND distance < 20",
    ] {
        let recall = recall(&connection, filter)?;
        assert!(recall >= 0.9, "{filter}: {recall}");
    }
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_stream_is_every_row_once() -> Result<()> {
    let connection = with_graph()?;
    fill(&connection, "t", ROWS + 1, ROWS + 20)?;
    let search = "vector MATCH (SELECT vector FROM t WHERE rowid = 5) AND search_list_size = 30";
    let counted = format!("SELECT count(*), count(DISTINCT id), min(d) FROM (SELECT rowid AS id, distance AS d FROM t WHERE {search})");
    assert_eq!(
        rows(&connection, &counted)?,
        format!("{0}|{0}|0", ROWS + 20)
    );
    let filtered =
        format!("SELECT count(*), count(DISTINCT rowid) FROM t WHERE {search} AND half = 1");
    assert_eq!(
        rows(&connection, &filtered)?,
        format!("{0}|{0}", ROWS / 2 + 10)
    );
    // Pages follow each other without a gap.
    let page = |after: &str| {
        rows(&connection, &format!("SELECT max(d), count(*) FROM (SELECT distance AS d FROM t WHERE {search} AND distance > {after} AND k = 25)"))
    };
    let mut after = "-1".to_string();
    for _ in 0..4 {
        let found = page(&after)?;
        let (last, count) = found.split_once('|').unwrap_or_default();
        assert_eq!(count, "25");
        assert!(last.parse::<f64>().ok() > after.parse().ok());
        after = last.into();
    }
    let bounded = format!("SELECT count(*) FROM t WHERE {search} AND distance <= {after}");
    let truth = format!(
        "SELECT count(*) FROM (SELECT distance AS d FROM t WHERE {search}) WHERE d <= {after}"
    );
    assert_eq!(rows(&connection, &bounded)?, rows(&connection, &truth)?);
    Ok(())
}

#[test]
fn rows_that_come_and_go_are_merged() -> Result<()> {
    let connection = with_graph()?;
    fill(&connection, "t", ROWS + 1, ROWS + 40)?;
    exec(&connection, "DELETE FROM t WHERE rowid % 9 = 0")?;
    check(&connection, "t");
    assert!(recall(&connection, "")? >= 0.9);
    exec(
        &connection,
        "UPDATE t SET vector = (SELECT vector FROM t WHERE rowid = 1) WHERE rowid BETWEEN 2 AND 40",
    )?;
    check(&connection, "t");
    for command in ["merge", "optimize", "rebuild"] {
        exec(
            &connection,
            &format!("INSERT INTO t(t) VALUES ('{command}')"),
        )?;
        check(&connection, "t");
        assert!(recall(&connection, "")? >= 0.9, "{command}");
    }
    let same = "SELECT count(*) FROM t WHERE vector MATCH (SELECT vector FROM t WHERE rowid = 1) AND k = 30 AND distance = 0 AND search_list_size = 60";
    assert_eq!(rows(&connection, same)?, "30");
    exec(&connection, "DELETE FROM t")?;
    check(&connection, "t");
    exec(&connection, "INSERT INTO t(t) VALUES ('rebuild')")?;
    fill(&connection, "t", 1, 50)?;
    assert_eq!(rows(&connection, "SELECT count(*) FROM t WHERE vector MATCH '[1,1,1,1,1,1,1,1]' AND k = 60 AND search_list_size = 9")?, "50");
    check(&connection, "t");
    Ok(())
}

#[test]
fn optimize_leaves_no_room_between_rows() -> Result<()> {
    let connection = with_graph()?;
    exec(
        &connection,
        "UPDATE t SET vector = vector WHERE rowid % 7 = 0; DELETE FROM t WHERE rowid % 3 = 0",
    )?;
    let sizes = "SELECT (SELECT count(*) FROM t_vectors), (SELECT max(slot) + 1 FROM t_rows), (SELECT count(*) FROM t)";
    let before = rows(&connection, sizes)?;
    let all = rows(
        &connection,
        "SELECT rowid, half, vector_to_json(vector) FROM t ORDER BY rowid",
    )?;
    exec(&connection, "BEGIN; INSERT INTO t(t) VALUES ('optimize')")?;
    check(&connection, "t");
    exec(&connection, "ROLLBACK")?;
    assert_eq!(rows(&connection, sizes)?, before);
    exec(&connection, "INSERT INTO t(t) VALUES ('optimize')")?;
    let after = rows(&connection, sizes)?;
    let parts: Vec<_> = after.split('|').collect();
    assert_eq!(parts[1], parts[2], "{before} {after}");
    assert_eq!(
        rows(
            &connection,
            "SELECT rowid, half, vector_to_json(vector) FROM t ORDER BY rowid"
        )?,
        all
    );
    check(&connection, "t");
    assert!(recall(&connection, "AND half = 1")? >= 0.9);
    exec(
        &connection,
        "DELETE FROM t; INSERT INTO t(t) VALUES ('optimize')",
    )?;
    assert_eq!(
        rows(
            &connection,
            "SELECT (SELECT count(*) FROM t_vectors), (SELECT count(*) FROM t_graph)"
        )?,
        "0|0"
    );
    fill(&connection, "t", 1, 10)?;
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_merge_is_part_of_its_transaction() -> Result<()> {
    let connection = open(":memory:")?;
    create(&connection, "")?;
    exec(&connection, "BEGIN")?;
    fill(&connection, "t", 1, ROWS)?;
    exec(
        &connection,
        "SAVEPOINT s; INSERT INTO t(t) VALUES ('merge')",
    )?;
    assert!(has_graph(&connection)?);
    check(&connection, "t");
    exec(&connection, "ROLLBACK TO s")?;
    assert!(!has_graph(&connection)?);
    check(&connection, "t");
    exec(&connection, "INSERT INTO t(t) VALUES ('merge'); ROLLBACK")?;
    assert!(!has_graph(&connection)?);
    fill(&connection, "t", 1, ROWS)?;
    assert!(has_graph(&connection)?);
    check(&connection, "t");
    Ok(())
}

#[test]
fn nothing_is_merged_without_automerge_until_it_is_asked_for() -> Result<()> {
    let connection = open(":memory:")?;
    create(&connection, "")?;
    exec(&connection, "INSERT INTO t(t) VALUES ('automerge=0')")?;
    fill(&connection, "t", 1, ROWS)?;
    assert!(!has_graph(&connection)?);
    exec(&connection, "INSERT INTO t(t) VALUES ('merge')")?;
    assert!(has_graph(&connection)?);
    assert!(recall(&connection, "")? >= 0.9);
    Ok(())
}

#[test]
fn other_connections_follow_merges() -> Result<()> {
    let file = TestFile::new();
    let (connection, other) = (file.open()?, file.open()?);
    exec(&connection, "PRAGMA journal_mode = WAL")?;
    create(&connection, "")?;
    fill(&connection, "t", 1, ROWS)?;
    assert!(recall(&other, "")? >= 0.9);
    exec(&other, "BEGIN")?;
    assert!(recall(&other, "")? >= 0.9);
    fill(&connection, "t", ROWS + 1, ROWS + 400)?;
    exec(&connection, "DELETE FROM t WHERE rowid % 3 = 0")?;
    assert_eq!(rows(&other, "SELECT count(*) FROM t")?, ROWS.to_string());
    assert!(recall(&other, "")? >= 0.9);
    check_file(&other);
    exec(&other, "COMMIT")?;
    assert_eq!(rows(&other, "SELECT count(*) FROM t")?, "1600");
    assert!(recall(&other, "")? >= 0.9);
    exec(&other, "INSERT INTO t(t) VALUES ('merge')")?;
    for connection in [&connection, &other, &file.open()?] {
        check(connection, "t");
        assert!(recall(connection, "")? >= 0.9);
    }
    Ok(())
}

#[test]
fn metrics_and_elements_have_graphs() -> Result<()> {
    for options in [
        "metric=cosine",
        "metric=dot",
        "element=f16",
        "element=int8, metric=euclidean",
    ] {
        let connection = open(":memory:")?;
        connection.set_defensive(false)?;
        exec(
            &connection,
            &format!(
                "CREATE VIRTUAL TABLE t USING diskann(dimension=8, {options}); INSERT INTO t_config VALUES ('least_rows', 500);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
                INSERT INTO t(vector) SELECT '[' || (i % 13 + 1) || ',' || (i * 7 % 11) || ',' || (i * i % 17) || ',' || (i % 5) || ',' || (i * 3 % 29) || ',' || (i % 3) || ',' || (i * i * 3 % 31) || ',1]' FROM n"
            ),
        )?;
        assert!(has_graph(&connection)?, "{options}");
        check(&connection, "t");
        assert!(recall(&connection, "")? >= 0.85, "{options}");
    }
    Ok(())
}

#[test]
fn a_damaged_graph_is_refused() -> Result<()> {
    for sql in [
        "DELETE FROM t_graph WHERE block = 1",
        "UPDATE t_graph SET data = x'0100' WHERE block = 1",
        "UPDATE t_graph SET data = NULL",
        "UPDATE t_graph SET block = block + 100000",
        "UPDATE t_graph SET data = CAST(substr(data, 1, length(data) - 4) || x'ffffff7f' AS BLOB) WHERE block = 2",
    ] {
        let connection = with_graph()?;
        exec(&connection, sql)?;
        let image = connection.serialize("main")?;
        let copy = open(":memory:")?;
        copy.deserialize(image.as_bytes(), false)?;
        let found = rows(&copy, "SELECT count(*) FROM t WHERE vector MATCH '[1,1,1,1,1,1,1,1]' AND k = 5");
        assert_eq!(error(found), "the vector table is damaged: its shadow tables do not fit together", "{sql}");
    }
    Ok(())
}

#[test]
fn work_that_is_interrupted_leaves_all_as_it_was() -> Result<()> {
    let connection = with_graph()?;
    let handle = connection.interrupt_handle();
    let mut interrupted = 0;
    for moment in 0..40 {
        let stop = AtomicBool::new(false);
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_micros(moment * 700));
                // It counts only while a statement runs.
                while !stop.load(Ordering::Relaxed) {
                    handle.interrupt();
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            let outcome = if moment % 2 == 0 {
                exec(&connection, "INSERT INTO t(t) VALUES ('rebuild')")
            } else {
                fill(&connection, "t", 10_000, 11_500)
            };
            stop.store(true, Ordering::Relaxed);
            outcome
        });
        interrupted += u32::from(outcome.is_err());
        check(&connection, "t");
        exec(&connection, "DELETE FROM t WHERE rowid >= 10000")?;
        assert_eq!(
            rows(&connection, "SELECT count(*) FROM t")?,
            ROWS.to_string()
        );
    }
    assert!(interrupted > 0);
    assert!(recall(&connection, "")? >= 0.9);
    Ok(())
}

#[test]
fn threads_see_whole_states() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open()?;
    exec(&connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE p(id INTEGER PRIMARY KEY)")?;
    create(&connection, "")?;
    fill(&connection, "t", 1, ROWS)?;
    exec(&connection, "INSERT INTO p SELECT rowid FROM t")?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| -> Result<u32> {
                    let reader = file.open()?;
                    let mut count = 0;
                    while !is_over.load(Ordering::Relaxed) || count < 3 {
                        exec(&reader, "BEGIN")?;
                        let search = "SELECT count(*), count(DISTINCT t.rowid), count(p.id) FROM t LEFT JOIN p ON p.id = t.rowid WHERE t.vector MATCH '[9,9,9,9,9,9,9,9]' AND search_list_size = 20";
                        let all = rows(&reader, "SELECT count(*) FROM p")?;
                        assert_eq!(rows(&reader, search)?, format!("{all}|{all}|{all}"));
                        exec(&reader, "COMMIT")?;
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        for round in 0..15 {
            let from = ROWS + 1 + round * 60;
            exec(&connection, "BEGIN")?;
            fill(&connection, "t", from, from + 59)?;
            exec(&connection, &format!("INSERT INTO p SELECT rowid FROM t WHERE rowid >= {from}; DELETE FROM t WHERE rowid % 40 = {round}; DELETE FROM p WHERE id % 40 = {round}; COMMIT"))?;
        }
        is_over.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().is_ok_and(|count| count.is_ok()));
        }
        Ok::<_, ferrolite_sqlite::Error>(())
    })?;
    check(&connection, "t");
    Ok(())
}

/// Searches of a table whose rows became harder to find, one by one.
#[test]
fn recall_is_as_asked_when_other_rows_took_the_place_of_those_measured() -> Result<()> {
    const DIMENSION: u32 = 24;
    let connection = open(":memory:")?;
    connection.set_defensive(false)?;
    exec(
        &connection,
        &format!(
            "CREATE VIRTUAL TABLE t USING diskann(dimension={DIMENSION}, metric=euclidean);
            INSERT INTO t_config VALUES ('least_rows', 1000)"
        ),
    )?;
    let vector = |number: &dyn Fn(u32) -> String| {
        let numbers: Vec<_> = (1..=DIMENSION).map(number).collect();
        format!("'[' || {} || ']'", numbers.join(" || ',' || "))
    };
    // On a line a walk finds all at any width.
    let line = vector(&|n| format!("(i * {n} / 100.0)"));
    let scattered = vector(&|n| {
        format!(
            "((i * {} + i * i * {}) % 1009 / 1009.0)",
            n * 7919 + 13,
            n * 31 + 7
        )
    });
    let ids = |from: u32, to: u32| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})"
        )
    };
    exec(
        &connection,
        &format!(
            "{} INSERT INTO t(rowid, vector) SELECT i, {line} FROM n",
            ids(1, ROWS)
        ),
    )?;
    for from in (1..ROWS).step_by(100) {
        exec(
            &connection,
            &format!(
                "{} INSERT OR REPLACE INTO t(rowid, vector) SELECT i, {scattered} FROM n",
                ids(from, from + 99)
            ),
        )?;
    }
    let (mut found, mut all) = (0, 0);
    for i in 3000..3100 {
        let search = |how: &str| {
            rows(
                &connection,
                &format!("SELECT rowid FROM t WHERE vector MATCH (SELECT {scattered} FROM (SELECT {i} AS i)) AND k = 10 {how}"),
            )
        };
        let truth = search("AND search_list_size = 100000")?;
        let near = search("")?;
        let near: HashSet<&str> = near.split(' ').collect();
        all += 10;
        found += truth.split(' ').filter(|id| near.contains(id)).count();
    }
    assert!(found * 100 >= all * 93, "{found} of {all}");
    check(&connection, "t");
    Ok(())
}

/// Clusters far from each other, as words of other languages are: a walk from one place may end in the wrong one.
#[test]
fn the_right_cluster_is_found_under_every_metric() -> Result<()> {
    const DIMENSION: u32 = 64;
    for metric in ["dot", "euclidean", "cosine"] {
        let connection = open(":memory:")?;
        connection.set_defensive(false)?;
        exec(
            &connection,
            &format!(
                "CREATE VIRTUAL TABLE t USING diskann(dimension={DIMENSION}, metric={metric});
                INSERT INTO t_config VALUES ('least_rows', 1000)"
            ),
        )?;
        // Ten centres; each row is near one of them, and from half to one and a half times as long.
        let numbers: Vec<_> = (1..=DIMENSION)
            .map(|n| {
                let centre = format!("((i % 10 + 1) * {} % 211 / 105.5 - 1)", n * n * 37 + n * 11);
                let noise = format!(
                    "((i * {} + i * i * {}) % 1009 / 1009.0 - 0.5)",
                    n * 7919 + 13,
                    n * 31 + 7
                );
                format!("((i * 7 % 101 + 50) / 100.0 * ({centre} + {noise} * 0.7))")
            })
            .collect();
        let vector = format!("'[' || {} || ']'", numbers.join(" || ',' || "));
        let ids = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)";
        exec(
            &connection,
            &format!("{ids} INSERT INTO t(rowid, vector) SELECT i, {vector} FROM n"),
        )?;
        assert!(has_graph(&connection)?);
        for i in 5000..5100 {
            let of = format!("(SELECT {vector} FROM (SELECT {i} AS i))");
            let search = |rest: &str| {
                rows(
                    &connection,
                    &format!("SELECT rowid FROM t WHERE vector MATCH {of} {rest}"),
                )
            };
            let truth = search("AND k = 10 AND search_list_size = 100000")?;
            let truth: HashSet<&str> = truth.split(' ').collect();
            for rest in [
                "AND k = 10",
                "AND k = 10 AND rowid > 0",
                "ORDER BY distance LIMIT 10",
            ] {
                let near = search(rest)?;
                let found = near.split(' ').filter(|id| truth.contains(id)).count();
                assert!(found >= 5, "{metric} {i} {rest}: {found} of 10");
            }
        }
        check(&connection, "t");
    }
    Ok(())
}

/// Rows linked before count as a part of fewer rows when others are deleted.
#[test]
fn a_merge_that_measures_nothing_keeps_the_width() -> Result<()> {
    let connection = with_graph()?;
    let width = || {
        rows(
            &connection,
            "SELECT substr(hex(state), 19, 4) FROM t_log ORDER BY seq DESC LIMIT 1",
        )
    };
    let linked = || {
        rows(
            &connection,
            "SELECT value FROM t_config WHERE key = 'linked_rows'",
        )
    };
    fill(&connection, "t", ROWS + 1, ROWS + 480)?;
    exec(&connection, "INSERT INTO t(t) VALUES ('merge')")?;
    let (before, count) = (width()?, linked()?);
    assert_ne!(before, "FFFF", "measured");
    assert_eq!(count, "480");
    // So few at a time that the graph is not built anew.
    for rest in [1, 2] {
        let delete =
            format!("DELETE FROM t WHERE rowid % 8 = {rest}; INSERT INTO t(t) VALUES ('merge')");
        exec(&connection, &delete)?;
    }
    assert_eq!(rows(&connection, "SELECT count(*) FROM t")?, "1860");
    assert_eq!((width()?, linked()?), (before, count));
    Ok(())
}
