//! Tests: what is read from the text of SQL is what the engine itself says, on every string of the tests in `test/`
//! and on scripts made at random.

use std::cell::Cell;
use std::ffi::{c_int, CString};
use std::fs;
use std::path::Path;
use std::rc::Rc;

use crate::connection::Connection;
use crate::error::Result;
use crate::ffi;
use crate::hooks::Authorize;
use crate::open::OpenOptions;
use crate::role::is_query;
use crate::script::{batch_fault, parameters, statements};
use crate::sql::Tokens;
use crate::statement::Statement;

const SCHEMA: &[u8] = b"CREATE TABLE t (a, b, c); CREATE TABLE u (a PRIMARY KEY, b) WITHOUT ROWID;
    CREATE VIEW v AS SELECT a AS x FROM t; CREATE TABLE entries (a, b, c); CREATE TABLE user (id, name)\0";

/// Whether a transaction began or ended, or a savepoint did, in what was compiled last.
#[derive(Default)]
struct Seen {
    transaction: Cell<bool>,
    savepoint: Cell<bool>,
}

struct Watcher(Rc<Seen>);

impl Authorize for Watcher {
    fn authorize(&self, action: c_int, _: [Option<&[u8]>; 4]) -> c_int {
        match action {
            ffi::SQLITE_TRANSACTION => self.0.transaction.set(true),
            ffi::SQLITE_SAVEPOINT => self.0.savepoint.set(true),
            _ => {}
        }
        ffi::SQLITE_OK
    }
}

fn open() -> Result<(Connection, Rc<Seen>)> {
    let conn = Connection::open(&OpenOptions::new(":memory:"))?;
    conn.exec(SCHEMA, &mut |_| Ok(()))?;
    let seen = Rc::new(Seen::default());
    conn.set_authorizer(Some(Box::new(Watcher(seen.clone()))))?;
    Ok((conn, seen))
}

/// Compares what the tokenizer finds in one statement with what the engine reports.
fn compare_statement(sql: &str, statement: &Rc<Statement>, seen: &Seen) -> Result<()> {
    let names = parameters(sql);
    let names = names
        .iter()
        .map(|name| Some(name.as_ref()?.as_bytes()[1..].to_vec()));
    let names: Vec<_> = names.collect();
    assert_eq!(names, statement.parameter_names()?, "{sql:?}");
    let reads = statement.readonly()? && statement.column_count()? > 0;
    if reads {
        assert_eq!(
            is_query(sql),
            !first(sql, &["PRAGMA", "EXPLAIN"]),
            "{sql:?}"
        );
    } else {
        assert!(!is_query(sql) || first(sql, &["WITH"]), "{sql:?}");
    }
    let fault = batch_fault(std::iter::once(sql), "\t_x.\t");
    let is_control = !first(sql, &["EXPLAIN"]);
    if is_control && seen.transaction.get() {
        assert!(fault.is_some(), "{sql:?}");
    }
    if !seen.transaction.get() && !seen.savepoint.get() {
        assert_eq!(fault, None, "{sql:?}");
    }
    Ok(())
}

fn first(sql: &str, words: &[&str]) -> bool {
    Tokens::new(sql)
        .next()
        .is_some_and(|token| token.is_any(words))
}

/// Compares each statement of a script with what the engine compiles. Returns how many there are.
fn compare(script: &str) -> Result<usize> {
    let (conn, seen) = open()?;
    let ours = statements(script);
    // The engine reads no further than a NUL.
    let read = script.split('\0').next().unwrap_or_default();
    assert_eq!(ours, statements(read), "{script:?}");
    let bytes = [read.as_bytes(), b"\0"].concat();
    let mut start = 0;
    for at in 0.. {
        seen.transaction.set(false);
        seen.savepoint.set(false);
        let Ok((compiled, tail)) = Statement::compile(&conn.shared, &bytes[start..]) else {
            return Ok(at);
        };
        let Some(statement) = compiled.map(Rc::new) else {
            assert_eq!(at, ours.len(), "there are more: {script:?}");
            return Ok(at);
        };
        let end = (start + tail).min(read.len());
        let Some(range) = ours.get(at) else {
            panic!("statement {at} is missing: {script:?}");
        };
        let is_inside = range.start >= start && range.end <= end;
        assert!(is_inside, "{range:?} is not in {start}..{end}: {script:?}");
        let between = [&read.as_bytes()[range.end..end], b"\0"].concat();
        let rest = Statement::compile(&conn.shared, &between)?.0;
        assert!(rest.is_none(), "{range:?} is cut short: {script:?}");

        let sql = &read[range.clone()];
        compare_statement(sql, &statement, &seen)?;
        let changes = [
            "CREATE",
            "DROP",
            "ALTER",
            "BEGIN",
            "COMMIT",
            "END",
            "SAVEPOINT",
            "RELEASE",
            "ROLLBACK",
        ];
        // None that could go on for ever.
        if first(sql, &changes) && !Tokens::new(sql).any(|token| token.is_any(&["WITH", "VIRTUAL"]))
        {
            let _ = statement.run_to_end();
        }
        start += tail;
    }
    Ok(0)
}

