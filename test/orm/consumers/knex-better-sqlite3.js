'use strict'

require('./knex')('better-sqlite3')
