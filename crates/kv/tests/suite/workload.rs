//! The real engine on a hostile store: transactions that spill, savepoints, VACUUM, long rows, commits that fail, with
//! an oracle.
//!
//! Every transaction writes its number into a table, so the rows say which transactions they are the result of: they
//! are run again on a database in memory, and both must have the same rows.
//!
//! `KV_SEED` and `KV_ROUNDS` are as in `model.rs`.

// A test may fail by panicking.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{exec, rows};
use crate::hostile::lies::{Lie, NAME};
use crate::hostile::rng::{number, Rng};
use crate::hostile::{Go, Hostile, Process, World};
use ferrolite_kv::{connect, Database, Error, Handle, Options, Retry};
use ferrolite_sqlite::{Connection, OpenOptions};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS history(n INTEGER PRIMARY KEY AUTOINCREMENT, i);
    CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, a, b UNIQUE);
    CREATE INDEX IF NOT EXISTS ta ON t(a)";

#[derive(Default)]
struct Story {
    next: u64,
    acked: Vec<u64>,
    rolled_back: Vec<u64>,
    scripts: HashMap<u64, String>,
    fault: Option<String>,
}

type Shared = Arc<Mutex<Story>>;

#[derive(Clone, Copy)]
struct Kind {
    fenced: bool,
    late: bool,
    writers: usize,
    lie: Option<Lie>,
    /// Some writers do not wait for the store, or have all pages in memory.
    relaxed: bool,
}

/// A writer, and what it was told.
struct Writer {
    connection: Connection,
    handle: Handle,
    killed: Arc<AtomicBool>,
    story: Shared,
    /// Commits that were reported before the store had them.
    queued: Vec<u64>,
}

fn options(rng: &mut Rng) -> Options {
    Options {
        page_size: 1024,
        single_writer: true,
        overlay_bytes: if rng.chance(30) { 20 << 10 } else { 1 << 20 },
        slot_bytes: if rng.chance(20) { 2000 } else { 65_536 },
        cache_bytes: if rng.chance(50) { 40 << 10 } else { 1 << 20 },
        keep_epochs: [1, 2, 2, 3][rng.below(4)],
        checkpoint_slots: [2, 5, 256][rng.below(3)],
        retry: Retry {
            attempts: u32::try_from(1 + rng.below(4)).expect("small"),
            pause: Duration::ZERO,
            ..Retry::default()
        },
        ..Options::default()
    }
}

fn blob(rng: &mut Rng, len: usize) -> String {
    let mut text = String::with_capacity(2 * len + 3);
    text.push_str("x'");
    for _ in 0..len / 8 {
        let _ = write!(text, "{:016x}", rng.next());
    }
    text.push('\'');
    text
}

/// Statements of one transaction, without BEGIN and COMMIT.
fn script(number: u64, rng: &mut Rng) -> String {
    let first = rng.below(1000);
    let mut sql = format!("INSERT INTO history(i) VALUES ({number});");
    let many = |rows: usize, from: usize| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT OR REPLACE INTO t SELECT {from} + i * 7 % 1000,
             hex(i * {number} * 7919 % 10007), printf('%.*c', i % 200, 'x') || {number} || '-' || i FROM n;"
        )
    };
    match rng.below(9) {
        0..=2 => {
            let _ = write!(
                sql,
                "INSERT OR REPLACE INTO t VALUES ({first}, {number}, 'b{number}');"
            );
        }
        3 => {
            let _ = write!(
                sql,
                "SAVEPOINT s; {} ROLLBACK TO s; SAVEPOINT r; UPDATE t SET a = {number} WHERE k % 3 = 0;
                 RELEASE r; DELETE FROM t WHERE k % 11 = {}; RELEASE s;",
                many(200, first),
                number % 11
            );
        }
        4 => sql.push_str(&many(150 + rng.below(500), first)),
        5 => {
            let len = if rng.chance(30) { 200_000 } else { 5_000 };
            let blob = blob(rng, len);
            let _ = write!(sql, "INSERT OR REPLACE INTO t VALUES ({first}, 1, {blob});");
        }
        6 => {
            let _ = write!(
                sql,
                "DELETE FROM t WHERE k BETWEEN {first} AND {};",
                first + 400
            );
        }
        7 => {
            let _ = write!(
                sql,
                "CREATE TABLE IF NOT EXISTS u{0}(x); INSERT INTO u{0} SELECT a FROM t LIMIT 50;
                 DROP TABLE IF EXISTS u{1};",
                number % 3,
                (number + 1) % 3
            );
        }
        _ => {
            let _ = write!(
                sql,
                "UPDATE t SET a = a || '{number}' WHERE k % 7 = {};",
                number % 7
            );
        }
    }
    sql
}

