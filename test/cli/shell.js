'use strict'

// Runs the shell of packages/cli in processes of their own.

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { text } = require('node:stream/consumers')
const { BIN, cliEnv } = require('../../scripts/cli')

const LIMIT = 60_000

function env (folder, more) {
  return { ...cliEnv(), HOME: folder, USERPROFILE: folder, NO_COLOR: '1', FERROLITE_HISTORY: '', ...more }
}

/**
 * Runs it to its end in a folder: `{ stdout, stderr, code, signal }`. `input` goes to its standard
 * input.
 */
async function shell (folder, args, { input = '', ...options } = {}) {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: folder, env: env(folder, options.env), timeout: LIMIT
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { stdout, stderr, ...end }
}

/**
 * What the sqlite3 shell 3.40.1 printed for an input: test/cli/sqlite3/<name>.json. Other versions
 * print some things otherwise, so with UPDATE_GOLDEN=1 it is asked again.
 */
function printedBySqlite3 (name, folder, args, input = '') {
  const file = path.join(__dirname, 'sqlite3', `${name}.json`)
  if (process.env.UPDATE_GOLDEN) {
    const { stdout } = spawnSync('sqlite3', args, { cwd: folder, encoding: 'utf8', input, env: { ...process.env, HOME: folder } })
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, JSON.stringify(stdout.split('\n'), null, 1))
  }
  return JSON.parse(fs.readFileSync(file, 'utf8')).join('\n')
}

module.exports = { BIN, env, printedBySqlite3, shell }
