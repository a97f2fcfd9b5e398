'use strict'

// The methods of the sync API's statements once a channel has a subscriber.

const { Steps, contextOf, traceSync } = require('./tracing')

const COUNTS = {
  get: (context, row) => { context.rows = row === undefined ? 0 : 1 },
  all: (context, rows) => { context.rows = rows.length },
  run: (context, { changes }) => { context.changes = changes }
}

/** `placeOf(database)` returns its name, and the role of the connection that statements run on. */
function traceStatements ({ Statement: { prototype }, settingsOf }, placeOf) {
  const about = (kind, statement) => {
    const { source, database } = settingsOf(statement)
    const [name, connection] = placeOf(database)
    return contextOf(kind, source, name, connection)
  }
  for (const [kind, count] of Object.entries(COUNTS)) {
    const method = prototype[kind]
    define(prototype, kind, function (...params) {
      const call = () => method.apply(this, params)
      return traceSync(about(kind, this), call, count)
    })
  }
  const { iterate } = prototype
  define(prototype, 'iterate', function (...params) {
    const context = about('iterate', this)
    const open = () => iterate.apply(this, params)
    return context === null ? open() : traceIterator(open, context)
  })
}

/** An iterator that is reported once it has ended. */
function traceIterator (open, context) {
  const steps = new Steps(context)
  const iterator = steps.step(open)
  const { next, return: close } = iterator
  define(iterator, 'next', function () {
    const result = steps.step(() => next.call(this))
    if (result.done) steps.end()
    else steps.row()
    return result
  })
  define(iterator, 'return', function () {
    const result = steps.step(() => close.call(this))
    steps.end()
    return result
  })
  return iterator
}

function define (object, name, method) {
  Object.defineProperty(method, 'name', { value: name })
  Object.defineProperty(object, name, { value: method, writable: true, configurable: true })
}

module.exports = { traceStatements }