impl Writer {
    fn is_dead(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }

    fn story(&self) -> std::sync::MutexGuard<'_, Story> {
        self.story.lock().expect("one thread at a time")
    }

    /// Whether the process can go on after an error of the engine.
    fn survives(&mut self, error: &ferrolite_sqlite::Error) -> bool {
        let reason = self.handle.take_error();
        let malformed = [11, 26].contains(&(error.code() & 0xff)) && reason.is_none();
        let corrupt = matches!(reason, Some(Error::Corrupt { .. } | Error::Usage(_)));
        if !self.is_dead() && (malformed || corrupt) {
            let what = if corrupt { "CORRUPT" } else { "MALFORMED" };
            let fault = format!("{what} in a process: {error}, {reason:?}");
            self.story().fault = Some(fault);
        }
        let lives = !self.is_dead() && matches!(reason, Some(Error::Store { .. }) | None);
        self.settle(reason);
        lives
    }

    /// What became of the commits that were queued: they leave in their order.
    fn settle(&mut self, reason: Option<Error>) {
        if self.is_dead() {
            return;
        }
        let (waiting, end) = match reason {
            Some(Error::Lost {
                transactions,
                source,
            }) => (transactions, Some(source)),
            _ => (self.handle.queued().0, None),
        };
        let waiting = usize::try_from(waiting).expect("small");
        let stored = self.queued.len().saturating_sub(waiting);
        let mut lost = self.queued.split_off(stored);
        let mut stored = std::mem::take(&mut self.queued);
        self.story().acked.append(&mut stored);
        match end {
            None => self.queued = lost,
            Some(source) if matches!(*source, Error::Indeterminate { .. }) => {}
            Some(_) => self.story().rolled_back.append(&mut lost),
        }
    }

    /// What has no number must not wait among what has one.
    fn flush(&mut self) -> bool {
        let done = self.handle.flush();
        self.ask(done)
    }

    fn step(&mut self, done: &ferrolite_sqlite::Result<()>) -> bool {
        match done {
            Ok(()) => {
                self.settle(None);
                !self.is_dead()
            }
            Err(error) => self.survives(error),
        }
    }

    /// As [`step`](Self::step), of what is asked beside the engine.
    fn ask(&mut self, done: Result<(), Error>) -> bool {
        match done {
            // What was not stored now may be stored later.
            Ok(()) | Err(Error::Store { .. }) => self.settle(None),
            Err(error) => {
                let final_ = matches!(error, Error::Lost { .. });
                self.settle(final_.then_some(error));
                return false;
            }
        }
        !self.is_dead()
    }

    /// Does something, and says whether it can go on.
    fn act(&mut self, rng: &mut Rng, how: usize) -> bool {
        match rng.below(12) {
            0 => {
                let before = how == 0 || self.flush();
                before && {
                    let done = exec(&self.connection, "VACUUM");
                    self.step(&done) && (how == 0 || self.flush())
                }
            }
            1 => {
                let done = self.handle.checkpoint();
                how == 0 || self.ask(done)
            }
            2 if how > 0 => {
                let done = self.handle.collect().map(|_| ());
                self.ask(done)
            }
            _ => self.transaction(rng),
        }
    }

    fn transaction(&mut self, rng: &mut Rng) -> bool {
        let number = {
            let mut story = self.story();
            story.next += 1;
            story.next
        };
        let sql = script(number, rng);
        self.story().scripts.insert(number, sql.clone());
        let give_up = rng.chance(15);
        let end = if give_up { "ROLLBACK" } else { "COMMIT" };
        let done = exec(&self.connection, &format!("BEGIN; {sql} {end}"));
        if self.is_dead() {
            return false;
        }
        match done {
            Ok(()) if give_up => self.story().rolled_back.push(number),
            Ok(()) => self.queued.push(number),
            Err(error) => {
                if !self.survives(&error) {
                    return false;
                }
                // An error that the engine has not rolled back itself.
                let _ = exec(&self.connection, "ROLLBACK");
                self.handle.take_error();
                if self.is_dead() {
                    return false;
                }
                self.story().rolled_back.push(number);
            }
        }
        self.settle(None);
        true
    }
}

