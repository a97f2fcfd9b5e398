//! An opener and a writer that never pauses, whose calls the store answers in turns.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::hostile::lies::NAME;
use crate::hostile::{Go, Hostile, Process, World};
use ferrolite_kv::{Database, Error, Options};

const PAGE: usize = 512;

fn options() -> Options {
    Options {
        page_size: 512,
        ..Options::default()
    }
}

fn number_of(image: &[u8]) -> u64 {
    u64::from_le_bytes(image[..8].try_into().expect("8 bytes"))
}

/// Commits until somebody has taken over; how many commits were acknowledged is in `acked`.
fn write_on(store: Hostile, acked: &AtomicU64, is_fenced: &AtomicBool) {
    let mut database = Database::open(Rc::new(store), NAME, options()).expect("opens");
    for number in 1_u64.. {
        let mut image = vec![0; PAGE];
        image[..8].copy_from_slice(&number.to_le_bytes());
        let done = database.write(1, image).and_then(|()| database.commit());
        match done {
            Ok(()) => acked.store(number, Ordering::Relaxed),
            Err(error) => {
                assert!(matches!(error, Error::Fenced { .. }), "{error}");
                return is_fenced.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// Takes over while the writer has so many calls answered in the time of one of the opener's; gives the calls that it
/// took.
fn race(seed: u64, faster: u32) -> u32 {
    const MOST: u32 = 20_000;
    let world = Arc::new(Mutex::new(World::new(seed, true, false, 0)));
    let (acked, is_fenced) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (counted, noted) = (Arc::clone(&acked), Arc::clone(&is_fenced));
    let writer = Process::start(&world, None, move |store, _| {
        write_on(store, &counted, &noted);
    });
    while acked.load(Ordering::Relaxed) < 20 + seed {
        assert!(writer.step(Go::Call));
    }
    let found = Arc::new(Mutex::new(None));
    let result = Arc::clone(&found);
    let opener = Process::start(&world, None, move |store, _| {
        let opened = Database::open(Rc::new(store), NAME, options());
        let read = opened.and_then(|mut database| Ok(number_of(&database.read(1)?)));
        *result.lock().expect("one thread at a time") = Some(read);
    });
    let (mut calls, mut writes) = (0, true);
    while opener.step(Go::Call) {
        calls += 1;
        assert!(calls < MOST, "it starves");
        for _ in 0..faster {
            writes = writes && writer.step(Go::Call);
        }
    }
    // It finds the seal at its next commit.
    for _ in 0..100 {
        writes = writes && writer.step(Go::Call);
    }
    let read = found.lock().expect("one thread at a time").take();
    let number = read.expect("it has ended").expect("takes over");
    assert_eq!(number, acked.load(Ordering::Relaxed));
    assert!(is_fenced.load(Ordering::Relaxed));
    writer.end();
    opener.end();
    calls
}

#[test]
fn an_opener_takes_over_from_a_writer_that_never_pauses() {
    for (faster, seeds) in [(1, 20), (2, 20), (5, 20), (20, 5)] {
        let calls: Vec<u32> = (1..=seeds).map(|seed| race(seed, faster)).collect();
        println!("a writer {faster} times as fast: {calls:?} calls to open");
    }
}
