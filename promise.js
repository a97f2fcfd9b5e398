'use strict'

const createPromiseApi = require('./lib/promise/create')
const { getBinding } = require('./lib/binding')

module.exports = createPromiseApi(getBinding)
