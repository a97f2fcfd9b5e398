'use strict'

// Stores whose clients take one key a call: a batch is many calls at once, up to a number that all
// batches of the store share.

/**
 * Gives `each(list, action)`: what `action` gives for each item, in order. At most `most` run at a
 * time, whichever call they are of. Once one has failed, those of its list that have not begun do
 * not, and the call fails when the others have ended: nothing of it comes later.
 */
function parallel (most) {
  const waiting = []
  let free = most
  const enter = () => new Promise((resolve) => {
    if (free === 0) return waiting.push(resolve)
    free--
    resolve()
  })
  const leave = () => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
  return async function each (list, action) {
    const failures = []
    const results = await Promise.all(list.map(async (item) => {
      await enter()
      try {
        if (failures.length === 0) return await action(item)
      } catch (error) {
        failures.push(error)
      } finally {
        leave()
      }
    }))
    if (failures.length > 0) throw failures[0]
    return results
  }
}

module.exports = { parallel }
