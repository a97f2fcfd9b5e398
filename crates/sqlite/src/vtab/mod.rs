//! Read-only virtual tables written by the host: table-valued functions with hidden parameters.

use std::ffi::{c_char, c_int, c_void, CString};
use std::marker::PhantomData;
use std::slice;

use crate::connection::{c_bytes, c_string, Connection};
use crate::error::{check, Result};
use crate::ffi;
use crate::function::{boundary, destroy, Args, Context};
use crate::value::ValueRef;

/// Why a virtual table could not go on.
#[derive(Debug)]
pub enum ModuleError {
    /// The host failed and knows why.
    Host,
    /// A message for the user.
    Message(String),
    /// The time is over.
    Interrupted,
}

/// What a table looks like to `SQLite`.
#[derive(Debug)]
pub struct TableDefinition {
    /// `CREATE TABLE` statement: hidden parameters first, then columns.
    pub sql: String,
    /// Names of the hidden parameters, 32 at most.
    pub parameters: Vec<String>,
    /// Not to be used in triggers and views.
    pub direct_only: bool,
}

/// Makes tables.
pub trait Module: 'static {
    /// Its tables.
    type Table: Table;
    /// `args` are module name, database name, table name and the arguments of `CREATE VIRTUAL TABLE`.
    fn connect(
        &self,
        args: &[&[u8]],
    ) -> std::result::Result<(Self::Table, TableDefinition), ModuleError>;
}

/// One table.
pub trait Table: 'static {
    /// Its scans.
    type Cursor: Cursor;
    /// Starts a scan.
    fn open(&self) -> Self::Cursor;
}

/// One scan.
pub trait Cursor: 'static {
    /// Starts over with arguments; `None` for a parameter that was not given.
    fn filter(&mut self, args: &[Option<ValueRef<'_>>]) -> std::result::Result<(), ModuleError>;
    /// Advances to the next row; false at the end.
    fn next(&mut self) -> std::result::Result<bool, ModuleError>;
    /// Sets `context` to a column of the current row; parameters count as columns.
    fn column(
        &mut self,
        column: usize,
        context: &mut Context<'_>,
    ) -> std::result::Result<(), ModuleError>;
}

#[repr(C)]
struct VTab<T> {
    base: ffi::sqlite3_vtab,
    table: T,
    parameters: Vec<String>,
}

#[repr(C)]
struct VCursor<C> {
    base: ffi::sqlite3_vtab_cursor,
    cursor: C,
    done: bool,
    rowid: i64,
}

/// The method table of a module type, one for each of the two ways to use it.
struct Methods<M>(PhantomData<M>);

impl<M: Module> Methods<M> {
    const EPONYMOUS: ffi::sqlite3_module = Self::methods(None, None);
    // xCreate must differ from xConnect, else SQLite would make the module eponymous too.
    const NAMED: ffi::sqlite3_module = Self::methods(Some(create::<M>), Some(disconnect::<M>));

    const fn methods(create: Option<Connect>, destroy: Option<Disconnect>) -> ffi::sqlite3_module {
        ffi::sqlite3_module {
            iVersion: 0,
            xCreate: create,
            xConnect: Some(connect::<M>),
            xBestIndex: Some(best_index::<M>),
            xDisconnect: Some(disconnect::<M>),
            xDestroy: match destroy {
                Some(destroy) => Some(destroy),
                None => Some(disconnect::<M>),
            },
            xOpen: Some(open::<M>),
            xClose: Some(close::<M>),
            xFilter: Some(filter::<M>),
            xNext: Some(next::<M>),
            xEof: Some(eof::<M>),
            xColumn: Some(column::<M>),
            xRowid: Some(rowid::<M>),
            xUpdate: None,
            xBegin: None,
            xSync: None,
            xCommit: None,
            xRollback: None,
            xFindFunction: None,
            xRename: None,
            xSavepoint: None,
            xRelease: None,
            xRollbackTo: None,
            xShadowName: None,
            xIntegrity: None,
            ..EMPTY
        }
    }
}

// SAFETY: sqlite3_module is a number and optional function pointers: zero is valid for all of them.
const EMPTY: ffi::sqlite3_module = unsafe { std::mem::zeroed() };

type Connect = unsafe extern "C" fn(
    *mut ffi::sqlite3,
    *mut c_void,
    c_int,
    *const *const c_char,
    *mut *mut ffi::sqlite3_vtab,
    *mut *mut c_char,
) -> c_int;
type Disconnect = unsafe extern "C" fn(*mut ffi::sqlite3_vtab) -> c_int;
type CursorOf<M> = <<M as Module>::Table as Table>::Cursor;

impl Connection {
    /// Registers a module; an eponymous one is a table by its own name and cannot be created.
    pub fn create_module<M: Module>(&self, name: &str, eponymous: bool, module: M) -> Result<()> {
        let db = self.shared.open_db()?;
        let name = c_string(
            name,
            "Virtual table module name cannot contain a NUL character",
        )?;
        self.bump_epoch();
        let methods: &'static ffi::sqlite3_module = if eponymous {
            &Methods::<M>::EPONYMOUS
        } else {
            &Methods::<M>::NAMED
        };
        let module = Box::into_raw(Box::new(module)).cast::<c_void>();
        // SAFETY: open; SQLite calls `destroy` on `module` exactly once, even on failure.
        unsafe {
            let rc = ffi::sqlite3_create_module_v2(
                db,
                name.as_ptr(),
                methods,
                module,
                Some(destroy::<M>),
            );
            check(db, rc)
        }
    }
}

