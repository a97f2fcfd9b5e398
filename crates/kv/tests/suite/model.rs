//! The protocol on a hostile store: several processes that open, commit, checkpoint, roll back, are killed and sleep,
//! in any order of their calls.
//!
//! Commit `i` writes `i` on page 1 and on a few others. A state is right if it is the state after some prefix of one
//! history of commits, with every acknowledged one and none that was said to be rolled back.
//!
//! `KV_SEED=7 KV_ROUNDS=1000000 cargo test --release -p ferrolite-kv --test suite model` runs more; the seed of a failure
//! runs it again with `KV_ROUNDS=1`.

// A test may fail by panicking.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::hostile::lies::{Lie, LIES, LONG_LIES, NAME};
use crate::hostile::rng::{number, Rng};
use crate::hostile::{Go, Hostile, Process, World};
use ferrolite_kv::{Database, Error, Options, Retry};

const PAGE: usize = 512;

/// What a commit writes: pages, and the size after it.
#[derive(Clone, Default, Debug)]
struct Writes {
    pages: BTreeMap<u32, u64>,
    size: u32,
}

#[derive(Default)]
struct Story {
    next: u64,
    acked: Vec<u64>,
    rolled_back: Vec<u64>,
    parents: HashMap<u64, u64>,
    writes: HashMap<u64, Writes>,
    /// What a process saw that must not be.
    fault: Option<String>,
}

#[derive(Clone, Copy)]
struct Kind {
    fenced: bool,
    late: bool,
    writers: usize,
    lie: Option<Lie>,
    /// Many epochs, of which few stay, and long sleeps.
    eager: bool,
}

fn options(rng: &mut Rng, eager: bool) -> Options {
    let mut options = any_options(rng);
    if eager {
        options.keep_epochs = 1;
        options.trail = 0;
        options.slot_bytes = if rng.chance(70) { 0 } else { 65_536 };
    }
    options
}

fn any_options(rng: &mut Rng) -> Options {
    Options {
        page_size: u32::try_from(PAGE).expect("small"),
        single_writer: true,
        max_queued_bytes: if rng.chance(40) { 4 * PAGE } else { 1 << 20 },
        overlay_bytes: if rng.chance(25) { 2 * PAGE } else { 1 << 20 },
        slot_bytes: if rng.chance(20) { 0 } else { 65_536 },
        cache_bytes: 1 << 16,
        keep_epochs: [1, 2, 2, 3, 5][rng.below(5)],
        trail: [0, 1, 2, 4, 32][rng.below(5)],
        seal_ahead: [1, 1, 2, 3, 8][rng.below(5)],
        checkpoint_slots: if rng.chance(30) { 2 } else { 256 },
        retry: Retry {
            attempts: u32::try_from(1 + rng.below(4)).expect("small"),
            pause: Duration::ZERO,
            ..Retry::default()
        },
        ..Options::default()
    }
}

fn image(number: u64) -> Vec<u8> {
    let mut image = vec![0; PAGE];
    image[..8].copy_from_slice(&number.to_le_bytes());
    image
}

fn read_number(database: &mut Database, page: u32) -> Result<u64, Error> {
    let image = database.read(page)?;
    Ok(u64::from_le_bytes(image[..8].try_into().expect("8 bytes")))
}

/// The whole state: numbers by page.
fn read_all(database: &mut Database) -> Result<Writes, Error> {
    let size = database.size();
    let mut pages = BTreeMap::new();
    for page in 1..=size {
        pages.insert(page, read_number(database, page)?);
    }
    Ok(Writes { pages, size })
}

fn top(state: &Writes) -> u64 {
    state.pages.get(&1).copied().unwrap_or(0)
}

impl Story {
    fn history(&self, top: u64) -> Vec<u64> {
        let mut history = Vec::new();
        let mut at = top;
        while at != 0 {
            history.push(at);
            at = self.parents.get(&at).copied().unwrap_or(0);
        }
        history.reverse();
        history
    }

