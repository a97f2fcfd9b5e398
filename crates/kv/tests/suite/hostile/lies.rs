//! Rules of the protocol, taken away: the store lies to it, so that it does what the rule forbids.

use std::collections::{BTreeMap, HashSet};

use ferrolite_kv::format::{decode, encode, garbage, Epoch, Garbage, Keys, Kind};
use ferrolite_kv::{Entry, StoreError, StoreResult};

pub const NAME: &str = "m";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A writer takes over without a seal.
    NoSeal,
    /// A seal that is ahead of the writer is taken for the end of its epoch.
    Ahead,
    /// A commit of which nobody knows is called rolled back.
    Ambiguous,
    /// A commit of which nobody knows is called committed.
    Unacknowledged,
    /// An epoch is created before all that it refers to is there.
    Pages,
    /// Images are written over the old ones.
    FixedKeys,
    /// Garbage is deleted before its epoch can no longer be opened.
    Early,
    /// Seals are deleted with the slots before them.
    Seals,
    /// A no-op is believed although another writer may have deleted the slot.
    Noop,
    /// Nobody looks for a newer epoch.
    Again,
    /// An epoch is written over one that is there.
    Epochs,
    /// A slot is written over one that is there.
    Slots,
    /// Who has created its epoch does not look whether that was there long ago, and has passed.
    Passed,
    /// Epochs that fence somebody off are deleted as others are, once they have passed.
    Fences,
}

/// Those that need many epochs.
pub const LONG_LIES: [Lie; 2] = [Lie::Passed, Lie::Fences];

pub const LIES: [Lie; 12] = [
    Lie::NoSeal,
    Lie::Ahead,
    Lie::Ambiguous,
    Lie::Unacknowledged,
    Lie::Pages,
    Lie::FixedKeys,
    Lie::Early,
    Lie::Seals,
    Lie::Noop,
    Lie::Again,
    Lie::Epochs,
    Lie::Slots,
];

/// What a store says instead of the truth.
pub struct Liar {
    lie: Option<Lie>,
    /// Slots that are said to be absent.
    hidden: HashSet<String>,
    /// The key that was created last.
    last: String,
    noop: bool,
    /// Where a seal was put ahead of the writer.
    ahead: Option<String>,
}

fn number_of(key: &str) -> Option<u32> {
    Keys::new(NAME).expect("a name").epoch_of(key)
}

fn family(key: &str) -> &str {
    key.split('/').nth(1).unwrap_or("")
}

impl Liar {
    pub fn new(lie: Option<Lie>) -> Self {
        Self {
            lie,
            hidden: HashSet::new(),
            last: String::new(),
            noop: false,
            ahead: None,
        }
    }

