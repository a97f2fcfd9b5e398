//! Looks for damage: what is in memory against what is in the file.

use ferrolite_sqlite::{Error, ModuleError};

use crate::load;
use crate::log;
use crate::root::{Kind, Root};
use crate::space::Slots;
use crate::state::TableState;
use crate::store::Store;

const SQLITE_CORRUPT: i32 = 11;

/// What is wrong, if anything.
pub(crate) fn verify(
    state: &TableState,
    store: &Store,
    is_full: bool,
) -> Result<Option<String>, ModuleError> {
    match check(state, store, is_full) {
        Err(ModuleError::Engine(Error::Sqlite { code, message, .. }))
            if code & 0xff == SQLITE_CORRUPT =>
        {
            Ok(Some(format!(
                "{}: {}",
                store.name(),
                String::from_utf8_lossy(&message)
            )))
        }
        other => other,
    }
}

fn check(state: &TableState, store: &Store, is_full: bool) -> Result<Option<String>, ModuleError> {
    state.flush(store)?;
    let memory = state.resolve(store)?;
    let columns = state.config.borrow().options.columns.clone();
    let file = load::all(store, state.layout, columns.len(), &log::last(store)?)?;
    let file = std::sync::Arc::new(file);
    let told = |what: &str| Ok(Some(format!("{}: {what}", store.name())));
    if memory.state != file.state || memory.rows() != file.rows() {
        return told("memory and file have other rows");
    }
    let mut count = 0_u32;
    for (a, b) in memory.slots_of(Kind::Live).zip(file.slots_of(Kind::Live)) {
        count += 1;
        if count.is_multiple_of(4096) {
            load::look(store)?;
        }
        if a != b || memory.id(a) != file.id(b) {
            return told("memory and file have other rows");
        }
        if memory.vector(a) != file.vector(b) {
            return told(&format!(
                "memory and file have other vectors for row {}",
                file.id(b)
            ));
        }
    }
    if memory
        .slots_of(Kind::Linked)
        .ne(file.slots_of(Kind::Linked))
        || memory
            .slots_of(Kind::Tombstone)
            .ne(file.slots_of(Kind::Tombstone))
        || !(0..file.slots()).all(|slot| memory.edges(slot) == file.edges(slot))
    {
        return told("memory and file have other graphs");
    }
    if is_full {
        let lost = file.unreachable();
        if lost > 0 {
            return told(&format!("{lost} rows are not reached by the graph"));
        }
    }
    for number in load::loaded_columns(&memory) {
        let Some(definition) = columns.get(number) else {
            continue;
        };
        load::column(store, &file, number, definition)?;
        if !has_same_column(&memory, &file, number) {
            return told(&format!(
                "memory and file differ in column {}",
                definition.name
            ));
        }
    }
    Ok(None)
}

fn has_same_column(memory: &Root, file: &Root, number: usize) -> bool {
    let column = |root: &Root| {
        root.columns
            .get(number)
            .and_then(|cell| cell.get().cloned())
    };
    let (Some(a), Some(b)) = (column(memory), column(file)) else {
        return false;
    };
    file.slots_of(Kind::Live)
        .all(|slot| a.with_value(slot, |a| b.with_value(slot, |b| a == b)))
}