/// One writer. `how`: it waits for the store, it does not, all its pages are in memory.
fn write(store: Hostile, killed: &Arc<AtomicBool>, story: &Shared, seed: u64, relaxed: bool) {
    let rng = &mut Rng::new(seed);
    let mut options = options(rng);
    let how = if relaxed { rng.below(3) } else { 0 };
    options.resident = how == 2;
    if how > 0 && rng.chance(40) {
        options.max_queued_bytes = 20 << 10;
    }
    let (connection, handle) = match connect(Rc::new(store), NAME, options) {
        Ok(opened) => opened,
        Err(error) => {
            let dead = killed.load(Ordering::Relaxed);
            if !dead && matches!(error, Error::Corrupt { .. } | Error::Usage(_)) {
                let fault = Some(format!("CORRUPT: {error}"));
                story.lock().expect("one thread at a time").fault = fault;
            }
            return;
        }
    };
    let mut writer = Writer {
        connection,
        handle,
        killed: Arc::clone(killed),
        story: Arc::clone(story),
        queued: Vec::new(),
    };
    let off = if how == 1 {
        "PRAGMA synchronous=OFF;"
    } else {
        ""
    };
    let set_up = format!(
        "PRAGMA cache_size={}; {off} BEGIN; {SCHEMA}; COMMIT",
        10 + rng.below(100)
    );
    let done = exec(&writer.connection, &set_up);
    if !writer.step(&done) && done.is_err() || how > 0 && !writer.flush() {
        return;
    }
    for _ in 0..=rng.below(6) {
        let goes_on = writer.act(rng, how);
        if !goes_on || writer.is_dead() {
            return;
        }
    }
    if rng.chance(30) || !writer.queued.is_empty() {
        writer.connection.close();
        let reason = writer.handle.take_error();
        writer.settle(reason);
    }
}

const HISTORY: &str = "SELECT n, i FROM history ORDER BY n";
const ROWS: &str =
    "SELECT count(*), sum(k), sum(length(b)), group_concat(a) FROM (SELECT * FROM t ORDER BY k)";

fn dump(connection: &Connection) -> ferrolite_sqlite::Result<String> {
    let all = rows(connection, ROWS)?;
    let texts = rows(
        connection,
        "SELECT k || '=' || a || '=' || b FROM t WHERE typeof(b) = 'text' ORDER BY b",
    )?;
    let blobs = rows(connection, "SELECT k, hex(substr(b, 1, 64)), hex(substr(b, -64)) FROM t WHERE typeof(b) = 'blob' ORDER BY k")?;
    Ok(format!("{all} {texts} {blobs}"))
}

