//! When `SQLite` calls what of a virtual table: a table that writes every call down.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::common::{error, exec, rows, TestFile};
use ferrolite_sqlite::{
    Arguments, Conflict, Connection, Context, Cursor, Error, Module, ModuleError, OpenOptions,
    Operator, Params, Plan, Result, Risk, Scan, Step, Table, TableConnection, TableDefinition,
    Update, ValueRef, WritableTable,
};

type Outcome<T> = std::result::Result<T, ModuleError>;

#[derive(Clone, Default)]
struct Log {
    calls: Rc<RefCell<Vec<String>>>,
    objects: Rc<Cell<u32>>,
    /// The call that panics.
    panics_in: Rc<RefCell<String>>,
    /// The call that fails.
    fails_in: Rc<RefCell<String>>,
}

impl Log {
    /// Calls begin with the number of their object: `1.sync`.
    fn note(&self, object: u32, call: &str) -> Outcome<()> {
        self.calls.borrow_mut().push(format!("{object}.{call}"));
        let is = |name: &RefCell<String>| call.split(' ').next() == Some(&**name.borrow());
        assert!(!is(&self.panics_in), "{call} panics");
        if is(&self.fails_in) {
            return Err(ModuleError::Message(format!("{call} fails")));
        }
        Ok(())
    }

