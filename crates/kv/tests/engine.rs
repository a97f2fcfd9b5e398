//! The protocol under the real engine, on a store that does what it should.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

mod common;

use std::rc::Rc;

use common::{exec, rows, Memory};
use ferrolite_kv::{connect, Options};

#[test]
fn an_autocommit_is_there_after_a_kill() {
    let store = Memory::default();
    let (connection, handle) =
        connect(Rc::new(store.clone()), "one", Options::default()).expect("opens");
    exec(&connection, "CREATE TABLE t(a, b)").expect("creates");
    let before = handle.stats().writes;
    for at in 0..10 {
        exec(&connection, &format!("INSERT INTO t VALUES ({at}, 'x')")).expect("inserts");
    }
    assert_eq!(
        handle.stats().writes - before,
        10,
        "one write call a commit"
    );
    // Killed: neither the connection nor the database ends.
    std::mem::forget((connection, handle));
    let (connection, _) = connect(Rc::new(store), "one", Options::default()).expect("opens again");
    let found = rows(&connection, "SELECT count(*), max(a) FROM t");
    assert_eq!(found.expect("reads"), "10|9");
    let check = rows(&connection, "PRAGMA integrity_check").expect("checks");
    assert_eq!(check, "ok");
}
