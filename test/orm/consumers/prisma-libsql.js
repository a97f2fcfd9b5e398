'use strict'

const { PrismaLibSql } = require('@prisma/adapter-libsql')

require('./prisma')((options) => new PrismaLibSql(options), 2n ** 53n - 1n)
