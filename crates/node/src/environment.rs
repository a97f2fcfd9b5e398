//! What one JavaScript environment (the main thread's, or a worker's) keeps: nothing is global.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use ferrolite_sqlite::{code_name, Encoder, Error, Large, Params};

use crate::block_layout::header;
use crate::kept::Failure;
use crate::sys::{Env, RawEnv, Ref, Result, SharedBlock, Thrown, Value};
use crate::workers::Workers;

/// What is closed for good when its environment ends.
pub trait ShutDown {
    fn shut_down(&self);
}

/// What one environment keeps.
pub struct Environment {
    pub env: RawEnv,
    pub block: SharedBlock,
    /// `{ extras }`: values that do not share the block
    shared: Ref,
    /// An array whose first element is the exception on its way through `SQLite`
    exception: Ref,
    make_error: Ref,
    make_mistake: Ref,
    keep: Ref,
    pub is_worker: bool,
    encoder: Cell<Option<Box<Encoder>>>,
    params: Cell<Option<Params>>,
    databases: RefCell<Vec<Weak<dyn ShutDown>>>,
    pub workers: RefCell<Workers>,
    /// What the running execution has put into the block.
    used: Cell<Used>,
    /// Unique for each call from JavaScript that executes SQL; 0 outside.
    execution: Cell<u64>,
    executions: Cell<u64>,
    /// Callbacks of `SQLite` into JavaScript that are running, one inside the other.
    depth: Cell<i32>,
    /// What those callbacks found in the block inside which something else was put there.
    frames: RefCell<Vec<Frame>>,
}

/// Slots, bytes and extras in use. One word: read as a whole right after it was written in parts, it would
/// stall the processor, and a user function is called between the two.
#[derive(Clone, Copy, Default)]
struct Used(u64);

impl Used {
    /// A block has 4,096 slots, 72 KiB of bytes and at most one extra a slot and one more.
    fn new(slots: usize, bytes: usize, extras: u32) -> Self {
        Self(slots as u64 | (bytes as u64) << 16 | u64::from(extras) << 40)
    }

    fn slots(self) -> usize {
        self.field(0, 16)
    }

    fn bytes(self) -> usize {
        self.field(16, 24)
    }

    fn extras(self) -> u32 {
        u32::try_from(self.field(40, 24)).unwrap_or(0)
    }

    #[inline]
    fn field(self, at: u32, bits: u32) -> usize {
        usize::try_from(self.0 >> at & ((1 << bits) - 1)).unwrap_or(0)
    }
}

/// What an error is about.
pub struct Subject<'a> {
    pub sql: Option<&'a [u8]>,
    /// The name of the database, as JavaScript has it.
    pub database: &'a str,
    /// The time of a call was over.
    pub timed_out: bool,
    /// Of a database in a key-value store: what has gone wrong there.
    pub failure: Option<&'a Failure>,
}

struct Frame {
    depth: i32,
    saved: Option<Saved>,
}

struct Saved {
    tags: Vec<u8>,
    slots: Vec<u64>,
    bytes: Vec<u8>,
    extras: Option<Ref>,
}

impl Environment {
    /// `options`: `{ buffer, shared: { extras: [] }, exception: [], makeError, makeMistake, worker }`.
    pub fn new(env: Env<'_>, options: Value<'_>) -> Result<Rc<Self>> {
        let options_in = |key| options_get(env, options, key);
        let environment = Rc::new(Self {
            env: env.raw(),
            block: SharedBlock::new(env, options_in("buffer")?)?,
            shared: env.reference(options_in("shared")?)?,
            exception: env.reference(options_in("exception")?)?,
            make_error: env.reference(options_in("makeError")?)?,
            make_mistake: env.reference(options_in("makeMistake")?)?,
            keep: env.reference(options_in("buffer")?)?,
            is_worker: options_bool(env, options, "worker")?,
            encoder: Cell::new(None),
            params: Cell::new(None),
            databases: RefCell::default(),
            workers: RefCell::default(),
            used: Cell::default(),
            execution: Cell::new(0),
            executions: Cell::new(0),
            depth: Cell::new(0),
            frames: RefCell::default(),
        });
        env.on_cleanup(environment.clone(), Self::close_all)?;
        Ok(environment)
    }

    /// Has a database closed when the environment ends.
    pub fn add_database(&self, database: Weak<dyn ShutDown>) {
        let mut databases = self.databases.borrow_mut();
        if databases.len() == databases.capacity() {
            databases.retain(|known| known.strong_count() > 0);
        }
        databases.push(database);
    }

    /// Closes every database of the environment, which checkpoints and removes WAL files.
    fn close_all(&self) {
        self.workers.take().shut_down();
        for database in self.databases.take() {
            if let Some(database) = database.upgrade() {
                database.shut_down();
            }
        }
    }

    pub fn take_encoder(&self) -> Box<Encoder> {
        let mut encoder = self.encoder.take().unwrap_or_default();
        encoder.clear();
        encoder
    }

