'use strict'

const connections = require('./connections')
const { Random } = require('./random')
const scenes = require('./scenes')
const { World } = require('./world')

// Makes the program of a seed: { seed, ops }.

const SCENES = [
  [16, scenes.query],
  [10, scenes.fill],
  [7, scenes.modes],
  [4, scenes.describe],
  [5, scenes.bind],
  [9, scenes.iterate],
  [5, scenes.each],
  [8, scenes.transaction],
  [3, scenes.manual],
  [4, scenes.pragma],
  [3, scenes.exec],
  [5, scenes.oddSql],
  [1, scenes.explain],
  [10, scenes.callable],
  [2, scenes.createTable],
  [4, scenes.alter],
  [2, connections.switches],
  [2, connections.attach],
  [1.5, connections.serialize],
  [1, connections.backup],
  [3, connections.look],
  [1, connections.foreign],
  [1, connections.set],
  [0.5, connections.extension],
  [0.2, scenes.crowd],
  [1, connections.oddOpen],
  [0.6, connections.openReadonly]
]

class Generator {
  world = new World()
  #out = []

  constructor (seed) {
    this.r = new Random(seed)
  }

  emit (op) {
    this.#out.push(op)
  }

  // The operations that `action` emits, kept apart for the body of a callback or loop.
  collect (action) {
    const outer = this.#out
    this.#out = []
    action()
    const inner = this.#out
    this.#out = outer
    return inner
  }

  program (size) {
    this.#start()
    while (this.#out.length < size) this.#scene()
    for (const db of this.world.open()) this.emit({ do: 'dump', db: db.id })
    return this.#out.slice(0, size + 8)
  }

  #start (kind) {
    const db = connections.open(this, kind)
    for (let i = this.r.int(1, 3); i > 0; i--) scenes.createTable(this, db)
    return db
  }

  #scene () {
    const open = this.world.open()
    const usable = open.filter((db) => !db.readonly)
    if (!usable.length || (open.length < 3 && this.r.chance(0.012))) return this.#start()
    if (this.r.chance(0.008)) return connections.close(this, this.r.pick(open))
    // An iterator that a callback or a failure left open would block the rest of the program.
    const db = this.r.pick(this.r.chance(0.85) ? usable : open)
    this.r.weighted(SCENES)(this, db)
  }
}

function generate (seed, size) {
  return { seed, ops: new Generator(seed).program(size) }
}

module.exports = { generate }
