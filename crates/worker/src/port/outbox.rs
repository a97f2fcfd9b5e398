//! Blocks of replies for the front end, and its wake-up.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Wake, SPIN};
use crate::block::{Block, Packer};
use crate::sync::{lock, spin, wait, wait_for, AtomicBool, Condvar, Mutex, Ordering};

/// Blocks that may wait for the front end: about 6 MB. A worker that is further ahead waits.
pub const MAX_WAITING: usize = 64;

pub struct Outbox {
    blocks: Mutex<Blocks>,
    taken: Condvar,
    replied: Condvar,
    /// What is seen of the blocks without the lock.
    has_block: AtomicBool,
    /// The front end spins for replies: it need not be woken.
    spins: AtomicBool,
    /// Replies are there that the front end was not notified of.
    unnotified: AtomicBool,
    wake: Wake,
}

#[derive(Default)]
struct Blocks {
    waiting: VecDeque<Block>,
    /// A block that was read, whose memory the next one uses.
    spare: Option<Block>,
}

impl Outbox {
    pub fn new(wake: Wake) -> Self {
        Self {
            blocks: Mutex::default(),
            taken: Condvar::new(),
            replied: Condvar::new(),
            has_block: AtomicBool::new(false),
            spins: AtomicBool::new(false),
            unnotified: AtomicBool::new(false),
            wake,
        }
    }
}

// On the thread of the front end.
impl Outbox {
    /// Spins for replies; true if there are any. The front end is not woken for them.
    pub fn spin(&self) -> bool {
        self.spins.store(true, Ordering::SeqCst);
        spin(&self.has_block, SPIN);
        self.spins.store(false, Ordering::SeqCst);
        // What came before the flag was down was not notified.
        !lock(&self.blocks).waiting.is_empty()
    }

    /// Waits for replies, `limit` at most; true if there are any.
    pub fn wait(&self, limit: Duration) -> bool {
        let mut blocks = lock(&self.blocks);
        if blocks.waiting.is_empty() {
            // Woken for nothing, it is asked again.
            blocks = wait_for(&self.replied, blocks, limit);
        }
        !blocks.waiting.is_empty()
    }

    pub fn take(&self) -> Option<Block> {
        let mut blocks = lock(&self.blocks);
        let block = blocks.waiting.pop_front();
        let has_block = !blocks.waiting.is_empty();
        self.has_block.store(has_block, Ordering::Release);
        drop(blocks);
        if block.is_some() {
            self.taken.notify_one();
        }
        block
    }

    /// Takes back a block that was read.
    pub fn give_back(&self, mut block: Block) {
        if block.recycle() {
            lock(&self.blocks).spare = Some(block);
        }
    }

    /// Wakes a worker that waits for space: it checks whether it still has to wait.
    pub fn release(&self) {
        drop(lock(&self.blocks));
        self.taken.notify_one();
    }
}

// On the worker's thread.
impl Outbox {
    /// Adds what is packed. Waits while the front end is far behind, unless `gives_up`.
    pub fn push(&self, packer: &mut Packer, gives_up: impl Fn() -> bool) {
        let mut blocks = lock(&self.blocks);
        while blocks.waiting.len() >= MAX_WAITING && !gives_up() {
            self.notify();
            blocks = wait(&self.taken, blocks);
        }
        match blocks.waiting.back_mut() {
            Some(last) if last.fits(packer) => last.append(packer),
            _ => {
                let spare = blocks.spare.take();
                blocks.waiting.push_back(packer.take_block(spare));
            }
        }
        self.has_block.store(true, Ordering::Release);
        drop(blocks);
        self.replied.notify_one();
        self.unnotified.store(true, Ordering::Release);
    }

    /// Whether so many blocks wait for the front end that a worker should leave out what nobody waits for.
    pub fn is_behind(&self) -> bool {
        lock(&self.blocks).waiting.len() >= MAX_WAITING / 2
    }

