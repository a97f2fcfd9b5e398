'use strict'

// JavaScript functions called from SQL.

const assert = require('node:assert/strict')
const crypto = require('node:crypto')
const Database = require('ferrolite')

const db = new Database(':memory:')
db.exec(`
  CREATE TABLE page (path TEXT);
  INSERT INTO page VALUES ('/'), ('/docs/api'), ('/docs/threads'), ('/blog/2024/hello');
`)

// `x REGEXP y` calls regexp(y, x). Deterministic functions may be used in indexes.
const compiled = new Map()
db.function('regexp', { deterministic: true }, (pattern, text) => {
  if (!compiled.has(pattern)) compiled.set(pattern, new RegExp(pattern))
  return compiled.get(pattern).test(text) ? 1 : 0
})
const docs = db.prepare('SELECT path FROM page WHERE path REGEXP ?').pluck().all('^/docs/')
console.log('docs:', docs)
assert.deepEqual(docs, ['/docs/api', '/docs/threads'])

// Any number of arguments; a Buffer comes back as a blob.
db.function('digest', { varargs: true, deterministic: true }, (...parts) => {
  return crypto.createHash('sha256').update(parts.join('\0')).digest()
})
const hash = db.prepare("SELECT hex(digest('a', 1, NULL))").pluck().get()
console.log('digest:', hash.slice(0, 16), '...')
assert.equal(hash.length, 64)

// One name can have a function for each number of arguments.
db.function('part', (path) => path.split('/').length - 1)
db.function('part', (path, n) => path.split('/')[n])
const parts = db.prepare('SELECT part(path), part(path, 1) FROM page').raw().all()
console.log('parts:', parts)
assert.deepEqual(parts, [[1, ''], [2, 'docs'], [2, 'docs'], [3, 'blog']])

// What a function throws arrives as it is.
class Unfit extends Error {}
db.function('fit', (path) => { throw new Unfit(`${path} is unfit`) })
assert.throws(() => db.prepare('SELECT fit(path) FROM page').all(), Unfit)
console.log('an error of your own class comes through')

db.close()
