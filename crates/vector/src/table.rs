//! The virtual table: CREATE, INSERT, UPDATE, DELETE, transactions, names.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ferrolite_sqlite::{
    Args, Arguments, Conflict, Error, Integrity, Module, ModuleError, Plan, Risk, Table,
    TableConnection, TableDefinition, Update, ValueRef, WritableTable,
};

use crate::codec::State;
use crate::command;
use crate::cursor::VectorCursor;
use crate::input::Shape;
use crate::kept;
use crate::layout;
use crate::load;
use crate::log;
use crate::options::Options;
use crate::plan::{self, Places};
use crate::state::{Note, TableState};
use crate::store::{corrupt, Config, Store, SHADOWS};
use crate::value::Value;
use crate::verify;

type Result<T> = std::result::Result<T, ModuleError>;

const SQLITE_CONSTRAINT_DATATYPE: i32 = 3091;
const SQLITE_CONSTRAINT_PRIMARYKEY: i32 = 1555;
const SQLITE_CONSTRAINT_ROWID: i32 = 2579;
const SQLITE_MISMATCH: i32 = 20;

/// By schema and table id.
type States = HashMap<(String, Vec<u8>), Rc<TableState>>;

/// The module of a connection. It keeps what its tables have in memory, since `SQLite` makes objects of them anew
/// whenever the schema changes.
#[derive(Default)]
pub(crate) struct DiskAnn {
    states: Rc<RefCell<States>>,
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|_| ModuleError::Message("the name of a diskann table must be UTF-8".into()))
}

impl DiskAnn {
    fn table(&self, store: Store) -> Result<(VectorTable, TableDefinition)> {
        let config = store.read_config()?;
        let sql = config.options.declaration(&store.name());
        let places = Places::new(&config.options.columns);
        let state = self.state(&store, config)?;
        let table = VectorTable {
            store: Rc::new(store),
            state,
            states: self.states.clone(),
            places,
        };
        let definition = TableDefinition {
            sql,
            risk: Risk::Innocuous,
            handles_conflicts: true,
        };
        Ok((table, definition))
    }

    fn state(&self, store: &Store, config: Config) -> Result<Rc<TableState>> {
        let file = store.file()?;
        let key = (store.schema().to_ascii_lowercase(), config.id.clone());
        let mut states = self.states.borrow_mut();
        // A schema that was detached, or that is another file now.
        states.retain(|(schema, _), state| {
            Rc::strong_count(state) > 1 || *schema != key.0 || state.file() == file
        });
        if let Some(state) = states.get(&key) {
            if state.file() == file {
                return Ok(state.clone());
            }
        }
        let state = Rc::new(TableState::new(config, file)?);
        states.insert(key, state.clone());
        Ok(state)
    }

    fn store(connection: &TableConnection, arguments: &Arguments<'_>) -> Result<Store> {
        let (schema, name) = (text(arguments.database())?, text(arguments.table())?);
        Ok(Store::new(connection.clone(), schema, name))
    }
}

impl Module for DiskAnn {
    type Table = VectorTable;

