//! Every call of every operation fails once in every way, is followed by death or life, and by another writer.
//!
//! What is checked each time: the database is sound; it has every acknowledged row, none that was said to be rolled back,
//! and whole transactions only; whoever was fenced got its error; a late write changes nothing.

// A test may fail by panicking.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{exec, rows};
use crate::hostile::{Fault, Hostile, Visit, World, FAULTS};
use ferrolite_kv::{connect, Error, Handle, Options, Retry};
use ferrolite_sqlite::Connection;

/// An operation, the rows that its transaction adds with mark 1, and what it needs.
struct Operation {
    name: &'static str,
    sql: &'static str,
    /// It ends by closing.
    closes: bool,
    /// It makes a checkpoint afterwards.
    flushes: bool,
    overlay_bytes: usize,
}

const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
    INSERT INTO t SELECT 1, hex(i * 7919 * 7919 % 1000003) || printf('%.*c', 300, 'x') FROM n";

const OPERATIONS: [Operation; 10] = [
    Operation {
        name: "commit",
        sql: "INSERT INTO t VALUES (1, 'a'), (1, 'b')",
        closes: false,
        flushes: false,
        overlay_bytes: 1 << 20,
    },
    Operation {
        name: "big commit",
        sql: MANY,
        closes: false,
        flushes: false,
        overlay_bytes: 1 << 20,
    },
    Operation {
        name: "spill and commit",
        sql: MANY,
        closes: false,
        flushes: false,
        overlay_bytes: 8 << 10,
    },
    Operation {
        name: "spill and roll back",
        sql: "BEGIN; UPDATE t SET b = b || 'y'; INSERT INTO t SELECT 2, b FROM t;
              INSERT INTO t SELECT 2, b FROM t; INSERT INTO t SELECT 2, b FROM t; ROLLBACK;
              INSERT INTO t VALUES (1, 'c')",
        closes: false,
        flushes: false,
        overlay_bytes: 4 << 10,
    },
    Operation {
        name: "checkpoint",
        sql: "INSERT INTO t VALUES (1, 'd')",
        closes: false,
        flushes: true,
        overlay_bytes: 1 << 20,
    },
    Operation {
        name: "close",
        sql: "INSERT INTO t VALUES (1, 'e')",
        closes: true,
        flushes: false,
        overlay_bytes: 1 << 20,
    },
    Operation {
        name: "VACUUM",
        sql: "DELETE FROM t WHERE a = 0 AND rowid % 2; INSERT INTO t VALUES (1, 'f'); VACUUM",
        closes: false,
        flushes: true,
        overlay_bytes: 1 << 20,
    },
    Operation {
        name: "queue and flush",
        sql: "PRAGMA synchronous=OFF; INSERT INTO t VALUES (3, 'g'); INSERT INTO t VALUES (1, 'g');
              PRAGMA kv_flush",
        closes: false,
        flushes: false,
        overlay_bytes: 1 << 20,
    },
    Operation {
        name: "collect garbage",
        sql: "INSERT INTO t VALUES (1, 'h'); PRAGMA kv_gc",
        closes: false,
        flushes: false,
        overlay_bytes: 1 << 20,
    },
    Operation {
        name: "open",
        sql: "",
        closes: false,
        flushes: false,
        overlay_bytes: 1 << 20,
    },
];

type Opened = Result<(Connection, Handle), Error>;

fn open(world: &Arc<Mutex<World>>, overlay_bytes: usize, attempts: u32, readonly: bool) -> Opened {
    let store = Rc::new(Hostile::alone(world));
    open_on(store, overlay_bytes, attempts, readonly)
}

fn open_on(store: Rc<Hostile>, overlay_bytes: usize, attempts: u32, readonly: bool) -> Opened {
    let options = Options {
        readonly,
        page_size: 1024,
        single_writer: true,
        overlay_bytes,
        cache_bytes: 64 << 10,
        keep_epochs: 1,
        retry: Retry {
            attempts,
            pause: Duration::ZERO,
            ..Retry::default()
        },
        ..Options::default()
    };
    let opened = connect(store, "c", options)?;
    let _ = exec(&opened.0, "PRAGMA cache_size=5");
    Ok(opened)
}

fn clean(world: &Arc<Mutex<World>>) {
    world.lock().expect("one thread").script = Some((u32::MAX, Fault::Before));
}

