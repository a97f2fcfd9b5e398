'use strict'

// The data sets: vectors, queries that are not among them, and the ten nearest of each query, by a
// plain loop. They are made once, from fixed seeds, into target/bench/vectors.

const fs = require('node:fs')
const path = require('node:path')

const { home } = require('../peers')

const FOLDER = path.join(home, 'vectors')
const NEAREST = 10
const WORDS = 341_479
const HELD_OUT = 1000
// How many rows are read, or made, at a time.
const PIECE = 4096

const wink = (rows, truths) => ({ kind: 'wink', rows, dimension: 100, queries: HELD_OUT, truths })
const made = (kind, rows, dimension) => ({ kind, rows, dimension, queries: 500, truths: 500 })

/** `truths`: of how many queries the nearest are known. */
const SETS = {
  'random 10k x 128': made('random', 10_000, 128),
  'clustered 10k x 128': made('clustered', 10_000, 128),
  'random 5k x 768': made('random', 5000, 768),
  'clustered 5k x 768': made('clustered', 5000, 768),
  'low-dimensional 5k x 768': made('low', 5000, 768),
  'random 20k x 768': made('random', 20_000, 768),
  'clustered 20k x 768': made('clustered', 20_000, 768),
  'low-dimensional 20k x 768': made('low', 20_000, 768),
  'wink 10k': wink(10_000, 1000),
  'wink 60k': wink(60_000, 1000),
  'wink 340k': wink(WORDS - HELD_OUT, 500),
  'wink 1M': { ...wink(1_000_000, 200), kind: 'noise' }
}
for (const [name, set] of Object.entries(SETS)) {
  Object.assign(set, { name, folder: path.join(FOLDER, name.replaceAll(' ', '-')) })
}

