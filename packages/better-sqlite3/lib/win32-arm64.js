'use strict'

const Database = require('./stand-in')(require('ferrolite/win32-arm64'))

module.exports = Database
module.exports.SqliteError = Database.SqliteError
