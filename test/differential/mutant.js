'use strict'

// A package with a planted fault, to see that the test finds it: get() of one statement in N leaves
// out the last column. The length of its SQL chooses it, so that a program always meets the same.

function spoil (row) {
  if (typeof row !== 'object' || row === null || Buffer.isBuffer(row)) return row
  const keys = Object.keys(row)
  if (keys.length > 1 && !Array.isArray(row)) delete row[keys[keys.length - 1]]
  return row
}

function mutate (Database, oneIn) {
  const Statement = new Database(':memory:').prepare('SELECT 1').constructor
  const { get } = Statement.prototype
  Statement.prototype.get = function (...args) {
    const row = get.apply(this, args)
    return this.source.length % oneIn === 0 ? spoil(row) : row
  }
  return Database
}

module.exports = { mutate }
