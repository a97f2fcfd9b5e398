'use strict'

// What starting costs: from `require` to an open database, and to the first row, in many fresh
// processes that do nothing else. `npm run bench:startup`.

const { spawnSync } = require('node:child_process')
const path = require('node:path')

const { home } = require('../peers')

const CHILD = path.join(__dirname, '..', 'startup-child.js')
const labels = ['better-sqlite3', 'ferrolite', 'ferrolite/promise']

/** Milliseconds and files of one process: to the open database, to the first row. */
function ask (label) {
  const { ferroliteModule } = require('../drivers')
  const args = [CHILD, label, ferroliteModule, home]
  const { stdout, status, signal } = spawnSync(process.execPath, args, {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit']
  })
  if (status !== 0) throw new Error(`${label}: ${signal ?? `status ${status}`}`)
  return JSON.parse(stdout)
}

function names () {
  return [{ name: 'startup' }]
}

function machine () {
  return require('../processes').machine()
}

function measure (chosen, { quick }) {
  const { median } = require('../measure')
  const answers = Object.fromEntries(labels.map(label => [label, []]))
  const rounds = quick ? 11 : 101
  // Interleaved and rotated; one round before, so that the files are in memory.
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < labels.length; i++) {
      const label = labels[(i + round) % labels.length]
      const answer = ask(label)
      if (round > 0) answers[label].push(answer)
    }
  }
  const figures = list => Object.fromEntries(Object.keys(list[0]).map(key =>
    [key, median(list.map(answer => answer[key]))]))
  const all = labels.map(label => [label, figures(answers[label])])
  return { rounds, figures: Object.fromEntries(all) }
}

function print ({ rounds, figures }) {
  const { table } = require('../table')
  const line = (name, key, show) => [name, ...labels.map(label => show(figures[label][key]))]
  const ms = value => `${value.toFixed(1)} ms`
  console.log(table([['', ...labels],
    line('require and open', 'opened', ms),
    line('  processor time of it', 'busy', ms),
    line('  files of JavaScript', 'files', String),
    line('to the first row', 'row', ms)]))
  console.log(`\nMedians of ${rounds} processes each`)
}

// docs/performance.md has the first line, from the suite load.
function publish () {}

module.exports = { machine, measure, names, print, publish }