    /// What is wrong with a state that was read, if anything is.
    fn judge(&self, state: &Writes, acked: &[u64]) -> Option<String> {
        let history = self.history(top(state));
        let mut want = Writes::default();
        for at in &history {
            let Some(writes) = self.writes.get(at) else {
                return Some(format!("NEVER written: {at}"));
            };
            want.pages.extend(writes.pages.iter());
            want.pages.retain(|page, _| *page <= writes.size);
            want.size = writes.size;
        }
        if want.pages != state.pages || want.size != state.size {
            return Some(format!("WRONG state {state:?}, not {want:?}"));
        }
        let there: HashSet<u64> = history.iter().copied().collect();
        if let Some(lost) = acked.iter().find(|at| !there.contains(at)) {
            return Some(format!("LOST {lost}, history {history:?}"));
        }
        let back = self.rolled_back.iter().find(|at| there.contains(at));
        back.map(|at| format!("REAPPEARED {at}, history {history:?}"))
    }
}

/// One writer: opens, commits, makes checkpoints, gives up transactions.
fn write(store: Hostile, killed: &AtomicBool, story: &Mutex<Story>, seed: u64, eager: bool) {
    let rng = &mut Rng::new(seed);
    let options = options(rng, eager);
    let opened = Database::open(Rc::new(store), NAME, options);
    let mut database = match opened {
        Ok(database) => database,
        Err(error) => return note(&error, killed, story),
    };
    let relaxes = rng.chance(40);
    // Commits that were reported before the store had them.
    let mut queued = Vec::new();
    for _ in 0..=rng.below(if eager { 12 } else { 5 }) {
        database.set_relaxed(relaxes && rng.chance(80));
        let done = act(&mut database, rng, story, &mut queued);
        if killed.load(Ordering::Relaxed) {
            return;
        }
        settle(&database, done.as_ref().err(), &mut queued, story);
        if let Err(error) = done {
            return note(&error, killed, story);
        }
    }
    if rng.chance(30) || !queued.is_empty() {
        let done = database.close();
        if !killed.load(Ordering::Relaxed) {
            settle(&database, done.as_ref().err(), &mut queued, story);
        }
    }
}

fn act(
    database: &mut Database,
    rng: &mut Rng,
    story: &Mutex<Story>,
    queued: &mut Vec<u64>,
) -> Result<(), Error> {
    let done = match rng.below(12) {
        0..=1 => database.checkpoint(),
        2 => return change(database, rng, story, true, queued),
        3 => database.collect().map(|_| ()),
        4 => return database.flush(),
        _ => return change(database, rng, story, false, queued),
    };
    match done {
        // The next one may be stored.
        Err(Error::Store { .. }) => Ok(()),
        done => done,
    }
}

/// What became of the commits that were queued.
fn settle(database: &Database, error: Option<&Error>, queued: &mut Vec<u64>, story: &Mutex<Story>) {
    let mut story = story.lock().expect("one thread at a time");
    match error {
        Some(Error::Lost {
            transactions,
            source,
        }) => {
            let there = u64::from(*transactions) + 1;
            if there < u64::try_from(queued.len()).expect("small") {
                story.fault = Some(format!("LOST more than {transactions}: {queued:?}"));
            }
            if !matches!(**source, Error::Indeterminate { .. }) {
                story.rolled_back.append(queued);
            }
        }
        None if database.queued().0 == 0 => story.acked.append(queued),
        // They wait, or the reason leaves open what was committed.
        _ => {}
    }
}

/// Of what a living process sees, only corruption must not be.
fn note(error: &Error, killed: &AtomicBool, story: &Mutex<Story>) {
    let dead = killed.load(Ordering::Relaxed);
    if !dead && matches!(error, Error::Corrupt { .. } | Error::Usage(_) | Error::Full) {
        let fault = Some(format!("CORRUPT in a process: {error}"));
        story.lock().expect("one thread at a time").fault = fault;
    }
}

