'use strict'

// The recipes of docs/bundlers.md, as they stand there, with the packages that npm would install.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const test = require('node:test')
const { target } = require('../../lib/binding')
const { bundlers, names } = require('../../scripts/bundlers')
const { bun, unavailable } = require('../../scripts/runtimes')
const { installed, withoutTools } = require('./project')

const PAGE = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'bundlers.md'), 'utf8')
const [INTRODUCTION, ...SECTIONS] = PAGE.split(/^## /m)
const ANSWER = '42\n{ answer: 42 }\n'
const BUILDS_SEA = process.allowedNodeEnvironmentFlags.has('--build-sea') ||
  Number(process.versions.node.split('.').slice(0, 2).join('.')) >= 25.5
const skip = unavailable() ?? false

let project
let tools
let runtime

test.before(async () => {
  if (skip) return
  tools = await bundlers()
  runtime = path.dirname(await bun());
  ({ project } = installed())
  for (const name of names) {
    const link = path.join(project, 'node_modules', name)
    fs.mkdirSync(path.dirname(link), { recursive: true })
    fs.symlinkSync(path.join(tools, name), link)
  }
})

test.after(() => {
  if (project) fs.rmSync(project, { recursive: true, force: true })
})

function blocks (text) {
  const list = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
  return list.map(([, language, code]) => ({ language, code: code.replaceAll('linux-x64-gnu', target()) }))
}

function write ({ language, code }) {
  const [first] = code.split('\n', 1)
  const text = language === 'json' ? code.slice(first.length + 1) : code
  fs.writeFileSync(path.join(project, first.slice('// '.length)), text)
}

function shell (code) {
  const { PATH, ...env } = withoutTools(project)
  const search = [path.join(tools, '.bin'), runtime, PATH, '/usr/bin', '/bin'].join(path.delimiter)
  const options = { cwd: project, encoding: 'utf8', env: { ...env, PATH: search } }
  const { status, stdout, stderr } = spawnSync('sh', ['-e', '-c', code], options)
  assert.equal(status, 0, stdout + stderr)
}

// In a folder that has nothing but the bundle.
function runBundles (t) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-bundle-')))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  fs.cpSync(path.join(project, 'dist'), folder, { recursive: true })
  const programs = fs.readdirSync(folder).filter((name) => /^(app|index|common|module)(\.m?js)?$/.test(name))
  assert.notEqual(programs.length, 0)
  for (const name of programs) {
    const file = path.join(folder, name)
    const [command, args] = name === 'app' ? [file, []] : [process.execPath, [file]]
    const env = { ...withoutTools(project), TMPDIR: folder }
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env })
    assert.equal(status, 0, `${name}: ${stderr}`)
    // Bun prints objects on lines of their own.
    assert.equal(stdout.replace(/\{\s+answer: 42,?\s+\}/, '{ answer: 42 }'), ANSWER, name)
  }
}

function commands (title, code) {
  if (title !== "Node's single executable" || !BUILDS_SEA || !code.includes('postject')) return code
  return 'mkdir dist\nnode --build-sea sea.json'
}

for (const section of SECTIONS) {
  const [title] = section.split('\n', 1)
  // The others are of frameworks: npm run matrix:frameworks.
  if (!blocks(section).some(({ language }) => language === 'sh')) continue
  test(`the recipes for ${title} make what runs in an empty folder`, { skip }, (t) => {
    blocks(INTRODUCTION).forEach(write)
    const parts = blocks(section)
    parts.filter(({ language }) => language !== 'sh').forEach(write)
    fs.rmSync(path.join(project, 'dist'), { recursive: true, force: true })
    for (const { code } of parts.filter(({ language }) => language === 'sh')) shell(commands(title, code))
    runBundles(t)
  })
}

for (const [where, settings] of Object.entries({
  bundle: ["- Next.js: serverExternalPackages: ['ferrolite'] in next.config.js", '- esbuild, Bun: --external ferrolite'],
  '.next': ["- Next.js: serverExternalPackages: ['ferrolite'] in next.config.js\nOr put"]
})) {
  test(`a bundle in ${where} without its binary names the setting`, { skip }, (t) => {
    blocks(INTRODUCTION).forEach(write)
    const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-bundle-')))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    const file = path.join(folder, where, 'app.js')
    shell(`esbuild app.js --bundle --platform=node --external:@ferrolite/* --outfile=${file}`)
    const { status, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8', env: withoutTools(project) })
    assert.equal(status, 1)
    for (const setting of settings) assert.ok(stderr.includes(setting), stderr)
  })
}
