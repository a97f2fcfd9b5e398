'use strict'

const { PrismaBetterSqlite3 } = require('@prisma/adapter-better-sqlite3')

require('./prisma')((options) => new PrismaBetterSqlite3(options), 2n ** 63n - 1n)
