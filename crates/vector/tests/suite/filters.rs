//! Terms beside MATCH: what they let pass is what `SQLite` lets pass, and `k` rows come whenever there are `k`.

use crate::common::{check, error, exec, open, rows};
use ferrolite_sqlite::{Connection, Result};

const VALUES: [&str; 20] = [
    "NULL",
    "1",
    "2.5",
    "2.0",
    "'1'",
    "'2.5'",
    "'abc'",
    "' 1 '",
    "x'31'",
    "-0.0",
    "9007199254740993",
    "9007199254740992.0",
    "''",
    "'ABC'",
    "1e300",
    "'1e0'",
    "'0x1'",
    "9223372036854775807",
    "x''",
    "-1",
];

fn with_columns() -> Result<Connection> {
    let connection = open(":memory:")?;
    exec(
        &connection,
        "CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean, a INTEGER, b REAL, c TEXT, d BLOB, e INTEGER INDEXED, f TEXT INDEXED);
        CREATE TABLE p(id INTEGER PRIMARY KEY, a INTEGER, b REAL, c TEXT, d BLOB, e INTEGER, f TEXT)",
    )?;
    let mut id = 0;
    let numbers = [
        "NULL",
        "1",
        "2.0",
        "'1'",
        "9007199254740993",
        "9007199254740992",
        "9223372036854775807",
        "-1",
        "0",
    ];
    for number in numbers {
        for text in ["NULL", "'1'", "'abc'", "'ABC'", "''", "2.5", "' 1 '"] {
            id += 1;
            let blob = ["NULL", "x'31'", "x''"][id % 3];
            let row = format!("{number}, {number}, {text}, {blob}, {number}, {text}");
            exec(
                &connection,
                &format!("INSERT INTO t(rowid, vector, a, b, c, d, e, f) VALUES ({id}, '[{id}]', {row}); INSERT INTO p VALUES ({id}, {row})"),
            )?;
        }
    }
    Ok(connection)
}

/// A condition on both tables, with and without a search.
fn compare(connection: &Connection, condition: &str) -> Result<()> {
    let plain = format!("({})", condition.replace("{id}", "id"));
    let condition = format!("({})", condition.replace("{id}", "rowid"));
    let expected = rows(
        connection,
        &format!("SELECT id FROM p WHERE {plain} ORDER BY id"),
    )?;
    let first: Vec<_> = expected.split(' ').take(3).collect();
    for (sql, expected) in [
        (format!("SELECT rowid FROM t WHERE {condition} ORDER BY rowid"), expected.clone()),
        (format!("SELECT rowid FROM t WHERE vector MATCH '[0]' AND k = 100 AND {condition}"), expected.clone()),
        (format!("SELECT rowid FROM t WHERE vector MATCH '[0]' AND {condition} ORDER BY distance"), expected.clone()),
        (format!("SELECT rowid FROM t WHERE vector MATCH '[0]' AND {condition} ORDER BY distance LIMIT 3"), first.join(" ")),
    ] {
        assert_eq!(rows(connection, &sql), Ok(expected), "{sql}");
    }
    Ok(())
}

#[test]
fn every_operator_and_every_type_is_as_on_a_plain_table() -> Result<()> {
    let connection = with_columns()?;
    for column in ["a", "b", "c", "d", "e", "f", "{id}"] {
        for value in VALUES {
            for operator in ["=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT"] {
                compare(&connection, &format!("{column} {operator} {value}"))?;
            }
            compare(
                &connection,
                &format!("{column} IN ({value}, 2, 'abc', NULL)"),
            )?;
            compare(&connection, &format!("{column} NOT IN ({value}, 2)"))?;
            compare(&connection, &format!("{column} BETWEEN {value} AND 5"))?;
        }
        for test in [
            "IS NULL",
            "IS NOT NULL",
            "LIKE 'a%'",
            "GLOB 'a*'",
            "= 'ABC' COLLATE NOCASE",
            "IN (SELECT c FROM p)",
            "IN ()",
            "> 0 + 0",
        ] {
            compare(&connection, &format!("{column} {test}"))?;
        }
    }
    for condition in [
        "a = 1 AND c = 'abc'",
        "a = 1 OR c = 'abc'",
        "NOT (b > 1 AND f IS NOT NULL)",
        "e = 1 AND f IN ('1', 'abc') AND {id} > 5",
        "{id} IN (3, 1, 2, 500) AND c IS NOT NULL",
        "(a, c) = (1, 'abc')",
        "a = e AND c = f",
        "{id} = 5",
        "{id} = '5'",
        "{id} = 5.0",
        "{id} = 5.5",
        "{id} IN (SELECT id FROM p WHERE a > 1)",
        "c > 'a' AND c < 'b'",
    ] {
        compare(&connection, condition)?;
    }
    Ok(())
}

