//! What the JavaScript thread and a worker share: messages in, blocks out, and the word to stop.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::Cancelled;
use crate::reply::{Block, Scratch};
use crate::writes::Writes;
use ferrolite_sqlite::Rules;

use crate::syncs::Syncs;
/// Blocks that may wait for JavaScript: about 6 MB. A worker that is further ahead waits.
const MAX_WAITING: usize = 64;

/// How long replies may wait for others that come with them: far less than waking the event loop for each
/// would take.
const GATHERING: Duration = Duration::from_micros(100);

/// How long a wait may miss the word to stop.
const TICK: Duration = Duration::from_millis(10);

/// How long either side looks out for the other before it sleeps: waking a thread takes about as long. Calls
/// that are awaited one by one would otherwise mostly wait for the two wake-ups.
const LOOKOUT: Duration = Duration::from_micros(30);

/// Wakes the event loop.
pub type Wake = Box<dyn Fn() + Send + Sync>;

pub struct Port {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    /// What a look from outside sees of the inbox and the outbox.
    has_message: AtomicBool,
    has_block: AtomicBool,
    /// JavaScript looks out for replies: it need not be woken.
    looks_out: AtomicBool,
    outbox: Mutex<VecDeque<Block>>,
    taken: Condvar,
    replied: Condvar,
    /// The job that runs is to end.
    cancelled: AtomicBool,
    /// All is to end: the environment goes down.
    stopping: AtomicBool,
    wake: Wake,
    /// Replies are there that JavaScript was not woken for.
    unannounced: AtomicBool,
    answer: Mutex<Question>,
    answered: Condvar,
    /// A function of JavaScript has failed in the job that runs.
    failed: AtomicBool,
    /// Rules that wait for the worker to take them over.
    authorizer: Mutex<Option<Rules>>,
    /// What this connection writes to a primary.
    pub writes: Writes,
    pub syncs: Syncs,
    /// Opening has succeeded or failed: others may go on.
    opened: Mutex<bool>,
    has_opened: Condvar,
}

/// The question that waits for an answer, and the answer.
#[derive(Default)]
struct Question {
    number: u32,
    answer: Option<Answer>,
}

/// What a function of JavaScript returned.
pub enum Answer {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
    /// It threw, which JavaScript remembers.
    Failed,
}

#[derive(Default)]
struct Inbox {
    messages: VecDeque<Vec<u8>>,
    /// Cancelled before they began.
    skipped: HashSet<u32>,
    /// The job that runs, and the last that ended.
    current: Option<u32>,
    ended: u32,
    closed: bool,
    /// The worker is to be woken.
    sleeps: bool,
    /// The last message came soon after the work before it.
    soon: bool,
}

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMessage {
    /// One may come.
    Yet,
    /// There will be no more.
    Closed,
}

