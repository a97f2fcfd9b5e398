//! Reads a table, all of it or what has changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolite_sqlite::{ModuleError, ValueRef};

use crate::codec::NO_SLOT;
use crate::columns::Column;
use crate::layout::Layout;
use crate::log::{self, Last};
use crate::nodes::GraphBlock;
use crate::options::ColumnDefinition;
use crate::root::{Kind, Root};
use crate::store::{corrupt, Store};

/// Blocks between two looks, and between two times that their pages are given back: the cache would fill with
/// what is not read again.
const BLOCKS_PER_LOOK: u32 = 64;

/// Rows between two looks at whether the statement is to end.
const ROWS_PER_LOOK: u32 = 4096;

/// Ends long work if it is time.
pub(crate) fn look(store: &Store) -> Result<(), ModuleError> {
    if store.connection.is_interrupted() {
        return Err(ModuleError::Interrupted);
    }
    Ok(())
}

/// Reads all of a table, but for columns.
pub(crate) fn all(
    store: &Store,
    layout: Layout,
    columns: usize,
    last: &Last,
) -> Result<Root, ModuleError> {
    let mut root = Root::new(layout, log::state(store, last)?, columns);
    (root.seq, root.stamp) = (last.seq, last.stamp);
    // First: a number of slots out of a damaged file must not take more memory than it has blocks.
    vectors(store, &mut root)?;
    rows(store, &mut root)?;
    graph(store, &mut root)?;
    if !root.has_good_vectors(root.slots_of(Kind::Tombstone)) || !root.has_good_graph() {
        return Err(corrupt());
    }
    if !root.has_good_vectors(root.slots_of(Kind::Live)) {
        return Err(corrupt());
    }
    Ok(root)
}

fn slot_of(value: ValueRef<'_>, slots: u32) -> Result<u32, ModuleError> {
    match value {
        ValueRef::Integer(slot) => u32::try_from(slot)
            .ok()
            .filter(|slot| *slot < slots)
            .ok_or_else(corrupt),
        _ => Err(corrupt()),
    }
}

fn rows(store: &Store, root: &mut Root) -> Result<(), ModuleError> {
    let slots = root.slots();
    let statement = store.statement("SELECT id, slot FROM {rows}")?;
    let mut rows = statement.query(&[])?;
    let mut count = 0_u32;
    while let Some(row) = rows.next()? {
        let ValueRef::Integer(id) = row.get(0) else {
            return Err(corrupt());
        };
        let slot = slot_of(row.get(1), slots)?;
        if root.is_live(slot) {
            return Err(corrupt());
        }
        root.add(slot, id);
        count += 1;
        if count.is_multiple_of(ROWS_PER_LOOK) {
            look(store)?;
        }
    }
    Ok(())
}

fn vectors(store: &Store, root: &mut Root) -> Result<(), ModuleError> {
    let last = root.slots().checked_sub(1).map(|slot| root.block_of(slot));
    let statement = store.statement("SELECT block, data FROM {vectors} ORDER BY block")?;
    let mut rows = statement.query(&[])?;
    let mut count = 0_u32;
    while let Some(row) = rows.next()? {
        let (ValueRef::Integer(block), ValueRef::Blob(data)) = (row.get(0), row.get(1)) else {
            return Err(corrupt());
        };
        let block = u32::try_from(block).map_err(|_| corrupt())?;
        if last.is_none_or(|last| block > last) {
            // One whose slots were free when a savepoint was rolled back, or a leftover of a write that failed.
            break;
        }
        // Blocks are written in any order within a transaction, but all are there at its end.
        if block != count || !root.set_vector_block(block, data) {
            return Err(corrupt());
        }
        count += 1;
        if count.is_multiple_of(BLOCKS_PER_LOOK) {
            look(store)?;
            store.connection.release_pages();
        }
    }
    let expected = last.map_or(0, |last| last + 1);
    if count != expected {
        return Err(corrupt());
    }
    Ok(())
}

/// Reads blocks of vectors anew.
pub(crate) fn blocks(
    store: &Store,
    root: &mut Root,
    blocks: &BTreeSet<u32>,
) -> Result<(), ModuleError> {
    let statement = store.statement("SELECT data FROM {vectors} WHERE block = ?")?;
    for block in blocks {
        let parameters = [ValueRef::Integer((*block).into())];
        let mut rows = statement.query(&parameters)?;
        match rows.next()?.map(|row| row.get(0)) {
            Some(ValueRef::Blob(data)) if root.set_vector_block(*block, data) => {}
            _ => return Err(corrupt()),
        }
    }
    Ok(())
}

