'use strict'

// Written by `npm run packages`.

const { platformAddon } = require('../../platform')
const createPromiseApi = require('../../promise/create')

const api = createPromiseApi(() => platformAddon(load), { allowNativeBinding: false })

// One by one: `import` finds names by reading this file.
module.exports.connect = api.connect
module.exports.Database = api.Database
module.exports.SqliteError = api.SqliteError
module.exports.Authorization = api.Authorization
module.exports.constants = api.constants

function load () {
  // Bundlers pass over a package that is missing in a `try` only.
  try {
    return { addon: require('@ferrolite/darwin-arm64') }
  } catch (error) {
    return { error }
  }
}
