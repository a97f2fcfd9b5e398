//! The shadow tables of a table: their names and statements.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::rc::Rc;

use ferrolite_sqlite::{
    Error, ModuleError, Result as Sqlite, TableConnection, TableStatement, ValueRef,
};

use crate::options::{quote, Options};

/// What a table's name is followed by in those of its shadow tables.
pub(crate) const SHADOWS: [&str; 5] = ["config", "rows", "vectors", "graph", "log"];

/// The format of the shadow tables that this writes and reads.
const FORMAT: i64 = 1;

const SQLITE_ERROR: i32 = 1;
const SQLITE_CORRUPT_VTAB: i32 = 267;

/// The shadow tables do not fit together.
pub(crate) fn corrupt() -> ModuleError {
    Error::sqlite(
        SQLITE_CORRUPT_VTAB,
        "the vector table is damaged: its shadow tables do not fit together",
    )
    .into()
}

fn message(text: impl Into<String>) -> ModuleError {
    ModuleError::Message(text.into())
}

/// What `t_config` holds besides the options.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) id: Vec<u8>,
    pub(crate) options: Options,
    pub(crate) automerge: bool,
    pub(crate) threads: u32,
    pub(crate) vectors_per_block: u32,
    pub(crate) nodes_per_block: u32,
}

/// The shadow tables.
pub(crate) struct Store {
    pub(crate) connection: TableConnection,
    schema: String,
    name: RefCell<String>,
    statements: RefCell<HashMap<String, Rc<TableStatement>>>,
}

impl Store {
    pub(crate) fn new(connection: TableConnection, schema: &str, name: &str) -> Self {
        Self {
            connection,
            schema: schema.into(),
            name: RefCell::new(name.into()),
            statements: RefCell::default(),
        }
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) fn name(&self) -> String {
        self.name.borrow().clone()
    }

    /// Replaces `{rows}` and the like by names.
    fn expand(&self, template: &str) -> String {
        let mut sql = template.replace("{schema}", &quote(&self.schema));
        for shadow in SHADOWS {
            let name = format!("{}.{}", quote(&self.schema), quote(&self.shadow(shadow)));
            sql = sql.replace(&format!("{{{shadow}}}"), &name);
        }
        sql
    }

    fn shadow(&self, shadow: &str) -> String {
        format!("{}_{shadow}", self.name.borrow())
    }

    /// A statement, compiled once. It has `{rows}` for the name of `t_rows`, and so on.
    pub(crate) fn statement(&self, template: &str) -> Sqlite<Rc<TableStatement>> {
        if let Some(statement) = self.statements.borrow().get(template) {
            return Ok(statement.clone());
        }
        let statement = Rc::new(self.connection.prepare(&self.expand(template))?);
        let mut statements = self.statements.borrow_mut();
        statements.insert(template.into(), statement.clone());
        Ok(statement)
    }

