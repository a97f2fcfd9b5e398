'use strict'

const { CONNECTION, connection, read } = require('./arguments')
const { dump } = require('../dump')
const { Output } = require('../output/output')
const { openTarget } = require('../target')

const HELP = `Usage: ferrolite dump DATABASE [TABLES ...] [--schema-only] [--data-only] [--key-file FILE] [--token TOKEN]

Prints the database as SQL that makes it anew. TABLES are patterns of LIKE. A server needs no access
to its disk or its bucket: rows come page by page, in one transaction.
  ferrolite dump libsql://db.example.org > backup.sql
  ferrolite new.db < backup.sql
`

async function run (args, { stdout }) {
  const options = { ...CONNECTION, 'schema-only': { type: 'boolean' }, 'data-only': { type: 'boolean' } }
  const { values, positionals: [name, ...patterns] } = read(args, options, [1, 1000], HELP)
  const target = await openTarget(name, { ...connection(values), mustExist: true })
  const output = new Output(stdout)
  const write = async (text) => {
    output.write(text)
    if (output.isFull) await output.flush()
  }
  try {
    await dump(target.db, write, {
      patterns,
      isRemote: target.kind === 'server' || target.kind === 'replica',
      schemaOnly: values['schema-only'],
      dataOnly: values['data-only']
    })
  } finally {
    await output.flush()
    await target.close()
  }
  return 0
}

module.exports = { HELP, run }
