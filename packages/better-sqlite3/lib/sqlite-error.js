'use strict'

module.exports = require('ferrolite').SqliteError
