'use strict'

// The commands of docs/guides/production.md, one after the other in one shell, on real servers.

const assert = require('node:assert/strict')
const { execFileSync, spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { BIN, env } = require('../cli/shell')
const { freePorts, unavailable } = require('../servers/sqld')
const { sqld } = require('../../scripts/sqld')
const { tempDir } = require('../support')

const ROOT = path.join(__dirname, '..', '..')
const PAGE = fs.readFileSync(path.join(ROOT, 'docs', 'guides', 'production.md'), 'utf8').replaceAll('\r\n', '\n')
const TIMEOUT = 60_000
const MARK = '--- next ---'
const skip = process.platform === 'win32' ? 'the commands are for a POSIX shell' : unavailable() ?? false

// Each command with what it prints.
function commands () {
  const blocks = [...PAGE.matchAll(/^```console\n([^]*?)^```$/gm)].map(([, block]) => block)
  return blocks.flatMap((block) => block.split(/^\$ /m).slice(1)).map((text) => {
    const [command, ...printed] = text.split('\n')
    return { command, printed: printed.join('\n') }
  })
}

async function prepare (t) {
  const folder = tempDir(t)
  const bin = path.join(folder, 'bin')
  const node = process.execPath
  const programs = { ferrolite: [node, BIN], node: [node], sqld: [await sqld()] }
  fs.mkdirSync(bin)
  for (const [name, command] of Object.entries(programs)) {
    const quoted = command.map((part) => `"${part}"`).join(' ')
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 })
  }
  const work = path.join(folder, 'work')
  fs.mkdirSync(path.join(work, 'node_modules'), { recursive: true })
  fs.symlinkSync(ROOT, path.join(work, 'node_modules', 'ferrolite'))
  const files = PAGE.matchAll(/^```js (\S+)\n([^]*?)^```$/gm)
  for (const [, name, code] of files) fs.writeFileSync(path.join(work, name), code)
  return { work, env: env(folder, { PATH: `${bin}${path.delimiter}${process.env.PATH}` }) }
}

test('an operator runs a primary, replicas and a restore from the page alone', { skip, timeout: 2 * TIMEOUT }, async (t) => {
  const place = await prepare(t)
  const ports = await freePorts('8080', '8081', '8090', '5001')
  const elsewhere = (text) => text.replaceAll(/(?<=127\.0\.0\.1:)\d+/g, (port) => ports[port] ?? port)
  const list = commands()
  assert.ok(list.length > 30)

  // A group of its own: whatever happens, its servers end with it.
  const shell = spawn('sh', [], { cwd: place.work, env: place.env, detached: true, stdio: 'pipe' })
  t.after(() => { try { process.kill(-shell.pid, 'SIGKILL') } catch {} })
  const timer = setTimeout(() => process.kill(-shell.pid, 'SIGKILL'), TIMEOUT)
  const script = list.map(({ command }) => `${elsewhere(command)}\nprintf '%s\\n' '${MARK}'\n`).join('')
  shell.stdin.end(`exec 2>&1\n${script}`)
  let output = ''
  for await (const text of shell.stdout.setEncoding('utf8')) output += text
  clearTimeout(timer)
  const printed = output.split(`${MARK}\n`)
  list.forEach(({ command, printed: expected }, i) => assert.equal(printed[i], expected, command))
})

test('every flag of the page is one of sqld', { skip }, async () => {
  const help = execFileSync(await sqld(), ['--help'], { encoding: 'utf8' })
  const calls = PAGE.match(/^.*\bsqld\W.*--db-path.*$/gm)
  const flags = new Set(calls.flatMap((call) => call.match(/--[a-z][a-z-]+/g)))
  assert.ok(flags.size >= 6)
  assert.deepEqual([...flags].filter((flag) => !new RegExp(`${flag}\\b`).test(help)), [])
})
