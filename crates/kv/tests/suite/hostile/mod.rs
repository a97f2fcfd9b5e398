//! A store that tears, repeats, delays, reorders and loses what it is told, and a scheduler that lets several
//! processes call it in an order of its own.
//!
//! One thread runs at a time, so a seed gives the same history every time.

pub mod lies;
pub mod rng;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrolite_kv::{Entry, Limits, Store, StoreError, StoreResult};

use lies::{Liar, Lie};
use rng::Rng;

/// A write, which may come late.
#[derive(Clone, Debug)]
pub enum Op {
    Put(String, Vec<u8>),
    Create(String, Vec<u8>),
    Delete(String),
}

/// The store, and what it has not yet done.
pub struct World {
    pub data: BTreeMap<String, Vec<u8>>,
    pub rng: Rng,
    /// How many calls will still fail.
    pub faults: u32,
    /// Whether what failed may be done later.
    pub late: bool,
    pub fenced: bool,
    pub pending: Vec<Op>,
    /// Calls that wrote, and a call in which the process is killed.
    pub calls: u32,
    /// What goes wrong at a chosen call, for tests of every crash point.
    pub script: Option<(u32, Fault)>,
}

/// What goes wrong in a call that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was done.
    Before,
    /// It was done, and an error is reported.
    Applied,
    /// Some of it, from the front, was done.
    Prefix,
    /// Any part of it was done; the rest comes late.
    Torn,
    /// It is done later.
    Late,
    /// It is done at once, and again later.
    Twice,
}

pub const FAULTS: [Fault; 6] = [
    Fault::Before,
    Fault::Applied,
    Fault::Prefix,
    Fault::Torn,
    Fault::Late,
    Fault::Twice,
];

impl World {
    pub fn new(seed: u64, fenced: bool, late: bool, faults: u32) -> Self {
        Self {
            data: BTreeMap::new(),
            rng: Rng::new(seed),
            faults,
            late,
            fenced,
            pending: Vec::new(),
            calls: 0,
            script: None,
        }
    }

    /// Does a write; false if a key was there.
    pub fn apply(&mut self, op: &Op) -> bool {
        match op {
            Op::Put(key, value) => {
                self.data.insert(key.clone(), value.clone());
                true
            }
            Op::Create(key, value) => {
                if self.fenced && self.data.contains_key(key) {
                    return false;
                }
                self.data.insert(key.clone(), value.clone());
                true
            }
            Op::Delete(key) => {
                self.data.remove(key);
                true
            }
        }
    }

    /// A call that writes, with what goes wrong in it. The second result is false if its process is killed.
    fn write(&mut self, mut ops: Vec<Op>) -> StoreResult<bool> {
        let at = self.calls;
        self.calls += 1;
        let scripted = self.script.filter(|(call, _)| *call == at);
        let fault = match scripted {
            Some((_, fault)) => Some(fault),
            None if self.script.is_none() && self.faults > 0 && self.rng.chance(16) => {
                self.faults -= 1;
                Some(FAULTS[self.rng.below(FAULTS.len())])
            }
            None => None,
        };
        let failed = |what: &str| Err(StoreError::new(what));
        match fault {
            None => Ok(self.apply_all(&ops)),
            Some(Fault::Before) => failed("connection refused"),
            Some(Fault::Applied) => {
                self.apply_all(&ops);
                failed("connection reset after the request")
            }
            Some(Fault::Prefix) => {
                let kept = self.rng.below(ops.len() + 1);
                self.apply_all(&ops[..kept]);
                failed("torn")
            }
            Some(Fault::Torn) => {
                self.rng.shuffle(&mut ops);
                let kept = self.rng.below(ops.len() + 1);
                self.apply_all(&ops[..kept]);
                self.delay(ops.split_off(kept));
                failed("torn in any order")
            }
            Some(Fault::Late) => {
                self.delay(ops);
                failed("timeout")
            }
            Some(Fault::Twice) => {
                let done = self.apply_all(&ops);
                self.delay(ops);
                Ok(done)
            }
        }
    }

    fn apply_all(&mut self, ops: &[Op]) -> bool {
        let mut done = true;
        for op in ops {
            done = self.apply(op);
        }
        done
    }

    fn delay(&mut self, ops: Vec<Op>) {
        if self.late {
            self.pending.extend(ops);
        }
    }

    /// The last call of a process that is killed: any part of it is done, now or later.
    fn die(&mut self, mut ops: Vec<Op>) {
        self.rng.shuffle(&mut ops);
        let kept = self.rng.below(ops.len() + 1);
        self.apply_all(&ops[..kept]);
        self.delay(ops.split_off(kept));
    }

