//! Databases of file descriptors: a process that may not open files in a folder is handed two that are open, the
//! database and its rollback journal. A VFS of its own puts them where the engine opens files by name.
//!
//! The name is `fd:DATABASE:JOURNAL`, as in `fd:7:8`, and the VFS [`NAME`].

#[cfg(unix)]
mod check;
#[cfg(unix)]
mod os_file;
#[cfg(unix)]
mod vfs;

#[cfg(unix)]
pub(crate) use vfs::{lend, take_reason, Lent};

use std::ffi::c_int;

use crate::error::{Error, Result};

/// The VFS whose databases are named by descriptors.
pub const NAME: &str = "ferrolite-fd";

/// The two numbers in a name.
fn numbers(name: &str) -> Result<(c_int, c_int)> {
    const NOT_NUMBERS: Error =
        Error::Type("Expected file descriptors to be non-negative 32-bit integers");
    let number = |text: &str| text.parse().ok().filter(|number: &c_int| *number >= 0);
    let both = name
        .strip_prefix("fd:")
        .and_then(|rest| rest.split_once(':'));
    let (database, journal) = both.ok_or(NOT_NUMBERS)?;
    let both = number(database).zip(number(journal));
    both.ok_or(NOT_NUMBERS)
}

/// Systems without POSIX descriptors and locks.
#[cfg(not(unix))]
mod nowhere {
    use super::numbers;
    use crate::error::{Error, Result};
    use crate::ffi;

    pub struct Lent;

    impl Lent {
        pub fn name(&self) -> &str {
            ""
        }
    }

    pub fn lend(name: &str, _readonly: bool) -> Result<Lent> {
        numbers(name)?;
        Err(Error::Type(if cfg!(windows) {
            "Opening a database from a file descriptor is not supported on Windows"
        } else {
            "Opening a database from a file descriptor is not supported here"
        }))
    }

    /// # Safety
    /// None is needed: it looks at nothing.
    pub unsafe fn take_reason(_: *mut ffi::sqlite3) -> Option<&'static str> {
        None
    }
}
#[cfg(not(unix))]
pub(crate) use nowhere::{lend, take_reason, Lent};
