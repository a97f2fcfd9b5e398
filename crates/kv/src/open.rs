//! Read the state of a database: the newest epoch's root, its ranges of slots, its own slots.

use std::collections::HashMap;

use crate::access::Access;
use crate::epoch::{probes, Epoch, Range};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::index::Index;
use crate::key::Version;
use crate::recent::Recent;
use crate::record::{self, Kind, Reader};
use crate::slot::Slot;

/// How often a reader starts again while others write.
const TRIES: u32 = 100;
/// Slots that are asked for at once.
const SLOTS: u32 = 100;
/// Those of an epoch that was not expected: most often its writer has not come far.
const FIRST_SLOTS: u32 = 8;

/// A state that was read.
pub(crate) struct State {
    /// The newest epoch; 0 if there is none.
    pub(crate) number: u32,
    pub(crate) epoch: Epoch,
    /// Slots of the newest epoch.
    pub(crate) slots: u32,
    /// A seal is behind them.
    pub(crate) sealed: bool,
    pub(crate) chain: u64,
    /// Pages of the database.
    pub(crate) size: u32,
    /// Pages behind this one are no longer those of the root.
    pub(crate) shortest: u32,
    pub(crate) recent: HashMap<u32, Recent>,
    /// Bytes of frames since the root, and slots that hold them.
    pub(crate) log: (usize, u32),
    pub(crate) index: Index,
    /// The epoch that the hint named.
    pub(crate) hinted: u32,
    /// Values that were read on the way.
    pub(crate) known: HashMap<String, Vec<u8>>,
}

/// What the hint says: where to begin to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) epoch: u32,
    pub(crate) root: Version,
    pub(crate) leaf: Version,
    pub(crate) page: Version,
    /// Its writer has gone, and left no slots behind.
    pub(crate) is_closed: bool,
}

impl Hint {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = self.epoch.to_le_bytes().to_vec();
        for version in [self.root, self.leaf, self.page] {
            body.extend_from_slice(&version.number().to_le_bytes());
        }
        body.push(u8::from(self.is_closed));
        body
    }

    /// A hint that is lost or wrong costs calls only.
    fn read(access: &Access) -> Self {
        let key = access.keys.hint();
        let Ok(Some(value)) = access.read_once(&key) else {
            return Self::default();
        };
        let Ok(body) = record::body(&key, &value, Kind::Hint) else {
            return Self::default();
        };
        let mut reader = Reader(body);
        let mut version = Version::NONE;
        let epoch = reader.u32().unwrap_or(0);
        let mut next = || {
            version = Version::from_number(reader.u64().unwrap_or(0));
            version
        };
        Self {
            // Room to look for newer ones.
            epoch: epoch.min(u32::MAX >> 1),
            root: next(),
            leaf: next(),
            page: next(),
            is_closed: reader.u8() == Some(1),
        }
    }
}