/// Rows by their marks: 1 of the operation, 9 of writers that follow.
fn marks(world: &Arc<Mutex<World>>, what: &str) -> (u32, u32) {
    let (connection, _) =
        open(world, 1 << 20, 1, true).unwrap_or_else(|error| panic!("{what}: {error}"));
    let sound = rows(&connection, "PRAGMA integrity_check").expect("checks");
    assert_eq!(sound, "ok", "{what}");
    let count = |sql: &str| {
        let found = rows(&connection, sql).unwrap_or_else(|error| panic!("{what}: {error}"));
        found.parse::<u32>().expect("a number")
    };
    assert_eq!(
        count("SELECT count(*) FROM t WHERE a = 2"),
        0,
        "{what}: rolled back"
    );
    assert_eq!(
        count("SELECT count(*) FROM t WHERE a = 0 AND b LIKE '%y'"),
        0,
        "{what}: rolled back"
    );
    (
        count("SELECT count(*) FROM t WHERE a = 1"),
        count("SELECT count(*) FROM t WHERE a = 9"),
    )
}

/// What became of the operation.
#[derive(PartialEq, Eq, Debug)]
enum Outcome {
    Done,
    RolledBack,
    Unknown,
}

fn operate(operation: &Operation, opened: Opened) -> (Outcome, Option<(Connection, Handle)>) {
    let Ok((connection, handle)) = opened else {
        return (Outcome::Unknown, None);
    };
    let done = exec(&connection, operation.sql);
    let outcome = match (&done, handle.take_error()) {
        (Ok(()), _) => Outcome::Done,
        // VACUUM and the like are several transactions: some may stand.
        (Err(_), Some(Error::Store { .. })) if !operation.sql.contains(';') => Outcome::RolledBack,
        (Err(_), _) => Outcome::Unknown,
    };
    if done.is_err() {
        let _ = exec(&connection, "ROLLBACK");
    }
    if operation.flushes {
        let _ = handle.checkpoint();
    }
    if operation.closes {
        connection.close();
    }
    (outcome, Some((connection, handle)))
}

/// A root, and a slot behind it; its writer is dead.
fn fill(world: &Arc<Mutex<World>>) {
    let (connection, handle) = open(world, 1 << 20, 1, false).expect("opens");
    exec(&connection, "CREATE TABLE t(a, b)").expect("creates");
    let fill = MANY
        .replace("SELECT 1,", "SELECT 0,")
        .replace("i < 200", "i < 60");
    for sql in [fill.as_str(), "INSERT INTO t VALUES (0, 'x')"] {
        exec(&connection, sql).expect("fills");
    }
    handle.checkpoint().expect("makes a checkpoint");
    exec(&connection, "INSERT INTO t VALUES (0, 'z')").expect("writes a slot");
    std::mem::forget((connection, handle));
}

/// One crash point. False: the operation has no such call.
fn crash(
    operation: &Operation,
    call: u32,
    fault: Fault,
    fenced: bool,
    dies: bool,
    whole: u32,
) -> bool {
    let what = format!(
        "{} call {call} {fault:?} fenced {fenced} dies {dies}",
        operation.name
    );
    // Unfenced stores are only safe without late writes.
    let world = Arc::new(Mutex::new(World::new(u64::from(call), fenced, fenced, 0)));
    clean(&world);
    fill(&world);
    let opens = operation.name == "open";
    // Once: the transaction is rolled back. Twice: it is repeated.
    let attempts = if dies { 2 } else { 1 };
    let early = (!opens).then(|| open(&world, operation.overlay_bytes, attempts, false));
    {
        let mut world = world.lock().expect("one thread");
        let at = world.calls + call;
        world.script = Some((at, fault));
    }
    let opened = early.unwrap_or_else(|| open(&world, operation.overlay_bytes, attempts, false));
    let (outcome, alive) = operate(operation, opened);
    let reached = {
        let world = world.lock().expect("one thread");
        world.script.is_some_and(|(at, _)| world.calls > at)
    };
    clean(&world);
    let mut alive = alive;
    if dies {
        std::mem::forget(alive.take());
    }
    let (ones, _) = marks(&world, &what);
    assert!(
        ones == 0 || ones == whole,
        "{what}: half of a transaction, {ones}"
    );
    match outcome {
        Outcome::Done => assert_eq!(ones, whole, "{what}: lost"),
        Outcome::RolledBack => assert_eq!(ones, 0, "{what}: reappeared"),
        Outcome::Unknown => {}
    }
    follow(&world, &what, alive, ones, operation.closes);
    reached
}

