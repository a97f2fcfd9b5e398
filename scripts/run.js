'use strict'

// What every script shares: where things are, how a command is run, how progress is printed.

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')
const TOOLS = path.join(ROOT, 'target', 'tools')
const WINDOWS = process.platform === 'win32'
const HEARTBEAT = 30_000

/** A failure whose message says all there is to say: no stack is printed for it. */
class ScriptError extends Error {}

function say (line) {
  process.stdout.write(`${line}\n`)
}

function seconds (since) {
  const total = (Date.now() - since) / 1000
  if (total < 60) return `${total.toFixed(1)} s`
  return `${Math.floor(total / 60)} min ${String(Math.round(total % 60)).padStart(2, '0')} s`
}

function find (command, searchPath = process.env.PATH ?? '') {
  const endings = WINDOWS ? ['.exe', '.cmd', '.bat'] : ['']
  for (const folder of searchPath.split(path.delimiter)) {
    if (folder === '') continue
    for (const ending of endings) {
      const file = path.join(folder, command + ending)
      try {
        fs.accessSync(file, fs.constants.X_OK)
        if (fs.statSync(file).isFile()) return file
      } catch {}
    }
  }
  return null
}

/** Runs a command to its end with our own output, and says every half minute that it is alive. */
function run (command, args, { cwd = ROOT, env = process.env, filter = null } = {}) {
  const started = Date.now()
  const name = [path.basename(command), ...args.slice(0, 2)].join(' ')
  const stdio = ['ignore', filter === null ? 'inherit' : 'pipe', 'inherit']
  const child = spawn(command, args, { cwd, env, stdio, shell: needsShell(command) })
  const heartbeat = setInterval(() => say(`  ... ${name}: ${seconds(started)} so far`), HEARTBEAT)
  if (filter !== null) eachLine(child.stdout, filter)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) return resolve()
      reject(new ScriptError(`${name} ended with ${signal ?? `exit code ${code}`}`))
    })
  }).finally(() => clearInterval(heartbeat))
}

// Node refuses to spawn .cmd and .bat files without a shell.
function needsShell (command) {
  return WINDOWS && /\.(cmd|bat)$/i.test(command)
}

function eachLine (stream, callback) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) callback(line)
  })
  stream.on('end', () => { if (rest !== '') callback(rest) })
}

/** The output of a short command, or null when it cannot run or, unless `lenient`, fails. */
function output (command, args, { cwd = ROOT, env = process.env, lenient = false } = {}) {
  const options = { cwd, env, encoding: 'utf8', shell: needsShell(command), maxBuffer: 1 << 28 }
  const result = spawnSync(command, args, options)
  return result.status === 0 || lenient ? result.stdout : null
}

/** npm as a command line: the npm that started this script, or the one on PATH. */
function npm (...args) {
  const cli = process.env.npm_execpath
  if (cli && /\.c?js$/.test(cli)) return [process.execPath, [cli, ...args]]
  const found = find('npm')
  if (found === null) throw new ScriptError('npm is missing: install Node.js together with npm')
  return [found, args]
}

/** Runs the main function of a script and turns a failure into one message and exit code 1. */
function main (script) {
  script().catch((error) => {
    process.stderr.write(`\n${error instanceof ScriptError ? error.message : error.stack}\n`)
    process.exitCode = 1
  })
}

module.exports = { ROOT, ScriptError, TOOLS, WINDOWS, find, main, npm, output, run, say, seconds }
