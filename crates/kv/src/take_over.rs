//! Become the writer of a database: end the newest epoch, and create the next one.

use crate::access::Access;
use crate::database::{now, usize_of};
use crate::epoch::{Created, Epoch};
use crate::error::{Error, Result};
use crate::open::{self, State};
use crate::options::Options;
use crate::record::{self, Kind};
use crate::slot::{self, Slot};
use crate::store::StoreError;

/// Reads the state, ends the newest epoch, and creates the next one, which is then ours.
pub(crate) fn take_over(access: &Access, options: &Options, owner: [u8; 16]) -> Result<State> {
    const TRIES: u32 = 100;
    let ender = Ender {
        access,
        owner,
        ahead: options.seal_ahead.max(1),
    };
    let mut before = 0;
    for attempt in 0..TRIES {
        if before > 0 && access.fenced {
            // Others write while all is read.
            let (newest, _) = access.newest(before, &[])?;
            // Its slots may be large, and few then, or small.
            let distances = if attempt % 2 == 0 { [1, 4] } else { [16, 24] };
            ender.stop(newest, 0, &distances)?;
        }
        let mut state = open::read(access, access.fenced)?;
        before = state.number;
        if state.number > 0 && access.fenced && !state.sealed && !ender.end(&mut state)? {
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

/// Who ends the epoch of another writer.
///
/// A writer that never pauses is always faster: while its last slot is read, it creates the next. So a seal is put some
/// slots ahead of it, which it reaches soon. That does not end the epoch, as the writer may die before it: only a seal
/// in the first slot that is missing does.
struct Ender<'a> {
    access: &'a Access,
    owner: [u8; 16],
    /// How many slots a seal is ahead of the writer at least.
    ahead: u32,
}

impl Ender<'_> {
    /// Puts a seal behind the last slot, so that the writer can add none. False: all has to be read anew.
    fn end(&self, state: &mut State) -> Result<bool> {
        const TRIES: u32 = 100;
        let (mut expected, mut is_stopped) = (2 * self.ahead, false);
        for _ in 0..TRIES {
            if self.seal(state.number, state.slots + 1, false)? {
                return Ok(true);
            }
            is_stopped = is_stopped || self.stop(state.number, state.slots, &[1, 4, 16])?;
            let before = state.slots;
            match open::catch_up(self.access, state, expected) {
                Ok(()) if state.sealed => return Ok(true),
                Ok(()) if state.slots > before => expected = state.slots - before + 1,
                // There is a newer epoch, and what was in this one is gone.
                Ok(()) | Err(Error::Corrupt { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Puts a seal ahead of the writer of an epoch, which has created so many slots at least. False: it was faster.
    fn stop(&self, epoch: u32, slots: u32, distances: &[u32]) -> Result<bool> {
        for times in distances {
            let ahead = self.ahead.saturating_mul(*times);
            if self.seal(epoch, slots.saturating_add(1 + ahead), true)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts a seal into a slot. False: there is another slot.
    fn seal(&self, epoch: u32, slot: u32, ahead: bool) -> Result<bool> {
        let key = self.access.keys.slot(epoch, slot);
        let (value, _) = record::encode(&key, Kind::Seal, &slot::seal(self.owner, ahead));
        match self.access.create_surely(&key, &value) {
            Created::Ours => Ok(true),
            Created::Other(there) => {
                let there = Slot::decode(&key, &there)?.0;
                Ok(matches!(there, Slot::Seal { .. }))
            }
            Created::Unknown(source) => Err(Error::Store {
                operation: "putIfAbsent",
                key,
                source,
            }),
        }
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
