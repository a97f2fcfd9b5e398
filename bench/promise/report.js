'use strict'

// Results of the promise bench as tables.

const { duration, perSecond, ratio } = require('../table')
const { drivers, labels } = require('./drivers')
const { variants } = require('./readers')

const title = label => drivers[label].title
const milliseconds = ms => duration(ms * 1e6)

// Labels that have a figure somewhere, the base first.
function present (results, list) {
  return list.filter(label => results.some(({ drivers }) => drivers[label] !== undefined))
}

const others = [...labels.slice(1), 'ferrolite sync', 'control']

function rateRows (results) {
  const list = present(results, others)
  const rows = results.map(({ name, drivers }) => [name, perSecond(drivers.libsql.nanoseconds),
    ...list.map(label => ratio(drivers[label]?.ratio))])
  return [['', title('libsql'), ...list.map(title)], ...rows]
}

function latencyRows (results) {
  const list = present(results, [...labels, 'ferrolite sync'])
  const cell = figures => figures === undefined
    ? '-'
    : `${milliseconds(figures.p50)} / ${milliseconds(figures.p99)}`
  const rows = results.map(({ name, drivers }) =>
    [name, ...list.map(label => cell(drivers[label]))])
  return [['p50 / p99', ...list.map(title)], ...rows]
}

const whole = ms => ms < 10 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(0)} ms`

function stallRows (stalls) {
  const list = present(stalls, [...labels, 'idle'])
  const cell = figures => figures === undefined
    ? '-'
    : `${whole(figures.stall)} of ${whole(figures.took)}`
  const rows = stalls.map(({ name, drivers }) => [name, ...list.map(label => cell(drivers[label]))])
  return [['longest stall', ...list.map(label => label === 'idle' ? 'idle' : title(label))], ...rows]
}

function readerRows ({ drivers }) {
  const rows = variants.map(({ label }) => {
    const { nanoseconds, ratio: times, p50, p99 } = drivers[label]
    return [label === 'control' ? 'none again (control)' : label, perSecond(nanoseconds),
      ratio(times), milliseconds(p50), milliseconds(p99)]
  })
  return [['readers', 'reads', 'ratio to none', 'p50', 'p99'], ...rows]
}

function remarks ({ leftOut, results }) {
  const lines = Object.entries(leftOut).map(([label, why]) => `Left out: ${title(label)}, ${why}.`)
  for (const { name, missing, wrong } of results) {
    for (const [label, why] of Object.entries(missing)) {
      lines.push(`Not measured: ${name}, ${title(label)}: ${why}.`)
    }
    for (const label of wrong) lines.push(`Wrong answers: ${name}, ${title(label)}.`)
  }
  const noise = results.map(({ drivers }) => Math.abs(Math.log(drivers.control.ratio)))
  if (noise.length > 0) {
    const most = (Math.expm1(Math.max(...noise)) * 100).toFixed(0)
    lines.push(`Noise, by the control: up to ${most} % a line.`)
  }
  return lines
}

// Every table with what stands above it.
function parts ({ results, stalls, readers }) {
  const list = []
  if (results.length > 0) {
    list.push({
      text: 'Calls per second of libsql/promise, and how many times as many the others make:',
      rows: rateRows(results)
    }, { text: 'Latency of these calls:', rows: latencyRows(results) })
  }
  if (stalls.length > 0) {
    list.push({
      text: 'Longest stall of the event loop, and how long the work took:',
      rows: stallRows(stalls)
    })
  }
  if (readers !== undefined) {
    list.push({
      text: 'Reads of about 1 ms of SQLite\'s work, 64 in flight, by the `readers` of a Ferrolite ' +
        'connection:',
      rows: readerRows(readers)
    })
  }
  return list
}

module.exports = { parts, remarks, title, whole }
