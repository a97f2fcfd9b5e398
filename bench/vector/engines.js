'use strict'

// What is measured: each makes an index of a set, and searches it with a width that trades speed
// for recall. An index is made in one go, as a user would: rows one by one in one transaction, and
// usearch's all at once on two threads.

const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

const { home } = require('../peers')
const { allOf, piecesOf } = require('./data')

const of = createRequire(path.join(home, 'package.json'))
const ferrolite = process.env.BENCH_FERROLITE_MODULE || '../..'
const THREADS = 2

function openFile (file) {
  const Database = require(ferrolite)
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  return db
}

// Inserts all rows of a set; with a limit, until so many milliseconds have passed. Says how many.
function insertAll (db, set, insert, limit = Infinity) {
  const start = performance.now()
  let rows = 0
  db.exec('BEGIN')
  for (const { first, vectors } of piecesOf(set)) {
    for (let i = 0; i < vectors.length / set.dimension; i++) {
      insert(first + i + 1, vectors.subarray(i * set.dimension, (i + 1) * set.dimension))
      rows++
      if (performance.now() - start > limit) break
    }
    if (performance.now() - start > limit) break
  }
  db.exec('COMMIT')
  return rows
}

const sizeOf = file => ['', '-wal'].reduce((sum, suffix) => {
  return sum + (fs.existsSync(file + suffix) ? fs.statSync(file + suffix).size : 0)
}, 0)

// What goes behind `rowid, vector` in an INSERT.
function namesOf (columns = '') {
  return columns.split(', ').filter(Boolean).map(column => `, ${column.split(' ')[0]}`)
}

const FERROLITE = {
  widths: [12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384],

  open (set, file, { columns = '', ...options } = {}) {
    const db = openFile(file)
    const list = Object.entries({ dimension: set.dimension, metric: 'cosine', ...options })
      .map(([name, value]) => `${name}=${value}`)
    db.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS t USING diskann(${list.join(', ')}${columns && `, ${columns}`})`)
    return db
  },

  build (set, file, { values, ...options } = {}) {
    const db = this.open(set, file, options)
    const places = values ? ', ?'.repeat(values(0).length) : ''
    const names = namesOf(options.columns)
    const insert = db.prepare(`INSERT INTO t(rowid, vector${names.join('')}) VALUES (?, ?${places})`)
    const rows = insertAll(db, set, values
      ? (id, vector) => insert.run(id, vector, ...values(id - 1))
      : (id, vector) => insert.run(id, vector))
    return {
      db,
      rows,
      search: width => this.search(db, width),
      bytes: () => sizeOf(file),
      close: () => db.close()
    }
  },

  // Without a width it is the one that was measured for the recall that is asked for.
  search (db, width) {
    const more = width ? ` AND search_list_size = ${width}` : ''
    const statement = db.prepare(`SELECT rowid, distance FROM t WHERE vector MATCH ? AND k = 10${more}`).raw()
    return query => statement.all(query)
  },

  ids: rows => rows.map(([id]) => id)
}

const LIBSQL = {
  widths: [undefined],

  build (set, file, { limit } = {}) {
    const Database = of('libsql')
    const db = new Database(file)
    db.exec('PRAGMA journal_mode = WAL')
    db.exec('PRAGMA synchronous = NORMAL')
    db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, embedding F32_BLOB(${set.dimension}))`)
    db.exec('CREATE INDEX i ON t(libsql_vector_idx(embedding))')
    const insert = db.prepare('INSERT INTO t VALUES (?, ?)')
    const bytes = vector => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
    const rows = insertAll(db, set, (id, vector) => insert.run(id, bytes(vector)), limit)
    return {
      db,
      rows,
      search: () => {
        const statement = db.prepare("SELECT id FROM vector_top_k('i', ?, 10)").raw()
        // A lone Buffer would be taken for named parameters.
        return query => statement.all([bytes(query)])
      },
      bytes: () => sizeOf(file),
      close: () => db.close()
    }
  },

  ids: rows => rows.map(([id]) => id)
}

