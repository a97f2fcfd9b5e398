//! A writable virtual table that keeps its rows in a shadow table. What is new waits in memory until a savepoint, the
//! end of the transaction or a reader asks for it, as it does in tables that gather changes.

use std::cell::RefCell;

use crate::common::{error, exec, rows, TestFile};
use ferrolite_sqlite::{
    Arguments, Authorize, Conflict, Connection, Context, Cursor, Error, Integrity, Module,
    ModuleError, OpenOptions, Operator, Plan, Result, Scan, Table, TableConnection,
    TableDefinition, TableStatement, Update, ValueRef, WritableTable,
};

type Outcome<T> = std::result::Result<T, ModuleError>;

const SQLITE_CONSTRAINT_UNIQUE: i32 = 2067;

/// `CREATE VIRTUAL TABLE … USING notes`: columns `name`, which is unique, and `value`.
struct Notes;

struct NotesTable {
    connection: TableConnection,
    shadow: String,
    insert: TableStatement,
    delete: TableStatement,
    find: TableStatement,
    last: TableStatement,
    /// The name of the shadow table alone, and whether there is one.
    name: String,
    there: TableStatement,
    pending: RefCell<Vec<Note>>,
}

struct Note {
    rowid: i64,
    name: Vec<u8>,
    value: Vec<u8>,
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(bytes: &[u8]) -> Outcome<String> {
    let text = String::from_utf8(bytes.to_vec());
    text.map_err(|_| ModuleError::Message("not UTF-8".into()))
}

impl Notes {
    fn shadow(arguments: &Arguments<'_>) -> Outcome<String> {
        let table = format!("{}_rows", text(arguments.table())?);
        let database = quote(&text(arguments.database())?);
        Ok(format!("{database}.{}", quote(&table)))
    }
}

impl Module for Notes {
    type Table = NotesTable;

