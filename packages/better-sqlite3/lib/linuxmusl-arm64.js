'use strict'

const Database = require('./stand-in')(require('ferrolite/linuxmusl-arm64'))

module.exports = Database
module.exports.SqliteError = Database.SqliteError
