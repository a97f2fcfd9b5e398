//! Values that are sound outside and anything inside: no panic, no more memory than they are worth, and what is read is
//! what would be written.
//!
//! `KV_SEED=7 KV_ROUNDS=100000000 cargo test --release -p ferrolite-kv --test suite fuzz` goes on for long.

// A test may fail by panicking.

use crate::hostile::rng::{number, Rng};
use ferrolite_kv::format::{
    decode, encode, garbage, Commit, Epoch, Frame, Kind, Range, Record, Slot, Version,
};

const PAGE: usize = 512;
const KEY: &str = "f/X/00000001";

fn page(rng: &mut Rng) -> Vec<u8> {
    let mut page = vec![7; PAGE];
    for _ in 0..rng.below(40) {
        page[rng.below(PAGE)] = byte(rng);
    }
    page
}

fn byte(rng: &mut Rng) -> u8 {
    u8::try_from(rng.below(256)).expect("a byte")
}

fn small(rng: &mut Rng) -> u32 {
    u32::try_from(rng.below(1000)).expect("small")
}

fn epoch(rng: &mut Rng) -> Epoch {
    let mut epoch = Epoch::empty();
    epoch.page_size = 1 << (9 + rng.below(8));
    epoch.pages = small(rng);
    epoch.chain = rng.next();
    epoch.root = Version::new(small(rng), small(rng));
    epoch.oldest = 1 + small(rng);
    epoch.cleaned = epoch.oldest - 1;
    for _ in 0..rng.below(4) {
        let first = 1 + small(rng);
        epoch.ranges.push(Range {
            epoch: small(rng),
            first,
            last: first + small(rng),
        });
    }
    epoch
}

fn commit(rng: &mut Rng) -> Commit {
    let frames = (0..rng.below(5)).map(|_| {
        let before = page(rng);
        let before = rng.chance(50).then_some(before.as_slice());
        (1 + small(rng), Frame::pack(&page(rng), before))
    });
    let frames: Vec<_> = frames.collect();
    Commit {
        transactions: small(rng),
        pages: 1001,
        chain: rng.next(),
        time: rng.next(),
        attempt: small(rng),
        frames,
    }
}

/// The body of a value, changed a little.
fn mutate(body: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.below(4) {
        let at = rng.below(body.len() + 1);
        match rng.below(6) {
            0 if at < body.len() => body[at] ^= 1 << rng.below(8),
            1 if at < body.len() => body[at] = byte(rng),
            2 => body.truncate(at),
            3 => body.insert(at, byte(rng)),
            // Lengths and numbers are of 4 bytes.
            4 if at + 4 <= body.len() => {
                let extreme = [0, 1, 0x7fff_ffff, 0xffff_ffff_u32][rng.below(4)];
                body[at..at + 4].copy_from_slice(&extreme.to_le_bytes());
            }
            _ => {
                let part = body[at..].to_vec();
                body.extend_from_slice(&part[..part.len().min(64)]);
            }
        }
    }
}

/// What a decoder makes of a value must be what it would write.
fn judge(kind: Kind, value: &[u8]) {
    let Record { body, .. } = decode(KEY, value).expect("it is sound outside");
    match kind {
        Kind::Epoch => {
            if let Ok(epoch) = Epoch::decode(KEY, value) {
                assert_eq!(epoch.encode(), body);
            }
        }
        Kind::Commit => {
            if let Ok((Slot::Commit(commit), _)) = Slot::decode(KEY, value) {
                assert_eq!(commit.encode(), body);
                let before = vec![7; PAGE];
                for (_, frame) in &commit.frames {
                    for before in [None, Some(before.as_slice())] {
                        let image = frame.unpack(before, PAGE);
                        assert!(image.is_none_or(|image| image.len() == PAGE));
                    }
                }
            }
        }
        _ => {
            if let Ok(items) = garbage(KEY, value) {
                assert_eq!(items.len() * 13, body.len());
            }
        }
    }
}

#[test]
fn decoders_take_anything() {
    let (seed, rounds) = (number("KV_SEED", 1), number("KV_ROUNDS", 100_000));
    println!("KV_SEED={seed}");
    let rng = &mut Rng::new(seed);
    let mut read = 0;
    for _ in 0..rounds {
        let (kind, mut body) = match rng.below(3) {
            0 => (Kind::Epoch, epoch(rng).encode()),
            1 => (Kind::Commit, commit(rng).encode()),
            _ => {
                let bytes =
                    (0..13 * rng.below(5)).map(|_| u8::try_from(rng.below(5)).expect("a byte"));
                (Kind::Garbage, bytes.collect())
            }
        };
        if rng.chance(95) {
            mutate(&mut body, rng);
        }
        let (mut value, _) = encode(KEY, kind, &body);
        judge(kind, &value);
        read += u32::from(Slot::decode(KEY, &value).is_ok() || Epoch::decode(KEY, &value).is_ok());
        // Without the right sum nothing is read.
        mutate(&mut value, rng);
        if decode(KEY, &value).is_ok() {
            judge(kind, &value);
        }
    }
    assert!(read > 0, "some values are sound");
}
