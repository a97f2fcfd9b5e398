//! Work for several threads, which ends when it is done or interrupted: nothing outlives the call.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

/// Asked every few milliseconds, on the thread that called, with what is done and what there is to do. True: stop.
pub type Poll<'a> = dyn FnMut(usize, usize) -> bool + 'a;

/// Work was stopped by its [`Poll`], and nothing of it is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

const POLL_EVERY: Duration = Duration::from_millis(2);
/// Items a thread takes at once, if there are many: neighbours of each other, see [`super::order`].
const CHUNK: usize = super::order::RUN;
/// As many times each thread takes some, if there are few.
const TURNS: usize = 8;
/// More threads than this wait for each other.
const MAX_THREADS: usize = 8;

/// As many threads as there are cores, up to 8.
pub fn threads() -> usize {
    thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MAX_THREADS)
}

/// Calls `each` with the numbers below `count`, on that many threads with a state each, and gives the states.
pub(super) fn parallel<T: Send>(
    count: usize,
    threads: usize,
    poll: &mut Poll,
    make: impl Fn() -> T + Sync,
    each: impl Fn(&mut T, usize) + Sync,
) -> Result<Vec<T>, Interrupted> {
    let chunk = (count / (threads.max(1) * TURNS)).clamp(1, CHUNK);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let work = |asked: &mut dyn FnMut() -> bool| {
        let mut state = make();
        loop {
            let start = next.fetch_add(chunk, Relaxed);
            for i in start..count.min(start + chunk) {
                if asked() {
                    return state;
                }
                each(&mut state, i);
            }
            if start >= count {
                return state;
            }
        }
    };
    let wanted = threads.min(count.div_ceil(chunk));
    thread::scope(|scope| {
        // A thread that cannot be had is done without.
        let helpers: Vec<_> = (1..wanted)
            .map_while(|_| {
                Builder::new()
                    .spawn_scoped(scope, || work(&mut || stop.load(Relaxed)))
                    .ok()
            })
            .collect();
        let _guard = StopOnPanic(&stop);
        let mut polled = Instant::now();
        let mut states = vec![work(&mut || {
            if polled.elapsed() >= POLL_EVERY {
                stop.fetch_or(poll(next.load(Relaxed).min(count), count), Relaxed);
                polled = Instant::now();
            }
            stop.load(Relaxed)
        })];
        for helper in helpers {
            states.push(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        if stop.load(Relaxed) {
            Err(Interrupted)
        } else {
            Ok(states)
        }
    })
}

/// Stops the other threads if this one panics: it waits for them.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;

    #[test]
    fn every_number_is_met_once_whatever_the_threads() {
        for threads in [1, 2, 7] {
            for count in [0, 1, 15, 16, 17, 1000] {
                let mut all: Vec<usize> =
                    parallel(count, threads, &mut |_, _| false, Vec::new, Vec::push)
                        .unwrap()
                        .concat();
                all.sort_unstable();
                assert_eq!(all, (0..count).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_poll_stops_all_threads() {
        let calls = AtomicUsize::new(0);
        let mut polls = 0;
        let stopped = parallel(
            1_000_000,
            2,
            &mut |done, total| {
                assert!(done <= total);
                polls += 1;
                polls == 3
            },
            || (),
            |(), _| {
                calls.fetch_add(1, Relaxed);
                sleep(Duration::from_micros(100));
            },
        );
        assert_eq!(stopped, Err(Interrupted));
        assert_eq!(polls, 3);
        assert!(calls.load(Relaxed) < 1_000_000);
    }

    #[test]
    fn a_panic_of_the_caller_stops_the_others() {
        let calls = AtomicUsize::new(0);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut poll = |_, _| panic!("poll");
            let each = |(): &mut (), _| {
                calls.fetch_add(1, Relaxed);
                sleep(Duration::from_micros(100));
            };
            let _ = parallel(1_000_000, 2, &mut poll, || (), each);
        }));
        assert!(panicked.is_err());
        assert!(calls.load(Relaxed) < 1_000_000);
    }
}
