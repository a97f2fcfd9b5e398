//! What one JavaScript environment (the main thread's, or a worker's) keeps: no state is global.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use ferrolite_sqlite::{code_name, Encoder, Error, Large, Params};

use crate::database::Database;
use crate::sys::{Env, ErrorKind, RawEnv, Ref, Result, SharedBlock, Thrown, Value};

/// Positions in the block's header; `lib/rows.js` has the same numbers.
pub mod header {
    /// Changes when a statement's columns may have
    pub const VERSION: usize = 0;
    /// Rows in the block
    pub const ROWS: usize = 1;
    /// 1 when the last row is in the block
    pub const DONE: usize = 2;
    pub const READER: usize = 3;
    pub const READONLY: usize = 4;
    /// JavaScript says 1: the arguments of this call are in the order of the parameters
    pub const ORDERED: usize = 5;
    /// 1 when `extras` is not empty
    pub const EXTRAS: usize = 7;
    /// Blob bytes in the block
    pub const BYTES: usize = 8;
    /// Callbacks of `SQLite` into JavaScript that are running
    pub const DEPTH: usize = 9;
    /// 64-bit numbers, from byte 128 on
    /// Arguments of a callback
    pub const CALL_ARGS: usize = 10;
    /// Number of the group that an aggregate's callback is about
    pub const CALL_GROUP: usize = 11;
    /// Tag of a callback's result
    pub const CALL_RESULT: usize = 12;
    pub const CHANGES: usize = 16;
    pub const ROWID: usize = 17;
    pub const ROWID_INT64: usize = 18;
    /// A callback's result
    pub const CALL_VALUE: usize = 19;
}

/// State of one environment.
pub struct State {
    pub env: RawEnv,
    pub block: SharedBlock,
    /// `{ extras }`: values that do not share the block
    shared: Ref,
    /// An array whose first element is the exception on its way through `SQLite`
    exception: Ref,
    make_error: Ref,
    keep: Ref,
    pub is_worker: bool,
    encoder: Cell<Option<Box<Encoder>>>,
    params: Cell<Option<Params>>,
    databases: RefCell<Vec<Weak<Database>>>,
    /// Rows that the running execution has put into the block: slots, bytes, extras.
    used: Cell<(usize, usize, u32)>,
    /// Unique for each call from JavaScript that executes SQL; 0 outside.
    execution: Cell<u64>,
    executions: Cell<u64>,
    /// One entry for each callback of `SQLite` into JavaScript that is running.
    frames: RefCell<Vec<Frame>>,
}

/// What a callback found in the block; whoever writes there meanwhile saves it first.
struct Frame {
    used: (usize, usize, u32),
    execution: u64,
    saved: Option<Saved>,
}

struct Saved {
    tags: Vec<u8>,
    slots: Vec<u64>,
    bytes: Vec<u8>,
    extras: Option<Ref>,
}

impl State {
    /// `options`: `{ buffer, shared: { extras: [] }, exception: [], makeError, worker }`.
    pub fn new(env: Env<'_>, options: Value<'_>) -> Result<Rc<Self>> {
        let options_in = |key| options_get(env, options, key);
        let state = Rc::new(Self {
            env: env.raw(),
            block: SharedBlock::new(env, options_in("buffer")?)?,
            shared: env.reference(options_in("shared")?)?,
            exception: env.reference(options_in("exception")?)?,
            make_error: env.reference(options_in("makeError")?)?,
            keep: env.reference(options_in("buffer")?)?,
            is_worker: options_bool(env, options, "worker")?,
            encoder: Cell::new(None),
            params: Cell::new(None),
            databases: RefCell::default(),
            used: Cell::new((0, 0, 0)),
            execution: Cell::new(0),
            executions: Cell::new(0),
            frames: RefCell::default(),
        });
        env.on_cleanup(state.clone(), Self::close_all)?;
        Ok(state)
    }

    pub fn add_database(&self, database: &Rc<Database>) {
        let mut databases = self.databases.borrow_mut();
        if databases.len() == databases.capacity() {
            databases.retain(|known| known.strong_count() > 0);
        }
        databases.push(Rc::downgrade(database));
    }

    /// Closes every database of the environment, which checkpoints and removes WAL files.
    fn close_all(&self) {
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
        if !self.frames.borrow().is_empty() {
            self.save(env)?;
        }
        self.used.set((0, 0, 0));
        Ok(())
    }

    #[inline]
    pub fn set_used(&self, slots: usize, bytes: usize) {
        self.used.set((slots, bytes, self.used.get().2));
    }

    #[inline]
    pub fn has_extras(&self) -> bool {
        self.used.get().2 != 0
    }