/// A block of the graph.
fn graph_block(root: &mut Root, number: u32, data: &[u8]) -> Result<(), ModuleError> {
    let (layout, slots) = (root.layout, root.slots());
    let block = GraphBlock::decode(data, layout.nodes_per_block, layout.max_degree, slots);
    let block = block.map_err(|_| corrupt())?;
    let is_there = u64::from(number) * u64::from(layout.nodes_per_block) < u64::from(slots);
    if is_there && root.set_graph_block(number, &block) {
        Ok(())
    } else {
        Err(corrupt())
    }
}

fn graph(store: &Store, root: &mut Root) -> Result<(), ModuleError> {
    if root.state.start == NO_SLOT {
        return Ok(());
    }
    let statement = store.statement("SELECT block, data FROM {graph} ORDER BY block")?;
    let mut rows = statement.query(&[])?;
    while let Some(row) = rows.next()? {
        let (ValueRef::Integer(number), ValueRef::Blob(data)) = (row.get(0), row.get(1)) else {
            return Err(corrupt());
        };
        let number = u32::try_from(number).map_err(|_| corrupt())?;
        graph_block(root, number, data)?;
        if (number + 1).is_multiple_of(BLOCKS_PER_LOOK) {
            look(store)?;
            store.connection.release_pages();
        }
    }
    Ok(())
}

/// Reads blocks of the graph anew.
pub(crate) fn graph_blocks(
    store: &Store,
    root: &mut Root,
    blocks: &BTreeSet<u32>,
) -> Result<(), ModuleError> {
    let statement = store.statement("SELECT data FROM {graph} WHERE block = ?")?;
    for number in blocks {
        let parameters = [ValueRef::Integer((*number).into())];
        let mut rows = statement.query(&parameters)?;
        match rows.next()?.map(|row| row.get(0)) {
            Some(ValueRef::Blob(data)) => graph_block(root, *number, data)?,
            _ => return Err(corrupt()),
        }
    }
    if !blocks.is_empty() && !root.has_good_graph() {
        return Err(corrupt());
    }
    Ok(())
}

/// Makes a column ready for filters.
pub(crate) fn column(
    store: &Store,
    root: &Arc<Root>,
    number: usize,
    definition: &ColumnDefinition,
) -> Result<(), ModuleError> {
    let Some(cell) = root.columns.get(number) else {
        return Err(corrupt());
    };
    if cell.get().is_some() {
        return Ok(());
    }
    let mut column = Column::new(definition.column_type);
    let statement = store.statement(&format!("SELECT slot, c{number} FROM {{rows}}"))?;
    let mut rows = statement.query(&[])?;
    let mut count = 0_u32;
    while let Some(row) = rows.next()? {
        let slot = slot_of(row.get(0), root.slots())?;
        if !column.set(slot, row.get(1)) {
            return Err(corrupt());
        }
        count += 1;
        if count.is_multiple_of(ROWS_PER_LOOK) {
            look(store)?;
        }
    }
    // Another thread may have been faster, with the same values.
    let _ = cell.set(column);
    Ok(())
}

/// Reads those columns of some slots anew that are in memory.
pub(crate) fn columns_of(
    store: &Store,
    root: &mut Root,
    slots: impl Iterator<Item = u32>,
) -> Result<(), ModuleError> {
    let loaded = loaded_columns(root);
    if loaded.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = loaded.iter().map(|number| format!("c{number}")).collect();
    let sql = format!(
        "SELECT slot, {} FROM {{rows}} WHERE id = ?",
        names.join(", ")
    );
    let statement = store.statement(&sql)?;
    for slot in slots {
        if !root.is_live(slot) {
            continue;
        }
        let parameters = [ValueRef::Integer(root.id(slot))];
        let mut rows = statement.query(&parameters)?;
        let row = rows.next()?.ok_or_else(corrupt)?;
        if row.get(0) != ValueRef::Integer(slot.into()) {
            return Err(corrupt());
        }
        for (at, number) in (1..).zip(&loaded) {
            let column = root.columns[*number].get_mut().ok_or_else(corrupt)?;
            if !column.set(slot, row.get(at)) {
                return Err(corrupt());
            }
        }
    }
    Ok(())
}

/// Which columns are in memory.
pub(crate) fn loaded_columns(root: &Root) -> Vec<usize> {
    let columns = root.columns.iter().enumerate();
    let loaded = columns.filter(|(_, cell)| cell.get().is_some());
    loaded.map(|(number, _)| number).collect()
}
