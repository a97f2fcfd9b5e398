'use strict'

const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node')
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { BetterSqlite3Instrumentation } = require('opentelemetry-plugin-better-sqlite3')
const { FILE, refused, report } = require('./report')

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
registerInstrumentations({ instrumentations: [new BetterSqlite3Instrumentation()] })
const Database = require('better-sqlite3')

function spans () {
  const all = exporter.getFinishedSpans().map(({ name, kind, attributes, status, events }) => {
    return { name, kind, attributes: { ...attributes, 'db.name': undefined }, status, events: events.map(({ name }) => name) }
  })
  exporter.reset()
  return all
}

const db = new Database(FILE)

report({
  create: async () => [db.exec('CREATE TABLE t (a UNIQUE)') === db, spans()],
  insert: async () => [db.prepare('INSERT INTO t VALUES (?)').run(1), spans()],
  read: async () => [db.prepare('SELECT * FROM t').all(), spans()],
  transaction: async () => [db.transaction(() => db.prepare('SELECT 1').get())(), spans()],
  constraint: async () => [await refused(async () => db.prepare('INSERT INTO t VALUES (?)').run(1)), spans()],
  pragma: async () => [db.pragma('user_version'), spans()]
})
