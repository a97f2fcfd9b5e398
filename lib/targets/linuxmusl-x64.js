'use strict'

// Written by `npm run packages`.

const createDatabase = require('../create')
const { platformAddon } = require('../platform-addon')

const Database = createDatabase(() => platformAddon(load), { allowNativeBinding: false })

module.exports = Database
module.exports.Database = Database
module.exports.SqliteError = Database.SqliteError
module.exports.Authorization = Database.Authorization
module.exports.Action = Database.Action
module.exports.constants = Database.constants
module.exports.default = Database

function load () {
  // Bundlers pass over a package that is missing in a `try` only.
  try {
    return { addon: require('@ferrolite/linux-x64-musl') }
  } catch (error) {
    return { error }
  }
}
