//! Open a database: its file, its VFS, its key, its modules, and what every connection has.

use std::ffi::c_int;
use std::path::Path;
use std::ptr;

use crate::connection::{c_string, Connection};
use crate::descriptors;
use crate::engine;
use crate::error::{check, open_error, Error, Result};
use crate::ffi;
use crate::key::Key;
use crate::patches;
use crate::stack;

/// Registers modules on a connection that has just been opened.
pub type RegisterModules = fn(&Connection) -> Result<()>;

/// How to open a database.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // options, not states
pub struct OpenOptions<'a> {
    /// File name, `:memory:`, or empty for a temporary database.
    pub path: &'a str,
    /// Open without the right to write.
    pub readonly: bool,
    /// Refuse to create the file.
    pub must_exist: bool,
    /// How long to wait for a lock, in ms.
    pub timeout: u32,
    /// Name of a VFS that was registered after [`initialize`](crate::initialize); `None` is the default one.
    pub vfs: Option<&'a str>,
    /// Treat `file:` names as URIs.
    pub uri: bool,
    /// Text in double quotes that names nothing is a string, as it was in old programs:
    /// <https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted>
    pub quoted_strings: bool,
    /// The file is encrypted with this.
    pub key: Option<&'a Key>,
    /// What is called, in order, before anything is compiled: modules of virtual tables are registered there.
    pub modules: &'a [RegisterModules],
}

impl<'a> OpenOptions<'a> {
    /// Opens `path`, creates it if it is not there, and waits up to 5 s for a lock.
    pub const fn new(path: &'a str) -> Self {
        Self {
            path,
            readonly: false,
            must_exist: false,
            timeout: 5000,
            vfs: None,
            uri: false,
            quoted_strings: false,
            key: None,
            modules: &[],
        }
    }
}

/// The longest string that V8 can hold on 64-bit systems, in characters: (1 << 29) - 24.
const MAX_STRING: c_int = (1 << 29) - 24;

impl Connection {
    /// Opens a database and sets it up as better-sqlite3 does: extended result codes, defensive mode,
    /// foreign keys, no double-quoted strings unless they are asked for, strings no longer than V8 can hold.
    pub fn open(options: &OpenOptions) -> Result<Self> {
        let connection = Self::open_with_pages(options)?;
        connection.hide_pages()?;
        for register in options.modules {
            register(&connection)?;
        }
        Ok(connection)
    }

    /// As [`open`](Self::open), with the table of all pages: SQL can read and write them.
    pub(crate) fn open_with_pages(options: &OpenOptions) -> Result<Self> {
        engine::initialize()?;
        stack::learn();
        let connection = Self::from_raw(open_raw(options)?, options.timeout);
        connection.configure(options)?;
        match options.key {
            Some(key) => connection.set_key(key.clone())?,
            None => connection.check_plain_journal()?,
        }
        Ok(connection)
    }

    fn configure(&self, options: &OpenOptions) -> Result<()> {
        let db = self.shared.raw();
        let timeout = c_int::try_from(options.timeout).unwrap_or(c_int::MAX);
        // SAFETY: `db` is open; the variadic arguments are those that the documentation names.
        unsafe {
            check(db, ffi::sqlite3_busy_timeout(db, timeout))?;
            ffi::sqlite3_limit(db, ffi::SQLITE_LIMIT_LENGTH, MAX_STRING);
            ffi::sqlite3_limit(db, ffi::SQLITE_LIMIT_SQL_LENGTH, MAX_STRING);
        }
        self.config(ffi::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        self.config(ffi::SQLITE_DBCONFIG_DQS_DML, options.quoted_strings)?;
        self.config(ffi::SQLITE_DBCONFIG_DQS_DDL, options.quoted_strings)?;
        patches::apply(self)
    }
}

fn open_raw(options: &OpenOptions) -> Result<*mut ffi::sqlite3> {
    let lent = match options.vfs {
        Some(descriptors::NAME) => Some(descriptors::lend(options.path, options.readonly)?),
        _ => None,
    };
    let path = lent.as_ref().map_or(options.path, descriptors::Lent::name);
    let path = c_string(path, "Database path cannot contain a NUL character")?;
    let vfs = options
        .vfs
        .map(|vfs| c_string(vfs, "VFS name cannot contain a NUL character"));
    let vfs = vfs.transpose()?;
    let mut flags = ffi::SQLITE_OPEN_NOMUTEX | ffi::SQLITE_OPEN_EXRESCODE;
    flags |= match (options.readonly, options.must_exist) {
        (true, _) => ffi::SQLITE_OPEN_READONLY,
        (false, true) => ffi::SQLITE_OPEN_READWRITE,
        (false, false) => ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE,
    };
    if options.uri {
        flags |= ffi::SQLITE_OPEN_URI;
    }
    if options.readonly && options.vfs.is_none() && Path::new(options.path).is_dir() {
        // The engine opens a directory for reading, and fails at the first statement.
        return Err(Error::from_code(ffi::SQLITE_IOERR_READ));
    }
    let mut db = ptr::null_mut();
    let vfs = vfs.as_ref().map_or(ptr::null(), |vfs| vfs.as_ptr());
    // SAFETY: both strings end in NUL and outlive the call.
    let rc = unsafe { ffi::sqlite3_open_v2(path.as_ptr(), &raw mut db, flags, vfs) };
    if rc != ffi::SQLITE_OK {
        // SAFETY: SQLite returns a handle to ask for the error even when it could not open, or null.
        unsafe {
            let error = open_error(db, rc, options.path);
            ffi::sqlite3_close(db);
            return Err(error);
        }
    }
    Ok(db)
}
