//! Random programs on a vector table and on a plain one, which is searched by comparing all rows.
//!
//! `VECTOR_SEED` repeats a program, `VECTOR_ROUNDS` says how many there are.

use std::collections::HashMap;

use crate::common::{check_file, exec, open, rows, TestFile};
use ferrolite_sqlite::{Connection, Params, Step, ValueRef};

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(all.len() as u64)).unwrap();
        &all[at]
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Metric {
    Cosine,
    Euclidean,
    Dot,
    Hamming,
}

struct Program {
    random: Random,
    connection: Connection,
    other: Option<Connection>,
    other_is_reading: bool,
    file: Option<TestFile>,
    metric: Metric,
    options: String,
    dimension: usize,
    name: String,
    savepoints: Vec<u32>,
    /// Rows from which on there is a graph: then searches may miss rows, but not many.
    least_rows: Option<u32>,
    looked_for: usize,
    missed: usize,
    log: Vec<String>,
}

fn distance(metric: Metric, a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let other: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    match metric {
        Metric::Cosine => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        Metric::Euclidean => dot(&other, &other).sqrt(),
        Metric::Dot => -dot(a, b),
        Metric::Hamming => other.iter().map(|x| x.abs()).sum(),
    }
}

fn numbers(json: &str) -> Vec<f64> {
    let inner = json.trim_matches(['[', ']']);
    inner
        .split(',')
        .map(|number| number.parse().unwrap())
        .collect()
}

fn query(connection: &Connection, sql: &str) -> Vec<(i64, f64, String)> {
    let statement = connection.prepare(sql.as_bytes()).unwrap();
    let mut running = statement.start(Params::default()).unwrap();
    let mut found = Vec::new();
    while running.step().unwrap() == Step::Row {
        let row = running.row();
        let id = match row.get(0) {
            ValueRef::Integer(id) => id,
            other => panic!("{other:?}"),
        };
        let distance = match row.get(1) {
            ValueRef::Real(distance) => distance,
            _ => 0.0,
        };
        let text = match row.get(2) {
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            _ => String::new(),
        };
        found.push((id, distance, text));
    }
    found
}

