//! A database of a GiB: how often it calls its store, and how much memory one transaction of that size takes.
//!
//! `cargo run --release -p ferrolite-kv --example large`, with `MIB=64` for a smaller one. The store is a file.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use ferrolite_kv::{connect, Entry, Handle, Options, Stats, Store, StoreError, StoreResult};
use ferrolite_sqlite::{Connection, Params, Step};

type Anything<T> = Result<T, Box<dyn Error>>;

struct Log {
    file: File,
    end: u64,
    places: HashMap<String, (u64, usize)>,
}

/// Values one after the other in a file, so that what they take is no memory of this process.
#[derive(Clone)]
struct Disk(Rc<RefCell<Log>>);

#[allow(clippy::needless_pass_by_value)] // as `map_err` calls it
fn failed(error: std::io::Error) -> StoreError {
    StoreError::new(error.to_string())
}

impl Disk {
    fn new(path: &PathBuf) -> Anything<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        Ok(Self(Rc::new(RefCell::new(Log {
            file,
            end: 0,
            places: HashMap::new(),
        }))))
    }
}

impl Store for Disk {
    fn is_fenced(&self) -> bool {
        true
    }

    fn get(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        let mut log = self.0.borrow_mut();
        let Some((at, len)) = log.places.get(key).copied() else {
            return Ok(None);
        };
        let mut value = vec![0; len];
        log.file.seek(SeekFrom::Start(at)).map_err(failed)?;
        log.file.read_exact(&mut value).map_err(failed)?;
        Ok(Some(value))
    }

    fn get_batch(&self, keys: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    fn put(&self, key: &str, value: &[u8]) -> StoreResult<()> {
        let mut log = self.0.borrow_mut();
        let at = log.end;
        log.file.seek(SeekFrom::Start(at)).map_err(failed)?;
        log.file.write_all(value).map_err(failed)?;
        log.end += u64::try_from(value.len()).unwrap_or(0);
        log.places.insert(key.into(), (at, value.len()));
        Ok(())
    }

    fn put_batch(&self, entries: &[Entry]) -> StoreResult<()> {
        entries
            .iter()
            .try_for_each(|(key, value)| self.put(key, value))
    }

    fn delete_batch(&self, keys: &[String]) -> StoreResult<()> {
        let mut log = self.0.borrow_mut();
        for key in keys {
            log.places.remove(key);
        }
        Ok(())
    }

    fn put_if_absent(&self, key: &str, value: &[u8]) -> StoreResult<bool> {
        if self.0.borrow().places.contains_key(key) {
            return Ok(false);
        }
        self.put(key, value).map(|()| true)
    }
}

fn exec(connection: &Connection, sql: &str) -> Anything<()> {
    connection.exec(format!("{sql}\0").as_bytes(), &mut |_| Ok(()))?;
    Ok(())
}

fn read(connection: &Connection, sql: &str) -> Anything<()> {
    let statement = connection.prepare(sql.as_bytes())?;
    let mut running = statement.start(Params::default())?;
    while running.step()? == Step::Row {}
    running.finish().1?;
    Ok(())
}

/// MiB of memory: now, and at most since the last time that it was asked to forget. Linux only.
fn memory(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

fn report(what: &str, before: Stats, after: Stats, started: Instant) {
    println!(
        "{what:<34} {:>6} reads {:>8} keys {:>6} writes {:>8} keys {:>9.1} ms",
        after.reads - before.reads,
        after.keys_read - before.keys_read,
        after.writes - before.writes,
        after.keys_written - before.keys_written,
        started.elapsed().as_secs_f64() * 1000.0,
    );
}

fn open(store: &Disk, readonly: bool) -> Anything<(Connection, Handle)> {
    let options = Options {
        readonly,
        ..Options::default()
    };
    Ok(connect(Rc::new(store.clone()), "large", options)?)
}

fn measure(store: &Disk, mib: u64) -> Anything<()> {
    let (connection, handle) = open(store, false)?;
    exec(&connection, "CREATE TABLE t(id INTEGER PRIMARY KEY, b)")?;
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (before, started, held) = (handle.stats(), Instant::now(), memory("VmRSS"));
    let rows = mib * 256;
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO t SELECT i, randomblob(4000) FROM n"
    );
    exec(&connection, &fill)?;
    report(
        &format!("one transaction of {mib} MiB"),
        before,
        handle.stats(),
        started,
    );
    if let (Some(before), Some(most)) = (held, memory("VmHWM")) {
        // SQLite's page cache holds 2 MiB of it; the places of values are the store's.
        println!(
            "{:<34} {} MiB above {before}",
            "  memory",
            most.saturating_sub(before)
        );
    }
    connection.close();
    for (what, readonly) in [("open for reading", true), ("open for writing", false)] {
        let started = Instant::now();
        let (connection, handle) = open(store, readonly)?;
        report(what, Stats::default(), handle.stats(), started);
        let (before, started) = (handle.stats(), Instant::now());
        read(
            &connection,
            &format!("SELECT length(b) FROM t WHERE id = {}", rows / 3),
        )?;
        report("  the first point read", before, handle.stats(), started);
    }
    Ok(())
}

fn main() -> Anything<()> {
    let mib = std::env::var("MIB").map_or(Ok(1024), |text| text.parse())?;
    let path = std::env::temp_dir().join(format!("ferrolite-kv-{}", std::process::id()));
    let done = Disk::new(&path).and_then(|store| measure(&store, mib));
    let _ = std::fs::remove_file(&path);
    done
}