    #[cold]
    fn save(&self, env: Env<'_>) -> Result<()> {
        let mut frames = self.frames.borrow_mut();
        let Some(frame) = frames.last_mut() else {
            return Ok(());
        };
        let (slots, bytes, extras) = frame.used;
        if frame.saved.is_some() || (slots == 0 && extras == 0) {
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
        frame.saved = Some(Saved {
            tags: target.tags.get(..slots).unwrap_or_default().to_vec(),
            slots: target.slots.get(..slots).unwrap_or_default().to_vec(),
            bytes: target.bytes.get(..bytes).unwrap_or_default().to_vec(),
            extras,
        });
        Ok(())
    }

    /// Runs a callback of `SQLite` into JavaScript, and puts the block back as it was.
    pub fn in_callback<R>(&self, callback: impl FnOnce(Env<'_>) -> R) -> Option<R> {
        self.push_frame();
        let result = self.env.enter(|env| {
            let result = callback(env);
            self.leave_callback(env);
            result
        });
        if result.is_none() {
            self.pop_frame();
        }
        result
    }

    /// Runs a callback that needs no scope; only what it puts into the block has to be looked after.
    #[inline]
    pub fn in_hot_callback(&self, callback: impl FnOnce() -> Result<()>) -> Result<()> {
        self.push_frame();
        let result = callback();
        match self.pop_frame() {
            Some(frame) if frame.saved.is_none() => {
                self.used.set(frame.used);
                self.execution.set(frame.execution);
            }
            Some(frame) => {
                self.env.enter(|env| self.restore(env, frame));
            }
            None => {}
        }
        result
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

    #[inline]
    fn push_frame(&self) {
        let mut frames = self.frames.borrow_mut();
        let execution = self.execution.get();
        frames.push(Frame {
            used: self.used.get(),
            execution,
            saved: None,
        });
        self.block.set_i32(
            header::DEPTH,
            i32::try_from(frames.len()).unwrap_or(i32::MAX),
        );
    }

    #[inline]
    fn pop_frame(&self) -> Option<Frame> {
        let mut frames = self.frames.borrow_mut();
        let frame = frames.pop();
        self.block.set_i32(
            header::DEPTH,
            i32::try_from(frames.len()).unwrap_or(i32::MAX),
        );
        frame
    }

    fn leave_callback(&self, env: Env<'_>) {
        if let Some(frame) = self.pop_frame() {
            self.restore(env, frame);
        }
    }

    fn restore(&self, env: Env<'_>, frame: Frame) {
        self.used.set(frame.used);
        self.execution.set(frame.execution);
        let Some(saved) = frame.saved else { return };
        let target = self.block.target();
        target.tags[..saved.tags.len()].copy_from_slice(&saved.tags);
        target.slots[..saved.slots.len()].copy_from_slice(&saved.slots);
        target.bytes[..saved.bytes.len()].copy_from_slice(&saved.bytes);
        if let Some(extras) = saved.extras {
            let restore = || {
                let shared = self.shared.get(env)?;
                shared.set(env, env.utf8(b"extras")?, extras.get(env)?)
            };
            // Fails only when the environment is going down, and then nobody reads the rows.
            let _ = restore();
        }
    }

    /// Puts a value beside the block and returns its index.
    pub fn push_large(&self, env: Env<'_>, value: &Large<'_>) -> Result<u32> {
        let value = match value {
            Large::Latin1(text) => env.latin1(text)?,
            Large::Utf16(text) => env.utf16(text)?,
            Large::Blob(blob) => env.buffer(blob)?,
        };
        let (slots, bytes, extras) = self.used.get();
        let index = extras.max(1);
        self.extras(env)?.set_at(env, index, value)?;
        self.used.set((slots, bytes, index + 1));
        Ok(index)
    }

    /// Puts the block's UTF-16 text beside it.
    pub fn set_wide_text(&self, env: Env<'_>, text: &[u16]) -> Result<()> {
        self.extras(env)?.set_at(env, 0, env.utf16(text)?)?;
        let (slots, bytes, extras) = self.used.get();
        self.used.set((slots, bytes, extras.max(1)));
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
        // Fails only when the environment is going down: there is nobody to tell then.
        let _ = stash();
    }

    /// Takes what was stashed.
    pub fn stashed<'e>(&self, env: Env<'e>) -> Result<Value<'e>> {
        let holder = self.exception.get(env)?;
        let exception = holder.at(env, 0)?;
        holder.set_at(env, 0, env.undefined()?)?;
        Ok(exception)
    }

    /// Throws an error of the engine as better-sqlite3 would.
    #[cold]
    pub fn throw(&self, env: Env<'_>, error: &Error) -> Thrown {
        match error {
            Error::Type(message) => env.throw_error(ErrorKind::Type, message),
            Error::Range(message) => env.throw_error(ErrorKind::Range, message),
            Error::OutOfMemory => env.throw_error(ErrorKind::Plain, "Out of memory"),
            Error::Sqlite {
                code,
                message,
                offset,
            } => {
                let throw = || {
                    let args = [
                        env.utf8(message)?,
                        env.utf8(code_name(*code).as_bytes())?,
                        env.number(f64::from(*code))?,
                        env.number(f64::from(*offset))?,
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

    /// False once the worker that this belongs to was told to stop.
    pub fn can_run_js(&self) -> bool {
        let asked = self
            .env
            .enter(|env| self.exception.get(env)?.at(env, 0).map(|_| ()));
        // Keeps the block's memory named for as long as the state is used.
        let _ = &self.keep;
        matches!(asked, Some(Ok(())))
    }
}

pub fn options_get<'e>(env: Env<'e>, options: Value<'_>, key: &str) -> Result<Value<'e>> {
    env.adopt(options).get(env, key)
}

pub fn options_bool(env: Env<'_>, options: Value<'_>, key: &str) -> Result<bool> {
    Ok(options_get(env, options, key)?.as_bool(env))
}
