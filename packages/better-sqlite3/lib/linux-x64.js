'use strict'

const Database = require('./stand-in')(require('ferrolite/linux-x64'))

module.exports = Database
module.exports.SqliteError = Database.SqliteError