/// Whether the engine takes a script for complete, and whether what comes behind it is a new statement.
fn compare_end(script: &str) {
    let Ok(text) = CString::new(script) else {
        return;
    };
    // It knows no byte order marks, no vertical tabs and no brackets of variables, and nothing is complete by itself.
    let is_known = !script.contains(['\u{feff}', '\u{b}']) && !script.contains("::b(");
    if !is_known || Tokens::new(script).next().is_none() {
        return;
    }
    // SAFETY: the text ends in NUL.
    let complete = unsafe { ffi::sqlite3_complete(text.as_ptr()) } != 0;
    let more = statements(&format!("{script}\nx")).len();
    assert_eq!(more > statements(script).len(), complete, "{script:?}");
}

/// The string literals of a JavaScript file, more or less.
fn strings(source: &str) -> Vec<String> {
    let mut list = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(quote) = chars.next() {
        if !matches!(quote, '\'' | '"' | '`') {
            continue;
        }
        let mut text = String::new();
        while let Some(c) = chars.next() {
            match c {
                c if c == quote => break,
                '\n' if quote != '`' => break,
                '\\' => match chars.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('0') => text.push('\0'),
                    Some(other) => text.push(other),
                    None => break,
                },
                '$' if quote == '`' && chars.peek() == Some(&'{') => {
                    // Some number in the place of what is not known.
                    for c in chars.by_ref() {
                        if c == '}' {
                            break;
                        }
                    }
                    text.push('1');
                }
                c => text.push(c),
            }
        }
        list.push(text);
    }
    list
}

fn collect(folder: &Path, list: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, list)?;
        } else if path.extension().is_some_and(|extension| extension == "js") {
            list.extend(strings(&fs::read_to_string(path)?));
        }
    }
    Ok(())
}

#[test]
fn every_string_of_the_tests_is_read_as_the_engine_reads_it() -> Result<()> {
    let mut list = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test");
    assert!(collect(&folder, &mut list).is_ok());
    list.sort();
    list.dedup();
    let mut compiled = 0;
    for script in &list {
        compare_end(script);
        compiled += compare(script)?;
    }
    assert!(compiled > 500, "{compiled} of {} strings", list.len());
    Ok(())
}

/// Random numbers: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const SPACES: [&str; 8] = [
    " ",
    " ",
    " ",
    "\n",
    "\t",
    "/* ; ' */",
    "-- ; \"\n",
    " /**/ ",
];
const VALUES: [&str; 24] = [
    "1",
    "1.5e-3",
    ".5",
    "0xF_F",
    "1_000",
    "x'0F'",
    "X''",
    "'a'",
    "'it''s; END'",
    "''",
    "?",
    "?3",
    "?007",
    ":a",
    ":a$b",
    "@x",
    "$a",
    "$a::b(;c)",
    ":é",
    "NULL",
    "CASE WHEN 1 THEN ';' END",
    "(SELECT 1)",
    "abs(-1)",
    "1 -- ;\n",
];
const NAMES: [&str; 10] = [
    "a",
    "[a]",
    "\"a\"",
    "`b`",
    "t.c",
    "main.t.a",
    "[t].\"b\"",
    "\"a\" COLLATE nocase",
    "rowid",
    "b",
];
const SEPARATORS: [&str; 7] = [";", " ; ", ";;", ";--\n", "; /* x; */", ";\n", "\u{feff};"];
const JUNK: [&str; 16] = [
    "'", "\"", "`", "[", "]", "/*", "*/", "--", ";", "\0", "END", "\u{feff}", "$", "?", "#",
    "\u{b}",
];

