'use strict'

// Makes a failing program small: whole operations first, then those inside bodies, then arguments.

const TRIES = 600
const OPTIONAL = ['throwAt', 'throwRow', 'ops', 'self', 'mode', 'inspect', 'breakAt', 'how']

function holders (node, test, found = []) {
  if (typeof node !== 'object' || node === null) return found
  for (const [key, value] of Object.entries(node)) {
    if (test(node, key)) found.push([node, key])
    holders(value, test, found)
  }
  return found
}

// Where operations stand: the program's own, and those of callbacks and loops.
const bodies = (root) => holders(root, (node, key) =>
  ['ops', 'body', 'during'].includes(key) && Array.isArray(node[key]))

// Where an entry of an object, a row or an item could be left out.
const details = (root) => holders(root, (node, key) =>
  ['entries', 'rows', 'items'].includes(key) && Array.isArray(node[key]))

// What can be left out alone; `how` only where a database is opened.
const optional = (root) => holders(root, (node, key) => node !== root &&
  OPTIONAL.includes(key) && (key !== 'how' || node.do === 'open'))

class Shrinker {
  #fails
  #left = TRIES

  constructor (program, fails) {
    this.best = program
    this.#fails = fails
  }

  async #attempt (candidate) {
    this.#left--
    if (!await this.#fails(candidate)) return false
    this.best = candidate
    return true
  }

  async run () {
    let size
    do {
      size = JSON.stringify(this.best).length
      await this.#every(bodies)
      await this.#every(details)
      await this.#leaveOut()
    } while (JSON.stringify(this.best).length < size && this.#left > 0)
    return this.best
  }

  async #every (find) {
    for (let i = 0; i < find(this.best).length && this.#left > 0; i++) {
      await this.#removeFrom((root) => find(root)[i])
    }
  }

  // Halves, quarters, and so on down to single items, from the end.
  async #removeFrom (place) {
    const length = () => {
      const at = place(this.best)
      return at === undefined ? 0 : at[0][at[1]].length
    }
    let chunk = length()
    while (chunk > 0) {
      for (let end = length(); end > 0 && this.#left > 0; end -= chunk) {
        const copy = structuredClone(this.best)
        const [owner, key] = place(copy) ?? []
        if (owner === undefined) return
        const from = Math.max(0, end - chunk)
        owner[key].splice(from, end - from)
        await this.#attempt(copy)
      }
      chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)
    }
  }

  async #leaveOut () {
    let i = 0
    while (i < optional(this.best).length && this.#left > 0) {
      const copy = structuredClone(this.best)
      const [owner, key] = optional(copy)[i]
      delete owner[key]
      if (!await this.#attempt(copy)) i++
    }
  }
}

// The smallest program found for which `fails` still holds.
function shrink (program, fails) {
  return new Shrinker(program, fails).run()
}

module.exports = { shrink }
