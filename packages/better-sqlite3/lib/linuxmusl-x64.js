'use strict'

const Database = require('./stand-in')(require('ferrolite/linuxmusl-x64'))

module.exports = Database
module.exports.SqliteError = Database.SqliteError
