//! Virtual tables: <https://www.sqlite.org/vtab.html>.
//!
//! A [`Module`] makes a [`Table`] for each `CREATE VIRTUAL TABLE`, a table makes a [`Cursor`] for each scan, and one
//! that can be changed is a [`WritableTable`]. A panic in any of them is an error of the statement.

mod nested;
mod object;
mod parameters;
mod plan;
mod read;
mod work;
mod write;

use std::ffi::{c_char, c_int, c_void, CString};
use std::marker::PhantomData;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::slice;

use crate::connection::{c_string, Connection};
use crate::error::check;
use crate::ffi;
use crate::function::destroy;
use crate::value::c_bytes;

pub use nested::{TableConnection, TableRows, TableStatement};
pub use object::{ModuleError, Result};
pub use parameters::Parameters;
pub use plan::{Constraint, Operator, OrderBy, Plan};
pub use read::{Cursor, Scan, Table};
pub use work::{OnWork, Work};
pub use write::{Conflict, Integrity, Update, WritableTable};

use object::{c_message, VTab, PANICKED};

/// What a table looks like to `SQLite`.
#[derive(Debug, Clone, Default)]
pub struct TableDefinition {
    /// A `CREATE TABLE` statement, whose table name is not looked at; `HIDDEN` in the type of a column hides it.
    pub sql: String,
    /// Where the table may be used.
    pub risk: Risk,
    /// [`WritableTable::update`] sees to conflicts itself, as its [`Conflict`] says: without it, `OR REPLACE` and the
    /// like never arrive. It must find a conflict before it changes anything.
    pub handles_conflicts: bool,
}

/// Where a table may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Risk {
    /// In triggers and views too, if the schema is trusted (`PRAGMA trusted_schema`).
    #[default]
    Normal,
    /// Everywhere: reading and changing it can do no harm.
    Innocuous,
    /// Not in triggers and views.
    DirectOnly,
}

/// What a table is made with, as it stands in the SQL.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a> {
    all: &'a [&'a [u8]],
}

impl<'a> Arguments<'a> {
    /// The names of the module, the database and the table, and then the arguments of `CREATE VIRTUAL TABLE`, without
    /// white space around them.
    pub fn all(&self) -> &'a [&'a [u8]] {
        self.all
    }

    /// `main`, `temp` or the name of an attached database.
    pub fn database(&self) -> &'a [u8] {
        self.all.get(1).copied().unwrap_or_default()
    }

    /// The table's name.
    pub fn table(&self) -> &'a [u8] {
        self.all.get(2).copied().unwrap_or_default()
    }

    /// What stands in the brackets behind the module's name, one for each comma.
    pub fn rest(&self) -> &'a [&'a [u8]] {
        self.all.get(3..).unwrap_or_default()
    }
}

