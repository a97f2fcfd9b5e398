'use strict'

// Checks one after another: each is named, timed and goes on to the next, and a summary ends them.

const { ScriptError, say, seconds } = require('./run')

// So much the summary says again of the failing tests of a step.
const SHOWN_LINES = 60

class Steps {
  #started = Date.now()
  #results = []

  /** Runs `body`; true if it did not fail. */
  async step (name, body) {
    say(`\n=== ${name}`)
    const begun = Date.now()
    const error = await body().then(() => null, (error) => error)
    if (error) say(`${name} failed: ${error instanceof ScriptError ? error.message : error.stack}`)
    const failing = error?.failing ?? []
    this.#results.push({ name, ok: error === null, time: seconds(begun), failing })
    return error === null
  }

  /** Prints what became of each; throws if one failed. */
  summary () {
    const results = this.#results
    const width = Math.max(...results.map(({ name }) => name.length))
    const failed = results.filter(({ ok }) => !ok)
    say('\n=== Summary')
    for (const { name, ok, time } of results) {
      say(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(width)}  ${time}`)
    }
    // Once more where it is looked for first, when a log is long or was cut.
    for (const { name, failing } of failed) {
      if (failing.length > 0) say(`\n${name}: ${failing.slice(0, SHOWN_LINES).join('\n')}`)
    }
    const passed = results.length - failed.length
    say(`\n${passed} of ${results.length} steps passed in ${seconds(this.#started)}`)
    if (failed.length > 0) throw new ScriptError(`Failed: ${failed.map(({ name }) => name).join(', ')}`)
  }
}

module.exports = { Steps }
