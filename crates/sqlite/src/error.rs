//! What can go wrong, and the names of `SQLite`'s result codes.

use std::borrow::Cow;
use std::ffi::{c_int, CStr};
use std::fmt;
use std::io;
use std::path::Path;

use crate::descriptors;
use crate::ffi;
use crate::stack;
use crate::value::c_bytes;

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the engine, or a misuse that never reached it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// `SQLite` said no: its extended result code and message.
    Sqlite {
        /// Extended result code.
        code: c_int,
        /// `sqlite3_errmsg()`, not always valid UTF-8.
        message: Box<[u8]>,
        /// Byte offset of the token that the error is about, or -1.
        offset: c_int,
        /// Which statement of a script it was, or -1; `offset` is then in the script.
        statement: c_int,
    },
    /// The caller passed something of the wrong kind.
    Type(&'static str),
    /// The caller passed something out of range.
    Range(&'static str),
    /// There is no memory for the result.
    OutOfMemory,
    /// A callback of the host failed; the host knows the reason.
    Callback,
}

impl Error {
    /// An engine error with a message of our own.
    pub fn sqlite(code: c_int, message: &str) -> Self {
        Self::Sqlite {
            code,
            message: message.as_bytes().into(),
            offset: -1,
            statement: -1,
        }
    }

    /// The connection is closed.
    pub const fn closed() -> Self {
        Self::Type("The database connection is not open")
    }

    /// The standard text of a result code.
    pub fn from_code(code: c_int) -> Self {
        // SAFETY: sqlite3_errstr returns a static string for every number.
        let message = unsafe { CStr::from_ptr(ffi::sqlite3_errstr(code)) };
        Self::Sqlite {
            code,
            message: message.to_bytes().into(),
            offset: -1,
            statement: -1,
        }
    }

    /// The same error as one of a script, of whose statement `start` is the first byte.
    pub(crate) fn in_script(self, statement: u32, start: usize) -> Self {
        let int = |n: usize| c_int::try_from(n).unwrap_or(c_int::MAX);
        match self {
            Self::Sqlite {
                code,
                message,
                offset,
                ..
            } => Self::Sqlite {
                code,
                message,
                offset: int(start).saturating_add(offset.max(0)),
                statement: c_int::try_from(statement).unwrap_or(c_int::MAX),
            },
            other => other,
        }
    }

    /// The extended result code, or 0 where the engine was not asked.
    pub fn code(&self) -> c_int {
        match self {
            Self::Sqlite { code, .. } => *code,
            _ => 0,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { message, .. } => f.write_str(&String::from_utf8_lossy(message)),
            Self::Type(message) | Self::Range(message) => f.write_str(message),
            Self::OutOfMemory => f.write_str("Out of memory"),
            Self::Callback => f.write_str("a callback failed"),
        }
    }
}

impl std::error::Error for Error {}

/// Every return code of the C API that a connection can explain goes through here.
///
/// # Safety
/// `db` is an open connection of this thread, or null.
pub(crate) unsafe fn check(db: *mut ffi::sqlite3, rc: c_int) -> Result<()> {
    if rc == ffi::SQLITE_OK {
        return Ok(());
    }
    // SAFETY: forwarded from the caller.
    Err(unsafe { last_error(db, rc) })
}

/// The connection's last error; `rc` stands in when there is no connection to ask.
///
/// # Safety
/// `db` is an open connection of this thread, or null.
pub(crate) unsafe fn last_error(db: *mut ffi::sqlite3, rc: c_int) -> Error {
    // SAFETY: forwarded from the caller.
    let mut error = unsafe { reported_error(db, rc) };
    if db.is_null() {
        return error;
    }
    if let Error::Sqlite { code, message, .. } = &mut error {
        // SAFETY: open; the name lives as long as the connection.
        unsafe {
            match *code {
                ffi::SQLITE_NOTADB if ffi::has_codec(db) == Ok(true) => {
                    *message = with_hint(message);
                }
                code if code & 0xff == ffi::SQLITE_CANTOPEN => {
                    if let Some(reason) = descriptors::take_reason(db) {
                        return Error::sqlite(code, reason);
                    }
                    let file = c_bytes(ffi::sqlite3_db_filename(db, c"main".as_ptr()));
                    let file = file.map(String::from_utf8_lossy).unwrap_or_default();
                    *message = cannot_open(message, &file, ffi::sqlite3_system_errno(db));
                }
                _ => {}
            }
        }
    }
    error
}

/// Why `file` could not be opened. After a failed open, only the error of `db` may be read.
///
/// # Safety
/// `db` is of a call of `sqlite3_open_v2` of this thread that has failed, or null.
pub(crate) unsafe fn open_error(db: *mut ffi::sqlite3, rc: c_int, file: &str) -> Error {
    // SAFETY: forwarded from the caller; 0 for null.
    let (mut error, errno) = unsafe { (reported_error(db, rc), ffi::sqlite3_system_errno(db)) };
    if let Error::Sqlite { code, message, .. } = &mut error {
        if *code & 0xff == ffi::SQLITE_CANTOPEN {
            *message = cannot_open(message, file, errno);
        }
    }
    error
}

/// Code, message and place of the last error.
///
/// # Safety
/// `db` is a connection of this thread, open or not, or null.
unsafe fn reported_error(db: *mut ffi::sqlite3, rc: c_int) -> Error {
    if db.is_null() {
        return Error::from_code(rc);
    }
    // SAFETY: forwarded from the caller; the message is copied before any other call on it.
    unsafe {
        let code = ffi::sqlite3_extended_errcode(db);
        if code & 0xff == ffi::SQLITE_OK {
            return Error::from_code(rc);
        }
        let message: Box<[u8]> = CStr::from_ptr(ffi::sqlite3_errmsg(db)).to_bytes().into();
        let offset = ffi::sqlite3_error_offset(db);
        if matches!(code, ffi::SQLITE_NOMEM | ffi::SQLITE_IOERR_NOMEM) {
            if let Some(reason) = stack::take_refusal() {
                return Error::sqlite(ffi::SQLITE_ERROR, reason);
            }
        }
        Error::Sqlite {
            code,
            message,
            offset,
            statement: -1,
        }
    }
}

/// An encrypted file looks like no database to whoever has not its key.
pub(crate) fn not_its_key() -> Error {
    match Error::from_code(ffi::SQLITE_NOTADB) {
        Error::Sqlite { code, message, .. } => Error::Sqlite {
            code,
            message: with_hint(&message),
            offset: -1,
            statement: -1,
        },
        other => other,
    }
}

fn with_hint(message: &[u8]) -> Box<[u8]> {
    [message, b" (or encryptionKey is not its key)"]
        .concat()
        .into()
}

/// Which file could not be opened, and why: `SQLite` says neither.
pub(crate) fn cannot_open(message: &[u8], file: &str, errno: c_int) -> Box<[u8]> {
    let text = String::from_utf8_lossy(message);
    // ATTACH names the file itself.
    let named = text.strip_prefix("unable to open database: ");
    let (name, file) = match named {
        Some(file) => (String::new(), file),
        None if file.is_empty() => return message.into(),
        None => (format!(": {file}"), file),
    };
    let reason = reason(Path::new(file), errno).map_or(String::new(), |why| format!(" ({why})"));
    format!("{text}{name}{reason}").into_bytes().into()
}

/// EMFILE and ENFILE; `ERROR_TOO_MANY_OPEN_FILES`.
const NO_DESCRIPTORS: [c_int; 2] = if cfg!(windows) { [4, 4] } else { [24, 23] };

fn reason(file: &Path, errno: c_int) -> Option<String> {
    if NO_DESCRIPTORS.contains(&errno) {
        return Some("no file descriptors are left".into());
    }
    if file.is_dir() {
        return Some("it is a directory".into());
    }
    let error = (errno != 0).then(|| io::Error::from_raw_os_error(errno));
    match error.as_ref().map(io::Error::kind) {
        Some(io::ErrorKind::PermissionDenied) => Some("permission denied".into()),
        Some(io::ErrorKind::NotFound) => Some("no such file or directory".into()),
        _ if !file.as_os_str().is_empty() && !file.exists() => {
            Some("no such file or directory".into())
        }
        _ => error.map(|error| error.to_string()),
    }
}

macro_rules! code_names {
    ($($name:ident = $value:expr,)*) => {
        /// The name of a result code, as `sqlite3.h` spells it.
        pub fn code_name(code: c_int) -> Cow<'static, str> {
            match code {
                $(v if v == $value => Cow::Borrowed(stringify!($name)),)*
                other => Cow::Owned(format!("UNKNOWN_SQLITE_ERROR_{other}")),
            }
        }

        /// The result code of a name, if it is one.
        pub fn code_number(name: &str) -> Option<c_int> {
            match name {
                $(stringify!($name) => Some($value),)*
                _ => None,
            }
        }
    };
}

