//! The C API.

pub use libsql_ffi::*;

use std::ffi::{c_char, c_int, c_void};

const _: () = assert!(
    SQLITE_VERSION_NUMBER >= 3_047_000,
    "the engine is older than the patches expect"
);

/// `SQLITE_UTF8`, of the type that the functions with 64-bit lengths take.
pub const UTF8: u8 = 1;
const _: () = assert!(SQLITE_UTF8 == UTF8 as i32);

// Of SQLite3 Multiple Ciphers: the crate has no bindings for them.
extern "C" {
    pub fn sqlite3_key_v2(
        db: *mut sqlite3,
        name: *const c_char,
        key: *const c_void,
        len: c_int,
    ) -> c_int;
    pub fn sqlite3_rekey_v2(
        db: *mut sqlite3,
        name: *const c_char,
        key: *const c_void,
        len: c_int,
    ) -> c_int;
    pub fn sqlite3mc_vfs_create(name: *const c_char, make_default: c_int) -> c_int;
    pub fn libsql_db_has_codec(vfs: *mut sqlite3_vfs, file: *const c_char) -> c_int;
}

/// Whether the main file of a connection is read and written with a key; else a result code.
///
/// # Safety
/// `db` is an open connection of this thread.
pub unsafe fn has_codec(db: *mut sqlite3) -> Result<bool, c_int> {
    let mut vfs: *mut sqlite3_vfs = std::ptr::null_mut();
    let main = c"main".as_ptr();
    // SAFETY: open; this op stores a pointer. The engine finds the file by the address of its name.
    unsafe {
        match sqlite3_file_control(db, main, SQLITE_FCNTL_VFS_POINTER, (&raw mut vfs).cast()) {
            SQLITE_OK => Ok(libsql_db_has_codec(vfs, sqlite3_db_filename(db, main)) != 0),
            rc => Err(rc),
        }
    }
}