    fn create(
        &self,
        connection: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Outcome<(NotesTable, TableDefinition)> {
        let shadow = Self::shadow(arguments)?;
        connection.exec(&format!(
            "CREATE TABLE {shadow} (id INTEGER PRIMARY KEY, name TEXT UNIQUE, value)"
        ))?;
        self.connect(connection, arguments)
    }

    fn connect(
        &self,
        connection: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Outcome<(NotesTable, TableDefinition)> {
        let shadow = Self::shadow(arguments)?;
        let table = NotesTable {
            insert: connection.prepare(&format!("INSERT INTO {shadow} VALUES (?, ?, ?)"))?,
            delete: connection.prepare(&format!("DELETE FROM {shadow} WHERE id = ?"))?,
            find: connection.prepare(&format!(
                "SELECT id FROM {shadow} WHERE id = ?1 OR name = ?2"
            ))?,
            there: connection.prepare(&format!(
                "SELECT 1 FROM {}.sqlite_schema WHERE name = ?",
                quote(&text(arguments.database())?)
            ))?,
            name: format!("{}_rows", text(arguments.table())?),
            last: connection.prepare(&format!("SELECT max(id) FROM {shadow}"))?,
            connection: connection.clone(),
            shadow,
            pending: RefCell::default(),
        };
        let definition = TableDefinition {
            sql: "CREATE TABLE x (name TEXT, value)".into(),
            handles_conflicts: true,
            ..TableDefinition::default()
        };
        Ok((table, definition))
    }

    fn is_shadow(name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(b"rows")
    }
}

impl NotesTable {
    /// Writes what waits. A savepoint that is rolled back takes a table with it that was created after it began, and
    /// nobody tells the object.
    fn flush(&self) -> Outcome<()> {
        let pending = self.pending.take();
        if pending.is_empty() || !self.is_there()? {
            return Ok(());
        }
        for note in pending {
            self.insert.run(&[
                ValueRef::Integer(note.rowid),
                ValueRef::Text(&note.name),
                ValueRef::Blob(&note.value),
            ])?;
        }
        Ok(())
    }

    fn is_there(&self) -> Outcome<bool> {
        let name = [ValueRef::Text(self.name.as_bytes())];
        let mut rows = self.there.query(&name)?;
        Ok(rows.next()?.is_some())
    }

    fn next_rowid(&self) -> Outcome<i64> {
        let mut rows = self.last.query(&[])?;
        let last = match rows.next()?.map(|row| row.get(0)) {
            Some(ValueRef::Integer(last)) => last,
            _ => 0,
        };
        let pending = self.pending.borrow();
        Ok(pending.iter().fold(last, |last, note| last.max(note.rowid)) + 1)
    }

    fn remove(&self, rowid: i64) -> Outcome<()> {
        self.pending.borrow_mut().retain(|note| note.rowid != rowid);
        self.delete.run(&[ValueRef::Integer(rowid)])?;
        Ok(())
    }

    /// The rows that are in the way, but for one that is changed.
    fn in_the_way(&self, rowid: i64, name: &[u8], but: Option<i64>) -> Outcome<Vec<i64>> {
        let mut found = Vec::new();
        let parameters = [ValueRef::Integer(rowid), ValueRef::Text(name)];
        let mut rows = self.find.query(&parameters)?;
        while let Some(row) = rows.next()? {
            if let ValueRef::Integer(rowid) = row.get(0) {
                found.push(rowid);
            }
        }
        let pending = self.pending.borrow();
        let pending = pending
            .iter()
            .filter(|note| note.rowid == rowid || note.name == name);
        found.extend(pending.map(|note| note.rowid));
        found.retain(|rowid| Some(*rowid) != but);
        Ok(found)
    }
}

impl Table for NotesTable {
    type Cursor = NotesCursor;

    fn best_index(&self, plan: &mut Plan<'_>) -> Outcome<bool> {
        let equal = plan.constraints().find(|constraint| {
            constraint.usable
                && constraint.operator == Operator::Equal
                && constraint.column.is_none_or(|column| column == 0)
        });
        plan.set_cost(1e6, 1000);
        let Some(equal) = equal else {
            let order: Vec<_> = plan.order_by().collect();
            if let [order] = order[..] {
                if order.column.is_none() && !order.descending {
                    plan.set_ordered();
                }
            }
            return Ok(true);
        };
        let is_all = plan.is_in(equal.number) && plan.take_all_in(equal.number);
        plan.pass(equal.number, equal.column.is_none() || is_all);
        plan.set_number(if is_all { 2 } else { 1 });
        plan.set_text(if equal.column.is_none() { "id" } else { "name" });
        plan.set_cost(1.0, 1);
        if !is_all {
            plan.set_unique();
        }
        Ok(true)
    }

    fn open(&self) -> Outcome<NotesCursor> {
        self.flush()?;
        Ok(NotesCursor {
            connection: self.connection.clone(),
            shadow: self.shadow.clone(),
            rows: Vec::new(),
            at: 0,
        })
    }

    fn destroy(&self) -> Outcome<()> {
        let drop = format!("DROP TABLE IF EXISTS {}", self.shadow);
        Ok(self.connection.exec(&drop)?)
    }
}

struct NotesCursor {
    connection: TableConnection,
    shadow: String,
    rows: Vec<Note>,
    at: usize,
}

impl NotesCursor {
    fn read(&mut self, column: &str, value: Option<ValueRef<'_>>) -> Outcome<()> {
        let condition = value.map_or(String::new(), |_| format!("WHERE {column} = ?"));
        let sql = format!(
            "SELECT id, name, value FROM {} {condition} ORDER BY id",
            self.shadow
        );
        let statement = self.connection.prepare(&sql)?;
        let parameters: Vec<_> = value.into_iter().collect();
        let mut rows = statement.query(&parameters)?;
        while let Some(row) = rows.next()? {
            let (ValueRef::Integer(rowid), ValueRef::Text(name), ValueRef::Blob(value)) =
                (row.get(0), row.get(1), row.get(2))
            else {
                return Err(ModuleError::Message("damaged".into()));
            };
            self.rows.push(Note {
                rowid,
                name: name.to_vec(),
                value: value.to_vec(),
            });
        }
        Ok(())
    }
}

impl Cursor for NotesCursor {
    fn filter(&mut self, scan: Scan<'_>) -> Outcome<bool> {
        (self.rows, self.at) = (Vec::new(), 0);
        let column = text(scan.text)?;
        match scan.number {
            0 => self.read("", None)?,
            1 => self.read(&column, Some(scan.args.get(0)))?,
            _ => scan
                .args
                .list(0, &mut |value| self.read(&column, Some(value)))?,
        }
        Ok(!self.rows.is_empty())
    }

    fn next(&mut self) -> Outcome<bool> {
        self.at += 1;
        Ok(self.at < self.rows.len())
    }

    fn column(&mut self, column: usize, context: &mut Context<'_>) -> Outcome<()> {
        let note = &self.rows[self.at];
        if column == 0 {
            context.set(ValueRef::Text(&note.name));
        } else if !context.is_unchanged() {
            context.set(ValueRef::Blob(&note.value));
        }
        Ok(())
    }

    fn rowid(&self) -> Outcome<i64> {
        Ok(self.rows[self.at].rowid)
    }
}

impl WritableTable for NotesTable {
    fn update(&self, update: Update<'_>, conflict: Conflict) -> Outcome<i64> {
        let (old, new, values) = match update {
            Update::Delete { rowid } => {
                self.remove(rowid)?;
                return Ok(0);
            }
            Update::Insert { rowid, values } => (None, rowid, values),
            Update::Update {
                rowid,
                new_rowid,
                values,
            } => (Some(rowid), Some(new_rowid), values),
        };
        let rowid = new.map_or_else(|| self.next_rowid(), Ok)?;
        let ValueRef::Text(name) = values.get(0) else {
            return Err(ModuleError::Message("a note needs a name".into()));
        };
        let in_the_way = self.in_the_way(rowid, name, old)?;
        if !in_the_way.is_empty() && conflict != Conflict::Replace {
            let message = "UNIQUE constraint failed: notes";
            return Err(Error::sqlite(SQLITE_CONSTRAINT_UNIQUE, message).into());
        }
        let mut value = match values.get(1) {
            ValueRef::Text(value) | ValueRef::Blob(value) => value.to_vec(),
            _ => Vec::new(),
        };
        if let (true, Some(old)) = (values.is_unchanged(1), old) {
            self.flush()?;
            let sql = format!("SELECT value FROM {} WHERE id = ?", self.shadow);
            let statement = self.connection.prepare(&sql)?;
            let parameters = [ValueRef::Integer(old)];
            let mut rows = statement.query(&parameters)?;
            if let Some(ValueRef::Blob(kept)) = rows.next()?.map(|row| row.get(0)) {
                value = [kept, b" (kept)"].concat();
            }
        }
        for rowid in in_the_way.into_iter().chain(old) {
            self.remove(rowid)?;
        }
        self.pending.borrow_mut().push(Note {
            rowid,
            name: name.to_vec(),
            value,
        });
        Ok(rowid)
    }

    fn sync(&self) -> Outcome<()> {
        self.flush()
    }

    fn rollback(&self) {
        self.pending.take();
    }

    fn savepoint(&self, _: i32) -> Outcome<()> {
        self.flush()
    }

    fn rollback_to(&self, _: i32) -> Outcome<()> {
        self.pending.take();
        Ok(())
    }

    fn rename(&self, name: &[u8]) -> Outcome<()> {
        self.flush()?;
        let name = quote(&format!("{}_rows", text(name)?));
        let sql = format!("ALTER TABLE {} RENAME TO {name}", self.shadow);
        Ok(self.connection.exec(&sql)?)
    }

    fn integrity(&self, check: Integrity<'_>) -> Outcome<Option<String>> {
        if check.is_quick {
            return Ok(None);
        }
        self.flush()?;
        let sql = format!("SELECT count(*) FROM {} WHERE name IS NULL", self.shadow);
        let statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(&[])?;
        let table = text(check.table)?;
        Ok(match rows.next()?.map(|row| row.get(0)) {
            Some(ValueRef::Integer(0)) => None,
            Some(ValueRef::Integer(count)) => {
                Some(format!("{count} notes without a name in {table}"))
            }
            _ => Some("damaged".into()),
        })
    }
}

fn register(connection: &Connection) -> Result<()> {
    connection.create_writable_module("notes", Notes)
}

fn open() -> Result<Connection> {
    Connection::open(&OpenOptions {
        modules: &[register],
        ..OpenOptions::new(":memory:")
    })
}

fn with_notes() -> Result<Connection> {
    let connection = open()?;
    exec(
        &connection,
        "CREATE VIRTUAL TABLE n USING notes; INSERT INTO n VALUES ('a', 1), ('b', 2)",
    )?;
    Ok(connection)
}

const ALL: &str = "SELECT rowid, name FROM n ORDER BY rowid";

#[test]
fn rows_are_kept_in_a_shadow_table() -> Result<()> {
    let connection = with_notes()?;
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b");
    assert_eq!(rows(&connection, "SELECT id, name FROM n_rows")?, "1|a 2|b");
    let shadow = "SELECT type FROM pragma_table_list WHERE name = 'n_rows'";
    assert_eq!(rows(&connection, shadow)?, "shadow");
    assert_eq!(
        error(exec(&connection, "DELETE FROM n_rows")),
        "table n_rows may not be modified"
    );
    let found = [
        ("name = 'b'", "2"),
        ("name = 'c'", ""),
        ("rowid = 1", "1"),
        ("rowid IN (2, 1, 7)", "2 1"),
        ("name IN ('a', 'c')", "1"),
        ("name > 'a'", "2"),
    ];
    for (condition, expected) in found {
        let mut found: Vec<_> = rows(
            &connection,
            &format!("SELECT rowid FROM n WHERE {condition}"),
        )?
        .split_whitespace()
        .map(String::from)
        .collect();
        found.sort();
        let mut expected: Vec<_> = expected.split_whitespace().collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{condition}");
    }
    Ok(())
}

#[test]
fn rowids_are_those_of_the_table() -> Result<()> {
    let connection = with_notes()?;
    exec(
        &connection,
        "CREATE TABLE o (a); INSERT INTO o VALUES (1), (2), (3), (4), (5)",
    )?;
    exec(&connection, "INSERT INTO n VALUES ('c', 3)")?;
    assert_eq!(connection.last_changes(), (1, 3));
    // The shadow table is written to when the savepoint begins; the rowid stays that of the statement.
    exec(
        &connection,
        "BEGIN; INSERT INTO n VALUES ('d', 4); INSERT INTO o VALUES (6); SAVEPOINT s",
    )?;
    assert_eq!(connection.last_changes().1, 6);
    exec(&connection, "COMMIT")?;
    assert_eq!(connection.last_changes().1, 6);
    for rowid in ["7", "'8'", "9.0"] {
        let sql = format!("INSERT INTO n(rowid, name) VALUES ({rowid}, 'r{rowid}')");
        // A quote in a name would need another one.
        exec(&connection, &sql.replace("'r'8''", "'r8'"))?;
    }
    assert_eq!(connection.last_changes().1, 9);
    for rowid in ["'x'", "1.5", "1e300", "x'00'"] {
        let sql = format!("INSERT INTO n(rowid, name) VALUES ({rowid}, 'wrong')");
        assert_eq!(error(exec(&connection, &sql)), "datatype mismatch", "{sql}");
    }
    Ok(())
}

#[test]
fn conflicts_are_the_tables_to_solve() -> Result<()> {
    let connection = with_notes()?;
    let failed = "UNIQUE constraint failed: notes";
    let insert = "INTO n VALUES ('new', 0), ('a', 9), ('more', 0)";
    assert_eq!(
        error(exec(&connection, &format!("INSERT {insert}"))),
        failed
    );
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b");
    exec(&connection, &format!("INSERT OR IGNORE {insert}"))?;
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b 3|new 4|more");
    exec(&connection, "INSERT OR REPLACE INTO n VALUES ('a', 9)")?;
    assert_eq!(rows(&connection, ALL)?, "2|b 3|new 4|more 5|a");
    assert_eq!(
        error(exec(
            &connection,
            "INSERT OR FAIL INTO n VALUES ('x', 0), ('b', 0)"
        )),
        failed
    );
    assert_eq!(rows(&connection, ALL)?, "2|b 3|new 4|more 5|a 6|x");
    exec(&connection, "BEGIN; INSERT INTO n VALUES ('gone', 0)")?;
    let rollback = "INSERT OR ROLLBACK INTO n VALUES ('b', 0)";
    assert_eq!(error(exec(&connection, rollback)), failed);
    assert!(!connection.in_transaction());
    assert_eq!(rows(&connection, ALL)?, "2|b 3|new 4|more 5|a 6|x");
    exec(
        &connection,
        "UPDATE n SET rowid = rowid + 10 WHERE name = 'b'",
    )?;
    assert_eq!(
        rows(&connection, "SELECT rowid FROM n WHERE name = 'b'")?,
        "12"
    );
    Ok(())
}

#[test]
fn an_update_knows_what_it_leaves_alone() -> Result<()> {
    let connection = with_notes()?;
    exec(
        &connection,
        "UPDATE n SET name = 'c' WHERE name = 'b'; UPDATE n SET value = 'set' WHERE name = 'a'",
    )?;
    assert_eq!(
        rows(
            &connection,
            "SELECT name, CAST(value AS TEXT) FROM n ORDER BY name"
        )?,
        "a|set c| (kept)"
    );
    Ok(())
}

#[test]
fn transactions_and_savepoints_are_obeyed() -> Result<()> {
    let connection = with_notes()?;
    exec(&connection, "BEGIN; INSERT INTO n VALUES ('c', 3)")?;
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b 3|c");
    exec(&connection, "INSERT INTO n VALUES ('d', 4); ROLLBACK")?;
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b");

    exec(
        &connection,
        "SAVEPOINT outer; INSERT INTO n VALUES ('c', 3); SAVEPOINT inner;
        INSERT INTO n VALUES ('d', 4); DELETE FROM n WHERE name = 'a'; ROLLBACK TO inner",
    )?;
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b 3|c");
    exec(
        &connection,
        "INSERT INTO n VALUES ('e', 5); RELEASE inner; INSERT INTO n VALUES ('f', 6)",
    )?;
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b 3|c 4|e 5|f");
    exec(&connection, "ROLLBACK TO outer")?;
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b");
    exec(&connection, "INSERT INTO n VALUES ('g', 7); RELEASE outer")?;
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b 3|g");
    Ok(())
}

#[test]
fn a_table_is_created_and_filled_in_one_transaction() -> Result<()> {
    let connection = open()?;
    let create = "CREATE VIRTUAL TABLE n USING notes; INSERT INTO n VALUES ('a', 1)";
    exec(&connection, &format!("BEGIN; {create}; ROLLBACK"))?;
    assert_eq!(
        rows(&connection, "SELECT count(*) FROM sqlite_schema")?,
        "0"
    );
    exec(
        &connection,
        &format!("BEGIN; SAVEPOINT s; {create}; ROLLBACK TO s; {create}; COMMIT"),
    )?;
    assert_eq!(rows(&connection, ALL)?, "1|a");
    Ok(())
}

#[test]
fn a_table_is_renamed_and_dropped() -> Result<()> {
    let connection = with_notes()?;
    exec(
        &connection,
        "BEGIN; INSERT INTO n VALUES ('c', 3); ALTER TABLE n RENAME TO \"it's\";
        INSERT INTO \"it's\" VALUES ('d', 4); COMMIT",
    )?;
    let names = "SELECT name FROM \"it's\" ORDER BY rowid";
    assert_eq!(rows(&connection, names)?, "a b c d");
    exec(
        &connection,
        "BEGIN; ALTER TABLE \"it's\" RENAME TO n; INSERT INTO n VALUES ('e', 5); ROLLBACK",
    )?;
    assert_eq!(rows(&connection, names)?, "a b c d");
    exec(
        &connection,
        "BEGIN; DROP TABLE \"it's\"; ROLLBACK; INSERT INTO \"it's\" VALUES ('f', 6)",
    )?;
    assert_eq!(rows(&connection, names)?, "a b c d f");
    exec(&connection, "DROP TABLE \"it's\"")?;
    assert_eq!(
        rows(&connection, "SELECT count(*) FROM sqlite_schema")?,
        "0"
    );
    Ok(())
}

#[test]
fn rows_survive_their_connection() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open(1000)?;
    register(&connection)?;
    exec(
        &connection,
        "CREATE VIRTUAL TABLE n USING notes; BEGIN; INSERT INTO n VALUES ('a', 1)",
    )?;
    // Closed within a transaction, which is lost.
    connection.close();
    let connection = file.open(1000)?;
    register(&connection)?;
    exec(&connection, "INSERT INTO n VALUES ('b', 2)")?;
    connection.close();
    let connection = file.open(1000)?;
    assert_eq!(error(rows(&connection, ALL)), "no such module: notes");
    register(&connection)?;
    assert_eq!(rows(&connection, ALL)?, "1|b");
    Ok(())
}

#[test]
fn damage_is_found() -> Result<()> {
    let connection = with_notes()?;
    let check = "PRAGMA integrity_check";
    assert_eq!(rows(&connection, check)?, "ok");
    connection.set_defensive(false)?;
    exec(&connection, "UPDATE n_rows SET name = NULL")?;
    assert_eq!(rows(&connection, check)?, "2 notes without a name in n");
    assert_eq!(rows(&connection, "PRAGMA quick_check")?, "ok");
    Ok(())
}

struct Deny;

impl Authorize for Deny {
    fn authorize(&self, _: i32, args: [Option<&[u8]>; 4]) -> i32 {
        let is_shadow = |arg: &&[u8]| arg.ends_with(b"_rows");
        i32::from(args.iter().flatten().any(is_shadow))
    }
}

#[test]
fn statements_of_a_table_are_nobodys_business() -> Result<()> {
    let connection = with_notes()?;
    connection.set_authorizer(Some(Box::new(Deny)))?;
    connection.watch_changed_rows(true)?;
    exec(
        &connection,
        "INSERT INTO n VALUES ('c', 3); DELETE FROM n WHERE name = 'a'; CREATE TABLE o (a);
        INSERT INTO o VALUES (1)",
    )?;
    assert_eq!(rows(&connection, ALL)?, "2|b 3|c");
    assert_eq!(
        error(rows(&connection, "SELECT * FROM n_rows")),
        "access to n_rows.id is prohibited"
    );
    let changes = connection.take_changed_rows();
    let tables: Vec<_> = changes.iter().map(|change| &change.table[..]).collect();
    assert_eq!(tables, [b"o"]);
    Ok(())
}

#[test]
fn triggers_feed_a_table() -> Result<()> {
    let connection = with_notes()?;
    exec(
        &connection,
        "CREATE TABLE o (id INTEGER PRIMARY KEY, name);
        CREATE TRIGGER feed AFTER INSERT ON o BEGIN INSERT INTO n VALUES (new.name, 0); END;
        INSERT INTO o (name) VALUES ('c'), ('d')",
    )?;
    assert_eq!(connection.last_changes(), (2, 2));
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b 3|c 4|d");
    assert_eq!(
        error(exec(
            &connection,
            "INSERT INTO o (name) VALUES ('e'), ('a')"
        )),
        "UNIQUE constraint failed: notes"
    );
    assert_eq!(rows(&connection, ALL)?, "1|a 2|b 3|c 4|d");
    assert_eq!(rows(&connection, "SELECT name FROM o")?, "c d");
    Ok(())
}
