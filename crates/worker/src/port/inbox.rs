//! Messages for a worker, and which of their jobs run.

use std::collections::{HashSet, VecDeque};

use super::SPIN;
use crate::protocol::Interrupted;
use crate::sync::{lock, spin, wait, wait_for, AtomicBool, Condvar, Instant, Mutex, Ordering};

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMessage {
    /// One may come.
    Yet,
    /// There will be no more.
    Closed,
}

#[derive(Default)]
pub struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
    /// What is seen of the messages without the lock; also true when there will be none.
    has_message: AtomicBool,
    /// The job that runs is to end.
    interrupted: AtomicBool,
    /// All is to end.
    shutting_down: AtomicBool,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Vec<u8>>,
    /// Interrupted before they began.
    skipped: HashSet<u32>,
    /// The job that runs, and the last that ended.
    current: Option<u32>,
    ended: u32,
    /// The last of those that run together with others.
    taken: Option<u32>,
    closed: bool,
    /// The worker is to be woken.
    sleeps: bool,
    /// The last message came soon after the work before it.
    soon: bool,
}

// On the thread of the front end.
impl Inbox {
    pub fn post(&self, message: Vec<u8>) {
        let mut state = lock(&self.state);
        state.messages.push_back(message);
        self.has_message.store(true, Ordering::Release);
        let sleeps = state.sleeps;
        drop(state);
        if sleeps {
            self.arrived.notify_one();
        }
    }

    pub fn interrupt(&self, id: u32) -> Interrupted {
        let mut state = lock(&self.state);
        if state.current == Some(id) {
            // Under the lock: the worker takes it before it begins another job.
            self.interrupted.store(true, Ordering::Relaxed);
            return Interrupted::Running;
        }
        // Numbers wrap around; far fewer than half of them are ever in flight.
        if id.wrapping_sub(state.ended).cast_signed() <= 0 {
            return Interrupted::Ended;
        }
        state.skipped.insert(id);
        match state.taken {
            Some(taken) if id.wrapping_sub(taken).cast_signed() <= 0 => Interrupted::Sent,
            _ => Interrupted::Queued,
        }
    }

    /// There will be no more messages.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.has_message.store(true, Ordering::Release);
        self.arrived.notify_one();
    }

    /// What has come already is not read any more, either.
    pub fn shut_down(&self) {
        self.shutting_down.store(true, Ordering::Relaxed);
        self.close();
    }
}

