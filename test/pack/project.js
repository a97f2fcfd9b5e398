'use strict'

// A project in a temporary folder, with the packed packages installed by npm.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { pack, packStandIn } = require('../../scripts/pack')
const { npm } = require('../../scripts/run')

const ROOT = path.join(__dirname, '..', '..')

/**
 * A new project; what it was packed from, and its folder, which the caller removes. `standIns` are
 * names of drivers whose place Ferrolite takes.
 */
function installed (standIns = []) {
  const project = emptyProject()
  // A folder of its own: test files run beside each other.
  const [main, platform] = pack(undefined, path.join(project, '.packed'))
  // Offline, npm skips the optional packages of other platforms; the dependency is given as a file.
  const neon = packed(project, path.join(ROOT, 'node_modules', '@neon-rs', 'load'))
  const flags = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund']
  const others = standIns.map((name) => {
    const [newest] = packStandIn(name, path.join(project, '.packed'))
    return `${name}@file:${newest.path}`
  })
  npmIn(project, 'install', ...flags, main.path, platform.path, neon, ...others)
  return { main, platform, project }
}

function emptyProject () {
  const project = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-pack-')))
  fs.writeFileSync(path.join(project, 'package.json'), '{ "private": true }\n')
  return project
}

/** The tarball of a folder. */
function packed (project, folder) {
  const output = npmIn(project, 'pack', '--json', '--ignore-scripts', folder)
  return path.join(project, Object.values(JSON.parse(output))[0].filename)
}

function npmIn (project, ...words) {
  const [command, args] = npm(...words)
  const options = { cwd: project, encoding: 'utf8', env: withoutTools(project) }
  const { status, stdout, stderr } = spawnSync(command, args, options)
  assert.equal(status, 0, stderr)
  return stdout
}

/** Nothing of the machine's tools but the folder of node itself, and an empty home. */
function withoutTools (project) {
  const { FERROLITE_BINDING, NODE_PATH, NODE_TEST_CONTEXT, ...env } = process.env
  return { ...env, PATH: path.dirname(process.execPath), CARGO_HOME: path.join(project, 'no-cargo') }
}

module.exports = { emptyProject, installed, packed, withoutTools }
