//! SQL functions and aggregates written by the host.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::slice;

use crate::boundary::boundary;
use crate::connection::{c_string, Connection};
use crate::error::{check, Error, Result};
use crate::ffi;
use crate::value::{text, ValueRef};

/// What `SQLite` may assume of a function.
#[derive(Debug, Clone, Copy, Default)]
pub struct FunctionFlags {
    /// The same arguments always give the same result.
    pub deterministic: bool,
    /// Not to be called from triggers, views and the schema.
    pub direct_only: bool,
    /// To be called from them even if the schema is not trusted: it reads its arguments and nothing else.
    pub innocuous: bool,
}

/// Arguments of one call.
#[derive(Clone, Copy, Default)]
pub struct Args<'a> {
    values: &'a [*mut ffi::sqlite3_value],
}

impl<'a> Args<'a> {
    /// Number of arguments.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True without arguments.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// One argument; `NULL` out of range.
    pub fn get(&self, at: usize) -> ValueRef<'a> {
        match self.values.get(at) {
            // SAFETY: SQLite keeps arguments alive for the call, which `'a` is.
            Some(value) => unsafe { ValueRef::from_raw(*value) },
            None => ValueRef::Null,
        }
    }

    /// One argument as text; `None` for `NULL` and out of range.
    pub(crate) fn text(&self, at: usize) -> Option<&'a [u8]> {
        // SAFETY: as in `get`.
        self.values
            .get(at)
            .and_then(|value| unsafe { text(*value) })
    }

    /// One argument as a number; `None` if it is none, nor text that looks like one.
    pub(crate) fn number(&self, at: usize) -> Option<f64> {
        let value = *self.values.get(at)?;
        // SAFETY: as in `get`.
        unsafe {
            match ffi::sqlite3_value_numeric_type(value) {
                ffi::SQLITE_INTEGER | ffi::SQLITE_FLOAT => Some(ffi::sqlite3_value_double(value)),
                _ => None,
            }
        }
    }

    /// Whether an UPDATE of a virtual table sets the column, where [`Context::is_unchanged`] was asked while it was
    /// read.
    pub fn is_unchanged(&self, at: usize) -> bool {
        // SAFETY: as in `get`.
        self.raw(at)
            .is_some_and(|value| unsafe { ffi::sqlite3_value_nochange(value) != 0 })
    }

    /// The values of an `IN`, one by one, that [`Plan::take_all_in`](crate::Plan::take_all_in) asked for.
    pub fn list<E: From<Error>>(
        &self,
        at: usize,
        each: &mut dyn FnMut(ValueRef<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let Some(list) = self.raw(at) else {
            return Ok(());
        };
        let mut value = std::ptr::null_mut();
        // SAFETY: live; each value lives until the next one is asked for.
        let mut rc = unsafe { ffi::sqlite3_vtab_in_first(list, &raw mut value) };
        while rc == ffi::SQLITE_OK && !value.is_null() {
            // SAFETY: as above.
            unsafe {
                each(ValueRef::from_raw(value))?;
                rc = ffi::sqlite3_vtab_in_next(list, &raw mut value);
            }
        }
        match rc {
            ffi::SQLITE_OK | ffi::SQLITE_DONE => Ok(()),
            rc => Err(Error::from_code(rc).into()),
        }
    }

    pub(crate) fn raw(&self, at: usize) -> Option<*mut ffi::sqlite3_value> {
        self.values.get(at).copied()
    }

    /// Those from one on.
    pub(crate) fn skip(&self, from: usize) -> Self {
        Self {
            values: self.values.get(from..).unwrap_or_default(),
        }
    }

    /// # Safety
    /// `argv` points to `argc` live values for `'a`.
    pub(crate) unsafe fn from_raw(argc: c_int, argv: *mut *mut ffi::sqlite3_value) -> Self {
        let len = usize::try_from(argc).unwrap_or(0);
        let values = if len == 0 || argv.is_null() {
            &[]
        } else {
            // SAFETY: forwarded from the caller.
            unsafe { slice::from_raw_parts(argv, len) }
        };
        Self { values }
    }
}

/// Takes the result of one call.
pub struct Context<'a> {
    raw: *mut ffi::sqlite3_context,
    marker: PhantomData<&'a ()>,
}