// On the worker's thread.
impl Inbox {
    /// Waits for a message, until `end` at most. `sleeps` is called before the worker does nothing.
    pub fn receive(&self, end: Option<Instant>, sleeps: impl Fn()) -> Result<Vec<u8>, NoMessage> {
        let mut state = lock(&self.state);
        state.current = None;
        let mut idle_since: Option<Instant> = None;
        loop {
            if self.is_shutting_down() {
                return Err(NoMessage::Closed);
            }
            if let Some(message) = state.messages.pop_front() {
                let has_message = !state.messages.is_empty() || state.closed;
                self.has_message.store(has_message, Ordering::Release);
                // The next one is likely to come as this one did.
                state.soon = idle_since.is_none_or(|since| since.elapsed() < 4 * SPIN);
                return Ok(message);
            }
            sleeps();
            if state.closed {
                return Err(NoMessage::Closed);
            }
            if idle_since.is_none() {
                idle_since = Some(Instant::now());
                if state.soon {
                    drop(state);
                    spin(&self.has_message, SPIN);
                    state = lock(&self.state);
                    continue;
                }
            }
            state.sleeps = true;
            state = match end {
                None => wait(&self.arrived, state),
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.sleeps = false;
                        return Err(NoMessage::Yet);
                    }
                    wait_for(&self.arrived, state, left)
                }
            };
            state.sleeps = false;
        }
    }

    /// A message, if one is there.
    pub fn try_receive(&self) -> Option<Vec<u8>> {
        let mut state = lock(&self.state);
        let message = state.messages.pop_front();
        let has_message = !state.messages.is_empty() || state.closed;
        self.has_message.store(has_message, Ordering::Release);
        message
    }

    /// Whether a message is there, or there will be none.
    pub fn has_message(&self) -> bool {
        self.has_message.load(Ordering::Acquire)
    }

    /// A job is going to run together with others; false if it was interrupted before.
    pub fn take(&self, id: u32) -> bool {
        let mut state = lock(&self.state);
        state.taken = Some(id);
        !state.skipped.contains(&id)
    }

    /// Whether such a job is still wanted.
    pub fn wants(&self, id: u32) -> bool {
        !lock(&self.state).skipped.contains(&id)
    }

    /// The job before it has ended and this one begins; false if it was interrupted.
    pub fn begin(&self, id: u32) -> bool {
        let mut state = lock(&self.state);
        self.interrupted.store(false, Ordering::Relaxed);
        state.current = Some(id);
        state.skipped.is_empty() || !state.skipped.remove(&id)
    }

    /// The job has ended: from here on nothing interrupts it.
    pub fn end(&self, id: u32) {
        let mut state = lock(&self.state);
        state.current = None;
        state.ended = id;
        if !state.skipped.is_empty() {
            state.skipped.remove(&id);
        }
    }

    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.is_shutting_down()
    }

    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{model, thread, Arc};

    fn receive(inbox: &Inbox) -> Option<Vec<u8>> {
        inbox.receive(None, || {}).ok()
    }

    #[test]
    fn messages_arrive_in_their_order_and_then_the_end() {
        model(|| {
            let inbox = Arc::new(Inbox::default());
            let worker = {
                let inbox = inbox.clone();
                thread::spawn(move || std::iter::from_fn(|| receive(&inbox)).flatten().collect())
            };
            inbox.post(vec![1]);
            inbox.post(vec![2, 3]);
            inbox.close();
            let all: Vec<u8> = worker.join().unwrap();
            assert_eq!(all, [1, 2, 3]);
        });
    }

    #[test]
    fn a_message_soon_after_another_is_not_missed() {
        model(|| {
            let inbox = Arc::new(Inbox::default());
            inbox.post(vec![1]);
            assert_eq!(receive(&inbox), Some(vec![1]));
            let front_end = {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.post(vec![2]))
            };
            // It spins, and then sleeps.
            assert_eq!(receive(&inbox), Some(vec![2]));
            front_end.join().unwrap();
        });
    }

    #[test]
    fn a_worker_that_sleeps_is_woken_for_the_end() {
        model(|| {
            let inbox = Arc::new(Inbox::default());
            let worker = {
                let inbox = inbox.clone();
                thread::spawn(move || receive(&inbox))
            };
            inbox.shut_down();
            assert_eq!(worker.join().unwrap(), None);
            assert!(inbox.is_shutting_down() && inbox.is_interrupted() && inbox.has_message());
        });
    }

    #[test]
    fn what_was_posted_before_the_end_is_done_but_after_shut_down_it_is_not() {
        model(|| {
            let inbox = Inbox::default();
            inbox.post(vec![1]);
            inbox.close();
            assert_eq!(receive(&inbox), Some(vec![1]));
            assert!(inbox.has_message());
            inbox.post(vec![2]);
            inbox.shut_down();
            assert_eq!(receive(&inbox), None);
        });
    }

    #[test]
    fn without_a_message_in_time_there_is_none_yet() {
        model(|| {
            let inbox = Inbox::default();
            let outcome = inbox.receive(Some(Instant::now()), || {});
            assert_eq!(outcome, Err(NoMessage::Yet));
            assert!(!inbox.has_message());
            assert_eq!(inbox.try_receive(), None);
        });
    }

    #[test]
    fn interrupting_finds_a_job_queued_running_or_ended() {
        model(|| {
            let inbox = Inbox::default();
            assert_eq!(inbox.interrupt(2), Interrupted::Queued);
            assert!(!inbox.wants(2));
            assert!(inbox.begin(1));
            assert_eq!(inbox.interrupt(1), Interrupted::Running);
            assert!(inbox.is_interrupted());
            inbox.end(1);
            assert_eq!(inbox.interrupt(1), Interrupted::Ended);
            assert!(!inbox.begin(2));
            assert!(!inbox.is_interrupted());
            inbox.end(2);
            assert!(inbox.wants(2));
        });
    }

    #[test]
    fn jobs_that_run_together_are_sent_or_will_not_run() {
        model(|| {
            let inbox = Arc::new(Inbox::default());
            let front_end = {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.interrupt(2))
            };
            let takes = [inbox.take(1), inbox.take(2)];
            let found = front_end.join().unwrap();
            assert_eq!(takes, [true, found == Interrupted::Sent]);
            assert_eq!(inbox.interrupt(1), Interrupted::Sent);
            assert!(!inbox.wants(1) && !inbox.wants(2));
            assert_eq!(inbox.interrupt(3), Interrupted::Queued);
            inbox.end(1);
            inbox.end(2);
            assert_eq!(inbox.interrupt(2), Interrupted::Ended);
        });
    }

    #[test]
    fn numbers_of_jobs_wrap_around() {
        model(|| {
            let inbox = Inbox::default();
            inbox.end(u32::MAX);
            assert_eq!(inbox.interrupt(u32::MAX), Interrupted::Ended);
            assert_eq!(inbox.interrupt(1), Interrupted::Queued);
            inbox.end(2);
            assert_eq!(inbox.interrupt(u32::MAX), Interrupted::Ended);
            assert_eq!(inbox.interrupt(2), Interrupted::Ended);
        });
    }

    #[test]
    fn interrupting_a_job_never_ends_the_next_one() {
        model(|| {
            let inbox = Arc::new(Inbox::default());
            let front_end = {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.interrupt(1))
            };
            let began = inbox.begin(1);
            let saw = inbox.is_interrupted();
            inbox.end(1);
            assert!(inbox.begin(2));
            assert!(!inbox.is_interrupted());
            match front_end.join().unwrap() {
                Interrupted::Queued => assert!(!began),
                Interrupted::Running => assert!(began),
                Interrupted::Ended => assert!(began && !saw),
                Interrupted::Sent => unreachable!("nothing runs together"),
            }
            assert!(!inbox.is_interrupted());
        });
    }
}
