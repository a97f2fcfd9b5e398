//! Commands: `INSERT INTO t(t) VALUES ('verify')`.

use ferrolite_sqlite::{Error, ModuleError, ValueRef};

use crate::merge::{self, Task};
use crate::optimize;
use crate::options;
use crate::state::TableState;
use crate::store::Store;
use crate::verify;

const SQLITE_CORRUPT_VTAB: i32 = 267;
const MAX_THREADS: i64 = 64;

fn wrong(command: &str) -> ModuleError {
    ModuleError::Message(format!(
        "unknown command \"{command}\" of diskann: there are merge, rebuild, optimize, verify, \
         threads=N, recall=R, automerge=0|1"
    ))
}

pub(crate) fn run(
    state: &TableState,
    store: &Store,
    command: ValueRef<'_>,
) -> Result<(), ModuleError> {
    let ValueRef::Text(text) = command else {
        return Err(ModuleError::Message(
            "a command of diskann is text, such as 'verify'".into(),
        ));
    };
    let text = String::from_utf8_lossy(text);
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text.trim(), None),
    };
    match (name.to_ascii_lowercase().as_str(), value) {
        ("verify", None) => match verify::verify(state, store, true)? {
            None => Ok(()),
            Some(damage) => Err(Error::sqlite(SQLITE_CORRUPT_VTAB, &damage).into()),
        },
        ("merge", None) => merge::merge(state, store, Task::Now),
        ("optimize", None) => optimize::optimize(state, store),
        ("rebuild", None) => merge::merge(state, store, Task::Rebuild),
        ("threads", Some(value)) => {
            let threads = value
                .parse()
                .ok()
                .filter(|threads| (0..=MAX_THREADS).contains(threads));
            let threads = threads.ok_or_else(|| {
                ModuleError::Message(format!(
                    "threads must be a whole number from 0 to {MAX_THREADS}"
                ))
            })?;
            store.set_config("threads", ValueRef::Integer(threads))
        }
        ("recall", Some(value)) => {
            let recall = options::recall(value)?;
            let mut config = store.read_config()?;
            config.options.recall = recall;
            store.write_config(&config)
        }
        ("automerge", Some("0")) => store.set_config("automerge", ValueRef::Integer(0)),
        ("automerge", Some("1")) => store.set_config("automerge", ValueRef::Integer(1)),
        ("automerge", Some(_)) => Err(ModuleError::Message("automerge must be 0 or 1".into())),
        _ => Err(wrong(&text)),
    }
}