    fn is(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    /// The key under which a value is stored, and the value that is stored.
    pub fn stored(&self, key: &str, value: &[u8]) -> Entry {
        match self.fixed(key) {
            Some(fixed) => {
                let record = decode(key, value).expect("a value");
                let (value, _) = encode(&fixed, record.kind, record.body);
                (fixed, value)
            }
            None => (key.into(), value.into()),
        }
    }

    /// Whether a batch that looks for newer epochs finds none.
    pub fn hides(&self, keys: &[String]) -> bool {
        let looks = keys
            .iter()
            .all(|key| family(key) == "E" && !key.ends_with("/00000001"));
        looks
            && (self.is(Lie::Again)
                || self.is(Lie::Noop) && self.noop
                || self.is(Lie::Passed) && self.looks_once_more(keys))
    }

    /// Whether that is asked which follows the creation of an epoch: the next one first, and not all of those behind it.
    fn looks_once_more(&self, keys: &[String]) -> bool {
        let (Some(last), "E") = (number_of(&self.last), family(&self.last)) else {
            return false;
        };
        let asked: Vec<u32> = keys.iter().filter_map(|key| number_of(key)).collect();
        let is_first = asked.iter().min() == Some(&(last + 1));
        is_first && (last + 1..=last + 6).any(|next| !asked.contains(&next))
    }

    /// What is deleted once an epoch is named by the hint.
    pub fn after_hint(&self, data: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
        if !self.is(Lie::Fences) {
            return Vec::new();
        }
        let epochs: Vec<_> = data.iter().filter(|(key, _)| family(key) == "E").collect();
        let newest = epochs.last().map(|(key, value)| Epoch::decode(key, value));
        let Some(Ok(newest)) = newest else {
            return Vec::new();
        };
        let is_passed = |number: u32| {
            let lowest = number & number.wrapping_neg();
            !number.is_power_of_two() && number + lowest <= newest.cleaned
        };
        let keys = epochs.into_iter().map(|(key, _)| key);
        keys.filter(|key| number_of(key).is_some_and(is_passed))
            .cloned()
            .collect()
    }

    /// The value of a key of a batch.
    pub fn read(&self, key: &str, data: &BTreeMap<String, Vec<u8>>) -> Option<Vec<u8>> {
        let Some(fixed) = self.fixed(key) else {
            return data.get(key).cloned();
        };
        let record = decode(&fixed, data.get(&fixed)?).expect("a value");
        Some(encode(key, record.kind, record.body).0)
    }

    fn fixed(&self, key: &str) -> Option<String> {
        let image = self.is(Lie::FixedKeys) && family(key) == "P";
        let (page, _) = key.rsplit_once('/').filter(|_| image)?;
        Some(page.into())
    }

    pub fn get(&self, key: &str, value: Option<Vec<u8>>) -> Option<Vec<u8>> {
        if self.hidden.contains(key) {
            return None;
        }
        value
    }

    pub fn batch(&self, done: StoreResult<()>) -> StoreResult<()> {
        if self.is(Lie::Pages) {
            return Ok(());
        }
        done
    }

    /// What is deleted behind the back of a batch.
    pub fn after_batch(&self, entries: &[Entry]) -> Vec<String> {
        let mut all = Vec::new();
        if !self.is(Lie::Early) {
            return all;
        }
        let keys = Keys::new(NAME).expect("a name");
        for (key, value) in entries.iter().filter(|(key, _)| family(key) == "D") {
            for item in garbage(key, value).expect("a list") {
                match item {
                    Garbage::Image(page, version) => all.push(keys.image(page, version)),
                    Garbage::Slots(range) => {
                        all.extend(
                            (range.first..=range.last).map(|slot| keys.slot(range.epoch, slot)),
                        );
                    }
                    _ => {}
                }
            }
        }
        all
    }

    /// What is deleted in a batch.
    pub fn deletes(&self, keys: &[String], data: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
        let mut all = keys.to_vec();
        if self.is(Lie::Seals) {
            let slots = keys.iter().filter(|key| family(key) == "L");
            let epochs: HashSet<&str> = slots
                .filter_map(|key| key.rsplit_once('/'))
                .map(|key| key.0)
                .collect();
            for epoch in epochs {
                let seals = data.range(format!("{epoch}/")..format!("{epoch}0"));
                let seals = seals.filter(|(key, value)| {
                    decode(key, value).is_ok_and(|value| value.kind == Kind::Seal)
                });
                all.extend(seals.map(|(key, _)| key.clone()));
            }
        }
        all
    }

    pub fn before_create(&mut self, key: &str, value: &[u8]) -> Option<StoreResult<bool>> {
        let record = decode(key, value).expect("a value");
        let kind = record.kind;
        self.last = key.into();
        self.noop = kind == Kind::Noop;
        if self.is(Lie::Ahead) && kind == Kind::Seal {
            let epoch = key.rsplit_once('/').map(|key| key.0.to_owned());
            if record.body.len() > 16 {
                self.ahead = epoch;
            } else if self.ahead == epoch {
                return Some(Ok(true));
            }
        }
        if self.is(Lie::NoSeal) && kind == Kind::Seal {
            return Some(Ok(true));
        }
        if self.hidden.contains(key) {
            return Some(match kind {
                Kind::Noop => Ok(true),
                _ => Err(StoreError::new("hidden")),
            });
        }
        None
    }

    pub fn overwrites(&self, key: &str) -> bool {
        match family(key) {
            "E" => self.is(Lie::Epochs) && !key.ends_with("/00000001"),
            "L" => self.is(Lie::Slots),
            _ => false,
        }
    }

    pub fn create(
        &mut self,
        key: &str,
        value: &[u8],
        done: StoreResult<bool>,
    ) -> StoreResult<bool> {
        let kind = decode(key, value).expect("a value").kind;
        if done.is_err() && kind == Kind::Commit {
            if self.is(Lie::Ambiguous) {
                self.hidden.insert(key.into());
            }
            if self.is(Lie::Unacknowledged) {
                return Ok(true);
            }
        }
        done
    }
}
