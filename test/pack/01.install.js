'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { target } = require('../../lib/binding')
const { TARGETS } = require('../../scripts/targets')
const { installed, withoutTools } = require('./project')

const GOLDEN = path.join(__dirname, 'files.txt')
const TARGET = target()

let main
let platform
let project

test.before(() => {
  ({ main, platform, project } = installed())
})

test.after(() => fs.rmSync(project, { recursive: true, force: true }))

function runScript (name, text) {
  fs.writeFileSync(path.join(project, name), text)
  const options = { cwd: project, encoding: 'utf8', env: withoutTools(project) }
  const result = spawnSync(process.execPath, [name], options)
  assert.equal(result.signal, null)
  assert.equal(result.status, 0, result.stderr)
  return result.stdout.trim()
}

function manifest (name) {
  return JSON.parse(fs.readFileSync(path.join(project, 'node_modules', name, 'package.json'), 'utf8'))
}

// UPDATE_GOLDEN=1 writes the list anew, for a reader to judge.
test('the tarballs hold these files and no others', () => {
  const list = (name, { files }) => files.map((file) => `${name}/${file.path}`).sort()
  const packed = [...list('ferrolite', main), ...list('@ferrolite/<target>', platform)]
  if (process.env.UPDATE_GOLDEN) fs.writeFileSync(GOLDEN, `${packed.join('\n')}\n`)
  assert.deepEqual(packed, fs.readFileSync(GOLDEN, 'utf8').trim().split('\n'))
})

test('nothing runs at install time, and @neon-rs/load is the only dependency', () => {
  const { optionalDependencies, version, ...rest } = manifest('ferrolite')
  assert.deepEqual(rest.dependencies, { '@neon-rs/load': '0.2.6' })
  assert.deepEqual([rest.devDependencies, rest.scripts], [undefined, undefined])
  // Only the types need it, and npm does not install it unasked.
  assert.deepEqual(rest.peerDependencies, { '@types/node': '*' })
  assert.deepEqual(rest.peerDependenciesMeta, { '@types/node': { optional: true } })
  assert.deepEqual(Object.keys(optionalDependencies), Object.keys(TARGETS).map((name) => `@ferrolite/${name}`))
  assert.deepEqual([...new Set(Object.values(optionalDependencies))], [version])
  const binary = manifest(`@ferrolite/${TARGET}`)
  assert.deepEqual([binary.dependencies, binary.scripts], [undefined, undefined])
  assert.equal(binary.version, version)
  assert.deepEqual([binary.os, binary.cpu], [[process.platform], [process.arch]])
  const installed = fs.readdirSync(path.join(project, 'node_modules')).sort()
  assert.deepEqual(installed.filter((name) => !name.startsWith('.')), ['@ferrolite', '@neon-rs', 'ferrolite'])
})

test('require() of the installed package opens a database', () => {
  assert.equal(runScript('common.cjs', `
    const Database = require('ferrolite')
    const db = new Database('common.db')
    db.exec('CREATE TABLE t (x)')
    db.prepare('INSERT INTO t VALUES (?)').run(42)
    console.log(db.prepare('SELECT x FROM t').pluck().get())
    db.close()`), '42')
})

test('import of the installed package has the default and the named exports', () => {
  assert.equal(runScript('module.mjs', `
    import Database from 'ferrolite'
    import { Database as Named, SqliteError } from 'ferrolite'
    const db = new Database(':memory:')
    try {
      db.exec('nonsense')
    } catch (error) {
      console.log(Named === Database, error instanceof SqliteError, error.code)
    }
    db.close()`), 'true true SQLITE_ERROR')
})

test('the promise API of the installed package opens a database', () => {
  const entries = ['ferrolite/promise', `ferrolite/${TARGET}/promise`]
  for (const entry of entries) {
    assert.equal(runScript('promise.mjs', `
      import { connect, SqliteError } from '${entry}'
      const db = await connect(':memory:')
      const { answer } = await db.get('SELECT 6 * 7 AS answer')
      await db.close()
      console.log(answer, SqliteError.name)`), '42 SqliteError')
  }
})

test("the platform's entry point of the installed package works", () => {
  assert.equal(runScript('entry.mjs', `
    import Database, { SqliteError } from 'ferrolite/${TARGET}'
    const db = Database(':memory:')
    console.log(db.prepare('SELECT 1').pluck().get(), SqliteError.name)
    db.close()`), '1 SqliteError')
})

test('without the platform package, the error says what to install', () => {
  const home = path.join(project, 'node_modules', '@ferrolite')
  fs.renameSync(home, `${home}-away`)
  try {
    const message = runScript('missing.cjs', `
      const Database = require('ferrolite')
      try { new Database(':memory:') } catch (error) { console.log(error.message) }`)
    assert.match(message, new RegExp(`npm install @ferrolite/${TARGET}@`))
    assert.match(message, new RegExp(`platform ${process.platform}, arch ${process.arch}`))
  } finally {
    fs.renameSync(`${home}-away`, home)
  }
})
