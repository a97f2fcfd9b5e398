//! What the front end and a worker share: messages in, blocks out, questions and answers, requests to a store, and
//! flags that interrupt it or shut it down.
//! The methods are grouped by the thread that calls them.

mod gate;
mod inbox;
mod outbox;
mod questions;
mod requests;

use std::time::Duration;

use crate::block::{Block, Packer};
use crate::exchange::Exchange;
use crate::job::Rules;
use crate::protocol::Interrupted;
use crate::sync::{lock, Instant, Mutex};
use crate::syncs::Syncs;
use crate::write_counter::WriteCounter;
use gate::Gate;
use inbox::Inbox;
pub use inbox::NoMessage;
use outbox::Outbox;
pub use questions::Answer;
use questions::Questions;
use requests::Requests;
pub use requests::{Reply as StoreReply, Request as StoreRequest};

/// How long either side spins for the other before it sleeps: waking a thread takes about as long. Calls that are
/// awaited one by one would otherwise mostly wait for the two wake-ups.
const SPIN: Duration = Duration::from_micros(30);

/// Wakes the front end, from any thread.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// The two queues between a front end and a worker, and what else they share.
pub struct Port {
    inbox: Inbox,
    outbox: Outbox,
    questions: Questions,
    requests: Requests,
    /// Opening has succeeded or failed.
    gate: Gate,
    /// Rules that wait for the worker to take them over.
    authorizer: Mutex<Option<Rules>>,
    /// What a resident database has for its worker, and the other way round.
    pub exchange: Exchange,
    /// What this connection writes to a primary.
    pub write_counter: WriteCounter,
    /// When a replica was synced, and whether the front end is notified of it.
    pub syncs: Syncs,
}

impl Port {
    /// A port whose front end is woken by `wake`.
    pub fn new(wake: Wake) -> Self {
        Self::with_store(wake, None)
    }

    /// The same; `wake_store` has the front end take requests to its store.
    pub fn with_store(wake: Wake, wake_store: Option<Wake>) -> Self {
        Self {
            inbox: Inbox::default(),
            outbox: Outbox::new(wake),
            questions: Questions::default(),
            requests: Requests::new(wake_store),
            gate: Gate::default(),
            authorizer: Mutex::default(),
            exchange: Exchange::default(),
            write_counter: WriteCounter::default(),
            syncs: Syncs::default(),
        }
    }
}

/// On the thread of the front end.
impl Port {
    /// Sends jobs to the worker.
    pub fn post(&self, message: Vec<u8>) {
        self.inbox.post(message);
    }

    /// Keeps a job from beginning, or ends it.
    pub fn interrupt(&self, id: u32) -> Interrupted {
        let found = self.inbox.interrupt(id);
        if found == Interrupted::Running {
            self.release();
        }
        found
    }

    /// Wakes a worker that waits for the front end: it checks whether it still has to wait.
    fn release(&self) {
        self.outbox.release();
        self.questions.release();
        self.requests.release();
    }

    /// Spins for replies; true if there are any. The front end is not woken for them.
    pub fn spin(&self) -> bool {
        self.outbox.spin()
    }

    /// Waits for replies, `limit` at most; true if there are any.
    pub fn wait(&self, limit: Duration) -> bool {
        self.outbox.wait(limit)
    }

    /// The next block of replies.
    pub fn take(&self) -> Option<Block> {
        self.outbox.take()
    }

    /// Returns a block that was read: its memory is used again.
    pub fn give_back(&self, block: Block) {
        self.outbox.give_back(block);
    }

    /// Answers a question, unless the worker has given up waiting for it.
    pub fn answer(&self, question: u32, answer: Answer) {
        self.questions.answer(question, answer);
    }

    /// The next request to the store, and its number.
    pub fn take_request(&self) -> Option<(u32, StoreRequest)> {
        self.requests.take()
    }

    /// Answers it, unless the worker has given up waiting for it.
    pub fn answer_request(&self, number: u32, reply: StoreReply) {
        self.requests.answer(number, reply);
    }

    /// Leaves an authorizer, or none, for the job that takes it over.
    pub fn leave_authorizer(&self, rules: Option<Rules>) {
        *lock(&self.authorizer) = rules;
    }

