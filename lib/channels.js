'use strict'

/**
 * Runs a call that gives its result at once between a channel's `start` and `end`. `done(failure)`
 * fills the context in before `end`: `{ error }` if the call threw, else null.
 */
function between ({ start, end }, context, call, done) {
  return start.runStores(context, () => {
    let failure = null
    try {
      return call()
    } catch (error) {
      failure = { error }
      throw error
    } finally {
      done(failure)
      end.publish(context)
    }
  })
}

/** A call, and `count(context, result)`, which says what came of it. */
function counted (context, call, count) {
  if (count === null) return call
  return () => {
    const result = call()
    count(context, result)
    return result
  }
}

module.exports = { between, counted }
