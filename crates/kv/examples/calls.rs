//! How often a database calls its store, for what it does.
//!
//! `cargo run --release -p ferrolite-kv --example calls`, with `PAGE=4096` or another page size.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

use ferrolite_kv::{connect, Entry, Handle, Options, Stats, Store, StoreResult};
use ferrolite_sqlite::{Connection, Params, Step};

type Anything<T> = Result<T, Box<dyn Error>>;

#[derive(Clone, Default)]
struct Memory(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

impl Store for Memory {
    fn is_fenced(&self) -> bool {
        true
    }

    fn get(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        Ok(self.0.borrow().get(key).cloned())
    }

    fn get_batch(&self, keys: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        let data = self.0.borrow();
        Ok(keys.iter().map(|key| data.get(key).cloned()).collect())
    }

    fn put(&self, key: &str, value: &[u8]) -> StoreResult<()> {
        self.0.borrow_mut().insert(key.into(), value.into());
        Ok(())
    }

    fn put_batch(&self, entries: &[Entry]) -> StoreResult<()> {
        self.0.borrow_mut().extend(entries.iter().cloned());
        Ok(())
    }

    fn delete_batch(&self, keys: &[String]) -> StoreResult<()> {
        let mut data = self.0.borrow_mut();
        for key in keys {
            data.remove(key);
        }
        Ok(())
    }

    fn put_if_absent(&self, key: &str, value: &[u8]) -> StoreResult<bool> {
        let mut data = self.0.borrow_mut();
        if data.contains_key(key) {
            return Ok(false);
        }
        data.insert(key.into(), value.into());
        Ok(true)
    }
}

struct Bench {
    store: Memory,
    page_size: u32,
}

impl Bench {
    fn open(&self, name: &str, readonly: bool) -> Anything<(Connection, Handle)> {
        let options = Options {
            readonly,
            page_size: self.page_size,
            ..Options::default()
        };
        Ok(connect(Rc::new(self.store.clone()), name, options)?)
    }
}

fn run(connection: &Connection, sql: &str) -> Anything<u64> {
    let mut rows = 0;
    let statement = connection.prepare(sql.as_bytes())?;
    let mut running = statement.start(Params::default())?;
    while running.step()? == Step::Row {
        rows += 1;
    }
    running.finish().1?;
    Ok(rows)
}

fn exec(connection: &Connection, sql: &str) -> Anything<()> {
    connection.exec(format!("{sql}\0").as_bytes(), &mut |_| Ok(()))?;
    Ok(())
}

/// Prints what was asked between two moments.
fn report(what: &str, before: Stats, after: Stats, started: Instant) {
    let vain = (after.ahead - after.ahead_used).saturating_sub(before.ahead - before.ahead_used);
    println!(
        "{what:<34} {:>6} {:>7} {:>10} {:>6} {:>7} {:>10} {:>6} {:>6} {:>8.1}",
        after.reads - before.reads,
        after.keys_read - before.keys_read,
        after.bytes_read - before.bytes_read,
        after.writes - before.writes,
        after.keys_written - before.keys_written,
        after.bytes_written - before.bytes_written,
        after.deletes - before.deletes,
        vain,
        started.elapsed().as_secs_f64() * 1000.0,
    );
}

fn measure(what: &str, handle: &Handle, action: impl FnOnce() -> Anything<()>) -> Anything<()> {
    let (before, started) = (handle.stats(), Instant::now());
    action()?;
    report(what, before, handle.stats(), started);
    Ok(())
}

fn small(bench: &Bench) -> Anything<()> {
    let (connection, handle) = bench.open("small", false)?;
    report("create", Stats::default(), handle.stats(), Instant::now());
    exec(
        &connection,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c)",
    )?;
    measure("1,000 autocommits", &handle, || {
        for at in 0..1000 {
            let sql = format!("INSERT INTO t(a, b, c) VALUES ({at}, 'name {at}', {at}.5)");
            exec(&connection, &sql)?;
        }
        Ok(())
    })?;
    measure("a transaction of 10,000", &handle, || {
        exec(
            &connection,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             INSERT INTO t(a, b, c) SELECT i, 'name ' || i, i / 2.0 FROM n",
        )
    })?;
    for mib in [1, 10] {
        measure(&format!("a row of {mib} MiB"), &handle, || {
            let sql = format!("INSERT INTO t(a) VALUES (randomblob({}))", mib << 20);
            exec(&connection, &sql)
        })?;
    }
    measure("close", &handle, || {
        connection.close();
        Ok(())
    })?;
    for (what, readonly) in [
        ("open 10 MiB for reading", true),
        ("open 10 MiB for writing", false),
    ] {
        let started = Instant::now();
        let (connection, handle) = bench.open("small", readonly)?;
        report(what, Stats::default(), handle.stats(), started);
        measure("  the first point read", &handle, || {
            run(&connection, "SELECT b FROM t WHERE id = 700").map(|_| ())
        })?;
    }
    Ok(())
}

fn scans(bench: &Bench) -> Anything<()> {
    let (connection, handle) = bench.open("scan", false)?;
    exec(
        &connection,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, k, b); CREATE INDEX i ON t(k)",
    )?;
    measure("fill 50 MiB by index", &handle, || {
        for part in 0..10 {
            let sql = format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                 INSERT INTO t SELECT {part} * 10000 + i,
                   hex(randomblob(100)), randomblob(300) FROM n"
            );
            exec(&connection, &sql)?;
        }
        Ok(())
    })?;
    connection.close();
    for (what, sql) in [
        (
            "cold scan by table",
            "SELECT count(b), sum(length(b)) FROM t NOT INDEXED",
        ),
        ("cold scan backward", "SELECT id, b FROM t ORDER BY id DESC"),
        ("cold scan by index", "SELECT k FROM t ORDER BY k"),
        ("  its pages backward", "SELECT k FROM t ORDER BY k DESC"),
    ] {
        let (connection, handle) = bench.open("scan", true)?;
        measure(what, &handle, || run(&connection, sql).map(|_| ()))?;
    }
    let (connection, handle) = bench.open("scan", true)?;
    measure("1,000 point reads, cold", &handle, || {
        for at in 0..1000_u64 {
            let sql = format!("SELECT b FROM t WHERE id = {}", at * 7919 % 100_000);
            run(&connection, &sql)?;
        }
        Ok(())
    })?;
    let (connection, handle) = bench.open("scan", false)?;
    measure("VACUUM", &handle, || exec(&connection, "VACUUM"))?;
    measure("close", &handle, || {
        connection.close();
        Ok(())
    })
}

fn main() -> Anything<()> {
    let page_size = std::env::var("PAGE").map_or(Ok(8192), |text| text.parse())?;
    println!("pages of {page_size} bytes");
    println!(
        "{:<34} {:>6} {:>7} {:>10} {:>6} {:>7} {:>10} {:>6} {:>6} {:>8}",
        "", "reads", "keys", "bytes", "writes", "keys", "bytes", "gone", "vain", "ms"
    );
    let bench = Bench {
        store: Memory::default(),
        page_size,
    };
    small(&bench)?;
    scans(&bench)
}
