//! The keys of a database.

use std::fmt::Write as _;

use crate::error::{Error, Result};

/// (epoch that its writer owned, attempt counted by that owner): nobody else can make it. 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Version(u64);

impl Version {
    /// No version.
    pub const NONE: Self = Self(0);

    /// That of an attempt.
    pub fn new(epoch: u32, attempt: u32) -> Self {
        Self(u64::from(epoch) << 32 | u64::from(attempt))
    }

    /// As it is stored.
    pub fn number(self) -> u64 {
        self.0
    }

    /// From what was stored.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The epoch that its writer owned.
    pub(crate) fn epoch(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }

    /// Whether it is none.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Makes the keys of one database.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// Those of the database `name`, which is from 1 to 200 bytes long.
    pub fn new(name: &str) -> Result<Self> {
        if name.is_empty() || name.len() > 200 || name.contains('\0') {
            let message = "The name of a database must have from 1 to 200 bytes, none of them NUL";
            return Err(Error::Usage(message.into()));
        }
        let mut prefix = String::with_capacity(name.len() + 1);
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
                prefix.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(prefix, "%{byte:02X}");
            }
        }
        prefix.push('/');
        Ok(Self { prefix })
    }

    /// What all of them begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fn at(&self, family: char, first: u32) -> String {
        format!("{}{family}/{first:08x}", self.prefix)
    }

    fn versioned(&self, family: char, version: Version) -> String {
        format!("{}{family}/{:016x}", self.prefix, version.0)
    }

    /// Create-only; dense from 1.
    pub fn epoch(&self, epoch: u32) -> String {
        self.at('E', epoch)
    }

    /// The number of the epoch that a key is of.
    pub fn epoch_of(&self, key: &str) -> Option<u32> {
        let digits = key.rsplit('/').next()?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        (key == self.epoch(number)).then_some(number)
    }

    /// Create-only; dense from 1 in its epoch.
    pub fn slot(&self, epoch: u32, slot: u32) -> String {
        format!("{}/{slot:08x}", self.at('L', epoch))
    }

    /// The image of a page.
    pub fn image(&self, page: u32, version: Version) -> String {
        format!("{}/{:016x}", self.at('P', page), version.0)
    }

    /// A leaf of the index: the versions of 4,096 pages.
    pub fn leaf(&self, leaf: u32, version: Version) -> String {
        format!("{}/{:016x}", self.at('I', leaf), version.0)
    }

    /// The versions of leaves.
    pub fn root(&self, version: Version, part: u32) -> String {
        format!("{}/{part:08x}", self.versioned('R', version))
    }

    /// What the root of this version does without.
    pub fn garbage(&self, version: Version, part: u32) -> String {
        format!("{}/{part:08x}", self.versioned('D', version))
    }

    /// The hint, the only key that is overwritten.
    pub fn hint(&self) -> String {
        format!("{}H", self.prefix)
    }
}
