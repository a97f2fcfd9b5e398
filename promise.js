'use strict'

const { getBinding } = require('./lib/binding')
const createPromiseApi = require('./lib/promise/create')

const api = createPromiseApi(getBinding)

// One by one: `import` finds names by reading this file.
module.exports.connect = api.connect
module.exports.Database = api.Database
module.exports.SqliteError = api.SqliteError
module.exports.Authorization = api.Authorization
module.exports.constants = api.constants