fn change(
    database: &mut Database,
    rng: &mut Rng,
    story: &Mutex<Story>,
    give_up: bool,
    queued: &mut Vec<u64>,
) -> Result<(), Error> {
    let parent = match database.size() {
        0 => 0,
        _ => read_number(database, 1)?,
    };
    let number = {
        let mut story = story.lock().expect("one thread at a time");
        story.next += 1;
        story.next
    };
    let mut writes = Writes::default();
    if database.size() > 3 && rng.chance(15) {
        database.truncate(3)?;
    }
    writes.pages.insert(1, number);
    for _ in 0..=rng.below(4) {
        let end = if rng.chance(20) { 9 } else { 5 };
        let page = u32::try_from(2 + rng.below(end)).expect("small");
        writes.pages.insert(page, number);
    }
    let before = database.size();
    for (page, number) in &writes.pages {
        match database.write(*page, image(*number)) {
            // The store takes no more images: they stay in memory.
            Err(Error::Store { .. }) => {}
            done => done?,
        }
    }
    writes.size = database.size();
    // Pages that were added and not written are zeros.
    for page in before + 1..=writes.size {
        writes.pages.entry(page).or_insert(0);
    }
    if give_up {
        database.rollback();
        return Ok(());
    }
    {
        let mut story = story.lock().expect("one thread at a time");
        story.parents.insert(number, parent);
        story.writes.insert(number, writes);
    }
    match database.commit() {
        Ok(()) => {
            queued.push(number);
            Ok(())
        }
        Err(Error::Store { .. }) => {
            story
                .lock()
                .expect("one thread at a time")
                .rolled_back
                .push(number);
            database.rollback();
            Ok(())
        }
        Err(error) => {
            queued.push(number);
            Err(error)
        }
    }
}

/// A reader: sees everything that was acknowledged before it came.
fn look(store: Hostile, killed: &AtomicBool, story: &Mutex<Story>) {
    let acked = story.lock().expect("one thread at a time").acked.clone();
    let options = Options {
        readonly: true,
        retry: Retry {
            attempts: 4,
            pause: Duration::ZERO,
            ..Retry::default()
        },
        ..Options::default()
    };
    let read = Database::open(Rc::new(store), NAME, options).and_then(|mut it| read_all(&mut it));
    match read {
        Ok(state) => {
            let mut story = story.lock().expect("one thread at a time");
            if let (Some(fault), false) =
                (story.judge(&state, &acked), killed.load(Ordering::Relaxed))
            {
                story.fault = Some(format!("a reader sees {fault}"));
            }
        }
        Err(error) => note(&error, killed, story),
    }
}

/// What is wrong with what is in the store now.
fn check(world: &Arc<Mutex<World>>, story: &Mutex<Story>) -> Option<String> {
    world.lock().expect("one thread at a time").faults = 0;
    let story = story.lock().expect("one thread at a time");
    let options = Options {
        readonly: true,
        ..Options::default()
    };
    let store = Rc::new(Hostile::alone(world));
    let mut database = match Database::open(store.clone(), NAME, options.clone()) {
        Ok(database) => database,
        Err(error) => return Some(format!("CORRUPT: {error}")),
    };
    let state = match read_all(&mut database) {
        Ok(state) => state,
        Err(error) => return Some(format!("CORRUPT: {error}")),
    };
    if let Some(fault) = story.judge(&state, &story.acked) {
        return Some(fault);
    }
    for epoch in database.oldest()..=database.number() {
        let opened = Database::open_epoch(store.clone(), NAME, options.clone(), epoch);
        if let Err(error) = opened.and_then(|mut kept| read_all(&mut kept)) {
            return Some(format!(
                "KEPT epoch {epoch} of {}: {error}",
                database.number()
            ));
        }
    }
    None
}

