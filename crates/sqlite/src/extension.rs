//! Load an extension from a shared library.

use std::ffi::CStr;
use std::ptr;

use crate::connection::{c_string, Connection};
use crate::error::{Error, Result};
use crate::ffi;

impl Connection {
    /// Loads a library and calls its entry point, by default `sqlite3_extension_init`. Loading is switched
    /// on for this call alone and never for SQL.
    pub fn load_extension(&self, path: &str, entry_point: Option<&str>) -> Result<()> {
        let db = self.shared.open_db()?;
        let path = c_string(path, "Extension path cannot contain a NUL character")?;
        let entry =
            entry_point.map(|entry| c_string(entry, "Entry point cannot contain a NUL character"));
        let entry = entry.transpose()?;
        self.bump_epoch();
        self.config(ffi::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, true)?;
        let mut message = ptr::null_mut();
        // SAFETY: open; the strings end in NUL; SQLite hands over `message`, which is freed after copying.
        let result = unsafe {
            let entry = entry.as_ref().map_or(ptr::null(), |entry| entry.as_ptr());
            let rc = ffi::sqlite3_load_extension(db, path.as_ptr(), entry, &raw mut message);
            if rc == ffi::SQLITE_OK {
                Ok(())
            } else if message.is_null() {
                Err(Error::from_code(rc))
            } else {
                let text = CStr::from_ptr(message).to_bytes().into();
                Err(Error::Sqlite {
                    code: rc,
                    message: text,
                    offset: -1,
                    statement: -1,
                })
            }
        };
        // SAFETY: allocated by SQLite, or null.
        unsafe { ffi::sqlite3_free(message.cast()) };
        self.config(ffi::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, false)?;
        result
    }
}