    fn create(
        &self,
        connection: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Result<(VectorTable, TableDefinition)> {
        let options = Options::parse(arguments.rest())?;
        options.check_table_name(text(arguments.table())?)?;
        let store = Self::store(connection, arguments)?;
        let page_size = store.page_size()?;
        store.create(&options)?;
        let stride = options.stride();
        store.write_config(&Config {
            id: Vec::new(),
            automerge: true,
            threads: 0,
            vectors_per_block: layout::vectors_per_block(stride, page_size as usize),
            nodes_per_block: layout::nodes_per_block(options.max_degree, page_size),
            options,
        })?;
        log::write(&store, 0, &State::EMPTY, None)?;
        self.table(store)
    }

    fn connect(
        &self,
        connection: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Result<(VectorTable, TableDefinition)> {
        self.table(Self::store(connection, arguments)?)
    }

    fn is_shadow(name: &[u8]) -> bool {
        SHADOWS
            .iter()
            .any(|shadow| name.eq_ignore_ascii_case(shadow.as_bytes()))
    }
}

pub(crate) struct VectorTable {
    store: Rc<Store>,
    state: Rc<TableState>,
    states: Rc<RefCell<States>>,
    places: Places,
}

/// What xUpdate was given for a row.
struct Given<'a> {
    /// `None` leaves it as it is.
    vector: Option<Vec<u8>>,
    /// The columns that are set.
    columns: Vec<(usize, ValueRef<'a>)>,
}

/// Sets the slot to the second parameter, and columns to those behind it.
fn set(columns: &[(usize, ValueRef<'_>)]) -> String {
    let columns = columns.iter().map(|(number, _)| format!(", c{number} = ?"));
    format!("slot = ?2{}", columns.collect::<String>())
}

fn insert(values: usize) -> String {
    format!(
        "INSERT INTO {{rows}} VALUES ({})",
        vec!["?"; values].join(", ")
    )
}

impl VectorTable {
    /// Checks the values of a row.
    fn given<'a>(&self, values: &Args<'a>, is_update: bool) -> Result<Given<'a>> {
        let is_set = |at: usize| !(is_update && values.is_unchanged(at));
        for (at, name) in [
            (self.places.distance(), "distance"),
            (self.places.k(), "k"),
            (self.places.list(), "search_list_size"),
        ] {
            if is_set(at) && values.get(at) != ValueRef::Null {
                return Err(ModuleError::Message(format!(
                    "{name} cannot be set: it belongs to queries"
                )));
            }
        }
        let vector = self.places.vector();
        let vector = if is_set(vector) {
            Some(self.shape().read(values.get(vector))?)
        } else {
            None
        };
        let columns = (0..self.places.columns).filter(|at| is_set(*at));
        Ok(Given {
            vector,
            columns: columns.map(|at| (at, values.get(at))).collect(),
        })
    }

    fn shape(&self) -> Shape {
        let config = self.state.config.borrow();
        Shape {
            element: config.options.element,
            dimension: config.options.dimension as usize,
            metric: config.options.metric,
        }
    }

    fn slot_of(&self, rowid: i64) -> Result<Option<u32>> {
        let sql = "SELECT slot FROM {rows} WHERE id = ?";
        let slot = self.store.integer(sql, &[ValueRef::Integer(rowid)])?;
        let root = self.state.resolve(&self.store)?;
        slot.map(|slot| {
            let slot = u32::try_from(slot).ok();
            slot.filter(|slot| root.is_live(*slot)).ok_or_else(corrupt)
        })
        .transpose()
    }

    /// The slot of the row that is in the way of a rowid, which is to go.
    fn in_the_way(&self, rowid: i64, conflict: Conflict) -> Result<Option<u32>> {
        let slot = self.slot_of(rowid)?;
        if slot.is_some() && conflict != Conflict::Replace {
            return Err(self.is_taken());
        }
        Ok(slot)
    }

    fn is_taken(&self) -> ModuleError {
        let message = format!("UNIQUE constraint failed: {}.rowid", self.store.name());
        Error::sqlite(SQLITE_CONSTRAINT_ROWID, &message).into()
    }

    /// An error of a statement that wrote to `t_rows`, as one of this table.
    fn told(&self, error: Error) -> ModuleError {
        let name = self.store.name();
        match error.code() {
            SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_ROWID => self.is_taken(),
            SQLITE_CONSTRAINT_DATATYPE => {
                let message = error.to_string();
                let config = self.state.config.borrow();
                let (what, column) = message.rsplit_once(' ').unwrap_or((&message, ""));
                let number = column
                    .rsplit_once(".c")
                    .and_then(|(_, n)| n.parse::<usize>().ok());
                let column = number.and_then(|number| config.options.columns.get(number));
                let column = column.map_or("", |column| column.name.as_str());
                Error::sqlite(SQLITE_MISMATCH, &format!("{what} {name}.{column}")).into()
            }
            _ => error.into(),
        }
    }

    /// Writes a row of `t_rows`. Returns its rowid, if it is a new one.
    fn write(&self, sql: &str, parameters: &[ValueRef<'_>]) -> Result<i64> {
        self.store.run(sql, parameters).map_err(|error| {
            self.state.note_left();
            self.told(error)
        })
    }

    /// The same, in the place of another row, which stays if that fails.
    fn write_in_place_of(
        &self,
        rowid: i64,
        slot: u32,
        sql: &str,
        parameters: &[ValueRef<'_>],
    ) -> Result<()> {
        let other = kept::read(&self.store, rowid, self.places.columns)?;
        let id = ValueRef::Integer(rowid);
        self.write("DELETE FROM {rows} WHERE id = ?", &[id])?;
        let Err(error) = self.write(sql, parameters) else {
            return Ok(());
        };
        let mut values = vec![id, ValueRef::Integer(slot.into())];
        values.extend(other.iter().map(Value::as_ref));
        self.write(&insert(values.len()), &values)?;
        Err(error)
    }

    /// Has scans that go on read a row as it is now, before it changes.
    fn keep(&self, rowid: i64) -> Result<()> {
        match self.places.columns {
            0 => Ok(()),
            columns => self.state.scans.keep(&self.store, rowid, columns),
        }
    }

    fn insert(&self, rowid: Option<i64>, values: &Args<'_>, conflict: Conflict) -> Result<i64> {
        let given = self.given(values, false)?;
        let old = match rowid {
            Some(rowid) => self.in_the_way(rowid, conflict)?,
            None => None,
        };
        if let (Some(rowid), Some(_)) = (rowid, old) {
            self.keep(rowid)?;
        }
        let vector = given.vector.unwrap_or_default();
        let slot = self.state.place(&self.store, &vector)?;
        let mut parameters = vec![
            rowid.map_or(ValueRef::Null, ValueRef::Integer),
            ValueRef::Integer(slot.into()),
        ];
        parameters.extend(given.columns.iter().map(|(_, value)| *value));
        // Not OR REPLACE: under an index that somebody has made, that takes other rows too.
        let sql = match old {
            Some(_) => format!("UPDATE {{rows}} SET {} WHERE id = ?1", set(&given.columns)),
            None => insert(parameters.len()),
        };
        let written = self.write(&sql, &parameters)?;
        let rowid = rowid.unwrap_or(written);
        self.replace(old, Some((slot, rowid)))?;
        Ok(rowid)
    }

    fn change(
        &self,
        rowid: i64,
        new_rowid: i64,
        values: &Args<'_>,
        conflict: Conflict,
    ) -> Result<()> {
        let given = self.given(values, true)?;
        let Some(slot) = self.slot_of(rowid)? else {
            return Ok(());
        };
        let in_the_way = if rowid == new_rowid {
            None
        } else {
            self.in_the_way(new_rowid, conflict)?
        };
        self.keep(rowid)?;
        if in_the_way.is_some() {
            self.keep(new_rowid)?;
        }
        let new_slot = match &given.vector {
            Some(vector) => self.state.place(&self.store, vector)?,
            None => slot,
        };
        let mut parameters = vec![ValueRef::Integer(rowid), ValueRef::Integer(new_slot.into())];
        parameters.extend(given.columns.iter().map(|(_, value)| *value));
        parameters.push(ValueRef::Integer(new_rowid));
        let sql = format!(
            "UPDATE {{rows}} SET {}, id = ? WHERE id = ?1",
            set(&given.columns)
        );
        match in_the_way {
            None => drop(self.write(&sql, &parameters)?),
            Some(slot) => self.write_in_place_of(new_rowid, slot, &sql, &parameters)?,
        }
        self.replace(in_the_way, None)?;
        if new_slot != slot {
            self.replace(Some(slot), Some((new_slot, new_rowid)))
        } else if rowid != new_rowid {
            self.replace(None, Some((slot, new_rowid)))
        } else if !given.columns.is_empty() {
            self.read_columns(slot)?;
            self.state.note(Note::Columns(slot));
            Ok(())
        } else {
            Ok(())
        }
    }

    fn delete(&self, rowid: i64) -> Result<()> {
        let Some(slot) = self.slot_of(rowid)? else {
            return Ok(());
        };
        self.keep(rowid)?;
        self.write(
            "DELETE FROM {rows} WHERE id = ?",
            &[ValueRef::Integer(rowid)],
        )?;
        self.replace(Some(slot), None)
    }

    /// Has memory follow what was done to `t_rows`.
    fn replace(&self, old: Option<u32>, new: Option<(u32, i64)>) -> Result<()> {
        if old.is_none() && new.is_none() {
            return Ok(());
        }
        self.state.change(&self.store, |root| {
            if let Some(slot) = old {
                root.remove(slot);
            }
            if let Some((slot, rowid)) = new {
                root.add(slot, rowid);
            }
        })?;
        if let Some(slot) = old {
            self.state.note(Note::Removed(slot));
        }
        if let Some((slot, rowid)) = new {
            self.state.note(Note::Added(slot, rowid));
            self.read_columns(slot)?;
        }
        Ok(())
    }

    /// Has the columns in memory follow those of a row.
    fn read_columns(&self, slot: u32) -> Result<()> {
        self.state.change(&self.store, |root| {
            load::columns_of(&self.store, root, [slot].into_iter())
        })?
    }
}

impl Table for VectorTable {
    type Cursor = VectorCursor;

    fn best_index(&self, plan: &mut Plan<'_>) -> Result<bool> {
        plan::plan(plan, self.places)
    }

    fn open(&self) -> Result<VectorCursor> {
        Ok(VectorCursor::new(self.state.clone(), self.store.clone()))
    }

    fn destroy(&self) -> Result<()> {
        let _busy = self.state.be_busy();
        self.store.drop_tables()?;
        // A rollback brings the table back; another object of it reads it anew.
        self.state.rollback_to();
        let key = (self.store.schema().to_ascii_lowercase(), self.state.id());
        self.states.borrow_mut().remove(&key);
        Ok(())
    }
}

impl WritableTable for VectorTable {
    fn update(&self, update: Update<'_>, conflict: Conflict) -> Result<i64> {
        let _busy = self.state.be_busy();
        match update {
            Update::Delete { rowid } => self.delete(rowid).map(|()| 0),
            Update::Update {
                rowid,
                new_rowid,
                values,
            } => self.change(rowid, new_rowid, &values, conflict).map(|()| 0),
            Update::Insert { rowid, values } => match values.get(self.places.command()) {
                ValueRef::Null => self.insert(rowid, &values, conflict),
                command => {
                    command::run(&self.state, &self.store, command)?;
                    Ok(0)
                }
            },
        }
    }

    fn sync(&self) -> Result<()> {
        let _busy = self.state.be_busy();
        self.state.sync(&self.store)
    }

    fn commit(&self) {
        self.state.commit();
    }

    fn rollback(&self) {
        self.state.rollback();
    }

    fn savepoint(&self, _: i32) -> Result<()> {
        if self.state.is_busy() {
            return Ok(());
        }
        self.state.flush(&self.store)
    }

    fn rollback_to(&self, _: i32) -> Result<()> {
        if !self.state.is_busy() {
            self.state.rollback_to();
        }
        Ok(())
    }

    fn rename(&self, name: &[u8]) -> Result<()> {
        let name = text(name)?;
        let _busy = self.state.be_busy();
        self.state.config.borrow().options.check_table_name(name)?;
        self.state.flush(&self.store)?;
        self.store.rename(name)
    }

    fn integrity(&self, check: Integrity<'_>) -> Result<Option<String>> {
        verify::verify(&self.state, &self.store, !check.is_quick)
    }
}
