'use strict'

const { getBinding } = require('./lib/binding')
const createPromiseApi = require('./lib/promise/create')

const Database = createPromiseApi(getBinding)

// One by one: `import` finds names by reading this file.
module.exports = Database
module.exports.connect = Database.connect
module.exports.Database = Database
module.exports.SqliteError = Database.SqliteError
module.exports.Authorization = Database.Authorization
module.exports.Action = Database.Action
module.exports.constants = Database.constants
module.exports.default = Database
