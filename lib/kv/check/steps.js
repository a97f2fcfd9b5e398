'use strict'

// What is tried out, in this order. A fault ends its step.

const { batches, concurrency, deletes } = require('./batches')
const { atOnce, putIfAbsent, race } = require('./conditions')
const { keys, longKeys, namesOfAllKinds } = require('./keys')
const { list } = require('./list')
const { fresh, get, late, order } = require('./reads')
const { contents, sizes } = require('./values')

const STEPS = [
  get, order, fresh, keys, longKeys, namesOfAllKinds, contents, sizes, batches, deletes,
  putIfAbsent, race, atOnce, concurrency, list, late
]

module.exports = { STEPS }