    /// The calls since the last time, but for those of planning and reading.
    fn take(&self) -> String {
        let calls = self.calls.take();
        let is_told = |call: &&String| {
            !["best_index", "open", "filter", "close"]
                .iter()
                .any(|name| call.contains(name))
        };
        calls
            .iter()
            .filter(is_told)
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[derive(Clone)]
struct Probe {
    log: Log,
    definition: TableDefinition,
}

struct ProbeTable {
    log: Log,
    object: u32,
}

struct ProbeCursor {
    log: Log,
    object: u32,
    rowid: i64,
}

impl Probe {
    fn make(&self, how: &str, arguments: &Arguments<'_>) -> Outcome<(ProbeTable, TableDefinition)> {
        let object = self.log.objects.get() + 1;
        self.log.objects.set(object);
        let table = String::from_utf8_lossy(arguments.table()).into_owned();
        self.log
            .note(object, &format!("{how} {table}").replace(' ', ":"))?;
        let log = self.log.clone();
        Ok((ProbeTable { log, object }, self.definition.clone()))
    }
}

impl Module for Probe {
    type Table = ProbeTable;

    fn create(
        &self,
        _: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Outcome<(ProbeTable, TableDefinition)> {
        self.make("create", arguments)
    }

    fn connect(
        &self,
        _: &TableConnection,
        arguments: &Arguments<'_>,
    ) -> Outcome<(ProbeTable, TableDefinition)> {
        self.make("connect", arguments)
    }
}

impl ProbeTable {
    fn note(&self, call: &str) -> Outcome<()> {
        self.log.note(self.object, call)
    }
}

impl Drop for ProbeTable {
    fn drop(&mut self) {
        let _ = self.note("gone");
    }
}

impl Table for ProbeTable {
    type Cursor = ProbeCursor;

    fn best_index(&self, plan: &mut Plan<'_>) -> Outcome<bool> {
        let constraints: Vec<_> = plan.constraints().collect();
        let mut told = Vec::new();
        for constraint in constraints {
            let collation = String::from_utf8_lossy(plan.collation(constraint.number)).into_owned();
            let is_in = plan.is_in(constraint.number);
            let value = plan
                .value(constraint.number)
                .map(|value| format!("{value:?}"));
            told.push(format!(
                "{:?} {:?} {collation} in:{is_in} {} {}",
                constraint.column,
                constraint.operator,
                if constraint.usable {
                    "usable"
                } else {
                    "unusable"
                },
                value.unwrap_or_default(),
            ));
            if constraint.usable && constraint.operator == Operator::Equal {
                plan.pass(constraint.number, false);
            }
        }
        for order in plan.order_by() {
            told.push(format!("order {:?} {}", order.column, order.descending));
        }
        self.note(&format!("best_index [{}]", told.join(", ")))?;
        Ok(true)
    }

    fn open(&self) -> Outcome<ProbeCursor> {
        self.note("open")?;
        Ok(ProbeCursor {
            log: self.log.clone(),
            object: self.object,
            rowid: 0,
        })
    }

    fn destroy(&self) -> Outcome<()> {
        self.note("destroy")
    }
}

impl Cursor for ProbeCursor {
    fn filter(&mut self, _: Scan<'_>) -> Outcome<bool> {
        self.rowid = 1;
        self.log.note(self.object, "filter")?;
        Ok(true)
    }

    fn next(&mut self) -> Outcome<bool> {
        self.rowid += 1;
        self.log.note(self.object, "next")?;
        Ok(self.rowid <= 2)
    }

    fn column(&mut self, _: usize, context: &mut Context<'_>) -> Outcome<()> {
        self.log.note(self.object, "column")?;
        context.set(ValueRef::Integer(self.rowid * 10));
        Ok(())
    }

    fn rowid(&self) -> Outcome<i64> {
        self.log.note(self.object, "rowid")?;
        Ok(self.rowid)
    }
}

impl Drop for ProbeCursor {
    fn drop(&mut self) {
        let _ = self.log.note(self.object, "close");
    }
}

impl WritableTable for ProbeTable {
    fn update(&self, update: Update<'_>, conflict: Conflict) -> Outcome<i64> {
        let told = match update {
            Update::Insert { rowid, values } => format!("{rowid:?}+{}", values.len()),
            Update::Update {
                rowid, new_rowid, ..
            } => format!("{rowid}->{new_rowid}"),
            Update::Delete { rowid } => format!("-{rowid}"),
        };
        self.note(&format!("update {told} {conflict:?}").replace(' ', ":"))?;
        if matches!(update, Update::Insert { rowid: Some(0), .. }) {
            return Err(ModuleError::Message("no row 0".into()));
        }
        Ok(7)
    }

    fn begin(&self) -> Outcome<()> {
        self.note("begin")
    }

    fn sync(&self) -> Outcome<()> {
        self.note("sync")
    }

    fn commit(&self) {
        let _ = self.note("commit");
    }

    fn rollback(&self) {
        let _ = self.note("rollback");
    }

    fn savepoint(&self, number: i32) -> Outcome<()> {
        self.note(&format!("savepoint:{number}"))
    }

    fn release(&self, number: i32) -> Outcome<()> {
        self.note(&format!("release:{number}"))
    }

    fn rollback_to(&self, number: i32) -> Outcome<()> {
        self.note(&format!("rollback_to:{number}"))
    }

    fn rename(&self, name: &[u8]) -> Outcome<()> {
        self.note(&format!("rename:{}", String::from_utf8_lossy(name)))
    }
}

fn probe() -> Probe {
    Probe {
        log: Log::default(),
        definition: TableDefinition {
            sql: "CREATE TABLE x (a, b TEXT COLLATE NOCASE)".into(),
            ..TableDefinition::default()
        },
    }
}

fn open() -> Result<(Connection, Log)> {
    let connection = Connection::open(&OpenOptions::new(":memory:"))?;
    let probe = probe();
    connection.create_writable_module("probe", probe.clone())?;
    exec(
        &connection,
        "CREATE TABLE o (a); CREATE VIRTUAL TABLE t USING probe",
    )?;
    probe.log.take();
    Ok((connection, probe.log))
}

#[test]
fn no_begin_comes_after_create() -> Result<()> {
    let (connection, log) = open()?;
    exec(
        &connection,
        "BEGIN; CREATE VIRTUAL TABLE u USING probe; INSERT INTO u VALUES (1, 2); COMMIT",
    )?;
    assert_eq!(
        log.take(),
        "2.create:u 2.update:None+2:Abort 2.sync 2.commit"
    );
    exec(&connection, "INSERT INTO u VALUES (1, 2)")?;
    assert_eq!(log.take(), "2.begin 2.update:None+2:Abort 2.sync 2.commit");
    Ok(())
}

#[test]
fn savepoint_numbers_start_anywhere() -> Result<()> {
    let (connection, log) = open()?;
    exec(
        &connection,
        "BEGIN; SAVEPOINT a; SAVEPOINT b; INSERT INTO o VALUES (1); INSERT INTO t VALUES (1, 2)",
    )?;
    assert_eq!(log.take(), "1.begin 1.savepoint:1 1.update:None+2:Abort");
    // Savepoint a, number 0, was never announced.
    exec(&connection, "ROLLBACK TO a")?;
    assert_eq!(log.take(), "1.rollback_to:0");
    exec(&connection, "SAVEPOINT c; SAVEPOINT d; RELEASE c; ROLLBACK")?;
    assert_eq!(
        log.take(),
        "1.savepoint:1 1.savepoint:2 1.release:1 1.rollback"
    );
    Ok(())
}

#[test]
fn a_statement_has_a_savepoint_if_it_has_several_rows() -> Result<()> {
    let (connection, log) = open()?;
    assert_eq!(
        error(exec(&connection, "INSERT INTO t(rowid, a) VALUES (0, 1)")),
        "no row 0"
    );
    assert_eq!(log.take(), "1.begin 1.update:Some(0)+2:Abort 1.rollback");
    let several = "INSERT INTO t(rowid, a) VALUES (5, 1), (0, 1)";
    assert_eq!(
        error(exec(&connection, &format!("BEGIN; {several}"))),
        "no row 0"
    );
    assert_eq!(
        log.take(),
        "1.begin 1.savepoint:0 1.update:Some(5)+2:Abort 1.update:Some(0)+2:Abort 1.rollback_to:0 \
         1.release:0"
    );
    exec(&connection, "ROLLBACK")?;
    assert_eq!(log.take(), "1.rollback");
    Ok(())
}

#[test]
fn rows_are_updated_and_deleted_by_their_rowid() -> Result<()> {
    let (connection, log) = open()?;
    exec(
        &connection,
        "UPDATE t SET rowid = rowid + 5 WHERE a = 10; DELETE FROM t WHERE a = 20",
    )?;
    let calls = log.take();
    for call in ["1.update:1->6:Abort", "1.update:-2:Abort"] {
        assert!(calls.contains(call), "{calls}");
    }
    assert_eq!(connection.last_changes().0, 1);
    exec(&connection, "INSERT INTO t VALUES (1, 2)")?;
    assert_eq!(connection.last_changes(), (1, 7));
    Ok(())
}

#[test]
fn one_table_may_have_two_objects() -> Result<()> {
    let (connection, log) = open()?;
    exec(
        &connection,
        "BEGIN; INSERT INTO t VALUES (1, 2); ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (1, 2)",
    )?;
    let calls = log.take();
    assert!(calls.contains("1.rename:u"), "{calls}");
    assert!(calls.contains("2.connect:u"), "{calls}");
    assert!(calls.contains("2.update"), "{calls}");
    exec(&connection, "COMMIT")?;
    let calls = log.take();
    for call in ["1.sync", "1.commit", "2.sync", "2.commit"] {
        assert!(calls.contains(call), "{calls}");
    }
    assert!(calls.contains("1.gone"), "{calls}");
    Ok(())
}

#[test]
fn create_and_drop_are_rolled_back() -> Result<()> {
    let (connection, log) = open()?;
    exec(
        &connection,
        "BEGIN; CREATE VIRTUAL TABLE u USING probe; ROLLBACK",
    )?;
    assert_eq!(log.take(), "2.create:u 2.rollback 1.gone 2.gone");
    assert_eq!(
        error(exec(&connection, "INSERT INTO u VALUES (1, 2)")),
        "no such table: u"
    );

    exec(
        &connection,
        "BEGIN; DROP TABLE t; ROLLBACK; INSERT INTO t VALUES (1, 2)",
    )?;
    let calls = log.take();
    // DROP needs the table; the one of the INSERT is another object.
    assert!(calls.starts_with("3.connect:t"), "{calls}");
    assert!(calls.contains("3.destroy 3.gone"), "{calls}");
    assert!(calls.contains("4.connect:t"), "{calls}");
    assert!(
        calls.ends_with("4.begin 4.update:None+2:Abort 4.sync 4.commit"),
        "{calls}"
    );
    Ok(())
}

#[test]
fn a_commit_that_is_busy_is_tried_again() -> Result<()> {
    let file = TestFile::new();
    let connection = file.open(0)?;
    let probe = probe();
    connection.create_writable_module("probe", probe.clone())?;
    exec(
        &connection,
        "CREATE TABLE o (a); INSERT INTO o VALUES (1), (2); CREATE VIRTUAL TABLE t USING probe",
    )?;
    let reader = file.open(0)?;
    let mut reading = reader
        .prepare(b"SELECT * FROM o")?
        .start(Params::default())?;
    assert_eq!(reading.step()?, Step::Row);
    probe.log.take();
    exec(
        &connection,
        "BEGIN; INSERT INTO o VALUES (3); INSERT INTO t VALUES (1, 2)",
    )?;
    assert_eq!(error(exec(&connection, "COMMIT")), "database is locked");
    assert_eq!(probe.log.take(), "1.begin 1.update:None+2:Abort 1.sync");
    assert!(connection.in_transaction());
    exec(&connection, "INSERT INTO t VALUES (1, 2)")?;
    drop(reading);
    exec(&connection, "COMMIT")?;
    assert_eq!(probe.log.take(), "1.update:None+2:Abort 1.sync 1.commit");
    Ok(())
}

#[test]
fn a_sync_that_fails_rolls_back() -> Result<()> {
    let (connection, log) = open()?;
    log.fails_in.replace("sync".into());
    let insert = "BEGIN; INSERT INTO t VALUES (1, 2); COMMIT";
    assert_eq!(error(exec(&connection, insert)), "sync fails");
    assert!(!connection.in_transaction());
    assert!(log.take().ends_with("1.sync 1.rollback"));
    Ok(())
}

#[test]
fn plans_are_asked_for_with_all_that_is_known() -> Result<()> {
    let (connection, log) = open()?;
    connection.prepare(
        b"SELECT a FROM t WHERE a > 5 AND b = 'x' AND a IN (1, 2) AND a MATCH ?1 AND a IS NULL
        AND rowid != 3 ORDER BY b, a DESC LIMIT 4 OFFSET 2",
    )?;
    let asked = log.calls.borrow().join("\n");
    for part in [
        "Some(0) Greater BINARY in:false usable Integer(5)",
        "Some(1) Equal NOCASE in:false usable Text",
        "Some(0) Equal BINARY in:true usable",
        "Some(0) Match BINARY in:false usable",
        "Some(0) IsNull BINARY in:false usable",
        "None NotEqual BINARY in:false usable Integer(3)",
        "order Some(1) false",
        "order Some(0) true",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    connection.prepare(b"SELECT t.a FROM o, t WHERE t.a = o.a")?;
    let asked = log.calls.borrow().join("\n");
    assert!(asked.contains("Equal BINARY in:false unusable"), "{asked}");
    Ok(())
}

#[test]
fn a_panic_is_an_error_of_the_statement() -> Result<()> {
    std::panic::set_hook(Box::new(|_| ()));
    let panicked = "internal error: the virtual table panicked";
    for (call, sql) in [
        ("create:u", "CREATE VIRTUAL TABLE u USING probe"),
        ("best_index", "SELECT * FROM t"),
        ("open", "SELECT * FROM t"),
        ("filter", "SELECT * FROM t"),
        ("next", "SELECT * FROM t"),
        ("column", "SELECT * FROM t"),
        ("rowid", "SELECT rowid FROM t"),
        ("begin", "INSERT INTO t VALUES (1, 2)"),
        ("update:None+2:Abort", "INSERT INTO t VALUES (1, 2)"),
        ("sync", "INSERT INTO t VALUES (1, 2)"),
        ("savepoint:0", "BEGIN; INSERT INTO t VALUES (1, 2), (3, 4)"),
        ("rename:u", "ALTER TABLE t RENAME TO u"),
        ("destroy", "DROP TABLE t"),
    ] {
        let (connection, log) = open()?;
        log.panics_in.replace(call.into());
        let failed = error(
            connection
                .exec(format!("{sql}\0").as_bytes(), &mut |_| Ok(()))
                .and_then(|_| rows(&connection, sql)),
        );
        log.panics_in.take();
        assert!(
            failed.contains(panicked) || failed == "SQL logic error",
            "{call}: {failed}"
        );
        if connection.in_transaction() {
            exec(&connection, "ROLLBACK")?;
        }
        assert_eq!(
            rows(&connection, "SELECT rowid, a FROM t")?,
            "1|10 2|20",
            "{call}"
        );
    }
    // Those that cannot fail are passed over.
    for call in ["commit", "rollback", "close", "gone"] {
        let (connection, log) = open()?;
        log.panics_in.replace(call.into());
        exec(&connection, "INSERT INTO t VALUES (1, 2)")?;
        exec(&connection, "BEGIN; INSERT INTO t VALUES (1, 2); ROLLBACK")?;
        rows(&connection, "SELECT * FROM t")?;
        connection.close();
    }
    let _ = std::panic::take_hook();
    Ok(())
}

#[test]
fn codes_and_messages_of_a_table_reach_the_statement() -> Result<()> {
    struct Failing;
    impl Module for Failing {
        type Table = ProbeTable;
        fn connect(
            &self,
            _: &TableConnection,
            arguments: &Arguments<'_>,
        ) -> Outcome<(ProbeTable, TableDefinition)> {
            Err(match arguments.rest() {
                [b"corrupt"] => Error::from_code(267).into(),
                [b"memory"] => Error::OutOfMemory.into(),
                [b"interrupted"] => ModuleError::Interrupted,
                [b"nul"] => ModuleError::Message("a\0b".into()),
                _ => ModuleError::Host,
            })
        }
    }
    let (connection, _) = open()?;
    connection.create_module("failing", false, Failing)?;
    for (argument, code, message) in [
        ("corrupt", 267, "database disk image is malformed"),
        ("memory", 7, "out of memory"),
        ("interrupted", 9, "vtable constructor failed: f"),
        ("nul", 1, "a b"),
        ("host", 1, "vtable constructor failed: f"),
    ] {
        let sql = format!("CREATE VIRTUAL TABLE f USING failing({argument})");
        let failed = exec(&connection, &sql).err();
        assert_eq!(failed.as_ref().map(Error::code), Some(code), "{argument}");
        let told = failed.map(|error| error.to_string());
        assert_eq!(told.as_deref(), Some(message), "{argument}");
    }
    Ok(())
}

#[test]
fn risks_are_those_of_the_definition() -> Result<()> {
    for (risk, trusted, untrusted) in [
        (
            Risk::Normal,
            "no error",
            "unsafe use of virtual table \"t\"",
        ),
        (Risk::Innocuous, "no error", "no error"),
        (
            Risk::DirectOnly,
            "unsafe use of virtual table \"t\"",
            "unsafe use of virtual table \"t\"",
        ),
    ] {
        let connection = Connection::open(&OpenOptions::new(":memory:"))?;
        let mut probe = probe();
        probe.definition.risk = risk;
        connection.create_writable_module("probe", probe)?;
        exec(
            &connection,
            "CREATE VIRTUAL TABLE t USING probe; CREATE VIEW v AS SELECT * FROM t",
        )?;
        assert_eq!(
            error(rows(&connection, "SELECT * FROM v")),
            trusted,
            "{risk:?}"
        );
        exec(&connection, "PRAGMA trusted_schema = OFF")?;
        assert_eq!(
            error(rows(&connection, "SELECT * FROM v")),
            untrusted,
            "{risk:?}"
        );
        assert_eq!(
            error(rows(&connection, "SELECT * FROM t")),
            "no error",
            "{risk:?}"
        );
    }
    Ok(())
}

#[test]
fn a_table_that_is_only_read_refuses_to_be_changed() -> Result<()> {
    let connection = Connection::open(&OpenOptions::new(":memory:"))?;
    connection.create_module("probe", false, probe())?;
    exec(&connection, "CREATE VIRTUAL TABLE t USING probe")?;
    assert_eq!(rows(&connection, "SELECT a FROM t")?, "10 20");
    assert_eq!(
        error(exec(&connection, "DELETE FROM t")),
        "table t may not be modified"
    );
    connection.create_module("own", true, probe())?;
    assert_eq!(rows(&connection, "SELECT a FROM own")?, "10 20");
    assert_eq!(
        error(exec(&connection, "CREATE VIRTUAL TABLE u USING own")),
        "no such module: own"
    );
    Ok(())
}

#[test]
fn a_cursor_stays_while_the_table_changes() -> Result<()> {
    let (connection, _) = open()?;
    let mut reading = connection
        .prepare(b"SELECT a FROM t")?
        .start(Params::default())?;
    assert_eq!(reading.step()?, Step::Row);
    exec(
        &connection,
        "INSERT INTO t VALUES (1, 2); BEGIN; DELETE FROM t; COMMIT",
    )?;
    assert_eq!(
        error(exec(&connection, "DROP TABLE t")),
        "database table is locked"
    );
    assert_eq!(reading.row().get(0), ValueRef::Integer(10));
    assert_eq!(reading.step()?, Step::Row);
    assert_eq!(reading.step()?, Step::Done);
    drop(reading);
    exec(&connection, "DROP TABLE t")
}