/// Reads the newest state. `owns_next`: the caller goes on to create the next epoch, which shows that this one
/// is the newest; else that is asked once more.
pub(crate) fn read(access: &Access, owns_next: bool) -> Result<State> {
    let mut last = None;
    for _ in 0..TRIES {
        let mut newest = 0;
        match read_once(access, &mut newest) {
            // Slots of an epoch may be gone once there is a newer one: an end found there is none.
            Ok(state) if owns_next || !access.has_newer(newest)? => return Ok(state),
            Ok(_) => {}
            Err(error @ Error::Corrupt { .. }) => {
                // What is written once does not heal.
                if last.as_ref() == Some(&error) || !access.has_newer(newest)? {
                    return Err(error);
                }
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::Stale {
        key: access.keys.epoch(1),
    }))
}

/// One particular epoch, and so many slots of its own at least; none of them if it is not said.
pub(crate) fn read_epoch(access: &Access, number: u32, slots: Option<u32>) -> Result<State> {
    let key = access.keys.epoch(number);
    let value = access.read(&key)?;
    let value = value.ok_or_else(|| Error::corrupt(&key, "is missing"))?;
    let epoch = Epoch::decode(&key, &value)?;
    let mut log = Log::new(access, number, HashMap::new(), &[]);
    let mut state = log.load(epoch)?;
    if let Some(slots) = slots {
        log.own_slots(&mut state)?;
        if state.slots < slots {
            let key = access.keys.slot(number, state.slots + 1);
            return Err(Error::corrupt(key, "is missing"));
        }
    }
    Ok(state)
}

/// What was committed in the same epoch since the state was read.
/// About `expected` slots are looked for: each that is asked for in vain gives the writer time for another one.
pub(crate) fn catch_up(access: &Access, state: &mut State, expected: u32) -> Result<()> {
    Log::new(access, state.number, HashMap::new(), &[]).later_slots(state, expected)
}

fn read_once(access: &Access, newest: &mut u32) -> Result<State> {
    let hint = Hint::read(access);
    // Most often the newest epoch is that of the hint, or the one after it, whose writer has not come so far.
    let slots = u32::try_from(access.limits.max_read_keys / 2).unwrap_or(SLOTS);
    let slots = slots.saturating_sub(7).clamp(2, SLOTS);
    // Some stores want to be paid for each key.
    let slots = if hint.is_closed { 2 } else { slots };
    let mut asked = vec![(hint.epoch, slots), (hint.epoch + 1, slots)];
    if hint.epoch == 0 {
        asked.clear();
    }
    let mut keys = Vec::new();
    if hint.epoch > 0 {
        keys.push(access.keys.epoch(hint.epoch));
        if !hint.root.is_none() {
            keys.push(access.keys.root(hint.root, 0));
            keys.push(access.keys.leaf(0, hint.leaf));
            keys.push(access.keys.image(1, hint.page));
        }
        for (epoch, slots) in asked.iter().copied() {
            keys.extend((1..=slots).map(|slot| access.keys.slot(epoch, slot)));
        }
    }
    let steps = probes(hint.epoch);
    keys.extend(steps.iter().map(|epoch| access.keys.epoch(*epoch)));
    let values = access.read_many(&keys)?;
    let known: HashMap<String, Vec<u8>> = keys
        .into_iter()
        .zip(values)
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    let has = |epoch: u32| known.contains_key(&access.keys.epoch(epoch));
    let low = steps
        .iter()
        .copied()
        .chain([hint.epoch])
        .filter(|epoch| has(*epoch))
        .max();
    // Without the epoch that the hint names, none of what was read can be believed.
    let low = low.unwrap_or(0);
    *newest = low;
    if let Some(value) = known.get(&access.keys.epoch(low)) {
        Epoch::decode(&access.keys.epoch(low), value)?;
    }
    let looked = if low >= hint.epoch { &steps[..] } else { &[] };
    let (number, value) = access.newest(low, looked)?;
    *newest = number;
    if number == 0 {
        return Log::new(access, 0, known, &[]).load(Epoch::empty());
    }
    let key = access.keys.epoch(number);
    let epoch = match value.as_ref().or_else(|| known.get(&key)) {
        Some(value) => Epoch::decode(&key, value)?,
        None => return Err(Error::corrupt(key, "is missing")),
    };
    let mut log = Log::new(access, number, known, &asked);
    let mut state = log.load(epoch)?;
    log.own_slots(&mut state)?;
    state.known = log.known;
    state.hinted = hint.epoch;
    Ok(state)
}

/// The slots of a state, in order.
struct Log<'a> {
    access: &'a Access,
    number: u32,
    known: HashMap<String, Vec<u8>>,
    /// How many of its own slots were asked for together with `known`.
    asked: u32,
}

impl<'a> Log<'a> {
    fn new(
        access: &'a Access,
        number: u32,
        known: HashMap<String, Vec<u8>>,
        asked: &[(u32, u32)],
    ) -> Self {
        let own = asked.iter().find(|(epoch, _)| *epoch == number);
        Self {
            access,
            number,
            known,
            asked: own.map_or(0, |(_, slots)| *slots),
        }
    }

    /// The values of keys that must be there.
    fn must_have(&self, keys: &[String]) -> Result<Vec<Vec<u8>>> {
        let wanted: Vec<String> = keys
            .iter()
            .filter(|key| !self.known.contains_key(*key))
            .cloned()
            .collect();
        let mut read = self.access.read_many(&wanted)?.into_iter();
        let value = |key: &String| match self.known.get(key) {
            Some(value) => Ok(value.clone()),
            None => read
                .next()
                .flatten()
                .ok_or_else(|| Error::corrupt(key, "is missing")),
        };
        keys.iter().map(value).collect()
    }

    /// The root and the ranges of an epoch.
    fn load(&mut self, epoch: Epoch) -> Result<State> {
        let index = Index::load(self.access, &epoch, &self.known)?;
        let mut state = State {
            number: self.number,
            slots: 0,
            sealed: false,
            chain: 0,
            size: epoch.pages,
            shortest: u32::MAX,
            recent: HashMap::new(),
            log: (0, 0),
            index,
            epoch,
            hinted: 0,
            known: HashMap::new(),
        };
        let ranges = state.epoch.ranges.clone();
        let keys: Vec<String> = ranges
            .iter()
            .flat_map(|range| (range.first..=range.last).map(|slot| (range.epoch, slot)))
            .map(|(epoch, slot)| self.access.keys.slot(epoch, slot))
            .collect();
        let pages = state.epoch.pages;
        let mut first = true;
        for (key, value) in keys.iter().zip(self.must_have(&keys)?) {
            let (slot, sum) = Slot::decode(key, &value)?;
            if std::mem::take(&mut first) {
                // What it continues is in an epoch that may be gone.
                state.chain = match &slot {
                    Slot::Commit(commit) => commit.chain,
                    Slot::Noop(chain) => *chain,
                    Slot::Seal { .. } => {
                        return Err(Error::corrupt(key, "is a seal within an epoch"))
                    }
                };
            }
            state.apply(key, slot, sum, value.len())?;
        }
        if !ranges.is_empty() && state.chain != state.epoch.chain {
            let key = self.access.keys.epoch(self.number);
            return Err(Error::corrupt(key, "does not continue its slots"));
        }
        state.chain = state.epoch.chain;
        if state.size != pages {
            let key = self.access.keys.epoch(self.number);
            return Err(Error::corrupt(key, "has another size than its slots"));
        }
        Ok(state)
    }

