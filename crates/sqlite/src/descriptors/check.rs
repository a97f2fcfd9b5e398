//! Whether two descriptors will do. The texts are better-sqlite3's.

use std::ffi::c_int;
use std::fs::{File, Metadata};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};

use crate::error::{Error, Result};

/// What a file is, whatever its name is now: device and inode.
pub(super) type Identity = (u64, u64);

pub(super) fn identity(of: &Metadata) -> Identity {
    (of.dev(), of.ino())
}

/// A file by a number that others own.
///
/// # Safety
/// The descriptor is open and stays so while the result is used.
pub(super) unsafe fn borrowed(fd: c_int) -> ManuallyDrop<File> {
    // SAFETY: forwarded from the caller; it is never closed through this.
    ManuallyDrop::new(unsafe { File::from_raw_fd(fd) })
}

/// Whether a file still has a name.
pub(super) fn is_linked(file: &File) -> bool {
    file.metadata().is_ok_and(|of| of.nlink() > 0)
}

const DATABASE: [&str; 6] = [
    "Cannot open database because the database file descriptor is not open",
    "Cannot open database because the database file descriptor does not refer to a regular file",
    "Cannot open database because the database file descriptor was not opened for reading",
    "Cannot open database because the database file descriptor was not opened for writing (use the \"readonly\" option)",
    "Cannot open database because the database file descriptor was opened in append mode",
    "Cannot open database because the database file has been deleted",
];
const JOURNAL: [&str; 6] = [
    "Cannot open database because the journal file descriptor is not open",
    "Cannot open database because the journal file descriptor does not refer to a regular file",
    "Cannot open database because the journal file descriptor was not opened for reading",
    "Cannot open database because the journal file descriptor was not opened for writing (use the \"readonly\" option)",
    "Cannot open database because the journal file descriptor was opened in append mode",
    "Cannot open database because the journal file has been deleted",
];
const SAME: &str =
    "Cannot open database because the database and journal file descriptors refer to the same file";
const IN_WAL: &str = "Cannot open database from a file descriptor because it is in WAL mode";

/// What both files are.
pub(super) fn check(database: c_int, journal: c_int, readonly: bool) -> Result<[Identity; 2]> {
    let identities = [
        check_one(database, readonly, &DATABASE)?,
        check_one(journal, readonly, &JOURNAL)?,
    ];
    if identities[0] == identities[1] {
        return Err(Error::Type(SAME));
    }
    let mut versions = [0; 2];
    // SAFETY: it was just seen to be open, by the thread of whoever owns it.
    let file = unsafe { borrowed(database) };
    // The versions for writing and reading, 2 is WAL: <https://www.sqlite.org/fileformat.html#file_format_version_numbers>
    if file.read_exact_at(&mut versions, 18).is_ok() && versions == [2, 2] {
        return Err(Error::Type(IN_WAL));
    }
    Ok(identities)
}

fn check_one(fd: c_int, readonly: bool, texts: &[&'static str; 6]) -> Result<Identity> {
    let fail = |fault: usize| Err(Error::Type(texts[fault]));
    // SAFETY: it may be asked of any number.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags < 0 {
        return fail(0);
    }
    // SAFETY: open, as it has flags.
    let metadata = unsafe { borrowed(fd) }.metadata();
    let Some(metadata) = metadata.ok().filter(Metadata::is_file) else {
        return fail(1);
    };
    let access = flags & libc::O_ACCMODE;
    match () {
        () if access == libc::O_WRONLY => fail(2),
        () if !readonly && access != libc::O_RDWR => fail(3),
        () if flags & libc::O_APPEND != 0 => fail(4),
        () if metadata.nlink() == 0 => fail(5),
        () => Ok(identity(&metadata)),
    }
}