    /// Wakes the front end if there is something for it.
    pub fn notify(&self) {
        if self.unnotified.swap(false, Ordering::AcqRel) && !self.spins.load(Ordering::SeqCst) {
            (self.wake)();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::testing::{packed, unpacked};
    use crate::sync::testing::{model, thread, Arc};

    /// A front end that sleeps until it is woken.
    #[derive(Default)]
    struct EventLoop {
        is_woken: Mutex<bool>,
        woken: Condvar,
    }

    impl EventLoop {
        fn outbox(this: &Arc<Self>) -> Arc<Outbox> {
            let this = this.clone();
            Arc::new(Outbox::new(Box::new(move || {
                *lock(&this.is_woken) = true;
                this.woken.notify_one();
            })))
        }

        fn sleep(&self) {
            let mut is_woken = lock(&self.is_woken);
            while !*is_woken {
                is_woken = wait(&self.woken, is_woken);
            }
            *is_woken = false;
        }
    }

    fn never() -> bool {
        false
    }

    fn take_all(outbox: &Outbox) -> Vec<i32> {
        let blocks = std::iter::from_fn(|| outbox.take());
        blocks.flat_map(|block| unpacked(&block)).collect()
    }

    #[test]
    fn a_front_end_that_sleeps_is_woken_for_every_reply() {
        model(|| {
            let event_loop = Arc::new(EventLoop::default());
            let outbox = EventLoop::outbox(&event_loop);
            let worker = {
                let outbox = outbox.clone();
                thread::spawn(move || {
                    for number in [1, 2] {
                        outbox.push(&mut packed(number), never);
                        outbox.notify();
                    }
                })
            };
            let mut all = Vec::new();
            while all.len() < 2 {
                event_loop.sleep();
                all.extend(take_all(&outbox));
            }
            assert_eq!(all, [1, 2]);
            worker.join().unwrap();
        });
    }

    #[test]
    fn a_front_end_that_spins_finds_the_reply_or_is_woken() {
        model(|| {
            let event_loop = Arc::new(EventLoop::default());
            let outbox = EventLoop::outbox(&event_loop);
            let worker = {
                let outbox = outbox.clone();
                thread::spawn(move || {
                    outbox.push(&mut packed(1), never);
                    outbox.notify();
                })
            };
            if !outbox.spin() {
                event_loop.sleep();
            }
            assert_eq!(take_all(&outbox), [1]);
            worker.join().unwrap();
        });
    }

    #[test]
    fn a_front_end_that_waits_sees_the_reply() {
        model(|| {
            let outbox = Arc::new(Outbox::new(Box::new(|| {})));
            let worker = {
                let outbox = outbox.clone();
                thread::spawn(move || outbox.push(&mut packed(1), never))
            };
            while !outbox.wait(Duration::from_secs(1)) {}
            assert_eq!(take_all(&outbox), [1]);
            worker.join().unwrap();
        });
    }

    /// A full outbox, whose front end is `ahead` blocks behind.
    fn full() -> Arc<Outbox> {
        let outbox = Outbox::new(Box::new(|| {}));
        let blocks = (0..MAX_WAITING).map(|_| Block::default());
        lock(&outbox.blocks).waiting.extend(blocks);
        Arc::new(outbox)
    }

    #[test]
    fn a_worker_far_ahead_goes_on_when_a_block_is_taken() {
        model(|| {
            let outbox = full();
            let worker = {
                let outbox = outbox.clone();
                thread::spawn(move || outbox.push(&mut packed(1), never))
            };
            assert!(outbox.take().is_some());
            worker.join().unwrap();
            assert_eq!(take_all(&outbox), [1]);
        });
    }

    #[test]
    fn a_worker_far_ahead_stops_waiting_when_it_is_released() {
        model(|| {
            let outbox = full();
            let stopped = Arc::new(AtomicBool::new(false));
            let worker = {
                let (outbox, stopped) = (outbox.clone(), stopped.clone());
                thread::spawn(move || {
                    outbox.push(&mut packed(1), || stopped.load(Ordering::Relaxed));
                })
            };
            stopped.store(true, Ordering::Relaxed);
            outbox.release();
            worker.join().unwrap();
        });
    }

    #[test]
    fn small_replies_share_a_block() {
        model(|| {
            let outbox = Outbox::new(Box::new(|| {}));
            outbox.push(&mut packed(1), never);
            outbox.push(&mut packed(2), never);
            assert_eq!(
                outbox.take().map(|block| unpacked(&block)),
                Some(vec![1, 2])
            );
            assert!(outbox.take().is_none());
        });
    }
}
