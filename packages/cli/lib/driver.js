'use strict'

// Ferrolite, loaded when it is first needed: help and mistakes in arguments need none.

const { CliError } = require('./errors')

let driver

/** What `ferrolite/promise` is. */
function load () {
  try {
    driver ??= require('ferrolite/promise')
    return driver
  } catch (error) {
    throw new CliError(`Ferrolite cannot be loaded: ${error.message}\n  "ferrolite doctor" says more`)
  }
}

module.exports = { load }
