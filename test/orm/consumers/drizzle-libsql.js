'use strict'

const { createClient } = require('@libsql/client')
const { drizzle } = require('drizzle-orm/libsql')
const operations = require('./drizzle')
const { report } = require('./report')

report(operations((file, schema) => drizzle(createClient({ url: `file:${file}` }), { schema })))