    /// The worker ends when it has done all that was posted, and nobody answers it any more.
    pub fn close(&self) {
        self.inbox.close();
        self.requests.close();
    }

    /// The worker ends as soon as it can.
    pub fn shut_down(&self) {
        self.inbox.shut_down();
        self.release();
    }
}

/// On the worker's thread.
impl Port {
    /// Opening has come to an end.
    pub fn set_opened(&self) {
        self.gate.open();
    }

    /// Waits for another worker to open what it has to, unless this one is to end.
    pub fn wait_for_opening(&self, other: &Self) {
        other.gate.pass(|| self.is_shutting_down());
    }

    /// Waits for a message. `None` when there will be no more.
    pub fn receive(&self) -> Option<Vec<u8>> {
        self.receive_until(None).ok()
    }

    /// Waits for a message, until `end` at most.
    pub fn receive_until(&self, end: Option<Instant>) -> Result<Vec<u8>, NoMessage> {
        self.inbox.receive(end, || self.notify())
    }

    /// A message, if one is there.
    pub fn try_receive(&self) -> Option<Vec<u8>> {
        self.inbox.try_receive()
    }

    /// Whether a message is there, or there will be none.
    pub fn has_message(&self) -> bool {
        self.inbox.has_message()
    }

    /// A job is going to run together with others; false if it was interrupted before.
    pub fn take_job(&self, id: u32) -> bool {
        self.inbox.take(id)
    }

    /// Whether such a job is still wanted.
    pub fn wants(&self, id: u32) -> bool {
        self.inbox.wants(id)
    }

    /// A job begins; false if it was interrupted before.
    pub fn begin(&self, id: u32) -> bool {
        self.inbox.begin(id)
    }

    /// The job has ended: from here on nothing interrupts it. Its reply is sent after this.
    pub fn end(&self, id: u32) {
        self.inbox.end(id);
    }

    /// Whether the job that runs is to end.
    pub fn is_interrupted(&self) -> bool {
        self.inbox.is_interrupted()
    }

    /// Whether the worker is to end without doing what was posted.
    pub fn is_shutting_down(&self) -> bool {
        self.inbox.is_shutting_down()
    }

    /// The number of the question that is asked next.
    pub fn next_question(&self) -> u32 {
        self.questions.next()
    }

    /// Waits for the answer to the last question. `None` if the function failed, or if the job was interrupted
    /// meanwhile.
    pub fn wait_for_answer(&self) -> Option<Answer> {
        self.questions.wait(|| self.is_interrupted())
    }

    /// Asks the store for something, and returns the number to wait for.
    pub fn request(&self, request: StoreRequest) -> u32 {
        self.requests.ask(request)
    }

    /// Waits for what the store answers. `None` after `gives_up`, or when nobody answers any more.
    pub fn wait_for_store(&self, number: u32, gives_up: impl Fn() -> bool) -> Option<StoreReply> {
        self.requests.wait(number, gives_up)
    }

    /// Whether the store has answered.
    pub fn has_store_reply(&self, number: u32) -> bool {
        self.requests.has_answer(number)
    }

    /// Nobody waits for what the store answers any more.
    pub fn forget_request(&self, number: u32) {
        self.requests.forget(number);
    }

    /// Waits that long before the store is asked again, unless it `gives_up`.
    pub fn pause(&self, time: Duration, gives_up: impl Fn() -> bool) {
        self.requests.pause(time, gives_up);
    }

    /// Whether a function has failed since this was asked last.
    pub fn has_failed(&self) -> bool {
        self.questions.has_failed()
    }

    /// Takes over the authorizer that was left.
    pub fn take_authorizer(&self) -> Option<Rules> {
        lock(&self.authorizer).take()
    }

    /// Whether so many blocks wait for the front end that a worker should leave out what nobody waits for.
    pub fn is_behind(&self) -> bool {
        self.outbox.is_behind()
    }

    /// Wakes the front end if there is something for it.
    pub fn notify(&self) {
        self.outbox.notify();
    }

    /// Sends what is packed, and wakes the front end for it.
    pub fn send(&self, packer: &mut Packer) {
        self.send_with_others(packer);
        self.notify();
    }

