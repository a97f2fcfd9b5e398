//! Become the writer of a database: end the newest epoch, and create the next one.

use crate::access::Access;
use crate::database::{now, usize_of};
use crate::epoch::{Created, Epoch};
use crate::error::{Error, Result};
use crate::open::{self, State};
use crate::options::Options;
use crate::record::{self, Kind};
use crate::slot::Slot;
use crate::store::StoreError;

/// Reads the state, ends the newest epoch, and creates the next one, which is then ours.
pub(crate) fn take_over(access: &Access, options: &Options, owner: [u8; 16]) -> Result<State> {
    const TRIES: u32 = 100;
    for _ in 0..TRIES {
        let mut state = open::read(access, access.fenced)?;
        if state.number > 0 && access.fenced && !state.sealed && !seal(access, &state, owner)? {
            continue;
        }
        let number = state.number + 1;
        let page_size = match state.epoch.page_size {
            0 => options.page_size,
            stored => stored,
        };
        if usize_of(page_size) + 64 > access.limits.max_value_bytes {
            let message = "The pages of this database are too large for the values of this store";
            return Err(Error::Usage(message.into()));
        }
        let epoch = Epoch {
            page_size,
            pages: state.size,
            chain: state.chain,
            garbage_parts: 0,
            ranges: state.ranges(),
            // Two dead openers of an unfenced store have written the same bytes.
            owner: if access.fenced { owner } else { [0; 16] },
            time: if access.fenced { now() } else { 0 },
            ..state.epoch.clone()
        };
        let key = access.keys.epoch(number);
        let (value, _) = record::encode(&key, Kind::Epoch, &epoch.encode());
        match access.create_surely(&key, &value) {
            Created::Ours => {}
            Created::Other(_) => continue,
            Created::Unknown(source) => {
                return Err(Error::Store {
                    operation: "putIfAbsent",
                    key,
                    source,
                })
            }
        }
        if number == 1 && access.fenced {
            refuses_twice(access, &key, &epoch)?;
        }
        // It may have been there long ago, and passed: then we have read what was then.
        if access.has_newer(number)? {
            continue;
        }
        state.number = number;
        state.slots = 0;
        state.epoch = epoch;
        return Ok(state);
    }
    Err(Error::Fenced {
        key: access.keys.epoch(1),
    })
}

/// Puts a seal behind the last slot, so that its writer can add none. False: there is another slot.
fn seal(access: &Access, state: &State, owner: [u8; 16]) -> Result<bool> {
    let key = access.keys.slot(state.number, state.slots + 1);
    let (value, _) = record::encode(&key, Kind::Seal, &owner);
    match access.create_surely(&key, &value) {
        Created::Ours => Ok(true),
        Created::Other(there) => Ok(Slot::decode(&key, &there)?.0 == Slot::Seal),
        Created::Unknown(source) => Err(Error::Store {
            operation: "putIfAbsent",
            key,
            source,
        }),
    }
}

/// A store that creates the same key twice has no `putIfAbsent`.
fn refuses_twice(access: &Access, key: &str, epoch: &Epoch) -> Result<()> {
    let other = Epoch {
        owner: [0xff; 16],
        ..epoch.clone()
    };
    let (value, _) = record::encode(key, Kind::Epoch, &other.encode());
    let mut last = StoreError::new("");
    for _ in access.attempts() {
        match access.create(key, &value) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let message = "putIfAbsent of this store creates a key that is there: \
                               it cannot hold a database";
                return Err(Error::Usage(message.into()));
            }
            Err(error) => last = error,
        }
    }
    Err(Error::Store {
        operation: "putIfAbsent",
        key: key.into(),
        source: last,
    })
}
