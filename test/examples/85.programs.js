'use strict'

// The programs of guides that are files of their own run: those of docker.md and electron.md as far
// as they can without Docker and Electron.

const assert = require('node:assert/strict')
const { execFile, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { promisify } = require('node:util')
const { freePorts } = require('../servers/sqld')
const { tempDir } = require('../support')

const ROOT = path.join(__dirname, '..', '..')
const run = promisify(execFile)

function page (name) {
  return fs.readFileSync(path.join(ROOT, 'docs', 'guides', name), 'utf8').replaceAll('\r\n', '\n')
}

/** A folder with the files of a page, in which Ferrolite is installed. */
function project (t, text) {
  const folder = tempDir(t)
  fs.mkdirSync(path.join(folder, 'node_modules'))
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'ferrolite'), 'junction')
  const files = text.matchAll(/^```js (\S+)\n([^]*?)^```$/gm)
  for (const [, name, code] of files) fs.writeFileSync(path.join(folder, name), code)
  return folder
}

test('the programs of the guide for slow queries print what they say, one after the other', async (t) => {
  const text = page('slow-queries.md')
  const folder = project(t, text)
  const files = [...text.matchAll(/^```js (\S+)\n([^]*?)^```$/gm)]
  assert.equal(files.length, 4)
  for (const [, name, code] of files) {
    const expected = [...code.matchAll(/\/\/ -> (.*)$/gm)].map(([, line]) => `${line}\n`).join('')
    const { stdout, stderr } = await run(process.execPath, [name], { cwd: folder })
    assert.deepEqual([name, stdout, stderr], [name, expected, ''])
  }
})

async function until (condition) {
  for (const end = Date.now() + 30_000; !await condition().catch(() => false);) {
    assert.ok(Date.now() < end, 'it takes too long')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const skip = process.platform === 'win32' && 'there is no SIGTERM'

test('the server for Docker is healthy, counts, and ends in order', { skip }, async (t) => {
  const text = page('docker.md')
  const folder = project(t, text)
  const { web } = await freePorts('web')
  const url = `http://127.0.0.1:${web}`
  const env = { ...process.env, PORT: web, DATABASE: path.join(folder, 'app.db') }
  const [, check] = text.match(/^HEALTHCHECK .* CMD node -e "(.*)"$/m)
  const isHealthy = async () => {
    await run(process.execPath, ['-e', check.replace(':3000', `:${web}`)])
    return true
  }
  await assert.rejects(isHealthy())
  for (const visits of [1, 2]) {
    const child = spawn(process.execPath, ['server.js'], { cwd: folder, env, stdio: 'inherit' })
    t.after(() => child.kill('SIGKILL'))
    await until(isHealthy)
    assert.deepEqual(await (await fetch(url, { headers: { connection: 'close' } })).json(), { visits })
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [0, null])
    // Closed: its log is in the file.
    assert.equal(fs.existsSync(path.join(folder, 'app.db-wal')), false)
  }
})

// As much of Electron as the pages use: events of the application, and calls from a window.
const ELECTRON = `
const { EventEmitter } = require('node:events')
const handlers = new Map()
exports.app = Object.assign(new EventEmitter(), {
  getPath: () => __dirname,
  whenReady: async () => {},
  quit () {
    let waits = false
    exports.app.emit('will-quit', { preventDefault () { waits = true } })
    if (!waits) console.log('quit')
  }
})
exports.ipcMain = { handle: (name, fn) => handlers.set(name, fn) }
exports.ipcRenderer = { invoke: async (name, ...args) => handlers.get(name)({}, ...args) }
exports.contextBridge = { exposeInMainWorld (name, functions) { globalThis[name] = functions } }
exports.BrowserWindow = class {
  constructor ({ webPreferences: { preload } }) { require(preload) }
  async loadFile (name) {
    if (name !== 'index.html') throw new Error(name)
    const { notes } = globalThis
    console.log(JSON.stringify(await notes.add('Hello')))
    console.log(await notes.add({}).catch(({ message }) => message))
    console.log(JSON.stringify(await notes.list()))
    exports.app.emit('window-all-closed')
  }
}
`

test('the program for Electron keeps notes, checks what a window sends, and closes', async (t) => {
  const folder = project(t, page('electron.md'))
  fs.mkdirSync(path.join(folder, 'node_modules', 'electron'))
  fs.writeFileSync(path.join(folder, 'node_modules', 'electron', 'index.js'), ELECTRON)
  const { stdout, stderr } = await run(process.execPath, ['main.js'], { cwd: folder, timeout: 60_000 })
  assert.equal(stderr, '')
  assert.deepEqual(stdout.split('\n'), [
    '{"id":1,"text":"Hello"}', 'not a text', '[{"id":1,"text":"Hello"}]', 'quit', ''
  ])
  assert.ok(fs.existsSync(path.join(folder, 'node_modules', 'electron', 'notes.db')))
  assert.equal(fs.existsSync(path.join(folder, 'node_modules', 'electron', 'notes.db-wal')), false)
})