fn statement(random: &mut Random, depth: usize) -> String {
    let space = random.pick(&SPACES);
    let (value, other) = (random.pick(&VALUES), random.pick(&VALUES));
    let name = random.pick(&NAMES);
    let number = random.below(1000);
    match random.below(if depth == 0 { 20 } else { 5 }) {
        0 => format!("SELECT{space}{name},{value}{space}FROM t WHERE {name} <> {other}"),
        1 => format!("INSERT{space}INTO t VALUES ({value},{other},3)"),
        2 => format!("UPDATE{space}t SET [b] ={value} WHERE {name} IN ({other})"),
        3 => format!("DELETE FROM{space}t WHERE {name}{space}>{value}"),
        4 => format!("REPLACE INTO \"u\"(a){space}VALUES ({value})"),
        5..=8 => {
            let temp = random.pick(&["", "TEMP", "TEMPORARY"]);
            let explain = random.pick(&["", "", "EXPLAIN ", "EXPLAIN QUERY PLAN "]);
            let count = 1 + random.below(3);
            let body: String = (0..count)
                .map(|_| {
                    statement(random, depth + 1) + random.pick(&SPACES) + ";" + random.pick(&SPACES)
                })
                .collect();
            let body = body
                .replace(['?', ':', '@', '$'], "1 + ")
                .replace("main.t.a", "1");
            format!("{explain}CREATE{space}{temp} TRIGGER g{number}{space}AFTER INSERT ON t{space}BEGIN {body}{space}END")
        }
        9 => format!("WITH{space}c AS (SELECT {value} AS x) SELECT x, {other} FROM c"),
        10 => format!("WITH c AS (SELECT {value}) INSERT INTO t(a) SELECT *{space}FROM c"),
        11 => format!("VALUES{space}({value}, {other})"),
        12 => format!("EXPLAIN{space}SELECT {name} FROM t LIMIT {value}"),
        13 => format!("CREATE{space}TABLE trigger_{number} (a, \"end;\", [x;y] DEFAULT ';')"),
        14 => format!("CREATE VIEW{space}w{number} AS SELECT 'END;' AS x"),
        15 => random
            .pick(&[
                "BEGIN",
                "COMMIT",
                "END TRANSACTION",
                "ROLLBACK",
                "BEGIN IMMEDIATE",
            ])
            .into(),
        16 => format!("SAVEPOINT{space}s{number}; RELEASE \"s{number}\""),
        17 => "PRAGMA user_version".into(),
        18 => format!("UPDATE t SET a ={value} WHERE c{space}ORDER BY {name} LIMIT {other}"),
        _ => format!("SELECT{space}{value} AS \"a;b\", {other} AS 'x', a.\"b\" FROM t AS a"),
    }
}

fn script(random: &mut Random) -> String {
    let mut script = String::from(random.pick(&["", "", "", ";", "\u{feff}", " -- x\n"]));
    for _ in 0..=random.below(4) {
        script += &statement(random, 0);
        script += random.pick(&SEPARATORS);
    }
    let places: Vec<_> = script.char_indices().map(|(at, _)| at).collect();
    match random.below(4) {
        // Unterminated.
        0 => script.truncate(places[random.below(places.len())]),
        1 => script.insert_str(places[random.below(places.len())], random.pick(&JUNK)),
        _ => {}
    }
    script
}

#[test]
fn random_scripts_are_read_as_the_engine_reads_them() -> Result<()> {
    let given = std::env::var("TEST_SEED").ok();
    let seed = given.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(1, |now| u64::from(now.subsec_nanos()) | 1)
    });
    println!("TEST_SEED={seed}");
    let mut random = Random(seed);
    let mut compiled = 0;
    for _ in 0..4000 {
        let script = script(&mut random);
        compare_end(&script);
        compiled += compare(&script)?;
    }
    assert!(compiled > 4000, "{compiled}");
    Ok(())
}
