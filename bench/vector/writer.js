'use strict'

// Another process that commits one row whenever it is told to.

const { openFile } = require('./engines')

const db = openFile(process.argv[2])
const insert = db.prepare('INSERT INTO t(vector) VALUES (?)')
process.on('message', vector => {
  insert.run(Float32Array.from(vector))
  process.send('done')
})
process.on('disconnect', () => db.close())
