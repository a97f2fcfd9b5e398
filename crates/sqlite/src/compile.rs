//! Compile SQL, in other words where the engine does not understand it as it stands.

use std::ffi::c_int;
use std::ptr;
use std::rc::Rc;

use crate::bind::bind;
use crate::connection::Shared;
use crate::error::{check, Error, Result};
use crate::ffi;
use crate::like;
use crate::limited::{may_be_limited, rewrite};
use crate::params::Params;
use crate::stack;
use crate::triggers;
use crate::value::c_bytes;

/// What SQL was compiled to.
pub(crate) struct Program {
    pub(crate) raw: *mut ffi::sqlite3_stmt,
    /// Bytes that were read.
    pub(crate) tail: usize,
    /// Names of the parameters, where the engine has other ones.
    pub(crate) names: Option<Vec<Option<String>>>,
    /// The engine has other words.
    pub(crate) rewritten: bool,
}

/// `SQLITE_PREPARE_PERSISTENT` is not set: it takes the statement's memory, and all that compiling it
/// needs for a moment, from malloc instead of the connection's own small slots, which is slower for
/// statements that are used once, and no faster for others.
pub(crate) fn compile(shared: &Rc<Shared>, sql: &[u8]) -> Result<Program> {
    let (raw, tail) = match compile_as_is(shared, sql) {
        Ok(compiled) => compiled,
        Err(error) => return in_other_words(shared, sql, error),
    };
    let program = Program {
        raw,
        tail,
        names: None,
        rewritten: false,
    };
    let Some(left) = like::without_value(&sql[..tail]) else {
        return Ok(program);
    };
    // SAFETY: compiled above, used nowhere else.
    unsafe { ffi::sqlite3_finalize(raw) };
    like::guard(shared)?;
    let (raw, _) = compile_as_is(shared, &left)?;
    Ok(Program {
        raw,
        rewritten: true,
        ..program
    })
}

/// What the engine does not understand as it stands, or why it does not.
#[cold]
fn in_other_words(shared: &Rc<Shared>, sql: &[u8], error: Error) -> Result<Program> {
    if !may_be_limited(&error) {
        return Err(triggers::explain(shared, sql, error, || {
            let (raw, _) = compile_as_is(shared, sql)?;
            // SAFETY: compiled here, used nowhere else.
            unsafe { ffi::sqlite3_finalize(raw) };
            Ok(())
        }));
    }
    let Some(rewritten) = rewrite(shared, sql)? else {
        return Err(error);
    };
    let compiled = compile_as_is(shared, &rewritten.sql);
    let (raw, _) = compiled.map_err(|error| rewritten.place(sql, error))?;
    Ok(Program {
        raw,
        tail: rewritten.tail,
        names: rewritten.names,
        rewritten: true,
    })
}

/// A value as SQL has it.
pub(crate) fn literal(shared: &Rc<Shared>, value: &Params) -> Option<Vec<u8>> {
    let _quiet = shared.hooks.be_quiet();
    let (raw, _) = compile_as_is(shared, b"SELECT ?\0").ok()?;
    // SAFETY: compiled here, and finalized before the value goes; the text is freed after it was copied.
    unsafe {
        let is_bound = bind(raw, value).is_ok();
        let text = ffi::sqlite3_expanded_sql(raw);
        let copy = c_bytes(text).and_then(|text| Some(text.strip_prefix(b"SELECT ")?.to_vec()));
        ffi::sqlite3_free(text.cast());
        ffi::sqlite3_finalize(raw);
        copy.filter(|_| is_bound)
    }
}

fn compile_as_is(shared: &Rc<Shared>, sql: &[u8]) -> Result<(*mut ffi::sqlite3_stmt, usize)> {
    let db = shared.open_db()?;
    let len = c_int::try_from(sql.len()).map_err(|_| Error::from_code(ffi::SQLITE_TOOBIG))?;
    let mut raw = ptr::null_mut();
    let mut tail = ptr::null();
    let notes = &shared.hooks.notes;
    notes.compile(true);
    let _compiling = stack::Compiling::start();
    // SAFETY: `db` is open; `sql` ends in NUL and its length is exact.
    let compiled = unsafe {
        let rc =
            ffi::sqlite3_prepare_v3(db, sql.as_ptr().cast(), len, 0, &raw mut raw, &raw mut tail);
        check(db, rc)
    };
    notes.compile(false);
    compiled.map_err(|error| notes.explain(error))?;
    let tail = if tail.is_null() {
        sql.len()
    } else {
        tail as usize - sql.as_ptr() as usize
    };
    Ok((raw, tail.min(sql.len())))
}
