'use strict'

const { getBinding } = require('./lib/binding')
const createDatabase = require('./lib/create')

const Database = createDatabase(getBinding)

module.exports = Database
module.exports.Database = Database
module.exports.SqliteError = Database.SqliteError
module.exports.Authorization = Database.Authorization
module.exports.Action = Database.Action
module.exports.constants = Database.constants
module.exports.default = Database
