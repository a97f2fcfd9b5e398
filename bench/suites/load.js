'use strict'

// What loading a package costs, and what it holds on to: time, resident memory, threads, files.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const { home, root } = require('../peers')

const labels = ['better-sqlite3', 'node:sqlite', 'libsql', 'ferrolite']
const MEGABYTES = 1e6
// What may stay: the heap and the allocator keep some room for the next time. Megabytes.
const SLACK = 20

function ask (question, label, count = 0) {
  const { flags } = require('../processes')
  const folder = fs.mkdtempSync(path.join(home, 'load-'))
  try {
    const child = path.join(__dirname, '..', 'load-child.js')
    const args = [...flags, child, question, label, folder, String(count)]
    const { stdout, status, signal } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit']
    })
    if (status !== 0) throw new Error(`"${question}" of ${label}: ${signal ?? `status ${status}`}`)
    return JSON.parse(stdout)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

// Fresh processes, interleaved and rotated; the median of each figure.
function askAll (question, rounds, count) {
  const { median } = require('../measure')
  const answers = Object.fromEntries(labels.map(label => [label, []]))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < labels.length; i++) {
      const label = labels[(i + round) % labels.length]
      answers[label].push(ask(question, label, count))
    }
  }
  const figures = list => Object.fromEntries(Object.keys(list[0]).map(key =>
    [key, median(list.map(answer => answer[key]))]))
  return Object.fromEntries(labels.map(label => [label, figures(answers[label])]))
}

function lines (run) {
  const { megabytes } = require('../table')
  const line = (name, question, key, show) =>
    [name, ...labels.map(label => show(run[question][label][key]))]
  const count = number => number.toLocaleString('en-US')
  return [
    line('require and open', 'open', 'milliseconds', value => `${value.toFixed(1)} ms`),
    line('memory of it', 'open', 'bytes', megabytes),
    line('threads started', 'open', 'threads', String),
    line('memory of all() of 100,000 rows', 'all', 'bytes', megabytes),
    line('the same with a blob', 'allWithBlob', 'bytes', megabytes),
    line(`${count(run.counts.statements)} statements dropped`, 'statements', 'atEnd', megabytes),
    line('  once collected', 'statements', 'after', megabytes),
    line('  more, a second time', 'statements', 'again', megabytes),
    line('the same, each of new SQL', 'newStatements', 'atEnd', megabytes),
    line('  once collected', 'newStatements', 'after', megabytes),
    line('  more, a second time', 'newStatements', 'again', megabytes),
    line(`${count(run.counts.rows)} rows read`, 'rows', 'atEnd', megabytes),
    line('  once collected', 'rows', 'after', megabytes),
    line(`${count(run.counts.cycles)} connections closed`, 'cycles', 'atEnd', megabytes),
    line('  once collected', 'cycles', 'after', megabytes),
    line('  files left open', 'cycles', 'files', String),
    line('  threads left', 'cycles', 'threads', String)
  ]
}

function binaryBytes () {
  const { target } = require(path.join(root, 'lib', 'binding.js'))
  const file = path.join(root, 'packages', target(), 'ferrolite.node')
  return fs.existsSync(file) ? fs.statSync(file).size : NaN
}

// A loop may grow the process, and then it must come back.
function grown (name, { atEnd, after, again }) {
  const list = [
    [`${name} in one loop, MB`, atEnd / MEGABYTES, 100],
    ['  once collected, MB', after / MEGABYTES, SLACK]
  ]
  if (again !== undefined) list.push(['  more, a second time, MB', again / MEGABYTES, SLACK])
  return list
}

function ceilings ({ open, statements, newStatements, rows, cycles }) {
  const mine = question => question.ferrolite
  return [
    ['require and open beyond better-sqlite3, ms', mine(open).milliseconds -
      open['better-sqlite3'].milliseconds, 5],
    ['threads started', mine(open).threads, 0],
    ...grown('statements dropped', mine(statements)),
    ...grown('statements of new SQL dropped', mine(newStatements)),
    ...grown('rows read', mine(rows)),
    ...grown('connections closed', mine(cycles)),
    ['files left open', mine(cycles).files, 0],
    ['threads left', mine(cycles).threads, 0],
    ['the binary, MB', binaryBytes() / MEGABYTES, 9]
  ].map(([name, value, most]) => ({ name, value, most, passed: value <= most }))
}

// It is one table.
function names () {
  return [{ name: 'load' }]
}

function machine () {
  return require('../processes').machine()
}

function measure (chosen, { quick }) {
  if (process.platform !== 'linux') throw new Error('This one reads /proc, which only Linux has')
  const scale = quick ? 10 : 1
  const counts = { statements: 200_000 / scale, rows: 1_000_000 / scale, cycles: 10_000 / scale }
  return {
    counts,
    open: askAll('open', quick ? 5 : 31),
    all: askAll('all', quick ? 1 : 5),
    allWithBlob: askAll('allWithBlob', quick ? 1 : 5),
    statements: askAll('statements', 1, counts.statements),
    newStatements: askAll('newStatements', 1, counts.statements),
    rows: askAll('rows', 1, counts.rows),
    cycles: askAll('cycles', 1, counts.cycles)
  }
}

function print (run) {
  const { table } = require('../table')
  console.log(table([['', ...labels], ...lines(run)]) + '\n')
  console.log(table([['Ceiling', 'at most', 'ferrolite', ''],
    ...ceilings(run).map(({ name, value, most, passed }) =>
      [name, String(most), String(Math.round(value * 10) / 10), passed ? 'pass' : 'FAIL'])]))
}

function publish (run) {
  const { putLoad } = require('../figures')
  putLoad(run, lines(run))
}

module.exports = { machine, measure, names, print, publish }
