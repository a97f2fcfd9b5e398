'use strict'

// `npm run matrix:frameworks`: a project of each framework in an empty folder, with the packed
// packages and the setting of docs/bundlers.md, built for production, started, and asked for a page
// and a route. A word chooses: `npm run matrix:frameworks -- Turbopack`. Needs npm's registry.

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { ANSWERS, FRAMEWORKS } = require('./frameworks')
const { pack } = require('./pack')
const { ROOT, ScriptError, main, npm, say } = require('./run')
const { node } = require('./runtimes')

const PAGE = path.join(ROOT, 'docs', 'bundlers.md')
const PATIENCE = 120_000
// Several frameworks refuse older ones.
const NODE = 24

/** The setting that the manual gives for a file. */
function setting (file) {
  if (file === undefined) return {}
  const blocks = fs.readFileSync(PAGE, 'utf8').matchAll(/^```\w+\n\/\/ (\S+)\n([^]*?)^```$/gm)
  const found = [...blocks].find(([, name]) => name === file)
  if (found === undefined) throw new ScriptError(`docs/bundlers.md has no ${file}`)
  return { [file]: found[2] }
}

function write (folder, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
}

async function environment () {
  const runtime = await node(NODE) ?? process.execPath
  const { FERROLITE_BINDING, NODE_PATH, ...base } = process.env
  const PATH = [path.dirname(runtime), base.PATH].join(path.delimiter)
  const quiet = { NEXT_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1', ASTRO_TELEMETRY_DISABLED: '1', NO_COLOR: '1' }
  return { runtime, env: { ...base, ...quiet, PATH } }
}

function shell (folder, env, [command, args]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env })
  if (status !== 0) throw new ScriptError(`${args.join(' ')}\n${stdout}${stderr}`)
}

async function tryFramework (folder, framework) {
  const { runtime, env } = await environment()
  const project = path.join(folder, 'project')
  const tarballs = pack(undefined, path.join(folder, 'packed')).map((tarball) => tarball.path)
  const { packages, files, build } = framework
  // The settings of Next.js are CommonJS.
  const type = framework.setting === undefined ? 'module' : undefined
  write(project, { 'package.json': JSON.stringify({ private: true, type }), ...files, ...setting(framework.setting) })
  const others = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
  shell(project, env, npm('install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs, ...others))
  shell(project, env, npm('exec', '--', ...build))
  await visit(runtime, env, result(folder, framework), framework)
}

/** Where the built program runs: alone, if the framework puts all it needs into one folder. */
function result (folder, { dist }) {
  const project = path.join(folder, 'project')
  if (dist === undefined) return project
  const place = path.join(folder, 'dist')
  // Links of Turbopack are relative; a copy would have them lead back to the project.
  fs.cpSync(path.join(project, dist), place, { recursive: true, verbatimSymlinks: true })
  fs.rmSync(project, { recursive: true, force: true })
  return place
}

async function visit (runtime, env, place, { start, urls }) {
  const port = await freePort()
  const own = { ...env, PORT: String(port), HOSTNAME: '127.0.0.1', HOST: '127.0.0.1', NODE_ENV: 'production' }
  const server = spawn(runtime, start, { cwd: place, env: own, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => { log += chunk })
  try {
    for (const [i, url] of urls.entries()) await ask(server, `http://127.0.0.1:${port}${url}`, ANSWERS[i])
  } catch (error) {
    throw new ScriptError(`${error.message}\n${log.slice(0, 3000)}`)
  } finally {
    server.kill()
  }
}

function freePort () {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address())
      server.close(() => resolve(port))
    })
  })
}

// Asks again only until the server listens: each answer is one visit more.
async function ask (server, url, expected) {
  const end = Date.now() + PATIENCE
  while (Date.now() < end && server.exitCode === null) {
    const reply = await fetch(url).catch(() => null)
    if (reply === null) {
      await new Promise((resolve) => { setTimeout(resolve, 200) })
      continue
    }
    const text = await reply.text()
    if (text.includes(expected)) return
    throw new ScriptError(`${url}: ${reply.status} ${text.slice(0, 500)}`)
  }
  throw new ScriptError(`${url}: no answer`)
}

async function command () {
  await require('./prepare').prepare()
  const words = process.argv.slice(2)
  const isChosen = (name) => words.every((word) => name.includes(word))
  const chosen = Object.keys(FRAMEWORKS).filter(isChosen)
  const faults = []
  say('| framework | setting | |\n|---|---|---|')
  for (const name of chosen) {
    const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-framework-')))
    const error = await tryFramework(folder, FRAMEWORKS[name]).then(() => null, (error) => error)
    fs.rmSync(folder, { recursive: true, force: true })
    say(`| ${name} | ${FRAMEWORKS[name].setting ?? 'none'} | ${error === null ? 'works' : 'FAILS'} |`)
    if (error !== null) faults.push(`${name}: ${error.message}`)
  }
  if (faults.length > 0) throw new ScriptError(faults.join('\n'))
}

main(command)