impl Context<'_> {
    pub(crate) fn new(raw: *mut ffi::sqlite3_context) -> Self {
        Self {
            raw,
            marker: PhantomData,
        }
    }

    /// Sets the result; `SQLite` copies text and blobs, and refuses what is beyond its length limit.
    pub fn set(&mut self, value: ValueRef<'_>) {
        let transient = ffi::SQLITE_TRANSIENT();
        // SAFETY: `raw` is live during the call; lengths are 64-bit.
        unsafe {
            match value {
                ValueRef::Null => ffi::sqlite3_result_null(self.raw),
                ValueRef::Integer(value) => ffi::sqlite3_result_int64(self.raw, value),
                ValueRef::Real(value) => ffi::sqlite3_result_double(self.raw, value),
                ValueRef::Text(text) => {
                    let (at, len) = (text.as_ptr().cast(), text.len() as u64);
                    ffi::sqlite3_result_text64(self.raw, at, len, transient, ffi::UTF8);
                }
                ValueRef::Blob([]) => ffi::sqlite3_result_zeroblob(self.raw, 0),
                ValueRef::Blob(blob) => {
                    let (at, len) = (blob.as_ptr().cast(), blob.len() as u64);
                    ffi::sqlite3_result_blob64(self.raw, at, len, transient);
                }
            }
        }
    }

    /// Whether an UPDATE of a virtual table reads a column that it does not set: leaving it without a result saves
    /// reading it, and [`Args::is_unchanged`] says so then.
    pub fn is_unchanged(&self) -> bool {
        // SAFETY: live during the call.
        unsafe { ffi::sqlite3_vtab_nochange(self.raw) != 0 }
    }

    /// Ends the statement with an error; the host remembers why.
    pub fn fail(&mut self) {
        self.fail_with(b"");
    }

    /// Ends the statement with `SQLITE_ERROR` and a message.
    pub fn fail_with(&mut self, message: &[u8]) {
        let len = c_int::try_from(message.len()).unwrap_or(c_int::MAX);
        // SAFETY: live during the call; SQLite copies the message.
        unsafe { ffi::sqlite3_result_error(self.raw, message.as_ptr().cast(), len) }
    }

    /// Ends the statement with `SQLITE_INTERRUPT`.
    pub fn interrupt(&mut self) {
        let error = Error::from_code(ffi::SQLITE_INTERRUPT);
        self.fail_with(error.to_string().as_bytes());
        // SAFETY: live during the call. It keeps the message.
        unsafe { ffi::sqlite3_result_error_code(self.raw, ffi::SQLITE_INTERRUPT) }
    }

    /// Ends the statement with `SQLITE_NOMEM`.
    pub(crate) fn no_memory(&mut self) {
        // SAFETY: live during the call.
        unsafe { ffi::sqlite3_result_error_nomem(self.raw) }
    }

    /// Ends the statement with `SQLITE_TOOBIG`.
    pub fn too_big(&mut self) {
        // SAFETY: live during the call.
        unsafe { ffi::sqlite3_result_error_toobig(self.raw) }
    }
}

/// A function that is called once per row.
pub trait Scalar: 'static {
    /// Computes one result.
    fn call(&self, args: Args<'_>, context: &mut Context<'_>);
}