#[test]
fn collations_that_are_not_binary_stay_with_the_engine() -> Result<()> {
    let connection = with_columns()?;
    // It sends the range 'A' to 'b' under NOCASE.
    compare(&connection, "c LIKE 'aB%'")?;
    let plan = rows(&connection, "EXPLAIN QUERY PLAN SELECT rowid FROM t WHERE vector MATCH '[0]' AND c LIKE 'a%' AND f COLLATE NOCASE = 'abc'")?;
    assert!(plan.ends_with("VIRTUAL TABLE INDEX 0:match"), "{plan}");
    Ok(())
}

#[test]
fn distances_have_bounds() -> Result<()> {
    let connection = open(":memory:")?;
    exec(&connection, "CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean); INSERT INTO t(vector) VALUES ('[1]'), ('[2]'), ('[3]'), ('[4]'), ('[5]')")?;
    for (bound, expected) in [
        ("distance < 3", "1 2"),
        ("distance <= 3", "1 2 3"),
        ("distance > 3", "4 5"),
        ("distance >= 3", "3 4 5"),
        ("distance = 3", "3"),
        ("distance != 3", "1 2 4 5"),
        ("distance BETWEEN 2 AND 4", "2 3 4"),
        ("distance > '3'", "4 5"),
        ("distance < 'x'", "1 2 3 4 5"),
        ("distance < NULL", ""),
        ("distance IS NOT NULL", "1 2 3 4 5"),
        ("distance IN (2, 4)", "2 4"),
        ("distance > 1 AND distance < 5 AND rowid != 3", "2 4"),
    ] {
        for rest in ["AND k = 9", "", "ORDER BY distance, rowid LIMIT 9"] {
            let sql = format!("SELECT rowid FROM t WHERE vector MATCH '[0]' AND {bound} {rest}");
            assert_eq!(rows(&connection, &sql)?, expected, "{sql}");
        }
    }
    // Pages of results.
    let sql = "SELECT rowid FROM t WHERE vector MATCH '[0]' AND distance > 2 AND k = 2";
    assert_eq!(rows(&connection, sql)?, "3 4");
    Ok(())
}

#[test]
fn a_search_is_the_outer_loop_of_a_join() -> Result<()> {
    let connection = open(":memory:")?;
    exec(
        &connection,
        "CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean); CREATE TABLE doc(id INTEGER PRIMARY KEY, title TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500) INSERT INTO t(rowid, vector) SELECT i, '[' || i || ']' FROM n;
        INSERT INTO doc SELECT rowid, 'title ' || (rowid % 50) FROM t",
    )?;
    let join =
        "SELECT d.id, t.distance FROM t JOIN doc d ON d.id = t.rowid WHERE t.vector MATCH '[0]'";
    assert_eq!(
        rows(&connection, &format!("{join} AND k = 3"))?,
        "1|1 2|2 3|3"
    );
    let filtered = format!("{join} AND d.title LIKE '% 7' ORDER BY t.distance LIMIT 3");
    assert_eq!(rows(&connection, &filtered)?, "7|7 57|57 107|107");
    let plan = rows(&connection, &format!("EXPLAIN QUERY PLAN {filtered}"))?;
    assert!(
        plan.contains("SCAN t VIRTUAL TABLE") && !plan.contains("TEMP B-TREE"),
        "{plan}"
    );
    // A vector of another table: one search for each of its rows.
    let each = "SELECT a.rowid, b.rowid FROM t a, t b WHERE a.rowid < 3 AND b.vector MATCH a.vector AND b.k = 2";
    assert_eq!(rows(&connection, each)?, "1|1 1|2 2|2 2|1");
    check(&connection, "t");
    Ok(())
}

