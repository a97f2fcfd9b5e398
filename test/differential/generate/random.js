'use strict'

// mulberry32: the same seed gives the same program on every platform.
class Random {
  #state

  constructor (seed) {
    this.#state = seed >>> 0
  }

  next () {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000
  }

  // An integer in low..high, both included.
  int (low, high) {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance (probability) {
    return this.next() < probability
  }

  pick (list) {
    return list[Math.floor(this.next() * list.length)]
  }

  // `table` is a list of [weight, choice].
  weighted (table) {
    let total = 0
    for (const [weight] of table) total += weight
    let at = this.next() * total
    for (const [weight, choice] of table) {
      at -= weight
      if (at < 0) return choice
    }
    return table[table.length - 1][1]
  }

  shuffle (list) {
    const copy = [...list]
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      const held = copy[i]
      copy[i] = copy[j]
      copy[j] = held
    }
    return copy
  }
}

module.exports = { Random }