/// An aggregate; a window function too if it can take rows back.
pub trait Aggregate: 'static {
    /// What one group accumulates.
    type State: 'static;
    /// Whether it is a window function: `inverse` and `value` are called only then.
    fn is_window(&self) -> bool;
    /// The state before the first row; `None` after a failure, which was passed to `context`.
    fn start(&self, context: &mut Context<'_>) -> Option<Self::State>;
    /// Takes a row in.
    fn step(&self, state: &mut Self::State, args: Args<'_>, context: &mut Context<'_>);
    /// Takes a row back.
    fn inverse(&self, state: &mut Self::State, args: Args<'_>, context: &mut Context<'_>);
    /// The result for the rows so far, of a window function: more rows may come, and go.
    fn value(&self, state: &mut Self::State, context: &mut Context<'_>);
    /// The result for all rows of the group, which ends with it. For a window function nobody may look at it.
    fn finalize(&self, state: Self::State, context: &mut Context<'_>);
}

/// What the per-group memory of `SQLite` points to. Zeroed memory is "not started".
#[repr(C)]
struct Slot<S> {
    state: *mut Group<S>,
}

struct Group<S> {
    /// `None` once a callback failed: nothing more is called for this group.
    state: Option<S>,
}

impl Connection {
    /// Registers a scalar function; `arg_count` -1 takes any number.
    pub fn create_scalar<F: Scalar>(
        &self,
        name: &str,
        arg_count: i32,
        flags: FunctionFlags,
        function: F,
    ) -> Result<()> {
        let db = self.shared.open_db()?;
        let name = c_string(
            name,
            "User-defined function name cannot contain a NUL character",
        )?;
        self.bump_epoch();
        let function = Box::into_raw(Box::new(function)).cast::<c_void>();
        // SAFETY: `db` is open; SQLite calls `destroy::<F>` on `function` exactly once, even on failure.
        unsafe {
            let rc = ffi::sqlite3_create_function_v2(
                db,
                name.as_ptr(),
                arg_count,
                flags.bits(),
                function,
                Some(scalar::<F>),
                None,
                None,
                Some(destroy::<F>),
            );
            check(db, rc)
        }
    }

    /// Registers an aggregate; `arg_count` -1 takes any number.
    pub fn create_aggregate<A: Aggregate>(
        &self,
        name: &str,
        arg_count: i32,
        flags: FunctionFlags,
        aggregate: A,
    ) -> Result<()> {
        let db = self.shared.open_db()?;
        let name = c_string(
            name,
            "User-defined function name cannot contain a NUL character",
        )?;
        self.bump_epoch();
        let window = aggregate.is_window();
        let aggregate = Box::into_raw(Box::new(aggregate)).cast::<c_void>();
        // SAFETY: as above.
        unsafe {
            let rc = ffi::sqlite3_create_window_function(
                db,
                name.as_ptr(),
                arg_count,
                flags.bits(),
                aggregate,
                Some(step::<A>),
                Some(finish::<A>),
                if window { Some(value::<A>) } else { None },
                if window { Some(inverse::<A>) } else { None },
                Some(destroy::<A>),
            );
            check(db, rc)
        }
    }
}

impl FunctionFlags {
    fn bits(self) -> c_int {
        let mut bits = ffi::SQLITE_UTF8;
        if self.deterministic {
            bits |= ffi::SQLITE_DETERMINISTIC;
        }
        if self.direct_only {
            bits |= ffi::SQLITE_DIRECTONLY;
        }
        if self.innocuous {
            bits |= ffi::SQLITE_INNOCUOUS;
        }
        bits
    }
}

fn guarded(context: *mut ffi::sqlite3_context, callback: impl FnOnce(&mut Context<'_>)) {
    let mut cx = Context::new(context);
    if !boundary(false, || {
        callback(&mut cx);
        true
    }) {
        Context::new(context).fail_with(b"a callback panicked");
    }
}

pub(crate) unsafe extern "C" fn scalar<F: Scalar>(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    guarded(context, |cx| {
        // SAFETY: SQLite passes back the pointer that was registered, and live arguments.
        let (function, args) = unsafe {
            (
                &*ffi::sqlite3_user_data(context).cast::<F>(),
                Args::from_raw(argc, argv),
            )
        };
        function.call(args, cx);
    });
}

/// # Safety
/// `context` belongs to a call of an aggregate registered as `A`.
unsafe fn group<'a, A: Aggregate>(
    context: *mut ffi::sqlite3_context,
    cx: &mut Context<'_>,
) -> Option<(&'a A, *mut Slot<A::State>)> {
    let size = c_int::try_from(size_of::<Slot<A::State>>()).unwrap_or(c_int::MAX);
    // SAFETY: the registered pointer, and zeroed memory of the size asked for, or null without memory.
    unsafe {
        let aggregate = &*ffi::sqlite3_user_data(context).cast::<A>();
        let slot = ffi::sqlite3_aggregate_context(context, size).cast::<Slot<A::State>>();
        if slot.is_null() {
            ffi::sqlite3_result_error_nomem(context);
            return None;
        }
        if (*slot).state.is_null() {
            let state = aggregate.start(cx);
            (*slot).state = Box::into_raw(Box::new(Group { state }));
        }
        Some((aggregate, slot))
    }
}

/// Runs `callback` on the state of the call's group, unless the group has failed.
fn in_group<A: Aggregate>(
    context: *mut ffi::sqlite3_context,
    callback: impl FnOnce(&A, &mut A::State, &mut Context<'_>),
) {
    guarded(context, |cx| {
        // SAFETY: called by SQLite for `A`; the group lives until `finish`.
        unsafe {
            let Some((aggregate, slot)) = group::<A>(context, cx) else {
                return;
            };
            if let Some(state) = &mut (*(*slot).state).state {
                callback(aggregate, state, cx);
            }
        }
    });
}

pub(crate) unsafe extern "C" fn step<A: Aggregate>(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes live arguments.
    let args = unsafe { Args::from_raw(argc, argv) };
    in_group::<A>(context, |aggregate, state, cx| {
        aggregate.step(state, args, cx);
    });
}

pub(crate) unsafe extern "C" fn inverse<A: Aggregate>(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes live arguments.
    let args = unsafe { Args::from_raw(argc, argv) };
    in_group::<A>(context, |aggregate, state, cx| {
        aggregate.inverse(state, args, cx);
    });
}

pub(crate) unsafe extern "C" fn value<A: Aggregate>(context: *mut ffi::sqlite3_context) {
    in_group::<A>(context, |aggregate, state, cx| {
        aggregate.value(state, cx);
    });
}

pub(crate) unsafe extern "C" fn finish<A: Aggregate>(context: *mut ffi::sqlite3_context) {
    guarded(context, |cx| {
        // SAFETY: as in `step`; this is SQLite's last call for the group, so its box is taken back.
        unsafe {
            let Some((aggregate, slot)) = group::<A>(context, cx) else {
                return;
            };
            let group = Box::from_raw(std::mem::replace(&mut (*slot).state, std::ptr::null_mut()));
            if let Some(state) = group.state {
                aggregate.finalize(state, cx);
            }
        }
    });
}

pub(crate) unsafe extern "C" fn destroy<T>(data: *mut c_void) {
    boundary((), || {
        // SAFETY: made by Box::into_raw when it was registered; SQLite calls this once.
        drop(unsafe { Box::from_raw(data.cast::<T>()) });
    });
}
