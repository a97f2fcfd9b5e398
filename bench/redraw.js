'use strict'

// Draws images/bench.svg and images/promise.svg anew from the tables of docs/performance.md, after
// a change of the charts: nothing is measured.

const fs = require('node:fs')
const path = require('node:path')
const { drawPromise } = require('./charts/promise')
const { drawRatios } = require('./charts/ratios')
const { putImage } = require('./figures')
const { root } = require('./peers')
const { labels } = require('./promise/drivers')
const workloads = require('./workloads')

const page = fs.readFileSync(path.join(root, 'docs', 'performance.md'), 'utf8')
const UNITS = { k: 1e3, M: 1e6, us: 1e3, ms: 1e6, s: 1e9 }

function section (name) {
  const [, rest] = page.split(`<!-- ${name} -->`)
  return rest.split(`<!-- end of ${name} -->`)[0]
}

/** The tables of a section: rows of cells, without what sets them in bold. */
function tables (text) {
  return text.split(/\n\n+/).filter((block) => block.startsWith('|')).map((block) => block.trim()
    .split('\n').filter((line) => !/^\| -/.test(line))
    .map((line) => line.slice(1, -1).split('|').map((cell) => cell.trim().replaceAll('*', ''))))
}

function machineOf (text) {
  const [, date, node, platform, rest] = text.match(/Measured on (\S+): Node (\S+), ([^,]+), [^;]+; (.*)\.$/m)
  const versions = Object.fromEntries([...rest.matchAll(/(\S+(?: \(sync\))?) ([\d.]+)(?: \(SQLite [\d.]+\))?/g)]
    .map(([, label, version]) => [label, { version }]))
  return { date, node, platform, versions }
}

// "198 k/s" is so many nanoseconds.
function nanoseconds (text) {
  const [, value, unit] = text.match(/^([\d.]+) ?([kM]?)\/s$/)
  return 1e9 / (Number(value) * (UNITS[unit] ?? 1))
}

const number = (text) => /\d/.test(text ?? '') ? Number(text) : undefined

async function sync () {
  const text = section('bench')
  const [[heads, ...rows]] = tables(text)
  const groups = new Map(workloads.map(({ name, group }) => [name, group]))
  const results = rows.map(([name, base, ...ratios]) => {
    const drivers = { 'better-sqlite3': { ratio: 1, nanoseconds: nanoseconds(base) } }
    heads.slice(2).forEach((label, i) => {
      if (number(ratios[i]) !== undefined) drivers[label] = { ratio: number(ratios[i]) }
    })
    return { name, group: groups.get(name), drivers }
  })
  putImage('bench.svg', await drawRatios(results, machineOf(text)))
}

async function promise () {
  const text = section('bench:promise')
  const all = tables(text)
  const { title } = require('./promise/report')
  const byTitle = new Map(labels.map((label) => [title(label), label]))
  const [heads, ...rows] = all[0]
  const results = rows.map(([name, base, ...ratios]) => {
    const drivers = { libsql: { ratio: 1, nanoseconds: nanoseconds(base) } }
    heads.slice(2).forEach((head, i) => {
      const label = byTitle.get(head)
      if (label && number(ratios[i]) !== undefined) drivers[label] = { ratio: number(ratios[i]) }
    })
    return { name, drivers }
  })
  const [stallHeads, ...stallRows] = all.find(([[first]]) => first === 'longest stall')
  const stalls = stallRows.map(([name, ...cells]) => ({
    name,
    drivers: Object.fromEntries(cells.flatMap((cell, i) => {
      const label = byTitle.get(stallHeads[i + 1])
      return label ? [[label, { stall: Number(cell.split(' ')[0]) }]] : []
    }))
  }))
  const seen = new Set(results.flatMap(({ drivers }) => Object.keys(drivers)))
  const leftOut = Object.fromEntries(labels.filter((label) => !seen.has(label)).map((label) => [label, 'left out']))
  putImage('promise.svg', await drawPromise({ machine: machineOf(text), results, stalls, leftOut }))
}

sync().then(promise)
