'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const test = require('node:test')

const ROOT = path.join(__dirname, '..', '..')
const PACKAGE = path.join(ROOT, 'packages', 'wasm')
const BUILT = fs.existsSync(path.join(PACKAGE, 'ferrolite.wasm'))
const SKIP = BUILT ? false : 'the engine in WASM was not built: npm run build:wasm'

/** A test of the engine in WASM, skipped where it was not built. */
function wasm (name, fn) {
  test(name, { skip: SKIP }, fn)
}

function tempDir (t) {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-wasm-')))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A Database of an engine of its own. */
function engine () {
  const { loadWasm } = require('../../lib/wasm/load')
  return loadWasm(require(PACKAGE))
}

module.exports = { PACKAGE, ROOT, engine, tempDir, wasm }
