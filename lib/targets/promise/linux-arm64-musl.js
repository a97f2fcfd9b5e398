'use strict'

// Written by `npm run packages`.

const { platformAddon } = require('../../platform-addon')
const createPromiseApi = require('../../promise/create')

const Database = createPromiseApi(() => platformAddon(load), { allowNativeBinding: false })

// One by one: `import` finds names by reading this file.
module.exports = Database
module.exports.connect = Database.connect
module.exports.Database = Database
module.exports.SqliteError = Database.SqliteError
module.exports.Authorization = Database.Authorization
module.exports.Action = Database.Action
module.exports.constants = Database.constants
module.exports.default = Database

function load () {
  // Bundlers pass over a package that is missing in a `try` only.
  try {
    return { addon: require('@ferrolite/linux-arm64-musl') }
  } catch (error) {
    return { error }
  }
}
