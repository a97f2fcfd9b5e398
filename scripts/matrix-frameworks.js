'use strict'

// `npm run matrix:frameworks`: a project of each framework in an empty folder, with the packed
// packages and the setting of docs/bundlers.md, built for production and asked for a page. A word
// chooses: `npm run matrix:frameworks -- Turbopack`. Needs npm's registry, and some minutes.

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { pack } = require('./pack')
const { ROOT, ScriptError, main, npm, say } = require('./run')

const PAGE = path.join(ROOT, 'docs', 'bundlers.md')
const PATIENCE = 120_000

const NEXT = {
  packages: { next: '16.4.6', react: '19', 'react-dom': '19' },
  files: {
    'app/layout.js': `export default function Layout ({ children }) {
      return <html><body>{children}</body></html>
    }`,
    'app/page.js': `import Database from 'ferrolite'
    export const dynamic = 'force-dynamic'
    export default function Page () {
      return <p>{String(new Database(':memory:').prepare('SELECT 6 * 7').pluck().get())}</p>
    }`,
    'app/promise/route.js': `import { connect } from 'ferrolite/promise'
    export const dynamic = 'force-dynamic'
    export async function GET () {
      const db = await connect(':memory:')
      return Response.json(await db.get('SELECT 6 * 7 AS answer'))
    }`
  },
  config: 'next.config.js',
  // What runs where nothing is installed.
  dist: '.next/standalone',
  start: ['server.js'],
  asks: { '/': '<p>42</p>', '/promise': '{"answer":42}' }
}

const FRAMEWORKS = {
  'Next.js with Turbopack': { ...NEXT, build: ['next', 'build'] },
  'Next.js with webpack': { ...NEXT, build: ['next', 'build', '--webpack'] }
}

/** The setting that the manual gives for a file. */
function setting (file) {
  const blocks = fs.readFileSync(PAGE, 'utf8').matchAll(/^```\w+\n\/\/ (\S+)\n([^]*?)^```$/gm)
  const found = [...blocks].find(([, name]) => name === file)
  if (found === undefined) throw new ScriptError(`docs/bundlers.md has no ${file}`)
  return found[2]
}

function write (folder, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
}

function shell (folder, [command, args]) {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env })
  if (status !== 0) throw new ScriptError(`${args.join(' ')}\n${stdout}${stderr}`)
}

async function tryFramework (folder, { packages, files, config, build, dist, start, asks }) {
  const project = path.join(folder, 'project')
  const tarballs = pack(undefined, path.join(folder, 'packed')).map((tarball) => tarball.path)
  write(project, { 'package.json': '{ "private": true }\n', ...files, [config]: setting(config) })
  const others = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
  shell(project, npm('install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs, ...others))
  shell(project, npm('exec', '--', ...build))
  const place = path.join(folder, 'dist')
  // Links of Turbopack are relative; a copy would have them lead back to the project.
  fs.cpSync(path.join(project, dist), place, { recursive: true, verbatimSymlinks: true })
  fs.rmSync(project, { recursive: true, force: true })
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), HOSTNAME: '127.0.0.1' }
  const server = spawn(process.execPath, start, { cwd: place, env, stdio: 'ignore' })
  try {
    for (const [url, expected] of Object.entries(asks)) await ask(port, url, expected)
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

async function ask (port, url, expected) {
  const end = Date.now() + PATIENCE
  let text = 'no answer'
  while (Date.now() < end) {
    text = await fetch(`http://127.0.0.1:${port}${url}`).then((reply) => reply.text(), String)
    if (text.includes(expected)) return
    await new Promise((resolve) => { setTimeout(resolve, 200) })
  }
  throw new ScriptError(`${url}: ${text.slice(0, 500)}`)
}

async function command () {
  await require('./prepare').prepare()
  const words = process.argv.slice(2)
  const isChosen = (name) => words.every((word) => name.includes(word))
  const chosen = Object.keys(FRAMEWORKS).filter(isChosen)
  const faults = []
  say('| framework | |\n|---|---|')
  for (const name of chosen) {
    const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-framework-')))
    const error = await tryFramework(folder, FRAMEWORKS[name]).then(() => null, (error) => error)
    fs.rmSync(folder, { recursive: true, force: true })
    say(`| ${name} | ${error === null ? 'works' : 'FAILS'} |`)
    if (error !== null) faults.push(`${name}: ${error.message}`)
  }
  if (faults.length > 0) throw new ScriptError(faults.join('\n'))
}

main(command)