const VECTORLITE = {
  widths: [10, 16, 24, 32, 48, 64, 96, 128, 192, 256],

  build (set, file) {
    const db = openFile(file)
    db.loadExtension(of('vectorlite').vectorlitePath())
    db.exec(`CREATE VIRTUAL TABLE t USING vectorlite(vec float32[${set.dimension}] cosine, hnsw(max_elements=${set.rows}))`)
    const insert = db.prepare('INSERT INTO t(rowid, vec) VALUES (?, ?)')
    const rows = insertAll(db, set, (id, vector) => insert.run(BigInt(id), vector))
    return {
      db,
      rows,
      search: width => {
        const statement = db.prepare(`SELECT rowid, distance FROM t WHERE knn_search(vec, knn_param(?, 10, ${width}))`).raw()
        return query => statement.all(query)
      },
      bytes: () => undefined,
      close: () => db.close()
    }
  },

  ids: rows => rows.map(([id]) => id)
}

const SQLITE_VEC = {
  widths: [undefined],

  build (set, file, { columns = '', values } = {}) {
    const db = openFile(file)
    db.loadExtension(of('sqlite-vec').getLoadablePath())
    db.exec(`CREATE VIRTUAL TABLE t USING vec0(vector float[${set.dimension}] distance_metric=cosine${columns && `, ${columns}`})`)
    const names = namesOf(columns)
    const insert = db.prepare(`INSERT INTO t(rowid, vector${names.join('')}) VALUES (?, ?${', ?'.repeat(names.length)})`)
    const valuesOf = values ?? (() => [])
    const rows = insertAll(db, set, (id, vector) => {
      insert.run(BigInt(id), vector, ...valuesOf(id - 1))
    })
    return {
      db,
      rows,
      search: () => {
        const statement = db.prepare('SELECT rowid, distance FROM t WHERE vector MATCH ? AND k = 10').raw()
        return query => statement.all(query)
      },
      bytes: () => sizeOf(file),
      close: () => db.close()
    }
  },

  ids: rows => rows.map(([id]) => id)
}

const USEARCH = {
  widths: [10, 16, 24, 32, 48, 64, 96, 128, 192, 256],

  build (set, file) {
    const { Index } = of('usearch')
    const options = {
      dimensions: set.dimension,
      metric: 'cos',
      quantization: 'f32',
      connectivity: 16,
      expansion_add: 128
    }
    const index = new Index({ ...options, expansion_search: 64 })
    const keys = BigUint64Array.from({ length: set.rows }, (_, i) => BigInt(i + 1))
    index.add(keys, allOf(set), THREADS)
    const saved = `${file}.usearch`
    return {
      rows: set.rows,
      // The width of an index cannot be changed: it is read again with another.
      search: width => {
        if (!fs.existsSync(saved)) index.save(saved)
        const other = new Index({ ...options, expansion_search: width })
        other.load(saved)
        return query => other.search(query, 10, 1)
      },
      bytes: () => {
        if (!fs.existsSync(saved)) index.save(saved)
        return fs.statSync(saved).size
      },
      close: () => fs.rmSync(saved, { force: true })
    }
  },

  ids: ({ keys }) => Array.from(keys, Number)
}

const ENGINES = {
  ferrolite: FERROLITE,
  libsql: LIBSQL,
  vectorlite: VECTORLITE,
  'sqlite-vec': SQLITE_VEC,
  usearch: USEARCH
}

function versions () {
  const Database = require(ferrolite)
  const db = new Database(':memory:')
  const sqlite = db.prepare('SELECT sqlite_version()').pluck().get()
  db.close()
  const list = { ferrolite: { version: require('../../package.json').version, sqlite } }
  for (const name of ['libsql', 'vectorlite', 'sqlite-vec', 'usearch']) {
    const file = path.join(home, 'node_modules', name, 'package.json')
    list[name] = { version: JSON.parse(fs.readFileSync(file, 'utf8')).version, sqlite: null }
  }
  list.libsql.sqlite = '3.45.1'
  return list
}

module.exports = { ENGINES, openFile, sizeOf, versions }