/// Another writer, and the one before it, which must be fenced off; then what comes late.
fn follow(
    world: &Arc<Mutex<World>>,
    what: &str,
    alive: Option<(Connection, Handle)>,
    ones: u32,
    closed: bool,
) {
    let fenced = world.lock().expect("one thread").fenced;
    // Without a fence there is one writer at a time.
    let alive = alive.filter(|_| fenced && !closed);
    let (connection, handle) =
        open(world, 1 << 20, 1, false).unwrap_or_else(|error| panic!("{what}: {error}"));
    exec(&connection, "INSERT INTO t VALUES (9, 'x')").expect("writes");
    if let Some((old, old_handle)) = alive {
        // A writer that does not wait learns it when it flushes.
        let done = exec(&old, "INSERT INTO t VALUES (9, 'old')")
            .and_then(|()| exec(&old, "PRAGMA kv_flush"));
        assert!(done.is_err(), "{what}: was not fenced");
        let reason = old_handle.take_error();
        let is_fenced = matches!(
            reason,
            Some(Error::Fenced { .. } | Error::Indeterminate { .. } | Error::Lost { .. })
        );
        assert!(is_fenced, "{what}: {reason:?}");
    }
    for _ in 0..3 {
        exec(&connection, "INSERT INTO t VALUES (9, 'x')").expect("writes");
        // Deletes what is garbage.
        handle
            .checkpoint()
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    assert_eq!(marks(world, what), (ones, 4), "{what}");
    let late = std::mem::take(&mut world.lock().expect("one thread").pending);
    for op in &late {
        world.lock().expect("one thread").apply(op);
    }
    assert_eq!(
        marks(world, &format!("{what}, late")),
        (ones, 4),
        "{what}, late"
    );
}

/// Rows that an operation adds with mark 1.
fn whole(operation: &Operation) -> u32 {
    match operation.sql {
        MANY => 200,
        "" => 0,
        sql if sql.contains("'b'") => 2,
        _ => 1,
    }
}

#[test]
fn every_call_of_every_operation_may_fail() {
    let mut points = 0;
    for operation in &OPERATIONS {
        let whole = whole(operation);
        for fault in FAULTS {
            for (fenced, dies) in [(true, true), (true, false), (false, true), (false, false)] {
                let mut call = 0;
                while crash(operation, call, fault, fenced, dies, whole) {
                    points += 1;
                    call += 1;
                    assert!(call < 200, "{} does not end", operation.name);
                }
            }
        }
    }
    println!("{points} crash points");
    assert!(points > 500);
}

/// Another process comes at a call of an operation. False: the operation has no such call.
fn visited(operation: &Operation, call: u32, after: bool, writes: bool) -> bool {
    let what = format!(
        "{} call {call} after {after} writes {writes}",
        operation.name
    );
    let world = Arc::new(Mutex::new(World::new(u64::from(call), true, true, 0)));
    clean(&world);
    fill(&world);
    let whole = whole(operation);
    let store = Rc::new(Hostile::alone(&world));
    let opens = operation.name == "open";
    let early = (!opens).then(|| open_on(Rc::clone(&store), operation.overlay_bytes, 2, false));
    let at = world.lock().expect("one thread").calls + call;
    let (theirs, label) = (Arc::clone(&world), what.clone());
    let run = move || {
        if writes {
            let (connection, handle) = open(&theirs, 1 << 20, 2, false).expect("takes over");
            for _ in 0..3 {
                exec(&connection, "INSERT INTO t VALUES (9, 'x')").expect("writes");
                // Deletes what is garbage.
                handle.checkpoint().expect("makes a checkpoint");
            }
        } else {
            let (ones, _) = marks(&theirs, &label);
            assert!(ones == 0 || ones == whole, "{label}: sees half, {ones}");
        }
    };
    *store.visit.lock().expect("one thread") = Some(Visit {
        call: at,
        after,
        run: Box::new(run),
    });
    let opened =
        early.unwrap_or_else(|| open_on(Rc::clone(&store), operation.overlay_bytes, 2, false));
    let (outcome, alive) = operate(operation, opened);
    // It closes, which calls too.
    drop(alive);
    let reached = store.visit.lock().expect("one thread").is_none();
    let (ones, nines) = marks(&world, &what);
    assert_eq!(nines, if reached && writes { 3 } else { 0 }, "{what}");
    assert!(
        ones == 0 || ones == whole,
        "{what}: half of a transaction, {ones}"
    );
    match outcome {
        Outcome::Done => assert_eq!(ones, whole, "{what}: lost"),
        Outcome::RolledBack => assert_eq!(ones, 0, "{what}: reappeared"),
        Outcome::Unknown => assert!(writes || opens, "{what}: a reader disturbs"),
    }
    reached
}

#[test]
fn another_process_may_come_at_every_call() {
    let mut points = 0;
    for operation in &OPERATIONS {
        for (after, writes) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut call = 0;
            while visited(operation, call, after, writes) {
                points += 1;
                call += 1;
                assert!(call < 200, "{} does not end", operation.name);
            }
        }
    }
    println!("{points} crash points with two processes");
    assert!(points > 100);
}
