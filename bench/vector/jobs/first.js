'use strict'

// Opens a file and searches once; who started this process has the time.

const { openFile, ENGINES } = require('../engines')

function run (set, folder, { source }) {
  const db = openFile(source)
  const query = new Float32Array(set.dimension).fill(1)
  const [row] = ENGINES.ferrolite.search(db)(query)
  return { row }
}

module.exports = run
