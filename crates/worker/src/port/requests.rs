//! Requests of a worker to a store that the front end has, several at a time, and their answers. They go neither
//! through blocks nor through jobs: a worker that waits for a page does nothing else.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::Wake;
use crate::protocol::StoreCall;
use crate::sync::{lock, wait, wait_for, Condvar, Mutex};

/// What a store is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which call
    pub call: StoreCall,
    /// Its keys; of `list`, the prefix
    pub keys: Vec<String>,
    /// The values of the keys, of calls that write
    pub values: Vec<Vec<u8>>,
}

/// What a store has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// Whether a key was created
    Created(bool),
    /// A value for each key
    Values(Vec<Option<Vec<u8>>>),
    /// Keys that were found
    Keys(Vec<String>),
    /// It failed.
    Failed {
        /// What it said
        message: String,
        /// It did not answer in time.
        timed_out: bool,
        /// What the front end knows the reason by
        reason: u32,
    },
}

pub struct Requests {
    state: Mutex<State>,
    answered: Condvar,
    wake: Option<Wake>,
}

#[derive(Default)]
struct State {
    /// The number of the last request.
    last: u32,
    waiting: VecDeque<(u32, Request)>,
    /// Those whose answer is still wanted.
    wanted: HashSet<u32>,
    answers: HashMap<u32, Reply>,
    /// Nobody answers any more.
    closed: bool,
}

impl Requests {
    /// `wake` has the front end take what is there; without it there is no store.
    pub fn new(wake: Option<Wake>) -> Self {
        Self {
            state: Mutex::default(),
            answered: Condvar::new(),
            wake,
        }
    }
}

// On the thread of the front end.
impl Requests {
    /// The next request, and its number.
    pub fn take(&self) -> Option<(u32, Request)> {
        lock(&self.state).waiting.pop_front()
    }

    /// Answers a request, unless the worker has given up waiting for it, or has its answer.
    pub fn answer(&self, number: u32, reply: Reply) {
        let mut state = lock(&self.state);
        if state.wanted.remove(&number) {
            state.answers.insert(number, reply);
            drop(state);
            self.answered.notify_one();
        }
    }

    /// Wakes a worker that waits for an answer: it checks whether it still has to wait.
    pub fn release(&self) {
        drop(lock(&self.state));
        self.answered.notify_one();
    }

    /// There is nobody any more who answers.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.answered.notify_one();
    }
}

// On the worker's thread.
impl Requests {
    /// Asks for something, and returns the number to wait for.
    pub fn ask(&self, request: Request) -> u32 {
        let mut state = lock(&self.state);
        let number = state.last.wrapping_add(1).max(1);
        state.last = number;
        state.wanted.insert(number);
        state.waiting.push_back((number, request));
        drop(state);
        if let Some(wake) = &self.wake {
            wake();
        }
        number
    }

    /// Waits for an answer. `None` after `gives_up`, or when nobody answers.
    pub fn wait(&self, number: u32, gives_up: impl Fn() -> bool) -> Option<Reply> {
        let mut state = lock(&self.state);
        loop {
            if let Some(reply) = state.answers.remove(&number) {
                return Some(reply);
            }
            if state.closed || gives_up() {
                state.forget(number);
                return None;
            }
            state = wait(&self.answered, state);
        }
    }

    /// The answer, if it is there.
    pub fn has_answer(&self, number: u32) -> bool {
        lock(&self.state).answers.contains_key(&number)
    }

    /// Nobody waits for that answer any more.
    pub fn forget(&self, number: u32) {
        lock(&self.state).forget(number);
    }

    /// Waits that long, unless it `gives_up`.
    pub fn pause(&self, time: Duration, gives_up: impl Fn() -> bool) {
        let state = lock(&self.state);
        if !state.closed && !gives_up() {
            // Woken early, the next call is made early.
            drop(wait_for(&self.answered, state, time));
        }
    }
}

