//! What cannot be opened says why. In a debug build a misuse of what is left of it would abort.

use ferrolite_sqlite::{Connection, Key, OpenOptions};

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let folder = std::env::temp_dir();
    let folder = folder.to_string_lossy();
    let missing = format!("{folder}/no such folder/file.db");
    for (path, reason) in [
        (folder.as_ref(), "it is a directory"),
        (&missing, "no such file or directory"),
    ] {
        for key in [None, Some(Key::new(b"secret".to_vec()))] {
            let opened = Connection::open(&OpenOptions {
                key: key.as_ref(),
                ..OpenOptions::new(path)
            });
            let message = opened.err().map(|error| error.to_string());
            let expected = format!("unable to open database file: {path} ({reason})");
            assert_eq!(message.as_deref(), Some(expected.as_str()));
        }
    }
}

#[test]
fn a_vfs_that_is_not_there_is_an_error() {
    let opened = Connection::open(&OpenOptions {
        vfs: Some("none"),
        ..OpenOptions::new(":memory:")
    });
    let message = opened.err().map(|error| error.to_string());
    assert_eq!(message.as_deref(), Some("no such vfs: none"));
}
