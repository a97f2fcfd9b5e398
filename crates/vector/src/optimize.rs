//! Makes a table as small as it can be: no free slots between rows, no blocks behind the last.

use std::collections::HashMap;

use ferrolite_sqlite::{ModuleError, ValueRef};

use crate::codec::{State, NO_SLOT};
use crate::load::look;
use crate::log;
use crate::merge::{self, Task};
use crate::nodes::GraphBlock;
use crate::root::{Kind, Root};
use crate::space::Slots;
use crate::state::TableState;
use crate::store::{corrupt, Store};

/// Merges, moves the last rows into free slots and writes all blocks anew. `VACUUM` makes the file smaller then.
pub(crate) fn optimize(state: &TableState, store: &Store) -> Result<(), ModuleError> {
    merge::merge(state, store, Task::Now)?;
    state.flush(store)?;
    let root = state.resolve(store)?;
    if root.rows() == root.slots() {
        return Ok(());
    }
    if root.tombstones() > 0 {
        // Below the size for a graph nothing was merged: what is linked stays where it is.
        merge::merge(state, store, Task::Rebuild)?;
        state.flush(store)?;
    }
    let root = state.resolve(store)?;
    let moved = moves(&root);
    for (old, new) in &moved {
        store.run(
            "UPDATE {rows} SET slot = ? WHERE id = ?",
            &[
                ValueRef::Integer((*new).into()),
                ValueRef::Integer(root.id(*old)),
            ],
        )?;
    }
    let next = compact(store, &root, &moved)?;
    write(store, &next)?;
    // What is in memory has other slots: it is read anew.
    log::write(store, root.seq, &next.state, None)?;
    state.forget();
    Ok(())
}

/// Where rows go, the last first: free slots before what will be the end.
fn moves(root: &Root) -> HashMap<u32, u32> {
    let end = root.rows();
    let free = (0..end).filter(|slot| !root.is_live(*slot));
    let last = root.slots_of(Kind::Live).filter(|slot| *slot >= end);
    last.zip(free).collect()
}

/// The table with its rows at their new places.
fn compact(store: &Store, root: &Root, moved: &HashMap<u32, u32>) -> Result<Root, ModuleError> {
    let to = |slot: u32| moved.get(&slot).copied().unwrap_or(slot);
    let start = match root.state.start {
        NO_SLOT => NO_SLOT,
        start => to(start),
    };
    let state = State {
        slots: root.rows(),
        start,
        ..root.state
    };
    let mut next = Root::new(root.layout, state, 0);
    let mut edges: Vec<Option<Vec<u32>>> = vec![None; root.rows() as usize];
    for (count, slot) in root.slots_of(Kind::Live).enumerate() {
        if count.is_multiple_of(4096) {
            look(store)?;
        }
        let new = to(slot);
        next.set_vector(new, root.vector(slot));
        next.add(new, root.id(slot));
        let place = edges.get_mut(new as usize).ok_or_else(corrupt)?;
        *place = root
            .edges(slot)
            .map(|edges| edges.iter().copied().map(to).collect());
    }
    if start != NO_SLOT {
        let per_block = root.layout.nodes_per_block as usize;
        for (number, nodes) in (0..).zip(edges.chunks_mut(per_block)) {
            let mut nodes = nodes.to_vec();
            nodes.resize(per_block, None);
            let block = GraphBlock::new(nodes.iter().map(Option::as_deref));
            if !next.set_graph_block(number, &block) {
                return Err(corrupt());
            }
        }
    }
    Ok(next)
}

fn write(store: &Store, next: &Root) -> Result<(), ModuleError> {
    store.run("DELETE FROM {vectors}", &[])?;
    store.run("DELETE FROM {graph}", &[])?;
    for (number, block) in (0_u32..).zip(next.vector_blocks()) {
        let parameters = [ValueRef::Integer(number.into()), ValueRef::Blob(&block)];
        store.run("INSERT INTO {vectors} VALUES (?, ?)", &parameters)?;
    }
    for (number, block) in (0_u32..).zip(next.graph_blocks()) {
        let data = block.encode();
        let parameters = [ValueRef::Integer(number.into()), ValueRef::Blob(&data)];
        store.run("INSERT INTO {graph} VALUES (?, ?)", &parameters)?;
    }
    Ok(())
}