    /// Now and then something late happens.
    pub fn settle(&mut self) {
        if !self.pending.is_empty() && self.rng.chance(25) {
            let at = self.rng.below(self.pending.len());
            let op = self.pending.swap_remove(at);
            if self.rng.chance(80) {
                self.apply(&op);
            }
        }
    }
}

/// What the scheduler tells a process that waits to call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Go {
    Call,
    Die,
}

/// The way from a process to the scheduler and back.
pub struct Turn {
    waits: Sender<bool>,
    go: Receiver<Go>,
}

/// A process as the scheduler sees it.
pub struct Process {
    go: Sender<Go>,
    waits: Receiver<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// The store as one process sees it.
pub struct Hostile {
    pub world: Arc<Mutex<World>>,
    pub turn: Option<Turn>,
    pub killed: Arc<AtomicBool>,
    pub liar: Mutex<Liar>,
    pub limits: Limits,
    pub visit: Mutex<Option<Visit>>,
}

/// Somebody who comes at a call that writes.
pub struct Visit {
    /// Which call of the world.
    pub call: u32,
    /// It comes when the call is done.
    pub after: bool,
    pub run: Box<dyn FnOnce() + Send>,
}

impl Process {
    /// Starts one, which waits for its first turn.
    pub fn start(
        world: &Arc<Mutex<World>>,
        lie: Option<Lie>,
        body: impl FnOnce(Hostile, Arc<AtomicBool>) + Send + 'static,
    ) -> Self {
        let (go, go_in) = channel();
        let (waits_out, waits) = channel();
        let world = Arc::clone(world);
        let thread = std::thread::spawn(move || {
            let killed = Arc::new(AtomicBool::new(false));
            let done = waits_out.clone();
            if go_in.recv().is_ok() {
                let turn = Turn {
                    waits: waits_out,
                    go: go_in,
                };
                let store = Hostile {
                    world,
                    turn: Some(turn),
                    killed: Arc::clone(&killed),
                    liar: Mutex::new(Liar::new(lie)),
                    limits: Limits::default(),
                    visit: Mutex::default(),
                };
                body(store, killed);
            }
            let _ = done.send(false);
        });
        Self {
            go,
            waits,
            thread: Some(thread),
        }
    }

    /// Lets it run up to its next call. False: it has ended.
    pub fn step(&self, go: Go) -> bool {
        self.go.send(go).is_ok() && self.waits.recv().unwrap_or(false)
    }

    /// Waits for its thread.
    pub fn end(mut self) {
        drop(self.go);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a process must not panic");
        }
    }
}

/// Another process, which is done before this one goes on.
fn come(run: Box<dyn FnOnce() + Send>) {
    std::thread::spawn(run).join().expect("it must not panic");
}

impl Hostile {
    /// Of a single process, which nobody schedules.
    pub fn alone(world: &Arc<Mutex<World>>) -> Self {
        Self {
            world: Arc::clone(world),
            turn: None,
            killed: Arc::default(),
            liar: Mutex::new(Liar::new(None)),
            limits: Limits::default(),
            visit: Mutex::default(),
        }
    }

    /// Waits for a turn. An error: the process is dead; `ops` are then those of its last call.
    fn turn(&self, ops: &[Op]) -> StoreResult<()> {
        let dead = || Err(StoreError::new("killed"));
        if self.killed.load(Ordering::Relaxed) {
            return dead();
        }
        let Some(turn) = &self.turn else {
            return Ok(());
        };
        let go = match turn.waits.send(true) {
            Ok(()) => turn.go.recv().unwrap_or(Go::Die),
            Err(_) => Go::Die,
        };
        if go == Go::Call {
            return Ok(());
        }
        self.killed.store(true, Ordering::Relaxed);
        self.world
            .lock()
            .expect("one thread at a time")
            .die(ops.to_vec());
        dead()
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().expect("one thread at a time")
    }

    fn liar(&self) -> std::sync::MutexGuard<'_, Liar> {
        self.liar.lock().expect("one thread at a time")
    }

    fn write(&self, ops: Vec<Op>) -> StoreResult<bool> {
        self.turn(&ops)?;
        // Another process may come in the middle of a batch.
        if ops.len() > 1 && self.turn.is_some() && self.world().rng.chance(20) {
            let mut ops = ops;
            let mut world = self.world();
            world.rng.shuffle(&mut ops);
            let first = world.rng.below(ops.len());
            let rest = ops.split_off(first);
            world.apply_all(&ops);
            drop(world);
            self.turn(&rest)?;
            return self.world().write(rest);
        }
        let is_now = |visit: &mut Visit| visit.call == self.world().calls;
        let visit = self.visit.lock().expect("one thread").take_if(is_now);
        match visit {
            None => self.world().write(ops),
            Some(visit) if visit.after => {
                let done = self.world().write(ops);
                come(visit.run);
                done
            }
            Some(visit) => {
                come(visit.run);
                self.world().write(ops)
            }
        }
    }

    fn fails_to_read(&self) -> bool {
        let mut world = self.world();
        if world.script.is_none() && world.faults > 0 && world.rng.chance(3) {
            world.faults -= 1;
            return true;
        }
        false
    }
}