    pub fn give_encoder(&self, encoder: Box<Encoder>) {
        self.encoder.set(Some(encoder));
    }

    #[inline]
    pub fn take_params(&self) -> Params {
        self.params.take().unwrap_or_default()
    }

    #[inline]
    pub fn give_params(&self, params: Params) {
        self.params.set(Some(params));
    }

    /// Starts a block. Inside a callback, what the interrupted execution has in it is saved first.
    #[inline]
    pub fn begin_block(&self, env: Env<'_>) -> Result<()> {
        if self.depth.get() != 0 {
            self.save(env)?;
        }
        self.used.set(Used::default());
        Ok(())
    }

    #[inline]
    pub fn set_used(&self, slots: usize, bytes: usize) {
        let extras = self.used.get().extras();
        self.used.set(Used::new(slots, bytes, extras));
    }

    #[inline]
    pub fn has_extras(&self) -> bool {
        self.used.get().extras() != 0
    }

    /// The first block that is begun inside a callback saves the interrupted one's.
    #[cold]
    fn save(&self, env: Env<'_>) -> Result<()> {
        let depth = self.depth.get();
        let mut frames = self.frames.borrow_mut();
        if frames.last().is_some_and(|frame| frame.depth == depth) {
            return Ok(());
        }
        let used = self.used.get();
        let (slots, bytes, extras) = (used.slots(), used.bytes(), used.extras());
        if slots == 0 && extras == 0 {
            frames.push(Frame { depth, saved: None });
            return Ok(());
        }
        let target = self.block.target();
        let shared = self.shared.get(env)?;
        let extras = if extras == 0 {
            None
        } else {
            let old = shared.get(env, "extras")?;
            shared.set(env, env.utf8(b"extras")?, env.array(0)?)?;
            Some(env.reference(old)?)
        };
        let saved = Some(Saved {
            tags: target.tags.get(..slots).unwrap_or_default().to_vec(),
            slots: target.slots.get(..slots).unwrap_or_default().to_vec(),
            bytes: target.bytes.get(..bytes).unwrap_or_default().to_vec(),
            extras,
        });
        frames.push(Frame { depth, saved });
        Ok(())
    }

