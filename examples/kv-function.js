'use strict'

// A function as serverless platforms run them, with its database in a bucket of S3: each call opens
// the database, answers, and closes it; nothing stays between two calls but what is in the bucket.
//
//   node examples/kv-function.js                      starts a server that speaks S3 (moto)
//   node examples/kv-function.js http://host:9000 b   takes the bucket `b` of yours

const assert = require('node:assert/strict')
const { connect } = require('ferrolite/promise')
const { s3Store } = require('ferrolite/stores/s3')

/** `{ path, from }` -> how often the page was visited, and by whom last. */
async function handler ({ path, from }, client, bucket) {
  const db = await connect('visits', { store: s3Store(client, { bucket }) })
  try {
    await db.exec('CREATE TABLE IF NOT EXISTS visit (id INTEGER PRIMARY KEY, path TEXT, who TEXT)')
    await db.run('INSERT INTO visit (path, who) VALUES (?, ?)', path, from)
    return await db.get('SELECT count(*) AS visits, max(id) AS id FROM visit WHERE path = ?', path)
  } finally {
    // Moves the commit into pages, so that the next call has little to read.
    await db.close()
  }
}

/** Reading needs no turn: any number of calls may do it at the same time. */
async function report (client, bucket) {
  const db = await connect('visits', { store: s3Store(client, { bucket }), readonly: true })
  try {
    return await db.all('SELECT path, count(*) AS visits FROM visit GROUP BY path ORDER BY path')
  } finally {
    await db.close()
  }
}

async function main (endpoint, bucket) {
  const { S3 } = require('@aws-sdk/client-s3')
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  const client = new S3({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  await client.createBucket({ Bucket: bucket })
  for (const [path, from] of [['/', 'ann'], ['/about', 'bob'], ['/', 'bob']]) {
    const { visits } = await handler({ path, from }, client, bucket)
    console.log(`${from} visits ${path}: ${visits}`)
  }
  const reports = await Promise.all([report(client, bucket), report(client, bucket)])
  for (const rows of reports) {
    assert.deepEqual(rows, [{ path: '/', visits: 2 }, { path: '/about', visits: 1 }])
  }
  console.log(reports[0])
  client.destroy()
}

async function start () {
  const [endpoint, bucket] = process.argv.slice(2)
  if (endpoint) return main(endpoint, bucket)
  const { startMoto, unavailable } = require('../test/servers/moto')
  if (unavailable()) return console.log(`No server that speaks S3: ${unavailable()}`)
  const undo = []
  try {
    const { url } = await startMoto({ after: (fn) => undo.push(fn) })
    await main(url, 'visits')
  } finally {
    for (const fn of undo.reverse()) await fn()
  }
}

start()
