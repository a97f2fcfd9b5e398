'use strict'

// What is measured, in order. A step has a name, a group, and runs jobs in processes of their own;
// later ones use the files that earlier ones keep.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const { median } = require('../measure')
const { SETS, prepare } = require('./data')

const CHILD = path.join(__dirname, 'child.js')
const QUICK = ['random 10k x 128', 'wink 10k']
// How long libsql may insert into one index: what it has by then is searched.
const LIBSQL_LIMITS = { 'random 10k x 128': 45_000 }
const LIBSQL_LIMIT = 20_000
const FOR_LIBSQL = ['random 10k x 128', 'random 5k x 768', 'clustered 5k x 768', 'low-dimensional 5k x 768']
const FOR_VECTORLITE = ['random 10k x 128', 'clustered 10k x 128', 'wink 10k', 'wink 60k']
const FOR_USEARCH = FOR_VECTORLITE
const KEPT = ['wink 10k', 'wink 60k', 'wink 340k', 'wink 1M']
const RECALLS = [0.95, 0.99]
// An index is made anew for each recall that is asked for, which takes as long as that.
const FOR_RECALL = ['random 10k x 128', 'clustered 10k x 128', 'random 5k x 768', 'clustered 5k x 768',
  'low-dimensional 5k x 768', 'wink 10k', 'wink 60k']

class OutOfTime extends Error {}

/** What a child says of a job; the time of the whole process, in milliseconds, is `process`. */
function job ({ folder, deadline }, name, set, options) {
  const { flags } = require('../processes')
  const args = [...flags, CHILD, name, set, folder, JSON.stringify(options)]
  const start = performance.now()
  const { stdout, status, signal, error } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: Number.isFinite(deadline) ? Math.max(1, Math.ceil(deadline - start)) : undefined,
    killSignal: 'SIGKILL'
  })
  if (error?.code === 'ETIMEDOUT') throw new OutOfTime()
  if (error) throw error
  if (status !== 0) throw new Error(`${name} of ${set} ended with ${signal ?? `status ${status}`}`)
  return { ...JSON.parse(stdout), process: performance.now() - start }
}

const fileOf = (context, set) => path.join(context.folder, `${set.replaceAll(' ', '-')}.db`)

function searchStep (engine, set) {
  return {
    name: `${set}, ${engine}`,
    group: engine,
    sets: [set],
    run (context) {
      const { milliseconds, results } = context
      const keep = engine === 'ferrolite' && KEPT.includes(set) ? path.basename(fileOf(context, set)) : undefined
      const more = engine === 'libsql' ? { limit: context.libsqlLimit ?? LIBSQL_LIMITS[set] ?? LIBSQL_LIMIT } : {}
      results.search.push(job(context, 'search', set, { engine, milliseconds, keep, more }))
    }
  }
}

function recallStep (set, recall) {
  return {
    name: `${set}, recall ${recall}`,
    group: 'recall',
    sets: [set],
    run (context) {
      const options = { engine: 'ferrolite', milliseconds: 200, curve: false, more: { recall } }
      const { asked, list } = job(context, 'search', set, options)
      context.results.recall.push({ set, asked: recall, list, ...asked })
    }
  }
}

// A job on a file that is there by then.
function fileStep (name, set, key, more = {}) {
  return {
    name: `${name}, ${set}`,
    group: name,
    sets: [set],
    run (context) {
      const { milliseconds, results } = context
      const options = { source: fileOf(context, set), milliseconds, ...more }
      results[key] = { set, ...job(context, name, set, options) }
    }
  }
}

// A table with nothing in it, which others are compared with.
function emptyFile (context, set) {
  const { ENGINES } = require('./engines')
  const file = path.join(context.folder, 'empty.db')
  ENGINES.ferrolite.open(SETS[set], file).close()
  return file
}