impl State {
    fn forget(&mut self, number: u32) {
        self.wanted.remove(&number);
        self.answers.remove(&number);
        self.waiting.retain(|(waiting, _)| *waiting != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{model, thread, Arc};
    use crate::sync::{AtomicBool, Ordering};

    fn never() -> bool {
        false
    }

    fn request(key: &str) -> Request {
        Request {
            call: StoreCall::Get,
            keys: vec![key.into()],
            values: Vec::new(),
        }
    }

    /// A front end that sleeps until it is woken.
    #[derive(Default)]
    struct EventLoop {
        is_woken: Mutex<bool>,
        woken: Condvar,
    }

    impl EventLoop {
        fn requests(this: &Arc<Self>) -> Arc<Requests> {
            let this = this.clone();
            Arc::new(Requests::new(Some(Box::new(move || {
                *lock(&this.is_woken) = true;
                this.woken.notify_one();
            }))))
        }

        fn sleep(&self) {
            let mut is_woken = lock(&self.is_woken);
            while !*is_woken {
                is_woken = wait(&self.woken, is_woken);
            }
            *is_woken = false;
        }
    }

    fn value(byte: u8) -> Reply {
        Reply::Values(vec![Some(vec![byte])])
    }

    #[test]
    fn a_front_end_that_sleeps_is_woken_for_each_request_and_its_answers_reach_the_worker() {
        model(|| {
            let event_loop = Arc::new(EventLoop::default());
            let requests = EventLoop::requests(&event_loop);
            let worker = {
                let requests = requests.clone();
                thread::spawn(move || {
                    let numbers = ["a", "b"].map(|key| requests.ask(request(key)));
                    numbers.map(|number| requests.wait(number, never))
                })
            };
            let mut answered = 0;
            while answered < 2 {
                event_loop.sleep();
                while let Some((number, request)) = requests.take() {
                    requests.answer(number, value(request.keys[0].as_bytes()[0]));
                    answered += 1;
                }
            }
            assert_eq!(
                worker.join().unwrap(),
                [Some(value(b'a')), Some(value(b'b'))]
            );
        });
    }

    #[test]
    fn answers_come_in_any_order_and_once() {
        model(|| {
            let requests = Requests::new(None);
            let [a, b] = ["a", "b"].map(|key| requests.ask(request(key)));
            requests.answer(b, value(2));
            requests.answer(b, value(3));
            assert!(requests.has_answer(b) && !requests.has_answer(a));
            requests.answer(a, Reply::Done);
            requests.answer(7, Reply::Done);
            assert_eq!(requests.wait(a, never), Some(Reply::Done));
            assert_eq!(requests.wait(b, never), Some(value(2)));
            assert!(lock(&requests.state).answers.is_empty());
        });
    }

    #[test]
    fn a_worker_stops_waiting_when_it_is_released_and_gets_no_late_answer() {
        model(|| {
            let requests = Arc::new(Requests::new(None));
            let stopped = Arc::new(AtomicBool::new(false));
            let number = requests.ask(request("a"));
            let front_end = {
                let (requests, stopped) = (requests.clone(), stopped.clone());
                thread::spawn(move || {
                    stopped.store(true, Ordering::Relaxed);
                    requests.release();
                })
            };
            assert_eq!(
                requests.wait(number, || stopped.load(Ordering::Relaxed)),
                None
            );
            front_end.join().unwrap();
            assert_eq!(requests.take(), None);
            requests.answer(number, value(1));
            let next = requests.ask(request("b"));
            requests.answer(next, value(2));
            assert_eq!(requests.wait(next, never), Some(value(2)));
            assert!(lock(&requests.state).answers.is_empty());
        });
    }

    #[test]
    fn a_worker_stops_waiting_when_nobody_answers_any_more() {
        model(|| {
            let requests = Arc::new(Requests::new(None));
            let number = requests.ask(request("a"));
            let front_end = {
                let requests = requests.clone();
                thread::spawn(move || requests.close())
            };
            assert_eq!(requests.wait(number, never), None);
            front_end.join().unwrap();
            requests.pause(Duration::from_secs(1), never);
            let next = requests.ask(request("b"));
            assert_eq!(requests.wait(next, never), None);
        });
    }

    #[test]
    fn an_answer_and_giving_up_at_once_leave_nothing_behind() {
        model(|| {
            let requests = Arc::new(Requests::new(None));
            let number = requests.ask(request("a"));
            let front_end = {
                let requests = requests.clone();
                thread::spawn(move || {
                    let taken = requests.take().is_some();
                    requests.answer(number, value(1));
                    taken
                })
            };
            let reply = requests.wait(number, || true);
            let taken = front_end.join().unwrap();
            assert!(reply.is_none() || taken);
            let state = lock(&requests.state);
            assert!(state.answers.is_empty() && state.wanted.is_empty());
            assert!(state.waiting.is_empty());
        });
    }
}