impl Store for Hostile {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn is_fenced(&self) -> bool {
        self.world().fenced
    }

    fn get(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        self.turn(&[])?;
        if self.fails_to_read() {
            return Err(StoreError::new("cannot read"));
        }
        let value = self.world().data.get(key).cloned();
        Ok(self.liar().get(key, value))
    }

    fn get_batch(&self, keys: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        self.turn(&[])?;
        if self.fails_to_read() {
            return Err(StoreError::new("cannot read"));
        }
        if self.liar().hides(keys) {
            return Ok(vec![None; keys.len()]);
        }
        // No batch is a snapshot.
        let late: HashSet<usize> = if self.turn.is_some() && self.world().rng.chance(30) {
            let mut world = self.world();
            (0..keys.len()).filter(|_| world.rng.chance(50)).collect()
        } else {
            HashSet::new()
        };
        let mut values: Vec<Option<Vec<u8>>> = {
            let (world, liar) = (self.world(), self.liar());
            keys.iter().map(|key| liar.read(key, &world.data)).collect()
        };
        if !late.is_empty() {
            let steps = 1 + self.world().rng.below(3);
            for _ in 0..steps {
                self.turn(&[])?;
            }
            let (world, liar) = (self.world(), self.liar());
            for at in late {
                values[at] = liar.read(&keys[at], &world.data);
            }
        }
        Ok(values)
    }

    fn put(&self, key: &str, value: &[u8]) -> StoreResult<()> {
        let (key, value) = self.liar().stored(key, value);
        let done = self.write(vec![Op::Put(key, value)]).map(|_| ());
        let deletes = self.liar().after_hint(&self.world().data);
        let mut world = self.world();
        for key in deletes {
            world.data.remove(&key);
        }
        done
    }

    fn put_batch(&self, entries: &[Entry]) -> StoreResult<()> {
        let ops = entries
            .iter()
            .map(|(key, value)| self.liar().stored(key, value))
            .map(|(key, value)| Op::Put(key, value))
            .collect();
        let done = self.write(ops).map(|_| ());
        let deletes = self.liar().after_batch(entries);
        let mut world = self.world();
        for key in deletes {
            world.data.remove(&key);
        }
        drop(world);
        if self.killed.load(Ordering::Relaxed) {
            return done;
        }
        self.liar().batch(done)
    }

    fn put_batches(&self, batches: &[Vec<Entry>]) -> Vec<StoreResult<()>> {
        // In any order.
        let mut order: Vec<usize> = (0..batches.len()).collect();
        self.world().rng.shuffle(&mut order);
        let mut results: Vec<StoreResult<()>> = batches.iter().map(|_| Ok(())).collect();
        for at in order {
            results[at] = self.put_batch(&batches[at]);
        }
        results
    }

    fn delete_batch(&self, keys: &[String]) -> StoreResult<()> {
        let all = self.liar().deletes(keys, &self.world().data);
        self.write(all.into_iter().map(Op::Delete).collect())
            .map(|_| ())
    }

    fn put_if_absent(&self, key: &str, value: &[u8]) -> StoreResult<bool> {
        if let Some(lie) = self.liar().before_create(key, value) {
            return lie;
        }
        let op = if self.liar().overwrites(key) {
            Op::Put(key.into(), value.to_vec())
        } else {
            Op::Create(key.into(), value.to_vec())
        };
        let done = self.write(vec![op]);
        if self.killed.load(Ordering::Relaxed) {
            return done;
        }
        self.liar().create(key, value, done)
    }

    fn list(&self, prefix: &str) -> Option<StoreResult<Vec<String>>> {
        if let Err(error) = self.turn(&[]) {
            return Some(Err(error));
        }
        if self.fails_to_read() {
            return Some(Err(StoreError::new("cannot list")));
        }
        let world = self.world();
        let keys = world.data.keys().filter(|key| key.starts_with(prefix));
        Some(Ok(keys.cloned().collect()))
    }

    fn pause(&self, _: Duration) {}
}
