'use strict'

// Runs a case of cases.js in a folder of its own, inside a project that has Ferrolite installed.

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { names, runners } = require('../../../scripts/runners')
const { bun } = require('../../../scripts/runtimes')
const { installed, withoutTools } = require('../project')

/** A project with what is needed; the caller removes `folder`. */
async function prepareRunners () {
  const tools = await runners()
  const runtime = await bun()
  const { project } = installed()
  for (const name of names) {
    const link = path.join(project, 'node_modules', name)
    fs.mkdirSync(path.dirname(link), { recursive: true })
    fs.symlinkSync(path.join(tools, name), link)
  }
  return { folder: project, tools, runtime }
}

/** Resolves to what it printed if it failed, else null. */
function runCase ({ folder, tools, runtime }, { files, command }, timeout = 120_000) {
  const home = fs.mkdtempSync(path.join(folder, 'case-'))
  fs.copyFileSync(path.join(__dirname, 'work.js'), path.join(home, 'work.js'))
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(home, name), `${text}\n`)
  const [file, args] = command(tools, runtime)
  const env = { ...withoutTools(folder), CI: '1' }
  const child = spawn(file, args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL' })
  let printed = ''
  const print = (chunk) => { printed += chunk }
  child.stdout.on('data', print)
  child.stderr.on('data', print)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code === 0 ? null : `${signal ?? code}\n${printed}`))
  })
}

module.exports = { prepareRunners, runCase }
