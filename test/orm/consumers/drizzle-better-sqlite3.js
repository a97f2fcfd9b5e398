'use strict'

const Database = require('better-sqlite3')
const { drizzle } = require('drizzle-orm/better-sqlite3')
const operations = require('./drizzle')
const { report } = require('./report')

report(operations((file, schema) => drizzle(new Database(file), { schema })))