/// Makes tables.
pub trait Module: 'static {
    /// Its tables.
    type Table: Table;

    /// Makes the object of a table that is there. `connection` is for the table's own statements, then and later.
    fn connect(
        &self,
        connection: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Result<(Self::Table, TableDefinition)>;

    /// `CREATE VIRTUAL TABLE`: makes what the table keeps in the file too. No [`begin`](WritableTable::begin) comes
    /// between it and the table's other calls in the same transaction.
    fn create(
        &self,
        connection: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Result<(Self::Table, TableDefinition)> {
        self.connect(connection, arguments)
    }

    /// Whether `<table>_<name>` is a shadow table, which defensive mode lets only the table itself write to.
    fn is_shadow(name: &[u8]) -> bool {
        let _ = name;
        false
    }
}

/// What `SQLite` keeps of a module.
struct Registered<M> {
    module: M,
    connection: TableConnection,
}

/// The method table of a module type, one for each of the ways to use it.
struct Methods<M>(PhantomData<M>);

// SAFETY: sqlite3_module is a number and optional function pointers: zero is valid for all of them.
const EMPTY: ffi::sqlite3_module = unsafe { std::mem::zeroed() };

impl<M: Module> Methods<M> {
    /// Without xCreate it is a table by its own name and nothing else.
    const EPONYMOUS: ffi::sqlite3_module = ffi::sqlite3_module {
        iVersion: 3,
        xConnect: Some(connect::<M>),
        xBestIndex: Some(read::best_index::<M::Table>),
        xDisconnect: Some(read::disconnect::<M::Table>),
        xDestroy: Some(read::disconnect::<M::Table>),
        xOpen: Some(read::open::<M::Table>),
        xClose: Some(read::close::<M::Table>),
        xFilter: Some(read::filter::<M::Table>),
        xNext: Some(read::next::<M::Table>),
        xEof: Some(read::eof::<M::Table>),
        xColumn: Some(read::column::<M::Table>),
        xRowid: Some(read::rowid::<M::Table>),
        xShadowName: Some(is_shadow::<M>),
        ..EMPTY
    };
    /// `xCreate` must differ from `xConnect`, else `SQLite` would make the module eponymous too.
    const NAMED: ffi::sqlite3_module = ffi::sqlite3_module {
        xCreate: Some(create::<M>),
        xDestroy: Some(read::destroy::<M::Table>),
        ..Self::EPONYMOUS
    };
}

impl<M: Module> Methods<M>
where
    M::Table: WritableTable,
{
    const WRITABLE: ffi::sqlite3_module = ffi::sqlite3_module {
        iVersion: 4,
        xUpdate: Some(write::update::<M::Table>),
        xBegin: Some(write::begin::<M::Table>),
        xSync: Some(write::sync::<M::Table>),
        xCommit: Some(write::commit::<M::Table>),
        xRollback: Some(write::rollback::<M::Table>),
        xRename: Some(write::rename::<M::Table>),
        xSavepoint: Some(write::savepoint::<M::Table>),
        xRelease: Some(write::release::<M::Table>),
        xRollbackTo: Some(write::rollback_to::<M::Table>),
        xIntegrity: Some(write::integrity::<M::Table>),
        ..Self::NAMED
    };
}

impl Connection {
    /// Registers a module whose tables can only be read; an eponymous one is a table by its own name and cannot be
    /// created.
    pub fn create_module<M: Module>(
        &self,
        name: &str,
        eponymous: bool,
        module: M,
    ) -> crate::Result<()> {
        if eponymous {
            self.register_module(name, &Methods::<M>::EPONYMOUS, module)
        } else {
            self.register_module(name, &Methods::<M>::NAMED, module)
        }
    }

    /// Registers a module whose tables can be changed.
    pub fn create_writable_module<M: Module>(&self, name: &str, module: M) -> crate::Result<()>
    where
        M::Table: WritableTable,
    {
        self.register_module(name, &Methods::<M>::WRITABLE, module)
    }

    fn register_module<M: Module>(
        &self,
        name: &str,
        methods: &'static ffi::sqlite3_module,
        module: M,
    ) -> crate::Result<()> {
        let db = self.shared.open_db()?;
        let name = c_string(
            name,
            "Virtual table module name cannot contain a NUL character",
        )?;
        self.bump_epoch();
        let module = Box::into_raw(Box::new(Registered {
            module,
            connection: TableConnection::new(Rc::downgrade(&self.shared)),
        }));
        // SAFETY: open; SQLite calls `destroy` on `module` exactly once, even on failure.
        unsafe {
            let rc = ffi::sqlite3_create_module_v2(
                db,
                name.as_ptr(),
                methods,
                module.cast::<c_void>(),
                Some(destroy::<Registered<M>>),
            );
            check(db, rc)
        }
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
    unsafe { make::<M>(db, module, (argc, argv), out, message, M::create) }
}

unsafe extern "C" fn connect<M: Module>(
    db: *mut ffi::sqlite3,
    module: *mut c_void,
    argc: c_int,
    argv: *const *const c_char,
    out: *mut *mut ffi::sqlite3_vtab,
    message: *mut *mut c_char,
) -> c_int {
    // SAFETY: forwarded.
    unsafe { make::<M>(db, module, (argc, argv), out, message, M::connect) }
}

type Make<M> =
    fn(&M, &TableConnection, &Arguments<'_>) -> Result<(<M as Module>::Table, TableDefinition)>;

/// # Safety
/// The arguments are those of xCreate or xConnect of `M`.
unsafe fn make<M: Module>(
    db: *mut ffi::sqlite3,
    module: *mut c_void,
    (argc, argv): (c_int, *const *const c_char),
    out: *mut *mut ffi::sqlite3_vtab,
    message: *mut *mut c_char,
    make: Make<M>,
) -> c_int {
    let made = catch_unwind(AssertUnwindSafe(|| -> Result<*mut VTab<M::Table>> {
        // SAFETY: the registered module and `argc` C strings.
        let (registered, all) = unsafe {
            let all = slice::from_raw_parts(argv, usize::try_from(argc).unwrap_or(0));
            let all = all.iter().map(|arg| c_bytes(*arg).unwrap_or_default());
            (&*module.cast::<Registered<M>>(), all.collect::<Vec<_>>())
        };
        let arguments = Arguments { all: &all };
        let (table, definition) = make(&registered.module, &registered.connection, &arguments)?;
        // SAFETY: inside of xCreate or xConnect of this connection.
        unsafe { declare(db, &definition, arguments.table())? };
        let base = ffi::sqlite3_vtab::default();
        Ok(Box::into_raw(Box::new(VTab { base, db, table })))
    }));
    let (rc, text) = match made {
        Ok(Ok(vtab)) => {
            // SAFETY: SQLite takes the box, which xDisconnect or xDestroy frees.
            unsafe { *out = vtab.cast() };
            return ffi::SQLITE_OK;
        }
        Ok(Err(error)) => ModuleError::into_parts(error),
        Err(_) => (ffi::SQLITE_ERROR, Some(PANICKED.to_vec())),
    };
    if let Some(text) = text {
        // SAFETY: SQLite frees the message.
        unsafe { *message = c_message(&text) };
    }
    rc
}

/// # Safety
/// xCreate or xConnect runs on `db`.
unsafe fn declare(db: *mut ffi::sqlite3, definition: &TableDefinition, table: &[u8]) -> Result<()> {
    let sql = CString::new(definition.sql.as_str()).unwrap_or_default();
    // SAFETY: forwarded from the caller; the only setting with an argument takes an int.
    unsafe {
        let mut rc = ffi::sqlite3_declare_vtab(db, sql.as_ptr());
        let risk = match definition.risk {
            Risk::Normal => None,
            Risk::Innocuous => Some(ffi::SQLITE_VTAB_INNOCUOUS),
            Risk::DirectOnly => Some(ffi::SQLITE_VTAB_DIRECTONLY),
        };
        if let (ffi::SQLITE_OK, Some(risk)) = (rc, risk) {
            rc = ffi::sqlite3_vtab_config(db, risk);
        }
        if rc == ffi::SQLITE_OK && definition.handles_conflicts {
            let on: c_int = 1;
            rc = ffi::sqlite3_vtab_config(db, ffi::SQLITE_VTAB_CONSTRAINT_SUPPORT, on);
        }
        if rc == ffi::SQLITE_OK {
            return Ok(());
        }
        if ffi::sqlite3_is_interrupted(db) != 0 {
            return Err(ModuleError::Interrupted);
        }
    }
    let table = String::from_utf8_lossy(table);
    Err(ModuleError::Message(format!(
        "failed to declare virtual table \"{table}\""
    )))
}

unsafe extern "C" fn is_shadow<M: Module>(name: *const c_char) -> c_int {
    crate::boundary::boundary(0, || {
        // SAFETY: a C string.
        let name = unsafe { c_bytes(name) }.unwrap_or_default();
        c_int::from(M::is_shadow(name))
    })
}