    fn own_slots(&mut self, state: &mut State) -> Result<()> {
        self.later_slots(state, FIRST_SLOTS)
    }

    /// The slots of the newest epoch behind those that are known, up to the first that is missing, or a seal.
    fn later_slots(&mut self, state: &mut State, first: u32) -> Result<()> {
        let start = state.slots + 1;
        let mut next = start;
        loop {
            let was_asked = next == 1 && self.asked > 0;
            let end = next
                + match next {
                    _ if was_asked => self.asked,
                    _ if next == start => first.clamp(1, SLOTS),
                    _ => SLOTS,
                };
            let keys: Vec<String> = (next..end)
                .map(|slot| self.access.keys.slot(self.number, slot))
                .collect();
            let mut values = if was_asked {
                keys.iter().map(|key| self.known.remove(key)).collect()
            } else {
                self.access.read_many(&keys)?
            };
            // A batch is no snapshot: a slot may have come after it was looked for.
            let gaps = gaps(&keys, &values);
            let late: Vec<String> = gaps.iter().map(|at| keys[*at].clone()).collect();
            for (at, value) in gaps.into_iter().zip(self.access.read_many(&late)?) {
                // But the one behind it was there: it came after this one.
                let value = value.ok_or_else(|| Error::corrupt(&keys[at], "is missing"))?;
                values[at] = Some(value);
            }
            for (key, value) in keys.iter().zip(values) {
                let Some(value) = value else { return Ok(()) };
                let (slot, sum) = Slot::decode(key, &value)?;
                if matches!(slot, Slot::Seal { .. }) {
                    state.sealed = true;
                    return Ok(());
                }
                state.apply(key, slot, sum, value.len())?;
                state.slots += 1;
            }
            next = end;
        }
    }
}

/// Slots that are missing although one behind them is there, which is no seal ahead, and no seal is before them.
fn gaps(keys: &[String], values: &[Option<Vec<u8>>]) -> Vec<usize> {
    let is_there = |at: &usize| values[*at].is_some();
    let seals = keys
        .iter()
        .zip(values)
        .map(|(key, value)| seal(key, value.as_ref()));
    let first_seal = seals.enumerate().find_map(|(at, seal)| Some((at, seal?)));
    let last = match first_seal {
        Some((at, false)) => Some(at),
        Some((at, true)) => (0..at).rfind(is_there),
        None => (0..values.len()).rfind(is_there),
    };
    (0..last.unwrap_or(0)).filter(|at| !is_there(at)).collect()
}

/// Of a seal, whether it is ahead.
fn seal(key: &str, value: Option<&Vec<u8>>) -> Option<bool> {
    match Slot::decode(key, value?) {
        Ok((Slot::Seal { ahead }, _)) => Some(ahead),
        _ => None,
    }
}

impl State {
    /// What a slot says becomes a part of the state.
    fn apply(&mut self, key: &str, slot: Slot, sum: u64, len: usize) -> Result<()> {
        self.log.0 += len;
        self.log.1 += 1;
        let chain = match &slot {
            Slot::Commit(commit) => commit.chain,
            Slot::Noop(chain) => *chain,
            Slot::Seal { .. } => return Err(Error::corrupt(key, "is a seal within an epoch")),
        };
        if chain != self.chain {
            return Err(Error::corrupt(key, "does not continue the slot before it"));
        }
        self.chain = sum;
        let Slot::Commit(commit) = slot else {
            return Ok(());
        };
        self.resize(commit.pages);
        for (page, frame) in commit.frames {
            self.add(page, frame, key);
        }
        Ok(())
    }

    fn resize(&mut self, size: u32) {
        if size < self.size {
            self.recent.retain(|page, _| *page <= size);
        }
        self.size = size;
        self.shortest = self.shortest.min(size);
    }

    fn add(&mut self, page: u32, frame: Frame, key: &str) {
        self.recent.entry(page).or_default().push(frame, key);
    }

    /// The ranges of an epoch after this one with the same root.
    pub(crate) fn ranges(&self) -> Vec<Range> {
        let mut ranges = self.epoch.ranges.clone();
        if self.slots > 0 {
            ranges.push(Range {
                epoch: self.number,
                first: 1,
                last: self.slots,
            });
        }
        ranges
    }
}