function memoryStep (set, element = 'f32') {
  return {
    name: `memory, ${set}${element === 'f32' ? '' : `, ${element}`}`,
    group: 'memory',
    sets: [set],
    run (context) {
      let source = fileOf(context, set)
      if (element !== 'f32') {
        const options = { engine: 'ferrolite', milliseconds: 200, curve: false, keep: 'element.db', more: { element } }
        const { asked } = job(context, 'search', set, options)
        source = path.join(context.folder, 'element.db')
        context.results.elements.push({ set, element, ...asked })
      }
      const bytes = file => median([1, 2, 3].map(() => job(context, 'memory', set, { source: file }).bytes))
      const raw = SETS[set].rows * SETS[set].dimension * 4
      const grown = bytes(source) - bytes(emptyFile(context, set))
      context.results.memory.push({ set, element, raw, bytes: grown })
      if (element !== 'f32') fs.rmSync(source)
    }
  }
}

function coldStep (set, rounds = 7) {
  return {
    name: `cold, ${set}`,
    group: 'cold',
    sets: [set],
    run (context) {
      const empty = emptyFile(context, set)
      const times = { empty: [], full: [] }
      for (let round = 0; round < rounds; round++) {
        times.empty.push(job(context, 'first', set, { source: empty }).process)
        times.full.push(job(context, 'first', set, { source: fileOf(context, set) }).process)
      }
      context.results.cold.push({ set, empty: median(times.empty), full: median(times.full) })
    }
  }
}

const each = (engine, sets) => sets.map(set => searchStep(engine, set))

function steps (quick) {
  const [small, large, largest] = quick ? ['wink 10k', 'wink 10k', 'wink 10k'] : ['wink 60k', 'wink 340k', 'wink 1M']
  const among = sets => quick ? sets.filter(set => QUICK.includes(set)) : sets
  // What takes long comes last.
  const late = Object.keys(SETS).filter(set => SETS[set].rows * SETS[set].dimension > 8_000_000)
  const early = Object.keys(SETS).filter(set => !late.includes(set))
  return [
    ...each('ferrolite', among(early)),
    fileStep('scan', small, 'scan'),
    fileStep('filters', small, 'filters'),
    fileStep('readers', small, 'readers'),
    fileStep('writes', small, 'writes', { inserts: quick ? 4000 : 20_000 }),
    memoryStep(small),
    memoryStep(small, 'f16'),
    coldStep(small),
    ...large === small ? [] : [searchStep('ferrolite', large), memoryStep(large)],
    fileStep('foreign', large, 'foreign'),
    ...each('usearch', among(FOR_USEARCH)),
    ...each('vectorlite', among(FOR_VECTORLITE)),
    ...each('libsql', among(FOR_LIBSQL)),
    ...among(FOR_RECALL).flatMap(set => RECALLS.map(recall => recallStep(set, recall))),
    ...each('ferrolite', among(late.filter(set => set !== large && set !== largest))),
    ...largest === small
      ? []
      : [searchStep('ferrolite', largest), memoryStep(largest), coldStep(largest, 5)]
  ]
}

function emptyResults () {
  return { search: [], recall: [], memory: [], elements: [], cold: [] }
}

async function runSteps (chosen, { quick }) {
  const { home } = require('../peers')
  for (const set of new Set(chosen.flatMap(step => step.sets))) await prepare(SETS[set])
  if (chosen.some(({ group }) => group === 'writes')) await prepare(SETS['wink 340k'])
  const folder = fs.mkdtempSync(path.join(process.env.BENCH_FOLDER || home, 'run-'))
  const results = emptyResults()
  const context = {
    folder,
    results,
    milliseconds: quick ? 150 : 600,
    libsqlLimit: quick ? 5000 : undefined,
    deadline: performance.now() + Number(process.env.BENCH_MINUTES ?? Infinity) * 60_000
  }
  const failures = []
  const leftOut = []
  const start = performance.now()
  try {
    for (const [i, step] of chosen.entries()) {
      const since = ((performance.now() - start) / 1000).toFixed(0)
      process.stderr.write(`[${i + 1}/${chosen.length}] ${step.name} (${since} s)\n`)
      try {
        if (performance.now() > context.deadline) throw new OutOfTime()
        step.run(context)
      } catch (error) {
        if (error instanceof OutOfTime) leftOut.push(step.name)
        else failures.push(error.message)
      }
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  return { ...results, leftOut, seconds: (performance.now() - start) / 1000, failures }
}

module.exports = { runSteps, steps }
