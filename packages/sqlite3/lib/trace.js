'use strict'

// Adds the stack of the call to the errors that its callback gets: `verbose()`.

const { inspect } = require('node:util')

function extendTrace (object, property) {
  const method = object[property]
  object[property] = function (...args) {
    const call = new Error()
    const callback = args.at(-1)
    if (typeof callback === 'function') {
      const words = args.map((arg) => inspect(arg, false, 0)).join(', ')
      args[args.length - 1] = function (error, ...rest) {
        augment(error, `${object.constructor.name}#${property}(${words})`, call)
        return callback.call(this, error, ...rest)
      }
    }
    return method.apply(this, args)
  }
}

const augmented = new WeakSet()

function augment (error, name, call) {
  if (!error?.stack || augmented.has(error)) return
  augmented.add(error)
  const lines = (text) => text.split('\n').filter((line) => !line.includes(__filename))
  error.stack = [...lines(error.stack), `--> in ${name}`, ...lines(call.stack).slice(1)].join('\n')
}

module.exports = { extendTrace }