/// A copy of `message` that `SQLite` will free.
fn c_message(message: &str) -> *mut c_char {
    let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
    // SAFETY: one `%s` and one string.
    unsafe { ffi::sqlite3_mprintf(c"%s".as_ptr(), message.as_ptr()) }
}

/// # Safety
/// `vtab` is live.
unsafe fn set_message(vtab: *mut ffi::sqlite3_vtab, message: &str) {
    // SAFETY: zErrMsg is null or from SQLite's allocator.
    unsafe {
        ffi::sqlite3_free((*vtab).zErrMsg.cast());
        (*vtab).zErrMsg = c_message(message);
    }
}

/// # Safety
/// `cursor` is live.
unsafe fn fail(cursor: *mut ffi::sqlite3_vtab_cursor, error: ModuleError) -> c_int {
    match error {
        ModuleError::Message(message) => {
            // SAFETY: a cursor's table outlives it.
            unsafe { set_message((*cursor).pVtab, &message) }
            ffi::SQLITE_ERROR
        }
        ModuleError::Host => ffi::SQLITE_ERROR,
        ModuleError::Interrupted => ffi::SQLITE_INTERRUPT,
    }
}

unsafe extern "C" fn create<M: Module>(
    db: *mut ffi::sqlite3,
    module: *mut c_void,
    argc: c_int,
    argv: *const *const c_char,
    out: *mut *mut ffi::sqlite3_vtab,
    message: *mut *mut c_char,
) -> c_int {
    // SAFETY: forwarded.
    unsafe { connect::<M>(db, module, argc, argv, out, message) }
}