    /// Sends what is packed; the front end is woken when the worker has nothing else to do, when what it does takes
    /// long, or for a later reply. Waits while the front end is far behind, unless the job is interrupted.
    pub fn send_with_others(&self, packer: &mut Packer) {
        if packer.has_parts() {
            self.outbox.push(packer, || self.is_interrupted());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::testing::{packed, unpacked};
    use crate::protocol::StoreCall;
    use crate::sync::testing::{model, thread, Arc};

    fn port() -> Arc<Port> {
        Arc::new(Port::new(Box::new(|| {})))
    }

    fn request() -> StoreRequest {
        StoreRequest {
            call: StoreCall::Get,
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    /// A worker whose jobs are the bytes of messages: it replies with their numbers.
    fn serve(port: &Port) {
        while let Some(message) = port.receive() {
            for id in message {
                let reply = if port.begin(id.into()) { 1 } else { -1 };
                port.end(id.into());
                port.send_with_others(&mut packed(reply * i32::from(id)));
            }
        }
    }

    #[test]
    fn every_job_that_was_posted_before_the_end_has_a_reply() {
        model(|| {
            let port = port();
            let worker = {
                let port = port.clone();
                thread::spawn(move || serve(&port))
            };
            port.post(vec![1, 2]);
            let found = port.interrupt(2);
            port.close();
            let mut all = Vec::new();
            while all.len() < 2 {
                port.wait(Duration::from_secs(1));
                all.extend(port.take().iter().flat_map(unpacked));
            }
            let expected = if found == Interrupted::Queued { -2 } else { 2 };
            assert_eq!(all, [1, expected]);
            worker.join().unwrap();
        });
    }

    #[test]
    fn a_worker_ends_wherever_it_waits() {
        let waits: [fn(&Port); 3] = [
            |port| assert_eq!(port.receive(), None),
            |port| {
                port.begin(1);
                port.next_question();
                assert_eq!(port.wait_for_answer(), None);
            },
            |port| {
                let number = port.request(request());
                let gives_up = || port.is_shutting_down();
                assert_eq!(port.wait_for_store(number, gives_up), None);
            },
        ];
        for wait in waits {
            model(move || {
                let port = port();
                let worker = {
                    let port = port.clone();
                    thread::spawn(move || wait(&port))
                };
                port.shut_down();
                worker.join().unwrap();
            });
        }
    }

    #[test]
    fn a_job_that_waits_for_an_answer_can_be_cancelled() {
        model(|| {
            let port = port();
            let worker = {
                let port = port.clone();
                thread::spawn(move || {
                    let began = port.begin(1);
                    port.next_question();
                    // Nobody answers: only the interrupting ends it.
                    let answer = if began { port.wait_for_answer() } else { None };
                    port.end(1);
                    answer
                })
            };
            assert_ne!(port.interrupt(1), Interrupted::Ended);
            assert_eq!(worker.join().unwrap(), None);
        });
    }

    /// A job that waits for the store, and is cancelled and then answered: `None` if it did not begin, or what it got.
    fn cancelled(decides: bool) -> Option<bool> {
        let port = port();
        let number = port.request(request());
        let worker = {
            let port = port.clone();
            thread::spawn(move || {
                let began = port.begin(1);
                let gives_up = || port.is_shutting_down() || !decides && port.is_interrupted();
                let reply = began.then(|| port.wait_for_store(number, gives_up).is_some());
                port.end(1);
                reply
            })
        };
        port.interrupt(1);
        if decides {
            port.answer_request(number, StoreReply::Done);
        }
        worker.join().unwrap()
    }

    #[test]
    fn a_job_that_reads_from_a_store_can_be_cancelled() {
        model(|| assert_ne!(cancelled(false), Some(true)));
    }

    #[test]
    fn a_job_that_decides_about_a_transaction_waits_for_the_answer() {
        model(|| assert_ne!(cancelled(true), Some(false)));
    }

    #[test]
    fn who_waits_for_another_to_open_goes_on_when_it_has() {
        model(|| {
            let (port, other) = (port(), port());
            let worker = {
                let other = other.clone();
                thread::spawn(move || port.wait_for_opening(&other))
            };
            other.set_opened();
            worker.join().unwrap();
        });
    }
}
