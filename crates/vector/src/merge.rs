//! Links rows that wait in the tail, and takes slots without rows out of the graph.

use ferrolite_sqlite::{ModuleError, ValueRef};

use crate::codec::NO_SLOT;
use crate::distance::Metric;
use crate::graph::{self, Merged, Options, Work};
use crate::nodes::GraphBlock;
use crate::progress::Progress;
use crate::root::{Kind, Root};
use crate::state::TableState;
use crate::store::{corrupt, Config, Store};

/// Below either there is no graph: comparing all is as fast, and finds all.
const LEAST_ROWS: u32 = 4096;
const LEAST_BYTES: u64 = 4 << 20;

/// What may wait before a merge is due: so many bytes of vectors, or this part of the table.
const WAITING_BYTES: u64 = 1 << 20;
const WAITING_PART: u64 = 256;

/// With a larger part of tombstones the graph is built anew.
const TOMBSTONES_PART: u32 = 4;

/// Beyond this part more than the largest norm, the graph of `dot` is built anew.
const NORM_SLACK: f64 = 1.01;

const MOST_THREADS: usize = 8;

/// The width of a beam is measured again when this part of the rows was linked since it was: other rows may be harder
/// to find.
const REMEASURED_PART: u32 = 4;

/// What a merge is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// What is due.
    Due,
    /// Link all that waits.
    Now,
    /// Build the graph anew.
    Rebuild,
}

/// The number of rows from which on there is a graph. A test has a smaller one in `t_config`.
fn least_rows(store: &Store, stride: usize) -> Result<u32, ModuleError> {
    let own = store.integer("SELECT value FROM {config} WHERE key = 'least_rows'", &[])?;
    let own = own.and_then(|rows| u32::try_from(rows).ok());
    Ok(own.unwrap_or_else(|| {
        let rows = LEAST_BYTES / (stride as u64).max(1);
        LEAST_ROWS.max(u32::try_from(rows).unwrap_or(u32::MAX))
    }))
}

/// Whether so many slots are enough to be merged.
fn is_enough(root: &Root, slots: u32, least: u32) -> bool {
    let bytes = |slots: u32| u64::from(slots) * root.layout.stride as u64;
    let waiting = if least < LEAST_ROWS {
        bytes(least / 4 + 1)
    } else {
        WAITING_BYTES
    };
    bytes(slots) > waiting.max(bytes(root.rows()) / WAITING_PART)
}

/// What is to be done with the transaction's own state.
fn plan(
    root: &Root,
    store: &Store,
    config: &Config,
    kind: Task,
) -> Result<Option<Task>, ModuleError> {
    let least = least_rows(store, root.layout.stride)?;
    if root.rows() < least {
        // Nothing to gain. A graph that is there goes on, until it is built anew.
        let has_graph = root.state.start != NO_SLOT;
        return Ok((kind != Task::Due && has_graph).then_some(Task::Rebuild));
    }
    if kind == Task::Rebuild || root.state.start == NO_SLOT {
        let is_wanted = kind != Task::Due || config.automerge;
        return Ok(is_wanted.then_some(Task::Rebuild));
    }
    let (tail, tombstones) = (root.tail(), root.tombstones());
    if kind == Task::Due {
        let is_due = is_enough(root, tail, least) || is_enough(root, tombstones, least);
        if !config.automerge || !is_due {
            return Ok(None);
        }
    }
    let is_worn = tombstones > root.rows() / TOMBSTONES_PART;
    Ok(Some(if is_worn { Task::Rebuild } else { Task::Now }))
}

/// Merges what is due, or what was asked for.
pub(crate) fn merge(state: &TableState, store: &Store, kind: Task) -> Result<(), ModuleError> {
    let root = state.resolve(store)?;
    // Without changes nothing is due; the quick answer of most commits.
    if kind == Task::Due && root.tail() + root.tombstones() == 0 {
        return Ok(());
    }
    let config = store.read_config()?;
    let Some(kind) = plan(&root, store, &config, kind)? else {
        return Ok(());
    };
    let norm = largest_norm(&root, &config);
    let rows = root.rows();
    let is_grown = norm > f64::from(root.state.largest_norm) * NORM_SLACK;
    let is_rebuild = kind == Task::Rebuild || (config.options.metric == Metric::Dot && is_grown);
    let (add, remove) = slots(&root, is_rebuild);
    let linked = linked_rows(store)? + add.len() as u64;
    let is_other = linked >= u64::from(rows / REMEASURED_PART);
    let recall = (is_rebuild || is_other).then_some(f64::from(config.options.recall));
    #[allow(clippy::cast_possible_truncation)] // of a finite vector, or clamped by the graph
    let largest = if is_rebuild {
        norm as f32
    } else {
        root.state.largest_norm
    };
    let mut progress = Progress::new(store, add.len() + remove.len());
    let work = Work {
        slots: root.slots(),
        start: (!is_rebuild).then_some(root.state.start),
        add: &add,
        remove: &remove,
        recall,
        is_rounded: root.state.is_rounded && !is_rebuild,
    };
    let merged = link(&root, &config, largest, &work, &mut progress)?;
    let width = merged.width;
    let is_rounded = merged.is_rounded;
    let start = merged.start;
    write(state, store, &root, merged, is_rebuild)?;
    drop(root);
    // A merge of too few rows measures nothing: what was measured before stays.
    let is_measured = is_rebuild || width.is_some();
    let linked = if is_measured { 0 } else { linked };
    #[allow(clippy::cast_possible_wrap)] // a count of rows
    store.set_config("linked_rows", ValueRef::Integer(linked as i64))?;
    state.change(store, |root| {
        root.state.start = start.unwrap_or(NO_SLOT);
        root.state.largest_norm = if largest.is_finite() {
            largest
        } else {
            f32::MAX
        };
        root.state.is_rounded = is_rounded;
        if is_measured {
            root.state.list = width.unwrap_or(crate::codec::NOT_CALIBRATED);
        }
    })?;
    state.touch();
    progress.end()
}