unsafe extern "C" fn connect<M: Module>(
    db: *mut ffi::sqlite3,
    module: *mut c_void,
    argc: c_int,
    argv: *const *const c_char,
    out: *mut *mut ffi::sqlite3_vtab,
    message: *mut *mut c_char,
) -> c_int {
    boundary(ffi::SQLITE_ERROR, || {
        // SAFETY: the registered module and `argc` C strings.
        let (module, args) = unsafe {
            let args = slice::from_raw_parts(argv, usize::try_from(argc).unwrap_or(0));
            let args = args.iter().map(|arg| c_bytes(*arg).unwrap_or_default());
            (&*module.cast::<M>(), args.collect::<Vec<_>>())
        };
        let (table, definition) = match module.connect(&args) {
            Ok(made) => made,
            Err(ModuleError::Host) => return ffi::SQLITE_ERROR,
            Err(ModuleError::Interrupted) => return ffi::SQLITE_INTERRUPT,
            Err(ModuleError::Message(text)) => {
                // SAFETY: SQLite frees the message.
                unsafe { *message = c_message(&text) };
                return ffi::SQLITE_ERROR;
            }
        };
        let sql = CString::new(definition.sql).unwrap_or_default();
        // SAFETY: inside xConnect these two calls are allowed; `out` takes a box that xDisconnect frees.
        unsafe {
            let mut rc = ffi::sqlite3_declare_vtab(db, sql.as_ptr());
            if rc == ffi::SQLITE_OK && definition.direct_only {
                rc = ffi::sqlite3_vtab_config(db, ffi::SQLITE_VTAB_DIRECTONLY);
            }
            if rc != ffi::SQLITE_OK && ffi::sqlite3_is_interrupted(db) != 0 {
                return ffi::SQLITE_INTERRUPT;
            }
            if rc != ffi::SQLITE_OK {
                let name = String::from_utf8_lossy(args.get(2).copied().unwrap_or_default());
                *message = c_message(&format!("failed to declare virtual table \"{name}\""));
                return ffi::SQLITE_ERROR;
            }
            let base = ffi::sqlite3_vtab::default();
            let vtab = VTab {
                base,
                table,
                parameters: definition.parameters,
            };
            *out = Box::into_raw(Box::new(vtab)).cast();
        }
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn disconnect<M: Module>(vtab: *mut ffi::sqlite3_vtab) -> c_int {
    boundary(ffi::SQLITE_OK, || {
        // SAFETY: made in `connect`; SQLite calls this once.
        drop(unsafe { Box::from_raw(vtab.cast::<VTab<M::Table>>()) });
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn best_index<M: Module>(
    vtab: *mut ffi::sqlite3_vtab,
    info: *mut ffi::sqlite3_index_info,
) -> c_int {
    boundary(ffi::SQLITE_ERROR, || {
        // SAFETY: SQLite passes the table and arrays of `nConstraint` entries.
        let (parameters, info, constraints, usage) = unsafe {
            let info = &mut *info;
            let len = usize::try_from(info.nConstraint).unwrap_or(0);
            let constraints: &[ffi::sqlite3_index_constraint] = if len == 0 {
                &[]
            } else {
                slice::from_raw_parts(info.aConstraint.cast(), len)
            };
            let usage: &mut [ffi::sqlite3_index_constraint_usage] = if len == 0 {
                &mut []
            } else {
                slice::from_raw_parts_mut(info.aConstraintUsage.cast(), len)
            };
            (
                &(*vtab.cast::<VTab<M::Table>>()).parameters,
                info,
                constraints,
                usage,
            )
        };
        let mut given = Vec::new();
        for (at, constraint) in constraints.iter().enumerate() {
            let op = c_int::from(constraint.op);
            // LIMIT and OFFSET have no column.
            if op == ffi::SQLITE_INDEX_CONSTRAINT_LIMIT || op == ffi::SQLITE_INDEX_CONSTRAINT_OFFSET
            {
                continue;
            }
            let Ok(column) = usize::try_from(constraint.iColumn) else {
                continue;
            };
            let Some(name) = parameters.get(column) else {
                continue;
            };
            if op != ffi::SQLITE_INDEX_CONSTRAINT_EQ {
                let text = format!(
                    "virtual table parameter \"{name}\" can only be constrained by the '=' operator"
                );
                // SAFETY: live.
                unsafe { set_message(vtab, &text) };
                return ffi::SQLITE_ERROR;
            }
            if constraint.usable == 0 {
                // A plan that ignores an argument would run the generator without it.
                return ffi::SQLITE_CONSTRAINT;
            }
            given.push((column, at));
        }
        given.sort_unstable();
        let mut count: i32 = 0;
        for (column, at) in given {
            let bit = 1_i32 << column;
            if info.idxNum & bit == 0 {
                info.idxNum |= bit;
                count += 1;
                usage[at].argvIndex = count;
                usage[at].omit = 1;
            }
        }
        // So high that SQLite avoids running the generator inside a loop; fewer rows with more arguments.
        info.estimatedRows = 1_000_000_000 / i64::from(count + 1);
        info.estimatedCost = 1e9 / f64::from(count + 1);
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn open<M: Module>(
    vtab: *mut ffi::sqlite3_vtab,
    out: *mut *mut ffi::sqlite3_vtab_cursor,
) -> c_int {
    boundary(ffi::SQLITE_ERROR, || {
        // SAFETY: a live table; `out` takes a box that xClose frees.
        unsafe {
            let cursor = (*vtab.cast::<VTab<M::Table>>()).table.open();
            let base = ffi::sqlite3_vtab_cursor::default();
            let cursor = VCursor {
                base,
                cursor,
                done: true,
                rowid: 0,
            };
            *out = Box::into_raw(Box::new(cursor)).cast();
        }
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn close<M: Module>(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    boundary(ffi::SQLITE_OK, || {
        // SAFETY: made in `open`; SQLite calls this once.
        drop(unsafe { Box::from_raw(cursor.cast::<VCursor<CursorOf<M>>>()) });
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn filter<M: Module>(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    index: c_int,
    _index_name: *const c_char,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) -> c_int {
    boundary(ffi::SQLITE_ERROR, || {
        // SAFETY: a live cursor, its table, and `argc` live values.
        let (this, parameters, given) = unsafe {
            let vtab = (*cursor).pVtab.cast::<VTab<M::Table>>();
            let this = &mut *cursor.cast::<VCursor<CursorOf<M>>>();
            (this, (*vtab).parameters.len(), Args::from_raw(argc, argv))
        };
        let mut taken = 0;
        let args: Vec<_> = (0..parameters)
            .map(|parameter| {
                (index & (1 << parameter) != 0).then(|| {
                    taken += 1;
                    given.get(taken - 1)
                })
            })
            .collect();
        this.rowid = 0;
        // `= NULL` is never true.
        this.done = args.contains(&Some(ValueRef::Null));
        if this.done {
            return ffi::SQLITE_OK;
        }
        match this.cursor.filter(&args) {
            // SAFETY: live.
            Ok(()) => unsafe { next::<M>(cursor) },
            // SAFETY: live.
            Err(error) => unsafe { fail(cursor, error) },
        }
    })
}

unsafe extern "C" fn next<M: Module>(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    boundary(ffi::SQLITE_ERROR, || {
        // SAFETY: live.
        let this = unsafe { &mut *cursor.cast::<VCursor<CursorOf<M>>>() };
        match this.cursor.next() {
            Ok(more) => {
                this.done = !more;
                this.rowid += 1;
                ffi::SQLITE_OK
            }
            // SAFETY: live.
            Err(error) => unsafe { fail(cursor, error) },
        }
    })
}

unsafe extern "C" fn eof<M: Module>(cursor: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: live.
    c_int::from(unsafe { (*cursor.cast::<VCursor<CursorOf<M>>>()).done })
}

unsafe extern "C" fn column<M: Module>(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    context: *mut ffi::sqlite3_context,
    column: c_int,
) -> c_int {
    boundary(ffi::SQLITE_ERROR, || {
        // SAFETY: live.
        let this = unsafe { &mut *cursor.cast::<VCursor<CursorOf<M>>>() };
        let column = usize::try_from(column).unwrap_or(0);
        match this.cursor.column(column, &mut Context::new(context)) {
            Ok(()) => ffi::SQLITE_OK,
            // SAFETY: live.
            Err(error) => unsafe { fail(cursor, error) },
        }
    })
}

unsafe extern "C" fn rowid<M: Module>(
    cursor: *mut ffi::sqlite3_vtab_cursor,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: live; `out` is SQLite's.
    unsafe { *out = (*cursor.cast::<VCursor<CursorOf<M>>>()).rowid };
    ffi::SQLITE_OK
}
