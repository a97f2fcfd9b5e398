'use strict'

require('./knex')('sqlite3')
