'use strict'

// A line that says how far something is, on a terminal only, and only if it takes long.

const PATIENCE = 300 // ms before the first line
const PERIOD = 100 // ms between lines
const WIDTH = 24

class Progress {
  #stream
  #began = null
  #shown = null
  #label = null

  constructor (stream) {
    this.#stream = stream
  }

  show (label, done, total, unit = 'rows') {
    if (!this.#stream.isTTY) return
    const now = performance.now()
    if (this.#began === null || this.#label !== label) this.#began = now
    this.#label = label
    const since = this.#shown === null ? now - this.#began - PATIENCE : now - this.#shown - PERIOD
    if (since < 0) return
    this.#shown = now
    this.#stream.write(`\r\x1b[K${label} ${bar(done, total)} ${count(done, total, unit)}`)
  }

  /** Takes the line away. */
  end () {
    if (this.#shown !== null) this.#stream.write('\r\x1b[K')
    this.#shown = null
    this.#began = null
  }
}

function bar (done, total) {
  if (!(total > 0)) return ''
  const full = Math.min(WIDTH, Math.round(WIDTH * done / total))
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${String(Math.min(100, Math.floor(100 * done / total))).padStart(3)} %`
}

function count (done, total, unit) {
  const text = (number) => unit === 'MB' ? (number / 1e6).toFixed(1) : Math.round(number).toLocaleString('en-US')
  return `${text(done)}${total > 0 ? ` of ${text(total)}` : ''} ${unit}`
}

module.exports = { Progress }