/// How many rows were linked since the width was measured.
fn linked_rows(store: &Store) -> Result<u64, ModuleError> {
    let sql = "SELECT value FROM {config} WHERE key = 'linked_rows'";
    let rows = store.integer(sql, &[])?;
    Ok(rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0))
}

/// The largest norm of all rows, which matters to `dot` alone.
fn largest_norm(root: &Root, config: &Config) -> f64 {
    if config.options.metric != Metric::Dot {
        return 0.0;
    }
    let norms = root
        .slots_of(Kind::Live)
        .map(|slot| root.layout.measure.norm(root.vector(slot)));
    norms.fold(0.0, f64::max)
}

fn threads(config: &Config) -> usize {
    match config.threads {
        0 => graph::threads().min(MOST_THREADS),
        threads => threads as usize,
    }
}

/// Slots to link, and those to take out of the graph.
fn slots(root: &Root, is_rebuild: bool) -> (Vec<u32>, Vec<u32>) {
    if is_rebuild {
        return (root.slots_of(Kind::Live).collect(), Vec::new());
    }
    (
        root.slots_of(Kind::Tail).collect(),
        root.slots_of(Kind::Tombstone).collect(),
    )
}

fn link(
    root: &Root,
    config: &Config,
    largest: f32,
    work: &Work,
    progress: &mut Progress<'_>,
) -> Result<Merged, ModuleError> {
    let options = Options {
        degree: config.options.max_degree as usize,
        width: config.options.build_search_list_size as usize,
        alpha: config.options.pruning_alpha,
        threads: threads(config),
    };
    let mut poll = |done: usize, _: usize| progress.poll(done);
    if poll(0, 0) {
        return Err(ModuleError::Interrupted);
    }
    let merged = root
        .layout
        .measure
        .merge(root, largest, &options, work, &mut poll);
    merged.map_err(|_| ModuleError::Interrupted)
}

/// Writes the blocks that changed.
fn write(
    state: &TableState,
    store: &Store,
    root: &Root,
    merged: Merged,
    is_all: bool,
) -> Result<(), ModuleError> {
    let per_block = root.layout.nodes_per_block as usize;
    let mut changed: Vec<bool> = (0..root.slots())
        .map(|slot| is_all || merged.arena.is_changed(slot))
        .collect();
    changed.resize(changed.len().next_multiple_of(per_block), false);
    let mut nodes: Vec<Option<Vec<u32>>> = Vec::with_capacity(per_block);
    let mut block = 0_u32;
    let mut outcome = Ok(());
    let put = |block: u32, nodes: &mut Vec<Option<Vec<u32>>>| {
        nodes.resize(per_block, None);
        let first = block as usize * per_block;
        if changed[first..first + per_block].contains(&true) {
            let made = GraphBlock::new(nodes.iter().map(Option::as_deref));
            put_block(state, store, block, &made)?;
        }
        nodes.clear();
        Ok::<_, ModuleError>(())
    };
    merged.arena.drain(|_, edges| {
        nodes.push(edges.map(<[u32]>::to_vec));
        if nodes.len() == per_block && outcome.is_ok() {
            outcome = put(block, &mut nodes);
            block += 1;
        }
    });
    outcome?;
    if !nodes.is_empty() {
        put(block, &mut nodes)?;
    }
    Ok(())
}

fn put_block(
    state: &TableState,
    store: &Store,
    number: u32,
    block: &GraphBlock,
) -> Result<(), ModuleError> {
    let data = block.encode();
    let parameters = [ValueRef::Integer(number.into()), ValueRef::Blob(&data)];
    store.run("INSERT OR REPLACE INTO {graph} VALUES (?, ?)", &parameters)?;
    let is_set = state.change(store, |root| root.set_graph_block(number, block))?;
    if !is_set {
        return Err(corrupt());
    }
    state.note_graph(number);
    Ok(())
}
