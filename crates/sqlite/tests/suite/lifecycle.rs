//! Who owns what, and for how long.

use std::rc::Rc;
use std::time::{Duration, Instant};

use ferrolite_sqlite::{
    Args, Connection, Context, Error, FunctionFlags, OpenOptions, Param, Params, Result, Scalar,
    Step, ValueRef,
};

fn open(path: &str) -> Result<Connection> {
    Connection::open(&OpenOptions {
        timeout: 1000,
        ..OpenOptions::new(path)
    })
}

fn script(connection: &Connection, sql: &str) -> Result<u32> {
    connection.exec(format!("{sql}\0").as_bytes(), &mut |_| Ok(()))
}

fn integer(connection: &Connection, sql: &str) -> Result<i64> {
    let mut running = connection
        .prepare(sql.as_bytes())?
        .start(Params::default())?;
    running.step()?;
    match running.row().get(0) {
        ValueRef::Integer(value) => Ok(value),
        _ => Err(Error::Type("no integer")),
    }
}

fn closed<T>(result: &Result<T>) -> bool {
    matches!(
        result,
        Err(Error::Type("The database connection is not open"))
    )
}

#[test]
fn close_ends_statements_that_are_still_held() -> Result<()> {
    let connection = open(":memory:")?;
    let statement = connection.prepare(b"SELECT 1")?;
    let mut running = connection
        .prepare(b"SELECT 1 UNION SELECT 2")?
        .start(Params::default())?;
    assert_eq!(running.step()?, Step::Row);
    connection.close();
    connection.close();
    assert!(closed(&running.step()));
    assert!(closed(&statement.column_count()));
    assert!(closed(&statement.start(Params::default())));
    assert!(closed(&connection.prepare(b"SELECT 1")));
    Ok(())
}

#[test]
fn statements_keep_their_connection_alive() -> Result<()> {
    let statement = open(":memory:")?.prepare(b"SELECT 5")?;
    let mut running = statement.start(Params::default())?;
    assert_eq!(running.step()?, Step::Row);
    assert_eq!(running.row().get(0), ValueRef::Integer(5));
    Ok(())
}

#[test]
fn idle_statements_are_given_up_and_come_back() -> Result<()> {
    let connection = open(":memory:")?;
    let first = connection.prepare(b"SELECT ?")?;
    let mut params = Params::default();
    params.push_text(b"kept");
    first.bind_permanently(params)?;
    let others = (0..5000)
        .map(|i| connection.prepare(format!("SELECT {i}").as_bytes()))
        .collect::<Result<Vec<_>>>()?;
    let mut running = first.start_bound(Params::default())?;
    assert_eq!(running.step()?, Step::Row);
    assert_eq!(running.row().get(0), ValueRef::Text(b"kept"));
    for (i, other) in others.iter().enumerate() {
        let mut running = other.start(Params::default())?;
        assert_eq!(running.step()?, Step::Row);
        let i = i64::try_from(i).unwrap_or(-1);
        assert_eq!(running.row().get(0), ValueRef::Integer(i));
    }
    // What runs is never given up, and runs once at a time.
    assert_eq!(running.row().get(0), ValueRef::Text(b"kept"));
    assert!(first.start_bound(Params::default()).is_err());
    assert_eq!(running.step()?, Step::Done);
    Ok(())
}

#[test]
fn bindings_are_cleared_between_executions() -> Result<()> {
    let connection = open(":memory:")?;
    let statement = connection.prepare(b"SELECT ?, ?")?;
    let mut params = Params::default();
    params.values.push(Param::Integer(7));
    params.push_blob(b"blob");
    let mut running = statement.start(params)?;
    assert_eq!(running.step()?, Step::Row);
    let (_, ended) = running.finish();
    ended?;
    let mut running = statement.start(Params::default())?;
    assert_eq!(running.step()?, Step::Row);
    assert_eq!(
        (running.row().get(0), running.row().get(1)),
        (ValueRef::Null, ValueRef::Null)
    );
    Ok(())
}

#[test]
fn schema_changes_make_statements_stale() -> Result<()> {
    let connection = open(":memory:")?;
    script(&connection, "CREATE TABLE t (a); INSERT INTO t VALUES (1)")?;
    let statement = connection.prepare(b"SELECT * FROM t")?;
    assert!(statement.is_current());
    assert_eq!(
        script(&connection, "INSERT INTO t VALUES (2); SELECT 1")?,
        2
    );
    assert!(statement.is_current());
    script(&connection, "DROP TABLE t")?;
    assert!(!statement.is_current());
    Ok(())
}

#[test]
fn a_timeout_ends_a_query_and_not_the_next() -> Result<()> {
    let connection = open(":memory:")?;
    let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";
    let start = Instant::now();
    connection.watch(Some(Duration::from_millis(50)));
    let interrupted = integer(&connection, endless);
    connection.unwatch();
    assert!(
        matches!(interrupted, Err(Error::Sqlite { code: 9, .. })),
        "{interrupted:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(integer(&connection, "SELECT 5")?, 5);
    assert_eq!(integer(&connection, "PRAGMA busy_timeout")?, 1000);
    Ok(())
}

#[test]
fn another_thread_can_interrupt_and_outlive_the_connection() -> Result<()> {
    let connection = open(":memory:")?;
    let handle = connection.interrupt_handle();
    let thread = std::thread::spawn(move || {
        for _ in 0..200 {
            handle.interrupt();
            std::thread::sleep(Duration::from_millis(1));
        }
        handle
    });
    let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";
    assert!(integer(&connection, endless).is_err());
    connection.close();
    if let Ok(handle) = thread.join() {
        handle.interrupt();
    }
    Ok(())
}

struct Dropped(Rc<()>);

impl Scalar for Dropped {
    fn call(&self, args: Args<'_>, context: &mut Context<'_>) {
        assert_eq!(args.len(), 1, "a panic must not cross C");
        context.set(args.get(0));
    }
}

#[test]
fn functions_are_dropped_with_their_connection_and_may_panic() -> Result<()> {
    let alive = Rc::new(());
    let connection = open(":memory:")?;
    connection.create_scalar("f", -1, FunctionFlags::default(), Dropped(alive.clone()))?;
    assert_eq!(integer(&connection, "SELECT f(5)")?, 5);
    assert!(integer(&connection, "SELECT f()").is_err());
    assert_eq!(Rc::strong_count(&alive), 2);
    connection.create_scalar("f", -1, FunctionFlags::default(), Dropped(Rc::new(())))?;
    assert_eq!(Rc::strong_count(&alive), 1);
    let _ = &Dropped(alive).0;
    Ok(())
}

#[test]
fn nul_in_sql_and_paths_is_refused() {
    assert!(matches!(open("a\0b"), Err(Error::Range(_))));
    let connection = open(":memory:").ok();
    let prepared = connection.and_then(|connection| connection.prepare(b"SELECT 1\0, 2").err());
    assert!(matches!(prepared, Some(Error::Range(_))));
}