#[test]
fn a_search_that_makes_no_sense_is_refused() -> Result<()> {
    let connection = with_columns()?;
    let k = "k must be a whole number above 0";
    for (condition, message) in [
        ("vector MATCH '[0]' AND k = 0", k),
        ("vector MATCH '[0]' AND k = -1", k),
        ("vector MATCH '[0]' AND k = 1.5", k),
        ("vector MATCH '[0]' AND k = NULL", k),
        ("vector MATCH '[0]' AND k = 'x'", k),
        ("vector MATCH '[0]' AND k = 9223372036854775808", k),
        ("vector MATCH '[0]' AND k = x'01'", k),
        (
            "k = 10",
            "k needs a vector to search for: WHERE vector MATCH ? AND k = 10",
        ),
        (
            "search_list_size = 10",
            "search_list_size needs a vector to search for: WHERE vector MATCH ? AND k = 10",
        ),
        (
            "vector MATCH '[0]' AND k < 10",
            "k takes the operator = and no other",
        ),
        ("vector MATCH '[0]' AND k = 1 AND k = 2", "k is given twice"),
        (
            "vector MATCH '[0]' AND vector MATCH '[1]'",
            "MATCH is given twice",
        ),
        (
            "vector MATCH '[0]' AND search_list_size = 0",
            "search_list_size must be a whole number above 0",
        ),
        ("vector MATCH NULL", "a vector cannot be NULL"),
        (
            "vector MATCH '[0, 1]'",
            "a vector of this table has 1 numbers, not 2",
        ),
        (
            "vector MATCH 5",
            "a vector is JSON text or a BLOB, not a number",
        ),
        (
            "vector MATCH x'00'",
            "a vector of dimension 1 has 4 bytes, not 1",
        ),
    ] {
        assert_eq!(
            error(rows(
                &connection,
                &format!("SELECT rowid FROM t WHERE {condition}")
            )),
            message,
            "{condition}"
        );
    }
    assert_eq!(
        rows(
            &connection,
            "SELECT count(*) FROM t WHERE vector MATCH '[0]' AND k = 10.0"
        )?,
        "10"
    );
    Ok(())
}

#[test]
fn rows_that_make_no_sense_are_refused() -> Result<()> {
    let connection = with_columns()?;
    let before = rows(&connection, "SELECT count(*), sum(rowid) FROM t")?;
    for (sql, message) in [
        ("INSERT INTO t(a) VALUES (1)", "a vector cannot be NULL"),
        ("INSERT INTO t(vector, a) VALUES ('[1]', 'x')", "cannot store TEXT value in INTEGER column t.a"),
        ("INSERT INTO t(vector, a) VALUES ('[1]', 1.5)", "cannot store REAL value in INTEGER column t.a"),
        ("INSERT INTO t(vector, b) VALUES ('[1]', x'00')", "cannot store BLOB value in REAL column t.b"),
        ("INSERT INTO t(vector, d) VALUES ('[1]', 'x')", "cannot store TEXT value in BLOB column t.d"),
        ("INSERT OR IGNORE INTO t(vector, a) VALUES ('[1]', 'x')", "cannot store TEXT value in INTEGER column t.a"),
        ("UPDATE t SET e = 'x' WHERE rowid = 3", "cannot store TEXT value in INTEGER column t.e"),
        ("INSERT INTO t(vector, distance) VALUES ('[1]', 1)", "distance cannot be set: it belongs to queries"),
        ("INSERT INTO t(vector, k) VALUES ('[1]', 1)", "k cannot be set: it belongs to queries"),
        ("UPDATE t SET k = 3 WHERE rowid = 1", "k cannot be set: it belongs to queries"),
        ("INSERT INTO t(rowid, vector) VALUES ('x', '[1]')", "datatype mismatch"),
        ("INSERT INTO t(rowid, vector) VALUES (1.5, '[1]')", "datatype mismatch"),
        ("INSERT INTO t(t) VALUES ('nonsense')", "unknown command \"nonsense\" of diskann: there are merge, rebuild, optimize, verify, threads=N, recall=R, automerge=0|1"),
        ("INSERT INTO t(t) VALUES (1)", "a command of diskann is text, such as 'verify'"),
        ("INSERT INTO t(t) VALUES ('threads=-1')", "threads must be a whole number from 0 to 64"),
        ("INSERT INTO t(t) VALUES ('recall=7')", "recall must be a number from 0.5 to 0.999, not \"7\""),
        ("INSERT INTO t(t) VALUES ('automerge=2')", "automerge must be 0 or 1"),
        ("CREATE VIRTUAL TABLE u USING diskann(dimension=0)", "dimension must be a whole number from 1 to 65536, not \"0\""),
        ("CREATE VIRTUAL TABLE k USING diskann(dimension=1)", "a diskann table cannot be named \"k\": one of its columns is"),
    ] {
        assert_eq!(error(exec(&connection, sql)), message, "{sql}");
    }
    assert_eq!(
        rows(&connection, "SELECT count(*), sum(rowid) FROM t")?,
        before
    );
    check(&connection, "t");
    Ok(())
}

