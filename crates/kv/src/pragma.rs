//! The pragmas of a database in a store: its own, and those that it refuses.

use std::fmt::Write as _;

use ferrolite_sqlite::PragmaAnswer;

use crate::error::{Error, Result};
use crate::home::Home;

/// What a pragma of ours says; none: it is not one of ours.
pub(crate) fn run(home: &mut Home, name: &str, value: Option<&str>) -> Option<Result<String>> {
    if let ("synchronous", Some(value)) = (name, value) {
        // The engine is told too: it refuses it within a transaction, and then calls `sync`.
        let value = value.to_lowercase();
        home.set_relaxed(["off", "0", "no", "false"].contains(&value.as_str()));
        return None;
    }
    let ok = |()| "ok".to_owned();
    let on_store = |home: &mut Home| -> Result<String> {
        let database = home.stored()?;
        match name {
            "kv_flush" => database.checkpoint().map(ok),
            "kv_check" => database.check_owner().map(ok),
            "kv_gc" => database.collect().map(|count| count.to_string()),
            _ => database.verify().map(|faults| match faults.as_slice() {
                [] => "ok".into(),
                faults => faults.join("\n"),
            }),
        }
    };
    match name {
        "kv_stats" => Some(Ok(stats(home))),
        "kv_flush" | "kv_check" | "kv_gc" | "kv_verify" => Some(on_store(home)),
        _ => None,
    }
}

/// Pragmas that would make of it what it cannot be.
pub(crate) fn refuse(name: &str, value: &str, page_size: u64, readonly: bool) -> PragmaAnswer {
    let why = match name {
        "journal_mode" if value != "memory" => {
            "every commit is atomic without a journal; it stays MEMORY"
        }
        "locking_mode" if readonly && value != "normal" => {
            "a reader keeps no lock; it stays NORMAL"
        }
        "locking_mode" if !readonly && value != "exclusive" => {
            "the store decides who writes; it stays EXCLUSIVE"
        }
        "page_size" if value != page_size.to_string() => {
            "it is chosen when the database is created"
        }
        "mmap_size" if value != "0" => "there is no file to map",
        _ => return PragmaAnswer::NotOurs,
    };
    PragmaAnswer::Refused(format!(
        "PRAGMA {name} is fixed in a key-value store: {why}"
    ))
}

/// What an error says to whoever ran a pragma.
pub(crate) fn failed(error: &Error) -> PragmaAnswer {
    PragmaAnswer::Refused(error.to_string())
}

/// What was asked of the store, as JSON.
fn stats(home: &Home) -> String {
    let stats = home.stats();
    let (transactions, bytes) = home.queued();
    let numbers = [
        ("epoch", u64::from(home.epoch())),
        ("slots", u64::from(home.slots())),
        ("pages", u64::from(home.size())),
        ("queued", u64::from(transactions)),
        ("queuedBytes", u64::try_from(bytes).unwrap_or(u64::MAX)),
        ("reads", stats.reads),
        ("keysRead", stats.keys_read),
        ("bytesRead", stats.bytes_read),
        ("writes", stats.writes),
        ("keysWritten", stats.keys_written),
        ("bytesWritten", stats.bytes_written),
        ("deletes", stats.deletes),
        ("keysDeleted", stats.keys_deleted),
        ("retries", stats.retries),
        ("hits", stats.hits),
        ("misses", stats.misses),
        ("ahead", stats.ahead),
        ("aheadUsed", stats.ahead_used),
        ("checkpoints", stats.checkpoints),
        ("commits", stats.commits),
    ];
    let mut text = String::from("{");
    for (name, number) in numbers {
        let comma = if text.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}\"{name}\":{number}");
    }
    text.push('}');
    text
}
