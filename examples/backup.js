'use strict'

// A copy of a database while it stays in use, and a snapshot as a Buffer.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Database = require('ferrolite')

async function main () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
  const db = new Database(path.join(folder, 'live.db'))
  db.exec('CREATE TABLE blob (data)')
  const insert = db.prepare('INSERT INTO blob VALUES (randomblob(4000))')
  db.transaction(() => { for (let i = 0; i < 1000; i++) insert.run() })()

  // 200 pages a step; between the steps the event loop and this connection go on.
  const copy = path.join(folder, 'copy.db')
  let steps = 0
  const { totalPages } = await db.backup(copy, {
    progress ({ totalPages, remainingPages }) {
      if (steps++ % 2 === 0) console.log(`${totalPages - remainingPages} of ${totalPages} pages`)
      return 200
    }
  })
  console.log(`copied ${totalPages} pages in ${steps} steps`)
  const copied = new Database(copy, { readonly: true })
  assert.equal(copied.prepare('SELECT count(*) FROM blob').pluck().get(), 1000)
  copied.close()

  // The same bytes as a Buffer, opened as a database of its own.
  const snapshot = new Database(db.serialize())
  snapshot.exec('DELETE FROM blob')
  assert.equal(db.prepare('SELECT count(*) FROM blob').pluck().get(), 1000)
  console.log(`a snapshot of ${snapshot.serialize().length} bytes can change on its own`)

  snapshot.close()
  db.close()
  fs.rmSync(folder, { recursive: true })
}

main()