    /// Runs a callback of `SQLite` into JavaScript, and puts the block back as it was.
    pub fn in_callback<R>(&self, callback: impl FnOnce(Env<'_>) -> R) -> Option<R> {
        self.in_hot_callback(|| self.env.enter(callback))
    }

    /// Runs a callback that needs no scope; only what it puts into the block has to be looked after.
    #[inline]
    pub fn in_hot_callback<R>(&self, callback: impl FnOnce() -> R) -> R {
        let (used, execution, outer) = (self.used.get(), self.execution.get(), self.depth.get());
        let depth = outer + 1;
        self.set_depth(depth);
        let result = callback();
        if self
            .frames
            .borrow()
            .last()
            .is_some_and(|frame| frame.depth == depth)
        {
            self.restore();
        }
        self.set_depth(outer);
        self.used.set(used);
        self.execution.set(execution);
        result
    }

    #[inline]
    fn set_depth(&self, depth: i32) {
        self.depth.set(depth);
        self.block.set_i32(header::DEPTH, depth);
    }

    /// Puts back what the innermost frame saved.
    #[cold]
    fn restore(&self) {
        let frame = self.frames.borrow_mut().pop();
        let Some(saved) = frame.and_then(|frame| frame.saved) else {
            return;
        };
        let target = self.block.target();
        target.tags[..saved.tags.len()].copy_from_slice(&saved.tags);
        target.slots[..saved.slots.len()].copy_from_slice(&saved.slots);
        target.bytes[..saved.bytes.len()].copy_from_slice(&saved.bytes);
        let Some(extras) = saved.extras else { return };
        // Fails only when the environment is going down, and then nobody reads the rows.
        self.env.enter(|env| {
            let shared = self.shared.get(env)?;
            shared.set(env, env.utf8(b"extras")?, extras.get(env)?)
        });
    }

    /// Number of the execution that begins; handles made in it live until it ends.
    #[inline]
    pub fn begin_execution(&self) {
        let next = self.executions.get() + 1;
        self.executions.set(next);
        self.execution.set(next);
    }

    #[inline]
    pub fn end_execution(&self) {
        self.execution.set(0);
    }

    #[inline]
    pub fn execution(&self) -> u64 {
        self.execution.get()
    }

    /// Takes the value that a callback left beside the block.
    pub fn take_result<'e>(&self, env: Env<'e>) -> Result<Value<'e>> {
        let shared = self.shared.get(env)?;
        let result = shared.get(env, "result")?;
        shared.set(env, env.utf8(b"result")?, env.null()?)?;
        Ok(result)
    }

    /// Puts a value beside the block and returns its index.
    pub fn push_large(&self, env: Env<'_>, value: &Large<'_>) -> Result<u32> {
        let value = match value {
            Large::Latin1(text) => env.latin1(text)?,
            Large::Utf16(text) => env.utf16(text)?,
            Large::Blob(blob) => env.buffer(blob)?,
        };
        let used = self.used.get();
        let index = used.extras().max(1);
        self.extras(env)?.set_at(env, index, value)?;
        self.used
            .set(Used::new(used.slots(), used.bytes(), index + 1));
        Ok(index)
    }

    /// Puts the block's UTF-16 text beside it.
    pub fn set_wide_text(&self, env: Env<'_>, text: &[u16]) -> Result<()> {
        self.extras(env)?.set_at(env, 0, env.utf16(text)?)?;
        let used = self.used.get();
        let extras = used.extras().max(1);
        self.used.set(Used::new(used.slots(), used.bytes(), extras));
        Ok(())
    }

    fn extras<'e>(&self, env: Env<'e>) -> Result<Value<'e>> {
        self.shared.get(env)?.get(env, "extras")
    }

    /// Keeps the pending exception until `SQLite` has unwound.
    pub fn stash_exception(&self, env: Env<'_>) {
        let stash = || {
            let exception = env.take_exception()?;
            self.exception.get(env)?.set_at(env, 0, exception)
        };
        // Fails only when the environment is going down: nobody can receive it then.
        let _ = stash();
    }

    /// Takes what was stashed.
    pub fn stashed<'e>(&self, env: Env<'e>) -> Result<Value<'e>> {
        let holder = self.exception.get(env)?;
        let exception = holder.at(env, 0)?;
        holder.set_at(env, 0, env.undefined()?)?;
        Ok(exception)
    }

    /// Throws an error of the engine as better-sqlite3 would, with what it is about.
    #[cold]
    pub fn throw(&self, env: Env<'_>, error: &Error, subject: &Subject<'_>) -> Thrown {
        match error {
            Error::Type(message) => self.throw_mistake(env, "TypeError", message, subject),
            Error::Range(message) => self.throw_mistake(env, "RangeError", message, subject),
            Error::OutOfMemory => self.throw_mistake(env, "Error", "Out of memory", subject),
            Error::Sqlite {
                code,
                message,
                offset,
                statement,
            } => {
                let throw = || {
                    let (message, name) = match subject.failure {
                        Some(failure) => failure.words(*code),
                        None => (message.to_vec(), code_name(*code)),
                    };
                    let [key, host] = match subject.failure {
                        Some(failure) => failure.details(env)?,
                        None => [env.undefined()?, env.undefined()?],
                    };
                    let args = [
                        env.utf8(&message)?,
                        env.utf8(name.as_bytes())?,
                        env.number(f64::from(*code))?,
                        env.number(f64::from(*offset))?,
                        env.number(f64::from(*statement))?,
                        sql_of(env, subject)?,
                        env.utf8(subject.database.as_bytes())?,
                        env.boolean(subject.timed_out)?,
                        key,
                        host,
                    ];
                    let error = env.call(self.make_error.get(env)?, env.undefined()?, &args)?;
                    Ok(env.throw(error))
                };
                throw().unwrap_or_else(|thrown: Thrown| thrown)
            }
            _ => match self.stashed(env) {
                Ok(exception) => env.throw(exception),
                Err(thrown) => thrown,
            },
        }
    }

    /// `name` is that of the error's class.
    fn throw_mistake(
        &self,
        env: Env<'_>,
        name: &str,
        message: &str,
        subject: &Subject<'_>,
    ) -> Thrown {
        let throw = || {
            let args = [
                env.utf8(name.as_bytes())?,
                env.utf8(message.as_bytes())?,
                sql_of(env, subject)?,
                env.utf8(subject.database.as_bytes())?,
            ];
            let error = env.call(self.make_mistake.get(env)?, env.undefined()?, &args)?;
            Ok(env.throw(error))
        };
        throw().unwrap_or_else(|thrown: Thrown| thrown)
    }

    /// False once the worker thread of this environment was terminated.
    pub fn can_run_js(&self) -> bool {
        let asked = self
            .env
            .enter(|env| self.exception.get(env)?.at(env, 0).map(|_| ()));
        // Keeps the block's memory named for as long as the environment is used.
        let _ = &self.keep;
        matches!(asked, Some(Ok(())))
    }
}

fn sql_of<'e>(env: Env<'e>, subject: &Subject<'_>) -> Result<Value<'e>> {
    subject
        .sql
        .map_or_else(|| env.undefined(), |sql| env.utf8(sql))
}

pub fn options_get<'e>(env: Env<'e>, options: Value<'_>, key: &str) -> Result<Value<'e>> {
    env.adopt(options).get(env, key)
}

pub fn options_bool(env: Env<'_>, options: Value<'_>, key: &str) -> Result<bool> {
    Ok(options_get(env, options, key)?.as_bool(env))
}
