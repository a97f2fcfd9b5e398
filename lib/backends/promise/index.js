'use strict'

const { ROLE } = require('../../protocol')
const { fileRoute, openArgs, serverRoute } = require('./single')

// The route of each kind of database.
const ROUTES = {
  local (connection, environment, { readers, key }) {
    if (readers !== 0) {
      const { ReadersRoute } = require('./readers')
      return new ReadersRoute(connection, environment, readers, key)
    }
    try {
      return fileRoute(connection, environment, openArgs(connection.options, key, ROLE.ONLY))
    } finally {
      key?.fill(0)
    }
  },

  kv (connection, environment) {
    return require('./store').storeRoute(connection, environment)
  },

  remote: serverRoute,

  replica (connection, environment, { key }) {
    const { ReplicaRoute } = require('./replica')
    try {
      return new ReplicaRoute(connection, environment, key)
    } finally {
      key?.fill(0)
    }
  }
}

/**
 * Opens the route of a connection of the promise API.
 * @param {import('../../engine').Environment} environment
 * @returns {import('./route').Route}
 */
function openRoute (connection, environment, own) {
  return ROUTES[connection.options.kind](connection, environment, own)
}

module.exports = { openRoute }