impl Program {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.next();
        }
        let metric = *random.pick(&[
            Metric::Cosine,
            Metric::Euclidean,
            Metric::Dot,
            Metric::Hamming,
        ]);
        let (element, dimension) = match metric {
            Metric::Hamming => ("bit", 8),
            _ => (
                *random.pick(&["f32", "f16", "int8"]),
                *random.pick(&[1, 3, 200]),
            ),
        };
        let name = format!("{metric:?}").to_lowercase();
        let options = format!(
            "dimension={dimension}, metric={name}, element={element}, tag TEXT, n INTEGER INDEXED"
        );
        let file = (random.below(3) > 0).then(TestFile::new);
        let path = file.as_ref().map_or(":memory:".into(), TestFile::path);
        let connection = open(&path).unwrap();
        let journal = if random.below(3) > 0 { "WAL" } else { "DELETE" };
        exec(
            &connection,
            &format!("PRAGMA journal_mode = {journal}; PRAGMA synchronous = OFF"),
        )
        .unwrap();
        let other = (file.is_some() && journal == "WAL").then(|| open(&path).unwrap());
        let with_graph = random.below(2) == 0;
        if with_graph {
            connection.set_defensive(false).unwrap();
        }
        let mut program = Self {
            random,
            connection,
            other,
            other_is_reading: false,
            file,
            metric,
            options,
            dimension,
            name: "t".into(),
            savepoints: Vec::new(),
            least_rows: None,
            looked_for: 0,
            missed: 0,
            log: Vec::new(),
        };
        program.least_rows = with_graph.then_some(30);
        program.create();
        program
    }

    fn run(&mut self, sql: &str) {
        self.log.push(sql.into());
        if let Err(error) = exec(&self.connection, sql) {
            self.fail(&error.to_string());
        }
    }

    fn fail(&self, why: &str) -> ! {
        panic!("{why}\n{}", self.log.join(";\n"));
    }

    fn create(&mut self) {
        let sql = format!(
            "SAVEPOINT made; CREATE VIRTUAL TABLE {} USING diskann({}); CREATE TABLE p(id INTEGER PRIMARY KEY, v TEXT, tag TEXT, n INTEGER); RELEASE made",
            self.name, self.options
        );
        self.run(&sql);
        if let Some(rows) = self.least_rows {
            let name = &self.name;
            self.run(&format!(
                "INSERT INTO {name}_config VALUES ('least_rows', {rows})"
            ));
        }
    }

    fn vector(&mut self) -> String {
        let bits = self.metric == Metric::Hamming;
        let mut numbers: Vec<String> = (0..self.dimension)
            .map(|_| {
                let number = if bits {
                    self.random.below(2)
                } else {
                    self.random.below(7)
                };
                (i64::try_from(number).unwrap() - if bits { 0 } else { 3 }).to_string()
            })
            .collect();
        if self.metric == Metric::Cosine && numbers.iter().all(|number| number == "0") {
            numbers[0] = "1".into();
        }
        format!("[{}]", numbers.join(","))
    }

    fn row(&mut self) -> String {
        let vector = self.vector();
        let tag = *self.random.pick(&["'a'", "'b'", "''", "NULL"]);
        let n = *self.random.pick(&["0", "1", "2", "NULL", "'3'", "4.0"]);
        format!("'{vector}', {tag}, {n}")
    }

    /// A rowid that may be there.
    fn id(&mut self) -> i64 {
        let most = rows(&self.connection, "SELECT ifnull(max(id), 0) FROM p").unwrap();
        let most: u64 = most.parse().unwrap();
        i64::try_from(self.random.below(most + 2)).unwrap()
    }

    /// Runs a statement on both tables: `{t}` and `{p}` are their names, `{id}` and `{v}` their columns.
    fn both(&mut self, template: &str) {
        let name = self.name.clone();
        let sql = template
            .replace("{table}", &name)
            .replace("{id}", "rowid")
            .replace("{v}", "vector");
        let plain = template
            .replace("{table}", "p")
            .replace("{id}", "id")
            .replace("{v}", "v");
        self.log.push(sql.clone());
        let first = exec(&self.connection, &sql);
        let second = exec(&self.connection, &plain);
        if first.is_ok() != second.is_ok() {
            self.fail(&format!("{first:?}, but on a plain table {second:?}"));
        }
    }

    fn insert(&mut self) {
        let or = *self
            .random
            .pick(&["", "", "OR REPLACE ", "OR IGNORE ", "OR FAIL "]);
        let count = *self.random.pick(&[1, 1, 1, 2, 5, 40]);
        let with_id = self.random.below(3) == 0;
        let rows: Vec<String> = (0..count)
            .map(|_| {
                let row = self.row();
                let id = if with_id {
                    format!("{}, ", self.id())
                } else {
                    String::new()
                };
                format!("({id}{row})")
            })
            .collect();
        let id = if with_id { "{id}, " } else { "" };
        self.both(&format!(
            "INSERT {or}INTO {{table}}({id}{{v}}, tag, n) VALUES {}",
            rows.join(", ")
        ));
    }

    fn change(&mut self) {
        let id = self.id();
        let vector = self.vector();
        let new = self.id();
        let or = *self.random.pick(&["", "OR REPLACE "]);
        let template = match self.random.below(8) {
            0 => format!("UPDATE {{table}} SET {{v}} = '{vector}' WHERE {{id}} = {id}"),
            1 => format!("UPDATE {or}{{table}} SET {{id}} = {new} WHERE {{id}} = {id}"),
            2 => "UPDATE {table} SET n = n + 1 WHERE tag = 'a'".into(),
            3 => format!("UPDATE {or}{{table}} SET tag = 'c', {{v}} = '{vector}', {{id}} = {new} WHERE {{id}} = {id}"),
            4 => format!("DELETE FROM {{table}} WHERE {{id}} BETWEEN {id} AND {new}"),
            5 => format!("DELETE FROM {{table}} WHERE {{id}} = {id}"),
            6 => "INSERT INTO {table}({v}, tag, n) SELECT v, tag, n FROM p ORDER BY id LIMIT 20".into(),
            _ => format!("DELETE FROM {{table}} WHERE {{id}} % 5 = {} AND n IS NULL", id % 5),
        };
        self.both(&template);
    }

    /// Statements that fail after they have changed something.
    fn failing(&mut self) {
        let good = self.row();
        let name = &self.name;
        let sql = match self.random.below(3) {
            0 => format!("INSERT INTO {name}(vector, tag, n) VALUES ({good}), ('[]', 'a', 1)"),
            1 => format!(
                "INSERT INTO {name}(vector, tag, n) VALUES ({good}), ({})",
                good.replace(", 'a'", ", x'00'")
                    .replace("NULL", "x'00'")
                    .replace("''", "x'00'")
                    .replace("'b'", "x'00'")
            ),
            _ => format!("INSERT INTO {name}(vector, n) VALUES ('[1', 1)"),
        };
        self.log.push(sql.clone());
        if exec(&self.connection, &sql).is_ok() {
            self.fail("it did not fail");
        }
    }

    fn transaction(&mut self) {
        let depth = self.savepoints.len() as u64;
        match self.random.below(5) {
            0 if !self.connection.in_transaction() => self.run("BEGIN"),
            1 if self.connection.in_transaction() => {
                self.savepoints.clear();
                let end = *self.random.pick(&["COMMIT", "ROLLBACK"]);
                self.run(end);
            }
            2 if depth > 0 => {
                let at = usize::try_from(self.random.below(depth)).unwrap();
                self.savepoints.truncate(at + 1);
                self.run(&format!("ROLLBACK TO s{at}"));
                // What the name of the table is now, the schema knows.
                let sql = "SELECT name FROM sqlite_schema WHERE name IN ('t', 'u')";
                self.name = rows(&self.connection, sql).unwrap();
            }
            3 if depth > 0 => {
                let at = usize::try_from(self.random.below(depth)).unwrap();
                self.savepoints.truncate(at);
                self.run(&format!("RELEASE s{at}"));
            }
            _ if depth < 5 => {
                self.run(&format!("SAVEPOINT s{depth}"));
                self.savepoints.push(0);
            }
            _ => {}
        }
        let sql = "SELECT name FROM sqlite_schema WHERE name IN ('t', 'u')";
        self.name = rows(&self.connection, sql).unwrap();
    }

    fn schema(&mut self) {
        match self.random.below(7) {
            5 | 6 => {
                let command = *self.random.pick(&[
                    "merge",
                    "rebuild",
                    "optimize",
                    "automerge=0",
                    "automerge=1",
                    "threads=2",
                ]);
                self.run(&format!(
                    "INSERT INTO {0}({0}) VALUES ('{command}')",
                    self.name
                ));
            }
            0 => {
                let new = if self.name == "t" { "u" } else { "t" };
                self.run(&format!("ALTER TABLE {} RENAME TO {new}", self.name));
                self.name = new.into();
            }
            1 => {
                self.run(&format!(
                    "SAVEPOINT d; DROP TABLE {}; DROP TABLE p; RELEASE d",
                    self.name
                ));
                self.create();
            }
            2 => self.run("CREATE TABLE IF NOT EXISTS beside(a)"),
            3 => self.run("DROP TABLE IF EXISTS beside"),
            _ if !self.connection.in_transaction() && !self.other_is_reading => self.run("VACUUM"),
            _ => {}
        }
    }

    fn connections(&mut self) {
        let Some(file) = &self.file else {
            return;
        };
        match (self.random.below(3), &self.other) {
            (0, _) if !self.connection.in_transaction() => {
                self.log.push("-- reopen".into());
                self.connection = open(&file.path()).unwrap();
                exec(&self.connection, "PRAGMA synchronous = OFF").unwrap();
                self.connection
                    .set_defensive(self.least_rows.is_none())
                    .unwrap();
            }
            (1, Some(other)) => {
                let sql = if self.other_is_reading {
                    "COMMIT"
                } else {
                    "BEGIN"
                };
                self.log.push(format!("-- other: {sql}"));
                exec(other, sql).unwrap();
                self.other_is_reading = !self.other_is_reading;
            }
            (_, Some(other)) if !self.connection.in_transaction() && !self.other_is_reading => {
                let name = rows(
                    other,
                    "SELECT name FROM sqlite_schema WHERE name IN ('t', 'u')",
                )
                .unwrap();
                self.log.push("-- other: delete".into());
                exec(
                    other,
                    &format!(
                        "BEGIN; DELETE FROM {name} WHERE n = 2; DELETE FROM p WHERE n = 2; COMMIT"
                    ),
                )
                .unwrap();
            }
            _ => {}
        }
    }

    #[allow(clippy::too_many_lines)] // what is asked, and the answer
    /// A search on a connection, against a look at all rows.
    fn compare(&mut self, on_other: bool) {
        let vector = self.vector();
        let k = *self.random.pick(&[1, 3, 10, 1000]);
        let filter = *self.random.pick(&[
            "",
            "",
            "",
            " AND tag = 'a'",
            " AND tag IS NULL",
            " AND n >= 1",
            " AND n = 2",
            " AND n IN (0, 4, 9)",
            " AND n != '1' AND tag > ''",
            " AND {id} IN (1, 2, 3, 5, 8, 13, 900)",
            " AND {id} > 10",
            " AND n IS NOT 1",
            " AND n = 1 AND {id} < 30",
        ]);
        let is_stream = self.random.below(3) == 0;
        let connection = match &self.other {
            Some(other) if on_other => other,
            _ => &self.connection,
        };
        let name = rows(
            connection,
            "SELECT name FROM sqlite_schema WHERE name IN ('t', 'u')",
        )
        .unwrap();
        if name.is_empty() {
            return;
        }
        let asked = if is_stream {
            format!("ORDER BY distance, rowid LIMIT {k}")
        } else {
            format!("AND k = {k}")
        };
        let asked = match self.least_rows {
            Some(_) => format!("AND search_list_size = 30 {asked}"),
            None => asked,
        };
        let sql = format!(
            "SELECT rowid, distance, tag || n FROM {name} WHERE vector MATCH '{vector}'{} {asked}",
            filter.replace("{id}", "rowid")
        );
        let found = query(connection, &sql);
        let plain = format!(
            "SELECT id, 0, v || '|' || ifnull(tag || n, '') FROM p WHERE 1{}",
            filter.replace("{id}", "id")
        );
        let at = numbers(&vector);
        let mut expected: Vec<(f64, i64, String)> = query(connection, &plain)
            .into_iter()
            .map(|(id, _, text)| {
                let (v, rest) = text.split_once('|').unwrap();
                (
                    distance(self.metric, &at, &numbers(v)) + 0.0,
                    id,
                    rest.into(),
                )
            })
            .collect();
        expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if self.least_rows.is_none() {
            expected.truncate(k);
        }
        let shown = |what: &str| {
            format!("{what}: {sql}, on the other: {on_other}:\n{found:?}\n, not\n{expected:?}")
        };
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b.abs().max(1.0);
        if found.len() != expected.len().min(k) {
            self.fail(&shown("other rows"));
        }
        if self.least_rows.is_none() {
            let is_same = found.iter().zip(&expected).all(|(a, b)| {
                near(a.1, b.0) && (self.metric == Metric::Cosine || (a.0 == b.1 && a.2 == b.2))
            });
            if !is_same {
                self.fail(&shown("other rows"));
            }
            return;
        }
        let truth: HashMap<i64, (f64, &str)> = expected
            .iter()
            .map(|row| (row.1, (row.0, row.2.as_str())))
            .collect();
        let mut ids: Vec<i64> = found.iter().map(|row| row.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let is_true = |row: &(i64, f64, String)| {
            truth
                .get(&row.0)
                .is_some_and(|(distance, text)| near(row.1, *distance) && row.2 == *text)
        };
        let is_sorted = found.windows(2).all(|pair| pair[0].1 <= pair[1].1);
        let ends_late = is_stream && k > 3; // those that the walk came to late
        if ids.len() != found.len() || !found.iter().all(is_true) || !(is_sorted || ends_late) {
            self.fail(&shown("wrong rows"));
        }
        let worst = expected
            .get(k.min(expected.len()).saturating_sub(1))
            .map_or(0.0, |row| row.0);
        let missed = found
            .iter()
            .filter(|row| row.1 > worst + 1e-5 * worst.abs().max(1.0))
            .count();
        self.looked_for += found.len();
        self.missed += missed;
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=5 => self.insert(),
            6..=10 => self.change(),
            11 => self.failing(),
            12..=15 => self.transaction(),
            16 => self.schema(),
            _ => self.connections(),
        }
        self.compare(false);
        if self.other.is_some() {
            self.compare(true);
        }
        if !self.connection.in_transaction() {
            let verify = format!("INSERT INTO {0}({0}) VALUES ('verify')", self.name);
            self.run(&verify);
            check_file(&self.connection);
        }
    }
}

#[test]
fn a_vector_table_is_as_a_plain_one_that_is_searched() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let (first, count) = match number("VECTOR_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("VECTOR_ROUNDS").unwrap_or(30)),
    };
    println!("VECTOR_SEED={first} and the {count} from there");
    for seed in first..first + count {
        println!("VECTOR_SEED={seed}");
        let mut program = Program::new(seed);
        for _ in 0..200 {
            program.step();
        }
        // One row in ten at most.
        if program.missed * 10 > program.looked_for {
            program.fail(&format!(
                "{} of {} rows were missed",
                program.missed, program.looked_for
            ));
        }
    }
}
