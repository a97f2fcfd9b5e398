'use strict'

/**
 * Runs a synchronous call between a channel's `start` and `end`. `done(failure)`
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

/** A call followed by `count(context, result)`, which adds its result to the context. */
function counted (context, call, count) {
  if (count === null) return call
  return () => {
    const result = call()
    count(context, result)
    return result
  }
}

module.exports = { between, counted }
