//! What `.cargo/config.toml` sets must reach the engine: its build passes no flags on by itself.

use ferrolite_sqlite::{Connection, Error, OpenOptions, Params, Result, Step, ValueRef};

fn open() -> Result<Connection> {
    Connection::open(&OpenOptions::new(":memory:"))
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut running = connection
        .prepare(sql.as_bytes())?
        .start(Params::default())?;
    let mut texts = Vec::new();
    while running.step()? == Step::Row {
        texts.push(match running.row().get(0) {
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        });
    }
    Ok(texts)
}

#[test]
fn the_engine_is_built_with_our_options() -> Result<()> {
    let options = texts(
        &open()?,
        "SELECT compile_options FROM pragma_compile_options",
    )?;
    for wanted in [
        "DEFAULT_CACHE_SIZE=-16000",
        "DEFAULT_FOREIGN_KEYS",
        "DEFAULT_MEMSTATUS=0",
        "OMIT_SHARED_CACHE",
        "DEFAULT_WAL_SYNCHRONOUS=1",
        "DQS=0",
        "ENABLE_COLUMN_METADATA",
        "ENABLE_DBSTAT_VTAB",
        "ENABLE_FTS5",
        "ENABLE_GEOPOLY",
        "ENABLE_MATH_FUNCTIONS",
        "ENABLE_PREUPDATE_HOOK",
        "ENABLE_RTREE",
        "ENABLE_SESSION",
        "ENABLE_STAT4",
        "LIKE_DOESNT_MATCH_BLOBS",
        "TEMP_STORE=1",
        "THREADSAFE=1",
    ] {
        assert!(
            options.iter().any(|option| option == wanted),
            "{wanted} in {options:?}"
        );
    }
    Ok(())
}

#[test]
fn sql_has_no_access_to_files() -> Result<()> {
    let connection = open()?;
    let functions = texts(&connection, "SELECT name FROM pragma_function_list")?;
    for absent in [
        "readfile",
        "writefile",
        "edit",
        "sha3_query",
        "fsdir",
        "lsmode",
        // Writes beyond its buffer for large numbers.
        "padc",
    ] {
        assert!(
            !functions.iter().any(|function| function == absent),
            "{absent}"
        );
    }
    let modules = texts(&connection, "SELECT name FROM pragma_module_list")?;
    for absent in ["csv", "fsdir", "zipfile", "carray", "sqlite_dbpage"] {
        assert!(!modules.iter().any(|module| module == absent), "{absent}");
    }
    for sql in [
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/hostname')",
    ] {
        assert!(texts(&connection, sql).is_err(), "{sql}");
    }
    Ok(())
}

#[test]
fn functions_that_users_count_on_are_there() -> Result<()> {
    let functions = texts(&open()?, "SELECT name FROM pragma_function_list")?;
    for wanted in [
        "acos",
        "pow",
        "json_extract",
        "jsonb",
        "vector",
        "vector_distance_cos",
        "soundex",
    ] {
        assert!(
            functions.iter().any(|function| function == wanted),
            "{wanted}"
        );
    }
    Ok(())
}

#[test]
fn like_does_not_match_blobs_and_double_quotes_are_names() -> Result<()> {
    let connection = open()?;
    assert_eq!(
        texts(&connection, "SELECT CAST(x'6162' LIKE 'a%' AS TEXT)")?,
        ["0"]
    );
    let error = texts(&connection, "SELECT \"no such column\"");
    assert!(
        matches!(error, Err(Error::Sqlite { code: 1, .. })),
        "{error:?}"
    );
    Ok(())
}

#[test]
fn concat_ws_measures_in_64_bits() -> Result<()> {
    let connection = open()?;
    let joined = texts(&connection, "SELECT concat_ws('-', 1, NULL, 'b', 2.5)")?;
    assert_eq!(joined, ["1-b-2.5"]);
    assert_eq!(
        texts(&connection, "SELECT concat_ws(NULL, 1, 2)")?,
        ["Null"]
    );
    // The sum of the lengths is just above 2^32, which the bundled function takes for a small number.
    let sql = "WITH s(x) AS (SELECT hex(zeroblob(268435440))) \
               SELECT length(concat_ws(x, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)) FROM s";
    assert!(matches!(
        texts(&connection, sql),
        Err(Error::Sqlite { code: 18, .. })
    ));
    Ok(())
}