    /// Runs a statement that returns no rows, or whose rows nobody wants.
    pub(crate) fn run(&self, template: &str, parameters: &[ValueRef<'_>]) -> Sqlite<i64> {
        self.statement(template)?.run(parameters)
    }

    /// Whether text is UTF-16 in the database, and then whether it is big-endian.
    pub(crate) fn wide_text(&self) -> Result<Option<bool>, ModuleError> {
        let statement = self.statement("PRAGMA {schema}.encoding")?;
        let mut rows = statement.query(&[])?;
        Ok(match rows.next()?.map(|row| row.get(0)) {
            Some(ValueRef::Text(b"UTF-16le")) => Some(false),
            Some(ValueRef::Text(b"UTF-16be")) => Some(true),
            _ => None,
        })
    }

    /// The integer of a statement that returns one or no row.
    pub(crate) fn integer(
        &self,
        template: &str,
        parameters: &[ValueRef<'_>],
    ) -> Result<Option<i64>, ModuleError> {
        let statement = self.statement(template)?;
        let mut rows = statement.query(parameters)?;
        match rows.next()?.map(|row| row.get(0)) {
            None => Ok(None),
            Some(ValueRef::Integer(value)) => Ok(Some(value)),
            Some(_) => Err(corrupt()),
        }
    }

    /// CREATE: makes the shadow tables. Returns the table's id.
    pub(crate) fn create(&self, options: &Options) -> Result<(), ModuleError> {
        self.refuse_taken_names()?;
        let mut columns = String::new();
        for (number, column) in options.columns.iter().enumerate() {
            let _ = write!(columns, ", c{number} {}", column.column_type.name());
        }
        self.connection.exec(&self.expand(&format!(
            "CREATE TABLE {{config}}(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
            CREATE TABLE {{rows}}(id INTEGER PRIMARY KEY, slot INTEGER NOT NULL{columns}) STRICT;
            CREATE TABLE {{vectors}}(block INTEGER PRIMARY KEY, data BLOB);
            CREATE TABLE {{graph}}(block INTEGER PRIMARY KEY, data BLOB);
            CREATE TABLE {{log}}(seq INTEGER PRIMARY KEY, stamp INTEGER, state BLOB, changes BLOB)"
        )))?;
        for (number, column) in options.columns.iter().enumerate() {
            if column.is_indexed {
                self.create_index(number)?;
            }
        }
        Ok(())
    }

    /// An index has a name of the whole schema, so it is one that no other table has after this one was renamed.
    fn create_index(&self, number: usize) -> Result<(), ModuleError> {
        let statement = self.statement("SELECT lower(hex(randomblob(8)))")?;
        let mut rows = statement.query(&[])?;
        let suffix = match rows.next()?.map(|row| row.get(0)) {
            Some(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            _ => return Err(corrupt()),
        };
        let index = quote(&format!("{}_c{number}_{suffix}", self.shadow("rows")));
        let (schema, rows) = (quote(&self.schema), quote(&self.shadow("rows")));
        let sql = format!("CREATE INDEX {schema}.{index} ON {rows}(c{number}, slot)");
        Ok(self.connection.exec(&sql)?)
    }

    fn refuse_taken_names(&self) -> Result<(), ModuleError> {
        let statement =
            self.statement("SELECT 1 FROM {schema}.sqlite_schema WHERE lower(name) = lower(?)")?;
        for shadow in SHADOWS {
            let name = self.shadow(shadow);
            let parameters = [ValueRef::Text(name.as_bytes())];
            let mut rows = statement.query(&parameters)?;
            if rows.next()?.is_some() {
                return Err(message(format!("there is already a table named {name}")));
            }
        }
        Ok(())
    }

    /// The file that a schema is kept in; empty for memory and temporary ones.
    pub(crate) fn file(&self) -> Result<Vec<u8>, ModuleError> {
        let statement = self.statement("PRAGMA database_list")?;
        let mut rows = statement.query(&[])?;
        while let Some(row) = rows.next()? {
            if let (ValueRef::Text(name), ValueRef::Text(file)) = (row.get(1), row.get(2)) {
                if name.eq_ignore_ascii_case(self.schema.as_bytes()) {
                    return Ok(file.to_vec());
                }
            }
        }
        Ok(Vec::new())
    }

    /// What a PRAGMA of the schema says now. It is read when it is compiled.
    pub(crate) fn setting(&self, pragma: &str) -> Result<Option<i64>, ModuleError> {
        let sql = self.expand(&format!("PRAGMA {{schema}}.{pragma}"));
        let statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(&[])?;
        Ok(match rows.next()?.map(|row| row.get(0)) {
            Some(ValueRef::Integer(value)) => Some(value),
            _ => None,
        })
    }

    pub(crate) fn page_size(&self) -> Result<u32, ModuleError> {
        let size = self.setting("page_size")?;
        Ok(size
            .and_then(|size| u32::try_from(size).ok())
            .unwrap_or(4096))
    }

    pub(crate) fn write_config(&self, config: &Config) -> Result<(), ModuleError> {
        let options = config.options.to_text();
        for (key, value) in [
            ("format", ValueRef::Integer(FORMAT)),
            ("options", ValueRef::Text(options.as_bytes())),
            ("automerge", ValueRef::Integer(config.automerge.into())),
            ("threads", ValueRef::Integer(config.threads.into())),
            (
                "vectors_per_block",
                ValueRef::Integer(config.vectors_per_block.into()),
            ),
            (
                "nodes_per_block",
                ValueRef::Integer(config.nodes_per_block.into()),
            ),
        ] {
            self.set_config(key, value)?;
        }
        self.run(
            "INSERT OR IGNORE INTO {config} VALUES ('id', randomblob(16))",
            &[],
        )?;
        Ok(())
    }

    pub(crate) fn set_config(&self, key: &str, value: ValueRef<'_>) -> Result<(), ModuleError> {
        self.run(
            "INSERT OR REPLACE INTO {config} VALUES (?, ?)",
            &[ValueRef::Text(key.as_bytes()), value],
        )?;
        Ok(())
    }

    /// What the table was made with.
    pub(crate) fn read_config(&self) -> Result<Config, ModuleError> {
        let statement = match self.statement("SELECT key, value FROM {config}") {
            Err(error) if error.code() & 0xff == SQLITE_ERROR => {
                return Err(message(format!(
                    "table {} is of another module named diskann: it has no {}",
                    self.name(),
                    self.shadow("config")
                )))
            }
            other => other?,
        };
        let mut values: HashMap<Vec<u8>, crate::value::Value> = HashMap::new();
        let mut rows = statement.query(&[])?;
        while let Some(row) = rows.next()? {
            if let ValueRef::Text(key) = row.get(0) {
                values.insert(key.to_vec(), row.get(1).into());
            }
        }
        let get = |key: &str| {
            values
                .get(key.as_bytes())
                .map_or(ValueRef::Null, |value| value.as_ref())
        };
        match get("format") {
            ValueRef::Integer(FORMAT) => {}
            ValueRef::Integer(other) if other > FORMAT => {
                return Err(message(format!(
                    "table {} has format {other}, which is newer than this version of Ferrolite",
                    self.name()
                )))
            }
            _ => return Err(corrupt()),
        }
        let number = |key: &str| match get(key) {
            ValueRef::Integer(value) => u32::try_from(value).map_err(|_| corrupt()),
            _ => Err(corrupt()),
        };
        let (ValueRef::Blob(id), ValueRef::Text(options)) = (get("id"), get("options")) else {
            return Err(corrupt());
        };
        let options = std::str::from_utf8(options).map_err(|_| corrupt())?;
        Ok(Config {
            id: id.to_vec(),
            options: Options::from_text(options).map_err(|_| corrupt())?,
            automerge: number("automerge")? != 0,
            threads: number("threads")?,
            vectors_per_block: number("vectors_per_block")?,
            nodes_per_block: number("nodes_per_block")?,
        })
    }

    /// Whether the shadow tables of this name are those of a table: a savepoint that was rolled back may have taken
    /// them, and others may be there by now.
    pub(crate) fn is_of(&self, id: &[u8]) -> Result<bool, ModuleError> {
        match self.read_id() {
            Ok(found) => Ok(found.as_deref() == Some(id)),
            Err(error) if error.code() & 0xff == SQLITE_ERROR => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn read_id(&self) -> Sqlite<Option<Vec<u8>>> {
        let statement = self.statement("SELECT value FROM {config} WHERE key = 'id'")?;
        let mut rows = statement.query(&[])?;
        Ok(match rows.next()?.map(|row| row.get(0)) {
            Some(ValueRef::Blob(id)) => Some(id.to_vec()),
            _ => None,
        })
    }

    pub(crate) fn rename(&self, name: &str) -> Result<(), ModuleError> {
        self.statements.take();
        let sql: Vec<_> = SHADOWS
            .iter()
            .map(|shadow| {
                let new = quote(&format!("{name}_{shadow}"));
                self.expand(&format!("ALTER TABLE {{{shadow}}} RENAME TO {new}"))
            })
            .collect();
        self.connection.exec(&sql.join(";"))?;
        self.name.replace(name.into());
        Ok(())
    }

    pub(crate) fn drop_tables(&self) -> Result<(), ModuleError> {
        self.statements.take();
        let sql: Vec<_> = SHADOWS
            .iter()
            .map(|shadow| self.expand(&format!("DROP TABLE IF EXISTS {{{shadow}}}")))
            .collect();
        Ok(self.connection.exec(&sql.join(";"))?)
    }
}