fn look_for(flag: &AtomicBool) {
    let since = Instant::now();
    while !flag.load(Ordering::Acquire) && since.elapsed() < LOOKOUT {
        for _ in 0..16 {
            std::hint::spin_loop();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Port {
    pub fn new(wake: Wake) -> Self {
        Self {
            inbox: Mutex::default(),
            arrived: Condvar::new(),
            has_message: AtomicBool::new(false),
            has_block: AtomicBool::new(false),
            looks_out: AtomicBool::new(false),
            outbox: Mutex::default(),
            taken: Condvar::new(),
            replied: Condvar::new(),
            cancelled: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            wake,
            unannounced: AtomicBool::new(false),
            answer: Mutex::default(),
            answered: Condvar::new(),
            failed: AtomicBool::new(false),
            authorizer: Mutex::default(),
            writes: Writes::default(),
            syncs: Syncs::default(),
            opened: Mutex::default(),
            has_opened: Condvar::new(),
        }
    }

    // On the JavaScript thread.

    pub fn post(&self, message: Vec<u8>) {
        let mut inbox = lock(&self.inbox);
        inbox.messages.push_back(message);
        self.has_message.store(true, Ordering::Release);
        let sleeps = inbox.sleeps;
        drop(inbox);
        if sleeps {
            self.arrived.notify_one();
        }
    }

    /// Looks out for replies for a moment; true if there are any. The event loop is not woken for them.
    pub fn look_out(&self) -> bool {
        self.looks_out.store(true, Ordering::SeqCst);
        look_for(&self.has_block);
        self.looks_out.store(false, Ordering::SeqCst);
        // What came before the flag was down was not announced.
        !lock(&self.outbox).is_empty()
    }

    pub fn cancel(&self, id: u32) -> Cancelled {
        let mut inbox = lock(&self.inbox);
        if inbox.current == Some(id) {
            // Under the lock: the worker takes it before it begins another job.
            self.cancelled.store(true, Ordering::Relaxed);
            return Cancelled::Running;
        }
        // Numbers wrap around; far fewer than half of them are ever in flight.
        if id.wrapping_sub(inbox.ended).cast_signed() <= 0 {
            return Cancelled::Ended;
        }
        inbox.skipped.insert(id);
        Cancelled::Queued
    }

    /// Answers a question, unless the worker has given up waiting for it.
    pub fn answer(&self, question: u32, answer: Answer) {
        let mut asked = lock(&self.answer);
        if asked.number == question {
            asked.answer = Some(answer);
            self.answered.notify_one();
        }
    }

    pub fn leave_authorizer(&self, rules: Option<Rules>) {
        *lock(&self.authorizer) = rules;
    }

    /// Waits for replies, `limit` at most; true if there are any.
    pub fn wait(&self, limit: Duration) -> bool {
        let outbox = lock(&self.outbox);
        let waited = self
            .replied
            .wait_timeout_while(outbox, limit, |outbox| outbox.is_empty());
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }

    pub fn take(&self) -> Option<Block> {
        let mut outbox = lock(&self.outbox);
        let block = outbox.pop_front();
        self.has_block.store(!outbox.is_empty(), Ordering::Release);
        drop(outbox);
        if block.is_some() {
            self.taken.notify_one();
        }
        block
    }

    /// The worker ends when it has done all that was posted.
    pub fn close(&self) {
        lock(&self.inbox).closed = true;
        self.has_message.store(true, Ordering::Release);
        self.arrived.notify_one();
    }

    /// The worker ends as soon as it can.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.close();
        self.taken.notify_one();
    }

    // On the worker's thread.

    /// Opening has come to an end.
    pub fn set_opened(&self) {
        *lock(&self.opened) = true;
        self.has_opened.notify_all();
    }

    /// Waits for another worker to open what it has to, unless this one is to end.
    pub fn wait_for_opening(&self, other: &Self) {
        let mut opened = lock(&other.opened);
        while !*opened && !self.is_stopping() {
            let waited = other.has_opened.wait_timeout(opened, TICK);
            opened = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a message. `None` when there will be no more.
    pub fn receive(&self) -> Option<Vec<u8>> {
        self.receive_until(None).ok()
    }

    /// Waits for a message, until `end` at most.
    pub fn receive_until(&self, end: Option<Instant>) -> Result<Vec<u8>, NoMessage> {
        let mut inbox = lock(&self.inbox);
        inbox.current = None;
        let mut idle_since = None;
        loop {
            if self.is_stopping() {
                return Err(NoMessage::Closed);
            }
            if let Some(message) = inbox.messages.pop_front() {
                self.has_message
                    .store(!inbox.messages.is_empty(), Ordering::Release);
                // The next one is likely to come as this one did.
                inbox.soon = idle_since.is_none_or(|since: Instant| since.elapsed() < 4 * LOOKOUT);
                return Ok(message);
            }
            self.announce();
            if inbox.closed {
                return Err(NoMessage::Closed);
            }
            if idle_since.is_none() {
                idle_since = Some(Instant::now());
                if inbox.soon {
                    drop(inbox);
                    look_for(&self.has_message);
                    inbox = lock(&self.inbox);
                    continue;
                }
            }
            inbox.sleeps = true;
            inbox = match end {
                None => {
                    let waited = self.arrived.wait(inbox);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        inbox.sleeps = false;
                        return Err(NoMessage::Yet);
                    }
                    let waited = self.arrived.wait_timeout(inbox, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            inbox.sleeps = false;
        }
    }

    /// Whether a message is there, or there will be none.
    pub fn has_message(&self) -> bool {
        self.has_message.load(Ordering::Acquire)
    }

    /// A message, if one is there.
    pub fn try_receive(&self) -> Option<Vec<u8>> {
        let mut inbox = lock(&self.inbox);
        let message = inbox.messages.pop_front();
        self.has_message
            .store(!inbox.messages.is_empty(), Ordering::Release);
        message
    }

    /// Whether JavaScript still waits for a job that runs together with others: cancelling one of them is for
    /// JavaScript alone.
    pub fn wants(&self, id: u32) -> bool {
        !lock(&self.inbox).skipped.contains(&id)
    }

    /// The job before it has ended and this one begins; false if it was cancelled.
    pub fn begin(&self, id: u32) -> bool {
        let mut inbox = lock(&self.inbox);
        self.cancelled.store(false, Ordering::Relaxed);
        inbox.current = Some(id);
        inbox.skipped.is_empty() || !inbox.skipped.remove(&id)
    }

    /// The job has ended: from here on nothing cancels it. Its reply is sent after this.
    pub fn end(&self, id: u32) {
        let mut inbox = lock(&self.inbox);
        inbox.current = None;
        inbox.ended = id;
        if !inbox.skipped.is_empty() {
            inbox.skipped.remove(&id);
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || self.is_stopping()
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The number of the question that is asked next; 0 is for those without an answer.
    pub fn next_question(&self) -> u32 {
        let mut asked = lock(&self.answer);
        asked.number = asked.number.wrapping_add(1).max(1);
        asked.answer = None;
        asked.number
    }

    /// `None` if the function failed, or if the job was cancelled meanwhile.
    pub fn wait_for_answer(&self, question: u32) -> Option<Answer> {
        let mut asked = lock(&self.answer);
        loop {
            if let Some(answer) = asked.answer.take() {
                let failed = matches!(answer, Answer::Failed);
                self.failed.fetch_or(failed, Ordering::Relaxed);
                return (!failed).then_some(answer);
            }
            if self.is_cancelled() {
                debug_assert_eq!(asked.number, question);
                asked.number = asked.number.wrapping_add(1).max(1);
                return None;
            }
            let waited = self.answered.wait_timeout(asked, TICK);
            asked = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether a function has failed since this was asked last.
    pub fn has_failed(&self) -> bool {
        self.failed.swap(false, Ordering::Relaxed)
    }

    pub fn take_authorizer(&self) -> Option<Rules> {
        lock(&self.authorizer).take()
    }

    /// Wakes JavaScript if there is something for it.
    pub fn announce(&self) {
        if self.unannounced.swap(false, Ordering::AcqRel) && !self.looks_out.load(Ordering::SeqCst)
        {
            (self.wake)();
        }
    }

    /// Sends what is packed, and wakes JavaScript for it.
    pub fn send(&self, scratch: &mut Scratch) {
        self.send_with_others(scratch);
        self.announce();
    }

    /// Sends what is packed; JavaScript is woken when the worker has nothing else to do, when what it does
    /// takes long, or for a later reply. Waits while JavaScript is far behind, unless the job is cancelled.
    pub fn send_with_others(&self, scratch: &mut Scratch) {
        if !scratch.has_parts() {
            return;
        }
        let mut outbox = lock(&self.outbox);
        while outbox.len() >= MAX_WAITING && !self.is_cancelled() {
            self.announce();
            let waited = self.taken.wait_timeout(outbox, TICK);
            outbox = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match outbox.back_mut() {
            Some(last) if last.fits(scratch) => last.append(scratch),
            _ => {
                let mut block = Block::default();
                block.append(scratch);
                outbox.push_back(block);
            }
        }
        self.has_block.store(true, Ordering::Release);
        drop(outbox);
        self.replied.notify_one();
        self.unannounced.store(true, Ordering::Release);
    }

    /// Whether so much waits for JavaScript that what nobody waits for is better left out.
    pub fn is_behind(&self) -> bool {
        lock(&self.outbox).len() >= MAX_WAITING / 2
    }

    /// Whether replies have waited long enough for others.
    pub fn has_gathered(since: Instant) -> bool {
        since.elapsed() >= GATHERING
    }
}