#[test]
fn text_is_compared_as_the_database_keeps_it() -> Result<()> {
    let texts = [
        "", "a", "aa", "z", "Ā", "ā", "ÿ", "中", "\u{ffff}", "😀", "a😀", "0",
    ];
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let connection = open(":memory:")?;
        exec(
            &connection,
            &format!(
                "PRAGMA encoding='{encoding}'; CREATE TABLE plain(id INTEGER PRIMARY KEY, s TEXT);
                CREATE VIRTUAL TABLE t USING diskann(dimension=1, s TEXT)"
            ),
        )?;
        for text in texts {
            exec(
                &connection,
                &format!("INSERT INTO plain(s) VALUES ('{text}')"),
            )?;
        }
        exec(
            &connection,
            "INSERT INTO t(rowid, vector, s) SELECT id, '[1]', s FROM plain",
        )?;
        for operator in ["<", "<=", ">", ">=", "=", "<>", "IS"] {
            for text in texts {
                let term = format!("s {operator} '{text}'");
                let expected = rows(
                    &connection,
                    &format!("SELECT id FROM plain WHERE {term} ORDER BY id"),
                )?;
                for search in [
                    "",
                    "vector MATCH '[1]' AND k = 100 AND",
                    "vector MATCH '[1]' AND",
                ] {
                    let sql = format!("SELECT rowid FROM t WHERE {search} {term} ORDER BY rowid");
                    assert_eq!(rows(&connection, &sql)?, expected, "{encoding} {sql}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn metrics_and_elements() -> Result<()> {
    for (options, vectors, query, expected) in [
        (
            "dimension=2",
            "('[1, 0]'), ('[0, 2]'), ('[-3, 0]'), ('[5, 0]')",
            "[2, 0]",
            "1|0 4|0 2|1 3|2",
        ),
        (
            "dimension=2, metric=euclidean",
            "('[1, 0]'), ('[0, 2]'), ('[2, 4]')",
            "[2, 0]",
            "1|1 2|2.8284271247461903 3|4",
        ),
        (
            "dimension=2, metric=dot",
            "('[1, 0]'), ('[0, 2]'), ('[0, 0]'), ('[5, 0]')",
            "[2, 0]",
            "4|-10 1|-2 2|0 3|0",
        ),
        (
            "dimension=2, metric=dot, element=f16",
            "('[1, 0]'), (x'003c0000'), (x'0000803f00000000')",
            "[2, 0]",
            "1|-2 2|-2 3|-2",
        ),
        (
            "dimension=2, metric=euclidean, element=int8",
            "('[127, 0]'), (x'8000')",
            "[-128, 0]",
            "2|0 1|255",
        ),
        (
            "dimension=16, element=bit",
            "(x'ffff'), (x'00ff'), ('[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]')",
            "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
            "3|1 2|8 1|16",
        ),
    ] {
        let connection = open(":memory:")?;
        exec(&connection, &format!("CREATE VIRTUAL TABLE t USING diskann({options}); INSERT INTO t(vector) VALUES {vectors}"))?;
        let sql = format!("SELECT rowid, distance FROM t WHERE vector MATCH '{query}' AND k = 9");
        assert_eq!(rows(&connection, &sql)?, expected, "{options}");
        check(&connection, "t");
    }
    Ok(())
}

#[test]
fn a_matrix_is_taken_apart() -> Result<()> {
    let connection = open(":memory:")?;
    let matrix = "x'0000803f000000000000000000000040'";
    let json = format!("SELECT rowid, vector_to_json(vector) FROM vector_each({matrix}, 2)");
    assert_eq!(rows(&connection, &json)?, "0|[1,0] 1|[0,2]");
    exec(&connection, &format!("CREATE VIRTUAL TABLE t USING diskann(dimension=2); INSERT INTO t(rowid, vector) SELECT rowid + 10, vector FROM vector_each({matrix}, 2.0)"))?;
    let sql = format!("SELECT q.rowid, t.rowid FROM vector_each({matrix}, 2) q, t WHERE t.vector MATCH q.vector AND t.k = 1");
    assert_eq!(rows(&connection, &sql)?, "0|10 1|11");
    assert_eq!(
        rows(
            &connection,
            "SELECT vector_to_json(vector, 'int8') FROM vector_each(x'01ff02', 1, 'int8')"
        )?,
        "[1] [-1] [2]"
    );
    for (sql, message) in [
        ("SELECT * FROM vector_each(x'00', 1)", "the matrix of vector_each has 1 bytes, which is not a multiple of 4, the bytes of a vector"),
        ("SELECT * FROM vector_each('x', 1)", "the matrix of vector_each is a BLOB"),
        ("SELECT * FROM vector_each(x'00', 0)", "the dimension of vector_each must be a whole number from 1 to 65536"),
        ("SELECT * FROM vector_each(x'00')", "vector_each takes a matrix and a dimension: vector_each(?, 384)"),
        ("SELECT * FROM vector_each(x'00', 1, 'f64')", "element must be one of f32, f16, int8, bit, not \"f64\""),
        ("SELECT vector_to_json(x'00')", "the BLOB is not a vector: its length is not that of whole numbers"),
        ("SELECT vector_to_json('x')", "vector_to_json takes a BLOB"),
        ("SELECT vector_to_json(x'0000c07f')", "JSON has no NaN and no infinity"),
    ] {
        assert_eq!(error(rows(&connection, sql)), message, "{sql}");
    }
    assert_eq!(
        rows(
            &connection,
            "SELECT vector_to_json(NULL) IS NULL, count(*) FROM vector_each(NULL, 2)"
        )?,
        "1|0"
    );
    Ok(())
}

/// In a join with a column of numbers, text is compared as a number.
#[test]
fn columns_of_another_table_are_compared_as_on_a_plain_table() -> Result<()> {
    let connection = with_columns()?;
    exec(
        &connection,
        "CREATE TABLE n(i INTEGER, r REAL, s TEXT, u);
        INSERT INTO n VALUES (1, 2.5, '1', 1), (2, 1, ' 1 ', '1'), (NULL, 0, 'abc', x'31'), ('abc', 'x', 2.5, 2.5)",
    )?;
    for column in ["a", "b", "c", "d", "e", "f"] {
        for other in ["i", "r", "s", "u"] {
            for operator in ["=", "!=", "<", ">=", "IS"] {
                let condition = format!("t.{column} {operator} n.{other}");
                let expected = rows(
                    &connection,
                    &format!("SELECT n.rowid, t.id FROM n JOIN p t ON {condition} ORDER BY 1, 2"),
                )?;
                for search in [
                    "",
                    "t.vector MATCH '[0]' AND k = 100 AND ",
                    "t.vector MATCH '[0]' AND ",
                ] {
                    let sql = format!(
                        "SELECT n.rowid, t.rowid FROM n CROSS JOIN t WHERE {search}{condition} ORDER BY 1, 2"
                    );
                    assert_eq!(rows(&connection, &sql).as_ref(), Ok(&expected), "{sql}");
                }
            }
            let condition = format!("{column} IN (SELECT {other} FROM n)");
            compare(&connection, &condition)?;
        }
    }
    Ok(())
}
