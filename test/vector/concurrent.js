'use strict'

// One of those that write and search the same vector tables at once, each in a thread or a process
// of its own. Every result is checked against a plain table of the same snapshot: `exact` gives all
// that is nearest, the one with a graph rows that are there, at their true distance.

const { isMainThread, parentPort, workerData } = require('node:worker_threads')

const DIMENSION = 4
const LEAST_ROWS = 50
const COMMANDS = ['merge', 'rebuild', 'optimize', 'verify']

function random (seed) {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
}

function setup (db) {
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = OFF')
  db.unsafeMode(true)
  for (const name of ['exact', 'graph']) {
    db.exec(`CREATE VIRTUAL TABLE ${name} USING diskann(dimension=${DIMENSION}, metric=euclidean, n INTEGER)`)
  }
  db.exec(`INSERT INTO graph_config VALUES ('least_rows', ${LEAST_ROWS});
    CREATE TABLE plain (id INTEGER PRIMARY KEY, vector BLOB, n INTEGER)`)
  db.unsafeMode(false)
}

class Actor {
  #db
  #next
  counts = { writes: 0, rolledBack: 0, builds: 0, searches: 0, busy: 0 }

  constructor (db, seed) {
    this.#db = db
    this.#next = random(seed)
    db.on('build', ({ done, total }) => { if (done === total) this.counts.builds++ })
  }

  #below (end) {
    return Math.floor(this.#next() * end)
  }

  #vector () {
    return Float32Array.from({ length: DIMENSION }, () => this.#below(100))
  }

  #everywhere (sql, ...values) {
    for (const [table, id] of [['exact', 'rowid'], ['graph', 'rowid'], ['plain', 'id']]) {
      this.#db.prepare(sql.replaceAll('{t}', table).replaceAll('{id}', id)).run(...values)
    }
  }

  #change () {
    switch (this.#below(6)) {
      case 0:
      case 1:
        for (let i = this.#below(30); i >= 0; --i) {
          const row = [this.#below(400), this.#vector(), this.#below(5)]
          this.#everywhere('INSERT OR REPLACE INTO {t}({id}, vector, n) VALUES (?, ?, ?)', ...row)
        }
        return
      case 2: return this.#everywhere('UPDATE {t} SET vector = ? WHERE {id} % 40 = ?', this.#vector(), this.#below(40))
      case 3: return this.#everywhere('UPDATE {t} SET n = ? WHERE {id} % 20 = ?', this.#below(5), this.#below(20))
      case 4: return this.#everywhere('DELETE FROM {t} WHERE {id} % 30 = ?', this.#below(30))
      default: this.#db.prepare('INSERT INTO graph(graph) VALUES (?)').run(COMMANDS[this.#below(COMMANDS.length)])
    }
  }

  write () {
    this.#db.exec('BEGIN IMMEDIATE')
    for (let i = this.#below(3); i >= 0; --i) {
      this.#change()
      if (this.#below(4) === 0) {
        this.#db.exec('SAVEPOINT s')
        this.#change()
        this.#db.exec(this.#below(2) === 0 ? 'ROLLBACK TO s; RELEASE s' : 'RELEASE s')
      }
    }
    const isKept = this.#below(8) !== 0
    this.#db.exec(isKept ? 'COMMIT' : 'ROLLBACK')
    this.counts[isKept ? 'writes' : 'rolledBack']++
  }

  search () {
    const at = this.#vector()
    const [k, n] = [1 + this.#below(20), this.#below(5)]
    this.#db.exec('BEGIN')
    const plain = this.#db.prepare('SELECT id, vector, n FROM plain').all()
    const read = table => this.#db.prepare(
      `SELECT rowid AS id, distance, n FROM ${table} WHERE vector MATCH ? AND k = ? AND n != ?`).all(at, k, n)
    const [exact, graph] = [read('exact'), read('graph')]
    this.#db.exec('COMMIT')
    const rows = new Map()
    for (const { id, vector, n: its } of plain) {
      if (its === n) continue
      const numbers = new Float32Array(vector.buffer, vector.byteOffset, DIMENSION)
      rows.set(id, { distance: Math.hypot(...numbers.map((number, i) => number - at[i])), n: its })
    }
    const nearest = [...rows.values()].map(row => row.distance).sort((a, b) => a - b).slice(0, k)
    for (const found of [exact, graph]) {
      const is = JSON.stringify({ at: [...at], k, n, found })
      if (found.length !== nearest.length) throw new Error(`${nearest.length} rows are there: ${is}`)
      found.forEach(({ id, distance, n: its }, i) => {
        const row = rows.get(id)
        const isTrue = row !== undefined && near(row.distance, distance) && row.n === its
        const isExact = found !== exact || near(distance, nearest[i])
        if (!isTrue || !isExact) throw new Error(`row ${id} is ${JSON.stringify(row)}: ${is}`)
      })
    }
    this.counts.searches++
  }

  act () {
    try {
      if (this.#below(3) === 0) this.write()
      else this.search()
    } catch (error) {
      if (!/^SQLITE_BUSY/.test(error.code)) throw error
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      this.counts.busy++
    }
  }
}

function near (a, b) {
  return Math.abs(a - b) <= 1e-4 * Math.max(1, b)
}

function act ({ module, file, seed, seconds }) {
  const Database = require(module)
  const db = new Database(file, { timeout: 30000 })
  const actor = new Actor(db, seed)
  const end = performance.now() + 1000 * seconds
  do actor.act()
  while (performance.now() < end)
  db.close()
  return actor.counts
}

if (!isMainThread && workerData?.file !== undefined) {
  parentPort.postMessage(act(workerData))
} else if (require.main === module) {
  process.stdout.write(JSON.stringify(act(JSON.parse(process.argv[2]))))
}

module.exports = { setup }