const fn ext(primary: c_int, n: c_int) -> c_int {
    primary | (n << 8)
}

// https://www.sqlite.org/rescode.html
code_names! {
    SQLITE_OK = 0, SQLITE_ERROR = 1, SQLITE_INTERNAL = 2, SQLITE_PERM = 3, SQLITE_ABORT = 4,
    SQLITE_BUSY = 5, SQLITE_LOCKED = 6, SQLITE_NOMEM = 7, SQLITE_READONLY = 8,
    SQLITE_INTERRUPT = 9, SQLITE_IOERR = 10, SQLITE_CORRUPT = 11, SQLITE_NOTFOUND = 12,
    SQLITE_FULL = 13, SQLITE_CANTOPEN = 14, SQLITE_PROTOCOL = 15, SQLITE_EMPTY = 16,
    SQLITE_SCHEMA = 17, SQLITE_TOOBIG = 18, SQLITE_CONSTRAINT = 19, SQLITE_MISMATCH = 20,
    SQLITE_MISUSE = 21, SQLITE_NOLFS = 22, SQLITE_AUTH = 23, SQLITE_FORMAT = 24,
    SQLITE_RANGE = 25, SQLITE_NOTADB = 26, SQLITE_NOTICE = 27, SQLITE_WARNING = 28,
    SQLITE_ROW = 100, SQLITE_DONE = 101,
    SQLITE_ERROR_MISSING_COLLSEQ = ext(1, 1), SQLITE_ERROR_RETRY = ext(1, 2),
    SQLITE_ERROR_SNAPSHOT = ext(1, 3),
    SQLITE_IOERR_READ = ext(10, 1), SQLITE_IOERR_SHORT_READ = ext(10, 2),
    SQLITE_IOERR_WRITE = ext(10, 3), SQLITE_IOERR_FSYNC = ext(10, 4),
    SQLITE_IOERR_DIR_FSYNC = ext(10, 5), SQLITE_IOERR_TRUNCATE = ext(10, 6),
    SQLITE_IOERR_FSTAT = ext(10, 7), SQLITE_IOERR_UNLOCK = ext(10, 8),
    SQLITE_IOERR_RDLOCK = ext(10, 9), SQLITE_IOERR_DELETE = ext(10, 10),
    SQLITE_IOERR_BLOCKED = ext(10, 11), SQLITE_IOERR_NOMEM = ext(10, 12),
    SQLITE_IOERR_ACCESS = ext(10, 13), SQLITE_IOERR_CHECKRESERVEDLOCK = ext(10, 14),
    SQLITE_IOERR_LOCK = ext(10, 15), SQLITE_IOERR_CLOSE = ext(10, 16),
    SQLITE_IOERR_DIR_CLOSE = ext(10, 17), SQLITE_IOERR_SHMOPEN = ext(10, 18),
    SQLITE_IOERR_SHMSIZE = ext(10, 19), SQLITE_IOERR_SHMLOCK = ext(10, 20),
    SQLITE_IOERR_SHMMAP = ext(10, 21), SQLITE_IOERR_SEEK = ext(10, 22),
    SQLITE_IOERR_DELETE_NOENT = ext(10, 23), SQLITE_IOERR_MMAP = ext(10, 24),
    SQLITE_IOERR_GETTEMPPATH = ext(10, 25), SQLITE_IOERR_CONVPATH = ext(10, 26),
    SQLITE_IOERR_VNODE = ext(10, 27), SQLITE_IOERR_AUTH = ext(10, 28),
    SQLITE_IOERR_BEGIN_ATOMIC = ext(10, 29), SQLITE_IOERR_COMMIT_ATOMIC = ext(10, 30),
    SQLITE_IOERR_ROLLBACK_ATOMIC = ext(10, 31), SQLITE_IOERR_DATA = ext(10, 32),
    SQLITE_IOERR_CORRUPTFS = ext(10, 33), SQLITE_IOERR_IN_PAGE = ext(10, 34),
    SQLITE_LOCKED_SHAREDCACHE = ext(6, 1), SQLITE_LOCKED_VTAB = ext(6, 2),
    SQLITE_BUSY_RECOVERY = ext(5, 1), SQLITE_BUSY_SNAPSHOT = ext(5, 2),
    SQLITE_BUSY_TIMEOUT = ext(5, 3),
    SQLITE_CANTOPEN_NOTEMPDIR = ext(14, 1), SQLITE_CANTOPEN_ISDIR = ext(14, 2),
    SQLITE_CANTOPEN_FULLPATH = ext(14, 3), SQLITE_CANTOPEN_CONVPATH = ext(14, 4),
    SQLITE_CANTOPEN_DIRTYWAL = ext(14, 5), SQLITE_CANTOPEN_SYMLINK = ext(14, 6),
    SQLITE_CORRUPT_VTAB = ext(11, 1), SQLITE_CORRUPT_SEQUENCE = ext(11, 2),
    SQLITE_CORRUPT_INDEX = ext(11, 3),
    SQLITE_READONLY_RECOVERY = ext(8, 1), SQLITE_READONLY_CANTLOCK = ext(8, 2),
    SQLITE_READONLY_ROLLBACK = ext(8, 3), SQLITE_READONLY_DBMOVED = ext(8, 4),
    SQLITE_READONLY_CANTINIT = ext(8, 5), SQLITE_READONLY_DIRECTORY = ext(8, 6),
    SQLITE_ABORT_ROLLBACK = ext(4, 2),
    SQLITE_CONSTRAINT_CHECK = ext(19, 1), SQLITE_CONSTRAINT_COMMITHOOK = ext(19, 2),
    SQLITE_CONSTRAINT_FOREIGNKEY = ext(19, 3), SQLITE_CONSTRAINT_FUNCTION = ext(19, 4),
    SQLITE_CONSTRAINT_NOTNULL = ext(19, 5), SQLITE_CONSTRAINT_PRIMARYKEY = ext(19, 6),
    SQLITE_CONSTRAINT_TRIGGER = ext(19, 7), SQLITE_CONSTRAINT_UNIQUE = ext(19, 8),
    SQLITE_CONSTRAINT_VTAB = ext(19, 9), SQLITE_CONSTRAINT_ROWID = ext(19, 10),
    SQLITE_CONSTRAINT_PINNED = ext(19, 11), SQLITE_CONSTRAINT_DATATYPE = ext(19, 12),
    SQLITE_NOTICE_RECOVER_WAL = ext(27, 1), SQLITE_NOTICE_RECOVER_ROLLBACK = ext(27, 2),
    SQLITE_NOTICE_RBU = ext(27, 3), SQLITE_WARNING_AUTOINDEX = ext(28, 1),
    SQLITE_AUTH_USER = ext(23, 1), SQLITE_OK_LOAD_PERMANENTLY = ext(0, 1),
    SQLITE_OK_SYMLINK = ext(0, 2),
}

#[cfg(test)]
mod tests {
    use super::{code_name, code_number};

    #[test]
    fn codes_have_the_names_of_sqlite3_h() {
        assert_eq!(code_name(19), "SQLITE_CONSTRAINT");
        assert_eq!(code_name(2067), "SQLITE_CONSTRAINT_UNIQUE");
        assert_eq!(code_name(7690), "SQLITE_IOERR_COMMIT_ATOMIC");
        assert_eq!(code_name(12345), "UNKNOWN_SQLITE_ERROR_12345");
        assert_eq!(code_number("SQLITE_CONSTRAINT_UNIQUE"), Some(2067));
        assert_eq!(code_number("REMOTE_TIMEOUT"), None);
    }
}