// Mulberry32: the same numbers everywhere.
function randomNumbers (seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

// By Box and Muller.
function normalNumbers (seed) {
  const random = randomNumbers(seed)
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

const CLUSTERS = 100
const LOW = 16

function several (count, dimension, normal) {
  return Array.from({ length: count }, () => Float32Array.from({ length: dimension }, normal))
}

// Each is a function that gives one vector after the other.
const KINDS = {
  random ({ dimension }, normal) {
    return () => Float32Array.from({ length: dimension }, normal)
  },
  clustered ({ dimension }, normal) {
    const centres = several(CLUSTERS, dimension, normal)
    let i = 0
    return () => centres[i++ % CLUSTERS].map(value => value + 0.4 * normal())
  },
  // A plane of 16 dimensions, and a little beside it.
  low ({ dimension }, normal) {
    const basis = several(LOW, dimension, normal)
    return () => {
      const at = basis.map(normal)
      const vector = new Float32Array(dimension)
      for (let d = 0; d < dimension; d++) {
        let sum = 0.05 * normal()
        for (let i = 0; i < LOW; i++) sum += at[i] * basis[i][d]
        vector[d] = sum
      }
      return vector
    }
  }
}

function generate (set) {
  const next = KINDS[set.kind](set, normalNumbers(set.dimension * 7 + set.kind.length))
  const take = count => {
    const all = new Float32Array(count * set.dimension)
    for (let i = 0; i < count; i++) all.set(next(), i * set.dimension)
    return all
  }
  // What comes last is what the queries are: the same clusters, other points.
  return { base: [take(set.rows)], queries: take(set.queries) }
}

// The most frequent words; a thousand of them, chosen by a seed, are the queries.
async function ofWords (set) {
  const { wink } = require('../../scripts/wink')
  const { vectors, dimension } = await wink()
  const count = Math.min(set.rows, WORDS - HELD_OUT) + HELD_OUT
  const random = randomNumbers(11)
  const held = new Set()
  while (held.size < HELD_OUT) held.add(Math.floor(random() * count))
  const pick = list => {
    const all = new Float32Array(list.length * dimension)
    for (const [i, word] of list.entries()) {
      all.set(vectors.subarray(word * dimension, (word + 1) * dimension), i * dimension)
    }
    return all
  }
  const rest = Array.from({ length: count }, (_, i) => i).filter(i => !held.has(i))
  const [base, queries] = [pick(rest), pick([...held])]
  return { base: set.kind === 'noise' ? noisy(base, set) : [base], queries }
}

// The words over and over, the second time on with noise of a quarter of their length.
function * noisy (base, { rows, dimension }) {
  const normal = normalNumbers(5)
  for (let from = 0; from < rows; from += PIECE) {
    const count = Math.min(PIECE, rows - from)
    const piece = new Float32Array(count * dimension)
    for (let i = 0; i < count; i++) {
      const at = ((from + i) * dimension) % base.length
      const vector = base.subarray(at, at + dimension)
      const isFirst = (from + i) * dimension < base.length
      const sd = isFirst ? 0 : 0.25 * Math.hypot(...vector) / Math.sqrt(dimension)
      for (let d = 0; d < dimension; d++) {
        piece[i * dimension + d] = vector[d] + (sd === 0 ? 0 : sd * normal())
      }
    }
    yield piece
  }
}

/** Makes the files of a set, if they are not there. */
async function prepare (set) {
  if (fs.existsSync(path.join(set.folder, 'truth.json'))) return
  process.stderr.write(`making ${set.name} ...\n`)
  fs.mkdirSync(set.folder, { recursive: true })
  const { base, queries } = set.kind in KINDS ? generate(set) : await ofWords(set)
  const file = fs.openSync(path.join(set.folder, 'base.f32'), 'w')
  for (const piece of base) fs.writeSync(file, piece)
  fs.closeSync(file)
  fs.writeFileSync(path.join(set.folder, 'queries.f32'), queries)
  const some = queries.subarray(0, set.truths * set.dimension)
  const truth = nearestOf(some, piecesOf(set), set.dimension)
  fs.writeFileSync(path.join(set.folder, 'truth.json'), JSON.stringify(truth))
}

function readNumbers (file) {
  const numbers = new Float32Array(fs.statSync(file).size / 4)
  const fd = fs.openSync(file)
  fs.readSync(fd, numbers)
  fs.closeSync(fd)
  return numbers
}

/** The vectors in pieces, `{ first, vectors }`, so that a process that reads them stays small. */
function * piecesOf (set, end = set.rows) {
  const file = fs.openSync(path.join(set.folder, 'base.f32'))
  try {
    for (let first = 0; first < end; first += PIECE) {
      const vectors = new Float32Array(Math.min(PIECE, end - first) * set.dimension)
      fs.readSync(file, vectors)
      yield { first, vectors }
    }
  } finally {
    fs.closeSync(file)
  }
}

const allOf = set => readNumbers(path.join(set.folder, 'base.f32'))
const truthOf = set => JSON.parse(fs.readFileSync(path.join(set.folder, 'truth.json'), 'utf8'))

/** The queries, each a vector. */
function queriesOf (set) {
  const all = readNumbers(path.join(set.folder, 'queries.f32'))
  const { queries, dimension } = set
  return Array.from({ length: queries }, (_, i) => all.slice(i * dimension, (i + 1) * dimension))
}

function normalise (vectors, dimension) {
  for (let at = 0; at < vectors.length; at += dimension) {
    let sum = 0
    for (let d = at; d < at + dimension; d++) sum += vectors[d] * vectors[d]
    const scale = 1 / Math.sqrt(sum)
    for (let d = at; d < at + dimension; d++) vectors[d] *= scale
  }
  return vectors
}

function product (a, b, i, j, dimension) {
  let p = 0
  let q = 0
  let r = 0
  let s = 0
  for (let d = 0; d < dimension; d += 4) {
    p += a[i + d] * b[j + d]
    q += a[i + d + 1] * b[j + d + 1]
    r += a[i + d + 2] * b[j + d + 2]
    s += a[i + d + 3] * b[j + d + 3]
  }
  return p + q + r + s
}

// The best so far of one query, in order.
class Best {
  #ids = []
  #scores = []

  offer (id, score) {
    const scores = this.#scores
    if (scores.length === NEAREST && score <= scores[NEAREST - 1]) return
    let at = scores.length
    while (at > 0 && scores[at - 1] < score) at--
    scores.splice(at, 0, score)
    this.#ids.splice(at, 0, id)
    if (scores.length > NEAREST) {
      scores.pop()
      this.#ids.pop()
    }
  }

  get ids () { return this.#ids }
}

/**
 * Of each query the nearest rows by cosine; rowids count from 1. With `filters`, functions of a
 * row's number, a list for each of them.
 */
function nearestOf (queries, pieces, dimension, filters = [() => true]) {
  const wanted = normalise(queries.slice(), dimension)
  const count = wanted.length / dimension
  const best = filters.map(() => Array.from({ length: count }, () => new Best()))
  for (const { first, vectors } of pieces) {
    normalise(vectors, dimension)
    for (let row = 0; row < vectors.length / dimension; row++) {
      const passed = best.filter((_, i) => filters[i](first + row))
      if (passed.length === 0) continue
      for (let query = 0; query < count; query++) {
        const score = product(vectors, wanted, row * dimension, query * dimension, dimension)
        for (const list of passed) list[query].offer(first + row + 1, score)
      }
    }
  }
  const lists = best.map(list => list.map(({ ids }) => ids))
  return filters.length === 1 ? lists[0] : lists
}

/** The share of the nearest that were found. */
function recallOf (found, truth) {
  let [hits, all] = [0, 0]
  for (const [i, ids] of truth.entries()) {
    all += ids.length
    for (const id of ids) if (found[i].includes(id)) hits++
  }
  return hits / all
}

module.exports = {
  SETS, allOf, nearestOf, piecesOf, prepare, queriesOf, randomNumbers, recallOf, truthOf
}
