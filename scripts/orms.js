'use strict'

// The consumers of `npm run matrix:orms`: which driver they require, what they need from npm,
// pinned here, and the program of test/orm/consumers that uses them.

// The versions beside which Ferrolite is compared.
const DRIVERS = { 'better-sqlite3': '13.2.0', libsql: '0.5.29', sqlite3: '5.1.7' }

const PRISMA = { prisma: '7.10.0', '@prisma/client': '7.10.0' }
const PRISMA_SETUP = { files: ['prisma.js', 'schema.prisma'], setup: ['prisma', 'generate', '--schema', 'schema.prisma'] }

const CONSUMERS = {
  'drizzle-orm/better-sqlite3': {
    driver: 'better-sqlite3', packages: { 'drizzle-orm': '0.45.4' }, files: ['drizzle.js'], program: 'drizzle-better-sqlite3.js'
  },
  'drizzle-orm/libsql': {
    driver: 'libsql', packages: { 'drizzle-orm': '0.45.4', '@libsql/client': '0.18.0' }, files: ['drizzle.js'], program: 'drizzle-libsql.js'
  },
  kysely: { driver: 'better-sqlite3', packages: { kysely: '0.29.9' }, program: 'kysely.js' },
  'knex, better-sqlite3': {
    driver: 'better-sqlite3', packages: { knex: '3.3.0' }, files: ['knex.js'], program: 'knex-better-sqlite3.js'
  },
  'knex, sqlite3': { driver: 'sqlite3', packages: { knex: '3.3.0' }, files: ['knex.js'], program: 'knex-sqlite3.js' },
  TypeORM: { driver: 'better-sqlite3', packages: { typeorm: '1.1.1' }, program: 'typeorm.js' },
  '@prisma/adapter-better-sqlite3': {
    driver: 'better-sqlite3', packages: { ...PRISMA, '@prisma/adapter-better-sqlite3': '7.10.0' }, program: 'prisma-better-sqlite3.js', ...PRISMA_SETUP
  },
  '@prisma/adapter-libsql': {
    driver: 'libsql', packages: { ...PRISMA, '@prisma/adapter-libsql': '7.10.0' }, program: 'prisma-libsql.js', ...PRISMA_SETUP
  },
  '@mikro-orm/sqlite': {
    driver: 'better-sqlite3', packages: { '@mikro-orm/core': '7.2.2', '@mikro-orm/sqlite': '7.2.2' }, files: ['mikro-orm.js'], program: 'mikro-orm-sqlite.js'
  },
  '@mikro-orm/libsql': {
    driver: 'libsql', packages: { '@mikro-orm/core': '7.2.2', '@mikro-orm/libsql': '7.2.2' }, files: ['mikro-orm.js'], program: 'mikro-orm-libsql.js'
  },
  Sequelize: { driver: 'sqlite3', packages: { sequelize: '6.37.8' }, program: 'sequelize.js' },
  '@libsql/client': { driver: 'libsql', packages: { '@libsql/client': '0.18.0' }, program: 'libsql-client.js' },
  'better-auth': { driver: 'better-sqlite3', packages: { 'better-auth': '1.7.25' }, program: 'better-auth.js' },
  Payload: { driver: 'libsql', packages: { payload: '3.90.2', '@payloadcms/db-sqlite': '3.90.2', graphql: '16.15.0' }, program: 'payload.js' },
  '@keyv/sqlite': { driver: 'sqlite3', packages: { keyv: '5.6.0', '@keyv/sqlite': '4.0.8' }, program: 'keyv.js' },
  'better-sqlite3-session-store': {
    driver: 'better-sqlite3', packages: { 'better-sqlite3-session-store': '0.1.0', 'express-session': '1.19.0' }, program: 'session-store.js'
  },
  '@langchain/langgraph-checkpoint-sqlite': {
    driver: 'better-sqlite3', packages: { '@langchain/langgraph-checkpoint-sqlite': '1.0.4', '@langchain/langgraph-checkpoint': '1.2.2', '@langchain/core': '1.4.0' }, program: 'langgraph.js'
  },
  'opentelemetry-plugin-better-sqlite3': {
    driver: 'better-sqlite3',
    packages: {
      'opentelemetry-plugin-better-sqlite3': '1.13.0', '@opentelemetry/api': '1.9.1', '@opentelemetry/instrumentation': '0.208.0', '@opentelemetry/sdk-trace-node': '2.12.1'
    },
    // The plugin leaves version 13 alone.
    as: '12.11.1',
    program: 'open-telemetry.js'
  }
}

module.exports = { CONSUMERS, DRIVERS }