fn check(world: &Arc<Mutex<World>>, story: &Shared) -> Option<String> {
    world.lock().expect("one thread at a time").faults = 0;
    let options = Options {
        readonly: true,
        ..Options::default()
    };
    let opened = connect(Rc::new(Hostile::alone(world)), NAME, options);
    let (connection, handle) = match opened {
        Ok(opened) => opened,
        Err(error) => return Some(format!("CORRUPT: {error}")),
    };
    match size_fault(&connection, world) {
        Ok(None) => {}
        Ok(fault) => return fault,
        Err(error) => return Some(format!("CORRUPT: {error}")),
    }
    match judge(&connection, story) {
        Ok(fault) => fault,
        Err(error) => Some(format!("CORRUPT: {error}, {:?}", handle.take_error())),
    }
}

/// A database has the size that its first page names.
fn size_fault(
    connection: &Connection,
    world: &Arc<Mutex<World>>,
) -> ferrolite_sqlite::Result<Option<String>> {
    let options = Options {
        readonly: true,
        ..Options::default()
    };
    let named = rows(connection, "PRAGMA page_count")?;
    let size = match Database::open(Rc::new(Hostile::alone(world)), NAME, options) {
        Ok(database) => database.size().to_string(),
        Err(error) => error.to_string(),
    };
    Ok((size != named).then(|| format!("NOT SOUND: {size} pages, {named} named")))
}

fn judge(connection: &Connection, story: &Shared) -> ferrolite_sqlite::Result<Option<String>> {
    let story = story.lock().expect("one thread at a time");
    if rows(connection, "SELECT count(*) FROM sqlite_master")? == "0" {
        let lost = story.acked.first();
        return Ok(lost.map(|at| format!("LOST {at}: the database is empty")));
    }
    let sound = rows(connection, "PRAGMA integrity_check")?;
    if sound != "ok" {
        return Ok(Some(format!("NOT SOUND: {sound}")));
    }
    let history = rows(connection, HISTORY)?;
    let mut numbers = Vec::new();
    for row in history.split_whitespace() {
        let (_, number) = row.split_once('|').expect("two columns");
        numbers.push(number.parse::<u64>().expect("a number"));
    }
    let there: HashSet<u64> = numbers.iter().copied().collect();
    if let Some(lost) = story.acked.iter().find(|at| !there.contains(at)) {
        return Ok(Some(format!("LOST {lost}, history {numbers:?}")));
    }
    if let Some(back) = story.rolled_back.iter().find(|at| there.contains(at)) {
        return Ok(Some(format!("REAPPEARED {back}, history {numbers:?}")));
    }
    let oracle = Connection::open(&OpenOptions::new(":memory:"))?;
    exec(&oracle, SCHEMA)?;
    for number in &numbers {
        exec(&oracle, &format!("BEGIN; {} COMMIT", story.scripts[number]))?;
    }
    let (is, should) = (dump(connection)?, dump(&oracle)?);
    Ok(
        (is != should)
            .then(|| format!("WRONG rows after {numbers:?}: {is:.300} not {should:.300}")),
    )
}

