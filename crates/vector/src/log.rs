//! `t_log`: what holds, and what the last writes changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolite_sqlite::{ModuleError, ValueRef};

use crate::codec::{Changes, State};
use crate::load;
use crate::root::Root;
use crate::store::{corrupt, Store};

/// How many writes the log keeps.
const KEPT: i64 = 256;
/// How often it is cut, in writes: each cut changes a page.
const CUT_EVERY: i64 = 32;
/// What a list of changes may take; beyond it the next one who reads the table loads all of it.
const MAX_CHANGES: usize = 32 * 1024;

/// The last row.
pub(crate) struct Last {
    pub(crate) seq: i64,
    pub(crate) stamp: i64,
}

pub(crate) fn last(store: &Store) -> Result<Last, ModuleError> {
    let statement = store.statement("SELECT seq, stamp FROM {log} ORDER BY seq DESC LIMIT 1")?;
    let mut rows = statement.query(&[])?;
    match rows.next()?.map(|row| (row.get(0), row.get(1))) {
        Some((ValueRef::Integer(seq), ValueRef::Integer(stamp))) => Ok(Last { seq, stamp }),
        _ => Err(corrupt()),
    }
}

/// The state of the last row, which has these numbers.
pub(crate) fn state(store: &Store, last: &Last) -> Result<State, ModuleError> {
    let statement = store.statement("SELECT stamp, state FROM {log} WHERE seq = ?")?;
    let parameters = [ValueRef::Integer(last.seq)];
    let mut rows = statement.query(&parameters)?;
    match rows.next()?.map(|row| (row.get(0), row.get(1))) {
        Some((ValueRef::Integer(stamp), ValueRef::Blob(state))) if stamp == last.stamp => {
            State::decode(state).map_err(|_| corrupt())
        }
        _ => Err(corrupt()),
    }
}

/// Adds a row. Returns its number and stamp.
pub(crate) fn write(
    store: &Store,
    last: i64,
    state: &State,
    changes: Option<&Changes>,
) -> Result<Last, ModuleError> {
    let state = state.encode();
    let changes = changes.map(Changes::encode);
    let changes = changes.as_ref().filter(|bytes| bytes.len() <= MAX_CHANGES);
    let seq = last.checked_add(1).ok_or_else(corrupt)?;
    let stamp = store.integer("SELECT random()", &[])?.ok_or_else(corrupt)?;
    store.run(
        "INSERT INTO {log} VALUES (?, ?, ?, ?)",
        &[
            ValueRef::Integer(seq),
            ValueRef::Integer(stamp),
            ValueRef::Blob(&state),
            changes.map_or(ValueRef::Null, |bytes| ValueRef::Blob(bytes)),
        ],
    )?;
    Ok(Last { seq, stamp })
}

/// Removes what is old.
pub(crate) fn cut(store: &Store, last: i64) -> Result<(), ModuleError> {
    if last % CUT_EVERY == 0 {
        store.run(
            "DELETE FROM {log} WHERE seq <= ?",
            &[ValueRef::Integer(last - KEPT)],
        )?;
    }
    Ok(())
}

/// The state of `last`, made of an older one and what changed since; `None` if the log does not say.
pub(crate) fn advance(
    store: &Store,
    root: &Arc<Root>,
    last: &Last,
) -> Result<Option<Arc<Root>>, ModuleError> {
    let Some(log) = since(store, root)? else {
        return Ok(None);
    };
    let mut root = Arc::clone(root);
    let next = Arc::make_mut(&mut root);
    let mut touched = Touched::default();
    for (state, changes) in &log {
        apply(next, state, changes, &mut touched)?;
    }
    load::blocks(store, next, &touched.blocks)?;
    load::graph_blocks(store, next, &touched.graph)?;
    let added: Vec<u32> = touched
        .added
        .into_iter()
        .filter(|slot| next.is_live(*slot))
        .collect();
    if !next.has_good_vectors(added.iter().copied()) {
        return Err(corrupt());
    }
    load::columns_of(store, next, added.into_iter().chain(touched.columns))?;
    (next.seq, next.stamp) = (last.seq, last.stamp);
    Ok(Some(root))
}

#[derive(Default)]
struct Touched {
    added: BTreeSet<u32>,
    columns: BTreeSet<u32>,
    blocks: BTreeSet<u32>,
    graph: BTreeSet<u32>,
}

fn apply(
    root: &mut Root,
    state: &State,
    changes: &Changes,
    touched: &mut Touched,
) -> Result<(), ModuleError> {
    for slot in &changes.removed {
        if *slot >= state.slots {
            return Err(corrupt());
        }
        root.remove(*slot);
    }
    for (slot, id) in &changes.added {
        if *slot >= state.slots || *slot > root.slots().saturating_add(MAX_GAP) {
            return Err(corrupt());
        }
        root.add(*slot, *id);
        touched.added.insert(*slot);
        touched.blocks.insert(root.block_of(*slot));
    }
    touched.columns.extend(&changes.columns);
    touched.graph.extend(&changes.graph);
    root.state = *state;
    Ok(())
}

/// How far a new slot may be from the last one: a number out of a damaged file must not take all memory.
const MAX_GAP: u32 = 1 << 20;

type Log = Vec<(State, Changes)>;

/// The rows behind the one that made `root`, if that is still there and all of them say what changed.
fn since(store: &Store, root: &Root) -> Result<Option<Log>, ModuleError> {
    let statement =
        store.statement("SELECT stamp, state, changes FROM {log} WHERE seq >= ? ORDER BY seq")?;
    let parameters = [ValueRef::Integer(root.seq)];
    let mut rows = statement.query(&parameters)?;
    let first = rows.next()?.map(|row| row.get(0));
    if first != Some(ValueRef::Integer(root.stamp)) {
        return Ok(None);
    }
    let mut log = Vec::new();
    while let Some(row) = rows.next()? {
        let (ValueRef::Blob(state), ValueRef::Blob(changes)) = (row.get(1), row.get(2)) else {
            return Ok(None);
        };
        let state = State::decode(state).map_err(|_| corrupt())?;
        let changes = Changes::decode(changes).map_err(|_| corrupt())?;
        log.push((state, changes));
    }
    Ok(Some(log))
}
