//! How much of its thread's stack the engine may take.
//!
//! It walks nested queries, views, triggers, foreign keys and pages of damaged files by recursion without
//! counting. All of these walks ask for memory, so the allocator refuses it while the stack is short:
//! the engine gives up as without memory, and `last_error` says why.

use std::cell::Cell;
use std::ptr;

/// What an answer to a refusal, and calls that ask for no memory, may still take.
pub(crate) const RESERVE: usize = 64 << 10;

struct Stack {
    /// Where it ends; 0 while that is not known.
    end: Cell<usize>,
    /// Below this address there is no memory.
    limit: Cell<usize>,
    compiling: Cell<bool>,
    refused: Cell<Option<&'static str>>,
}

thread_local! {
    // Constant and without a destructor: reading it is one load.
    static STACK: Stack = const {
        Stack {
            end: Cell::new(0),
            limit: Cell::new(0),
            compiling: Cell::new(false),
            refused: Cell::new(None),
        }
    };
}

pub(crate) const TOO_DEEP: &str = "VIEWs and/or subqueries nested too deep";
pub(crate) const PARSER: &str = "parser stack overflow";

#[inline]
fn here() -> usize {
    let marker = 0_u8;
    ptr::from_ref(std::hint::black_box(&marker)) as usize
}

/// Bytes that are left of this thread's stack; as good as no end where that is not known.
pub(crate) fn left() -> usize {
    STACK.with(|stack| here().saturating_sub(stack.end.get()))
}

/// Looks up the stack of this thread, once.
pub(crate) fn learn() {
    STACK.with(|stack| {
        if stack.end.get() != 0 {
            return;
        }
        let (end, size) = bounds().unwrap_or_default();
        // A thread with less would never get memory.
        if size >= 4 * RESERVE {
            stack.end.set(end);
            stack.limit.set(end + RESERVE);
        }
    });
}

/// Whether memory is to be refused.
#[inline]
pub(crate) fn is_short() -> bool {
    STACK.with(|stack| {
        let short = here() < stack.limit.get();
        if short {
            stack.refused.set(Some(TOO_DEEP));
        }
        short
    })
}

/// Whether this thread compiles a statement.
pub(crate) fn is_compiling() -> bool {
    STACK.with(|stack| stack.compiling.get())
}

pub(crate) fn refuse(reason: &'static str) {
    STACK.with(|stack| stack.refused.set(Some(reason)));
}

/// Why memory was refused since this was asked last.
pub(crate) fn take_refusal() -> Option<&'static str> {
    STACK.with(|stack| stack.refused.take())
}

/// While it lives, half of what is left of the stack may be used: some walks over a nested statement ask
/// for no memory, and take no more of the stack than those that did.
pub(crate) struct Compiling {
    limit: usize,
    compiling: bool,
}

impl Compiling {
    pub(crate) fn start() -> Self {
        STACK.with(|stack| {
            let (here, end) = (here(), stack.end.get());
            let limit = stack.limit.get();
            if end != 0 {
                let half = end + here.saturating_sub(end) / 2;
                stack.limit.set(half.max(limit));
            }
            stack.refused.set(None);
            Self {
                limit,
                compiling: stack.compiling.replace(true),
            }
        })
    }
}

impl Drop for Compiling {
    fn drop(&mut self) {
        STACK.with(|stack| {
            stack.limit.set(self.limit);
            stack.compiling.set(self.compiling);
        });
    }
}

/// The lowest address of this thread's stack, and its size.
#[cfg(target_os = "linux")]
fn bounds() -> Option<(usize, usize)> {
    use std::ffi::{c_int, c_ulong, c_void};

    extern "C" {
        fn pthread_self() -> c_ulong;
        fn pthread_getattr_np(thread: c_ulong, attributes: *mut c_void) -> c_int;
        fn pthread_attr_getstack(
            attributes: *const c_void,
            at: *mut *mut c_void,
            size: *mut usize,
        ) -> c_int;
        fn pthread_attr_destroy(attributes: *mut c_void) -> c_int;
    }
    // pthread_attr_t has at most 64 bytes.
    let mut attributes = [0_u64; 16];
    let attributes = attributes.as_mut_ptr().cast::<c_void>();
    let (mut at, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes are those of this thread, in enough memory, and destroyed once.
    let rc = unsafe {
        if pthread_getattr_np(pthread_self(), attributes) != 0 {
            return None;
        }
        let rc = pthread_attr_getstack(attributes, &raw mut at, &raw mut size);
        pthread_attr_destroy(attributes);
        rc
    };
    let end = at as usize;
    // For the main thread, musl reports only the part that is in use so far.
    if cfg!(target_env = "musl") && size < 1 << 20 {
        let whole = 8 << 20;
        return Some(((end + size).saturating_sub(whole), whole));
    }
    (rc == 0).then_some((end, size))
}

/// The lowest address of this thread's stack, and its size.
#[cfg(target_os = "macos")]
fn bounds() -> Option<(usize, usize)> {
    use std::ffi::c_void;

    extern "C" {
        fn pthread_self() -> *mut c_void;
        fn pthread_get_stackaddr_np(thread: *mut c_void) -> *mut c_void;
        fn pthread_get_stacksize_np(thread: *mut c_void) -> usize;
    }
    // SAFETY: asked about this thread.
    let (top, size) = unsafe {
        let thread = pthread_self();
        (
            pthread_get_stackaddr_np(thread) as usize,
            pthread_get_stacksize_np(thread),
        )
    };
    Some((top.checked_sub(size)?, size))
}

/// The lowest address of this thread's stack, and its size.
#[cfg(windows)]
fn bounds() -> Option<(usize, usize)> {
    #[link(name = "kernel32")]
    extern "system" {
        fn GetCurrentThreadStackLimits(low: *mut usize, high: *mut usize);
    }
    let (mut low, mut high) = (0, 0);
    // SAFETY: two places to write to.
    unsafe { GetCurrentThreadStackLimits(&raw mut low, &raw mut high) };
    Some((low, high.checked_sub(low)?))
}

/// That of WASM is below everything else in memory; `crates/node/build.rs` says how large.
#[cfg(target_family = "wasm")]
fn bounds() -> Option<(usize, usize)> {
    Some((1, 1 << 20))
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "macos",
    target_family = "wasm",
    windows
)))]
fn bounds() -> Option<(usize, usize)> {
    None
}