fn history(seed: u64, kind: Kind) -> Option<String> {
    let Kind {
        fenced,
        late,
        writers,
        lie,
        relaxed,
    } = kind;
    let faults = 4;
    let world = Arc::new(Mutex::new(World::new(seed, fenced, late, faults)));
    let story = Shared::default();
    let rng = &mut Rng::new(seed ^ 0x5eed);
    let total = 2 + rng.below(3);
    let mut started = 0;
    let mut running: Vec<(Process, u32)> = Vec::new();
    for _ in 0..20_000 {
        world.lock().expect("one thread at a time").settle();
        let room = running.is_empty() || running.len() < writers && rng.chance(3);
        if started < total && room {
            started += 1;
            let (story, seed) = (Arc::clone(&story), rng.next());
            let process = Process::start(&world, lie, move |store, killed| {
                write(store, &killed, &story, seed, relaxed);
            });
            running.push((process, 0));
        }
        if running.is_empty() {
            break;
        }
        let at = rng.below(running.len());
        let (process, sleep) = &mut running[at];
        if *sleep > 0 && writers > 1 {
            *sleep -= 1;
            continue;
        }
        if rng.chance(1) {
            *sleep = 100;
        }
        let dies = rng.below(150) == 0;
        if !process.step(if dies { Go::Die } else { Go::Call }) {
            running.swap_remove(at).0.end();
        }
    }
    for (process, _) in running {
        while process.step(Go::Die) {}
        process.end();
    }
    let fault = story.lock().expect("one thread at a time").fault.take();
    if fault.is_some() {
        return fault;
    }
    let mut bad = check(&world, &story);
    let mut late: Vec<_> = std::mem::take(&mut world.lock().expect("one thread at a time").pending);
    if bad.is_none() && !late.is_empty() {
        world
            .lock()
            .expect("one thread at a time")
            .rng
            .shuffle(&mut late);
        for op in &late {
            world.lock().expect("one thread at a time").apply(op);
        }
        bad = check(&world, &story).map(|bad| format!("after late writes: {bad}"));
    }
    bad
}

fn run(what: &str, rounds: u64, kind: Kind) -> Vec<(u64, String)> {
    let (seed, started) = (number("KV_SEED", 1), std::time::Instant::now());
    println!("KV_SEED={seed}");
    let (rounds, mut bad) = (number("KV_ROUNDS", rounds), Vec::new());
    for seed in seed..seed + rounds {
        if let Some(fault) = history(seed, kind) {
            println!("{what}, KV_SEED={seed}: {fault:.600}");
            bad.push((seed, fault));
        }
    }
    println!(
        "{what}: {rounds} histories, {} bad, {:.1} s",
        bad.len(),
        started.elapsed().as_secs_f64()
    );
    bad
}

const FENCED: Kind = Kind {
    fenced: true,
    late: true,
    writers: 2,
    lie: None,
    relaxed: false,
};

const UNFENCED: Kind = Kind {
    fenced: false,
    late: false,
    writers: 1,
    lie: None,
    relaxed: false,
};

#[test]
fn two_writers_of_a_fenced_store_lose_nothing() {
    assert_eq!(run("engine, fenced", 120, FENCED), []);
}

#[test]
fn writers_that_do_not_wait_lose_only_what_they_say() {
    let kind = Kind {
        relaxed: true,
        ..FENCED
    };
    assert_eq!(run("engine, relaxed and resident", 100, kind), []);
}

#[test]
fn one_writer_without_fence_loses_nothing() {
    let kind = Kind {
        relaxed: number("KV_SEED", 1).is_multiple_of(2),
        ..UNFENCED
    };
    assert_eq!(run("engine, unfenced", 80, kind), []);
}

#[test]
fn late_writes_without_fence_are_never_silent() {
    let kind = Kind {
        late: true,
        ..UNFENCED
    };
    let mut bad = run("engine, unfenced, late", 80, kind);
    // An error that names a key.
    bad.retain(|(_, fault)| !fault.contains("CORRUPT"));
    assert_eq!(bad, []);
}

#[test]
fn histories_that_were_bad_once_are_good() {
    // The engine took the file for longer than it was.
    assert_eq!(history(7083, UNFENCED), None);
}

#[test]
fn a_rule_that_is_taken_away_is_found() {
    let lies = [
        Lie::NoSeal,
        Lie::Ambiguous,
        Lie::Unacknowledged,
        Lie::Pages,
        Lie::Early,
        Lie::Slots,
    ];
    for lie in lies {
        let kind = Kind {
            lie: Some(lie),
            ..FENCED
        };
        let found = (1..2000).find_map(|seed| Some((seed, history(seed, kind)?)));
        let (seed, fault) = found.unwrap_or_else(|| panic!("{lie:?} was not found"));
        println!("engine, without {lie:?}: KV_SEED={seed}: {fault:.200}");
    }
}
