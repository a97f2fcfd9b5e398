'use strict'

// Results as tables, and the floors they are held to.

const { peers } = require('./drivers')
const { geometricMean } = require('./measure')
const { duration, perSecond, ratio, table } = require('./table')
const workloads = require('./workloads')

const columns = ['better-sqlite3', 'node:sqlite', 'libsql', 'ferrolite']

const MEAN = 1.6
// The noise that the control shows for the same code; ratios closer to 1.00 mean nothing.
const noise = results => Math.max(...results.map(({ drivers }) =>
  Math.abs(Math.log(drivers.control.ratio))))

function bestPeer ({ drivers }) {
  return Math.max(...peers.map(label => drivers[label]?.ratio ?? 0))
}

const againstBest = result => result.drivers.ferrolite.ratio / bestPeer(result)

function resultRows (results) {
  const head = ['', 'better-sqlite3', ...columns.slice(1).map(label => label + ' '), 'control',
    'stepping']
  const rows = results.map(({ name, drivers }) => {
    const best = Math.max(...columns.map(label => drivers[label]?.ratio ?? 0))
    const cells = columns.slice(1).map(label => ratio(drivers[label]?.ratio) +
      (drivers[label]?.ratio === best ? '*' : ' '))
    const mark = best === 1 ? '*' : ' '
    return [name, perSecond(drivers['better-sqlite3'].nanoseconds) + mark, ...cells,
      ratio(drivers.control.ratio), ratio(drivers.stepping?.ratio)]
  })
  return [head, ...rows]
}

// One line can carry a mean away, so it is also taken without the best line and the worst.
function meanOf (results, label) {
  const ratios = results.flatMap(({ drivers }) => drivers[label]?.ratio ?? [])
  const inner = ratios.toSorted((a, b) => a - b).slice(1, -1)
  return {
    mean: geometricMean(ratios),
    trimmed: inner.length > 0 ? geometricMean(inner) : undefined,
    lines: ratios.length
  }
}

function summary (results) {
  const lines = ['Geometric mean of the ratios to better-sqlite3:']
  for (const label of [...columns.slice(1), 'control']) {
    const some = results.some(({ drivers }) => drivers[label] !== undefined)
    if (!some) continue
    const { mean, trimmed, lines: count } = meanOf(results, label)
    const rest = trimmed === undefined ? '' : `, ${ratio(trimmed)} without its best and worst`
    lines.push(`  ${label.padEnd(12)} ${ratio(mean)} over ${count} workloads${rest}`)
  }
  const worst = results.toSorted((a, b) => againstBest(a) - againstBest(b))[0]
  lines.push(`Worst against the best of the peers: ${ratio(againstBest(worst))} (${worst.name})`)
  lines.push(`Noise, by the control: up to ${(Math.expm1(noise(results)) * 100).toFixed(0)} % a line`)
  return lines.join('\n')
}

// The mean and the worst line say something only when no workload is left out.
function floorsOfAll (results) {
  if (results.length < workloads.length) return []
  const { mean } = meanOf(results, 'ferrolite')
  const worst = Math.min(...results.map(againstBest))
  return [
    { name: 'geometric mean', floor: MEAN, value: mean },
    { name: 'worst line against the best peer', floor: 1, value: worst }
  ]
}

function floors (results) {
  const list = results.filter(({ floor }) => floor !== undefined)
    .map(({ name, floor, drivers }) => ({ name, floor, value: drivers.ferrolite.ratio }))
  return [...floorsOfAll(results), ...list]
    .map(floor => ({ ...floor, passed: floor.value >= floor.floor }))
}

function floorTable (results) {
  return table([['Floor', 'at least', 'ferrolite', ''],
    ...floors(results).map(({ name, floor, value, passed }) =>
      [name, ratio(floor), ratio(value), passed ? 'pass' : 'FAIL'])])
}

function belowBest (results) {
  return results.filter(result => againstBest(result) < 1)
    .map(result => `  ${result.name}: ${ratio(againstBest(result))}`)
}

// What a driver cannot do, or does otherwise.
function gaps (results) {
  return results.flatMap(({ name, missing }) =>
    Object.entries(missing).map(([label, why]) => `  ${name}: ${label} ${why}`))
}

function growthRows (growth) {
  const rows = growth.map(({ kind, rows, drivers }) => [`${kind}, ${rows.toLocaleString('en-US')}`,
    ...columns.map(label => drivers[label] ? duration(drivers[label].nanoseconds) : '-'),
    ratio(drivers.ferrolite.ratio)])
  return [['Time per row', ...columns, 'ratio'], ...rows]
}

function report ({ results, growth }) {
  const parts = []
  if (results.length > 0) {
    parts.push('Ratios to better-sqlite3, higher is faster; * is the best driver of a line',
      table(resultRows(results)), summary(results))
    if (floors(results).length > 0) parts.push(floorTable(results))
    const below = belowBest(results)
    if (below.length > 0) parts.push(['Below the best of the peers:', ...below].join('\n'))
    const missing = gaps(results)
    if (missing.length > 0) parts.push(['Not measured:', ...missing].join('\n'))
  }
  if (growth.length > 0) parts.push(table(growthRows(growth)))
  return parts.join('\n\n')
}

module.exports = { columns, floors, growthRows, meanOf, report, resultRows, summary }
