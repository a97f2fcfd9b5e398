'use strict'

// Results as tables, which are printed and published.

const { rawOf, targets } = require('./targets')

// Three digits and more, as people read them.
function three (value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3)
}

const ratio = value => value === Infinity ? 'all' : value >= 10 ? value.toFixed(0) : value.toFixed(2)
const unit = name => name === '' || name === '/s' || name === 'x' ? name : ` ${name}`
const percent = share => `${share * 100} %`

// The best point of an engine: the fastest at a recall of 0.98, else the one that finds most.
function bestOf ({ asked, points }) {
  const enough = points.filter(({ recall }) => recall >= 0.98)
  if (enough.length > 0) return enough.reduce((a, b) => a.perSecond > b.perSecond ? a : b)
  return points.reduce((a, b) => a.recall > b.recall ? a : b, asked ?? points[0])
}

function searchTable ({ search }) {
  const rows = search.map(result => {
    const { engine, set, rows, build, bytes, asked } = result
    const best = asked ?? bestOf(result)
    const part = rows < rawRows(set) ? ` (${rows.toLocaleString('en-US')} rows)` : ''
    return [`${set}${part}`, engine, `${three(build / 1000)} s`, best.recall.toFixed(3), `${three(best.perSecond)}/s`,
      bytes === undefined ? '-' : `${(bytes / (rawOf(set) * rows / rawRows(set))).toFixed(2)} x`]
  })
  return [['data', 'engine', 'build', 'recall', 'queries', 'size to vectors'], ...rows]
}

// What stands for a table that is too small for a graph.
const NO_GRAPH = 65_535

const rawRows = set => require('./data').SETS[set].rows

function filterTable ({ filters }) {
  if (!filters) return null
  const rows = filters.ferrolite.map((own, i) => {
    const vec = filters['sqlite-vec'][i]
    return [`${percent(own.share)}, ${own.column === 'u' ? 'independent' : 'correlated'}`, own.recall.toFixed(3),
      `${three(own.perSecond)}/s`, `${three(vec.perSecond)}/s`, ratio(own.perSecond / vec.perSecond)]
  })
  return [['rows that pass', 'recall', 'ferrolite', 'sqlite-vec', 'ratio'], ...rows]
}

function recallTable ({ search, recall }) {
  const asked = search.filter(({ engine }) => engine === 'ferrolite')
    .map(({ set, asked, list }) => ({ ...asked, set, list, asked: 0.98 }))
  const rows = [...asked, ...recall]
    .toSorted((a, b) => a.set.localeCompare(b.set) || a.asked - b.asked)
    .map(({ set, asked, recall, perSecond, list }) =>
      [set, String(asked), recall.toFixed(3), `${three(perSecond)}/s`, list === 0 || list === NO_GRAPH ? 'scan' : String(list)])
  return [['data', 'recall asked for', 'measured', 'queries', 'search list'], ...rows]
}

function writeTable ({ writes, search }) {
  if (!writes) return null
  const libsql = search.find(({ engine }) => engine === 'libsql')?.writes
  const rate = value => value === undefined ? '-' : `${three(value)}/s`
  const line = (name, own, peer) =>
    [name, rate(own.perSecond), `${three(own.median)} ms`, `${three(own.longest)} ms`, rate(peer)]
  return [['each a transaction', 'ferrolite', 'median', 'longest', 'libsql, 10k x 128'],
    line('inserts', writes.inserts, libsql?.inserts),
    line('updates of the vector', writes.updates),
    line('deletes', writes.deletes, libsql?.deletes)]
}

function targetTable (run) {
  const rows = targets(run).map(({ what, unit: name, target, kind, value, ratio: times }) => [
    what, `${kind} ${three(target)}${unit(name)}`, `${three(value)}${unit(name)}`,
    ratio(times) + (times < 1 ? ' (missed)' : '')])
  return [['', 'target', 'measured', 'ratio'], ...rows]
}

/** The tables that have something to say, each with a line of text. */
function tablesOf (run) {
  const parts = [
    ['An index of each engine, with the queries a second and the recall of its default, or for a ' +
      'peer of the width with which it is fastest at a recall of 0.98.', searchTable(run)],
    ['Searches of the ten nearest among the rows that a filter lets pass.', filterTable(run)],
    ['The recall that is asked for, and the recall of queries that are not in the table.', recallTable(run)],
    ['Writes into an index that is there.', writeTable(run)],
    ['What was aimed at; a ratio above 1 is better than that.', targetTable(run)]
  ]
  return parts.filter(([, rows]) => rows !== null && rows.length > 1)
}

module.exports = { tablesOf }
