//! What the files of a database look like from outside, without reading them.

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::BufMut;
use crc::{Crc, CRC_64_GO_ISO};

const CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_GO_ISO);

pub(super) struct Files {
    /// Another one as soon as somebody has written into them; none if that is not known.
    pub(super) stamp: Option<u64>,
    /// There is something in the WAL: whoever wrote last has not closed the file.
    pub(super) has_wal: bool,
    /// When something was written last.
    pub(super) modified: Option<SystemTime>,
}

impl Files {
    pub(super) fn of(path: &str) -> Self {
        let look = |suffix: &str| std::fs::metadata(format!("{path}{suffix}")).ok();
        // An empty WAL is none.
        let wal = look("-wal").filter(|file| file.len() != 0);
        let has_wal = wal.is_some();
        let files = [look(""), wal, look("-journal")];
        let modified = files.iter().flatten().map(|file| file.modified().ok());
        let modified = modified.max().flatten();
        let mut seen = Vec::new();
        for file in &files {
            match file {
                Some(file) => describe(file, &mut seen),
                None => seen.put_u8(0),
            }
        }
        Self {
            stamp: modified.map(|_| CRC.checksum(&seen)),
            has_wal,
            modified,
        }
    }
}

fn describe(file: &Metadata, seen: &mut Vec<u8>) {
    let modified = file.modified().unwrap_or(UNIX_EPOCH);
    let modified = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    seen.put_u8(1);
    seen.put_u64_le(file.len());
    seen.put_u128_le(modified.as_nanos());
    describe_inode(file, seen);
}

/// No program can set when an inode was changed.
#[cfg(unix)]
fn describe_inode(file: &Metadata, seen: &mut Vec<u8>) {
    use std::os::unix::fs::MetadataExt;
    seen.put_u64_le(file.ino());
    seen.put_i64_le(file.ctime());
    seen.put_i64_le(file.ctime_nsec());
}

#[cfg(not(unix))]
fn describe_inode(_: &Metadata, _: &mut Vec<u8>) {}