/// One history: what went wrong in it, if anything did.
fn history(seed: u64, kind: Kind) -> Option<String> {
    let world = Arc::new(Mutex::new(World::new(seed, kind.fenced, kind.late, 3)));
    let story = Arc::new(Mutex::new(Story::default()));
    let rng = &mut Rng::new(seed ^ 0x5eed);
    let total = 2 + rng.below(4);
    let mut started = 0;
    // A process, and how long it sleeps.
    let mut running: Vec<(Process, u32)> = Vec::new();
    for _ in 0..3000 {
        world.lock().expect("one thread at a time").settle();
        let room = running.is_empty() || running.len() < kind.writers && rng.chance(5);
        if started < total && room {
            started += 1;
            let (story, seed) = (Arc::clone(&story), rng.next());
            let reads = kind.fenced && rng.chance(20);
            let process = Process::start(&world, kind.lie, move |store, killed| {
                if reads {
                    look(store, &killed, &story);
                } else {
                    write(store, &killed, &story, seed, kind.eager);
                }
            });
            running.push((process, 0));
        }
        if running.is_empty() {
            break;
        }
        let at = rng.below(running.len());
        let (process, sleep) = &mut running[at];
        if *sleep > 0 && running_others(started, total, kind) {
            *sleep -= 1;
            continue;
        }
        if rng.chance(2) {
            *sleep = if kind.eager { 400 } else { 60 };
        }
        let go = if rng.chance(2) { Go::Die } else { Go::Call };
        if !process.step(go) {
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
    while bad.is_none() {
        let late = world.lock().expect("one thread at a time").pending.pop();
        let Some(late) = late else { break };
        world.lock().expect("one thread at a time").apply(&late);
        bad = check(&world, &story).map(|bad| format!("after a late write: {bad}"));
    }
    bad
}

/// Whether anybody else can go on while one sleeps.
fn running_others(started: usize, total: usize, kind: Kind) -> bool {
    kind.writers > 1 && started <= total
}

fn run(what: &str, seed: u64, rounds: u64, kind: Kind) -> Vec<(u64, String)> {
    let started = std::time::Instant::now();
    let mut bad = Vec::new();
    for seed in seed..seed + rounds {
        if let Some(fault) = history(seed, kind) {
            bad.push((seed, fault));
            if kind.lie.is_some() {
                break;
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let first = bad.first().map_or(String::new(), |(seed, bad)| {
        format!(", KV_SEED={seed}: {bad:.200}")
    });
    println!(
        "{what}: {rounds} histories, {} bad, {seconds:.1} s{first}",
        bad.len()
    );
    bad
}

const FENCED: Kind = Kind {
    fenced: true,
    late: true,
    writers: 3,
    lie: None,
    eager: false,
};

/// A writer sleeps while epochs come and pass.
const EAGER: Kind = Kind {
    writers: 2,
    eager: true,
    ..FENCED
};

fn seed() -> u64 {
    let seed = number("KV_SEED", 1);
    println!("KV_SEED={seed}");
    seed
}

#[test]
fn no_history_of_a_fenced_store_is_bad() {
    let bad = run("fenced", seed(), number("KV_ROUNDS", 3000), FENCED);
    assert_eq!(bad, []);
}

#[test]
fn a_history_that_was_bad_once_is_good() {
    // A key was gone, and the store failed when it was asked whether somebody had taken over.
    assert_eq!(history(300_215, FENCED), None);
}

#[test]
fn no_history_of_many_epochs_is_bad() {
    let bad = run("many epochs", seed(), number("KV_ROUNDS", 1000), EAGER);
    assert_eq!(bad, []);
}

#[test]
fn no_history_of_one_writer_without_fence_is_bad() {
    let kind = Kind {
        fenced: false,
        late: false,
        writers: 1,
        ..FENCED
    };
    let bad = run("unfenced", seed(), number("KV_ROUNDS", 1500), kind);
    assert_eq!(bad, []);
}

#[test]
fn late_writes_without_fence_are_never_silent() {
    let kind = Kind {
        fenced: false,
        late: true,
        writers: 1,
        ..FENCED
    };
    let bad = run("unfenced, late", seed(), number("KV_ROUNDS", 1500), kind);
    let silent: Vec<_> = bad
        .iter()
        .filter(|(_, bad)| !bad.contains("CORRUPT") && !bad.contains("KEPT"))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn every_rule_is_needed() {
    let rounds = number("KV_LIES", 20_000);
    let seed = seed();
    let short = LIES.map(|lie| (lie, FENCED));
    let long = LONG_LIES.map(|lie| (lie, EAGER));
    for (lie, kind) in short.into_iter().chain(long) {
        let kind = Kind {
            lie: Some(lie),
            ..kind
        };
        let bad = run(&format!("without {lie:?}"), seed, rounds, kind);
        assert!(
            !bad.is_empty(),
            "{lie:?} was not found in {rounds} histories"
        );
    }
}
