'use strict'

module.exports = require('./stand-in')(require('ferrolite'))
