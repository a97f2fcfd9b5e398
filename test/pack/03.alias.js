'use strict'

// What docs/migrating.md says to put Ferrolite in the place of another driver, with each package
// manager, beside packages that ask for that driver in versions that Ferrolite does not have.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { promisify } = require('node:util')
const { packageManagers } = require('../../scripts/package-managers')
const { npm } = require('../../scripts/run')
const { bun, unavailable } = require('../../scripts/runtimes')
const { emptyProject, withoutTools } = require('./project')
const { startPublished } = require('./published')

const ROOT = path.join(__dirname, '..', '..')
const PAGE = fs.readFileSync(path.join(ROOT, 'docs', 'migrating.md'), 'utf8')
const skip = unavailable() ?? false
const execute = promisify(execFile)

// As the packages of these names ask for their driver.
const STAND_INS = [
  { name: 'typeorm', version: '1.1.1', peerDependencies: { 'better-sqlite3': '^12.0.0' } },
  { name: '@libsql/client', version: '0.18.0', dependencies: { libsql: '^0.5.28' } },
  { name: 'old', version: '1.0.0', dependencies: { 'better-sqlite3': '^9.0.0' } },
  { name: 'sequelize', version: '6.37.8', peerDependencies: { sqlite3: '^5.1.0' } }
]
const DEPENDENCIES = {
  '@libsql/client': '0.18.0', 'drizzle-orm': '*', old: '1.0.0', sequelize: '6.37.8', typeorm: '1.1.1'
}
const PROGRAM = `
  const Database = require('better-sqlite3')
  const { drizzle } = require('drizzle-orm/better-sqlite3')
  const { sql } = require('drizzle-orm')
  const { createRequire } = require('module')
  const from = (name) => createRequire(require.resolve(name))
  const client = new Database(':memory:')
  const { answer } = drizzle(client).get(sql\`SELECT 6 * 7 AS answer\`)
  const names = [
    'better-sqlite3/package.json', from('old').resolve('better-sqlite3/package.json'),
    from('@libsql/client').resolve('libsql/package.json'), from('sequelize').resolve('sqlite3/package.json')
  ].map((file) => require(file).name)
  // Functions that only the engine of Ferrolite has.
  const libsql = new (from('@libsql/client')('libsql'))(':memory:')
  const own = [client, libsql].map((db) => db.prepare("SELECT unistr('ok') AS a").get().a)
  const { Database: Callbacks } = from('sequelize')('sqlite3')
  new Callbacks(':memory:').get("SELECT unistr('ok') AS a", (error, { a }) => {
    // Of all drivers, whoever required them.
    const { sharedObjects } = process.report.getReport()
    const addons = sharedObjects.filter((file) => file.endsWith('.node')).map((file) => require('path').basename(file))
    console.log(answer, ...names, ...own, a, ...addons)
  })`

let home
let registry
let tools

test.before(async () => {
  if (skip) return
  tools = await packageManagers()
  home = emptyProject()
  const folders = ['drizzle-orm', '@neon-rs/load'].map((name) => path.join(ROOT, 'node_modules', name))
  registry = await startPublished(home, [...folders, ...STAND_INS.map(standIn)])
})

test.after(async () => {
  await registry?.close()
  if (home) fs.rmSync(home, { recursive: true, force: true })
})

function standIn (manifest) {
  const folder = path.join(home, 'stand-ins', manifest.name)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest))
  fs.writeFileSync(path.join(folder, 'index.js'), '')
  return folder
}

// The block below the line that names the package manager.
function recipe (name) {
  const [, language, code] = new RegExp(`^${name}[^\\n]*:\\n\\n\`\`\`(\\w+)\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(PAGE)
  return { language, code }
}

function project (t, recipes) {
  const folder = emptyProject()
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const fields = Object.assign({}, ...recipes.map(({ code }) => JSON.parse(code)))
  const dependencies = { ...fields.dependencies, ...DEPENDENCIES }
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, ...fields, dependencies }))
  fs.writeFileSync(path.join(folder, '.npmrc'), `registry=${registry.url}\n`)
  fs.writeFileSync(path.join(folder, 'program.js'), PROGRAM)
  return folder
}

async function run (folder, command, args) {
  const base = withoutTools(folder)
  const caches = { npm_config_cache: path.join(folder, '.npm'), XDG_CACHE_HOME: path.join(folder, '.cache') }
  const env = { ...base, ...caches, HOME: folder, npm_config_registry: registry.url, CI: '1' }
  // Yarn and pnpm say on stdout what went wrong.
  return await execute(command, args, { cwd: folder, env }).catch((error) => {
    assert.fail(`${error.message}\n${error.stdout}`)
  })
}

async function check (folder, ...flags) {
  const { stdout } = await run(folder, process.execPath, [...flags, 'program.js'])
  const drivers = '@ferrolite/better-sqlite3 @ferrolite/better-sqlite3 @ferrolite/libsql @ferrolite/sqlite3'
  assert.equal(stdout, `42 ${drivers} ok ok ok ferrolite.node\n`)
}

test('npm puts Ferrolite in the place of other drivers', { skip }, async (t) => {
  const folder = project(t, [recipe('npm and Bun')])
  await run(folder, ...npm('install', '--ignore-scripts', '--no-audit', '--no-fund'))
  await check(folder)
})

test('Bun puts Ferrolite in the place of other drivers', { skip }, async (t) => {
  const folder = project(t, [recipe('npm and Bun')])
  await run(folder, await bun(), ['install', '--ignore-scripts'])
  await check(folder)
})

for (const linker of ['node-modules', 'pnp']) {
  test(`Yarn (${linker}) puts Ferrolite in the place of other drivers`, { skip }, async (t) => {
    const folder = project(t, [recipe('Yarn')])
    fs.writeFileSync(path.join(folder, '.yarnrc.yml'), [
      `npmRegistryServer: ${registry.url}`,
      'unsafeHttpWhitelist: ["127.0.0.1"]',
      `nodeLinker: ${linker}`,
      'enableScripts: false',
      'enableTelemetry: false',
      `globalFolder: ${path.join(folder, '.yarn')}`
    ].join('\n'))
    fs.writeFileSync(path.join(folder, 'yarn.lock'), '')
    const cli = path.join(tools, '@yarnpkg', 'cli-dist', 'bin', 'yarn.js')
    await run(folder, process.execPath, [cli, 'install', '--no-immutable'])
    await check(folder, ...linker === 'pnp' ? ['--require', './.pnp.cjs'] : [])
    assert.equal(fs.existsSync(path.join(folder, 'node_modules')), linker !== 'pnp')
  })
}

test('pnpm puts Ferrolite in the place of other drivers', { skip }, async (t) => {
  const { dependencies } = JSON.parse(recipe('npm and Bun').code)
  const folder = project(t, [{ code: JSON.stringify({ dependencies }) }])
  fs.writeFileSync(path.join(folder, 'pnpm-workspace.yaml'), recipe('pnpm').code)
  const cli = path.join(tools, 'pnpm', 'bin', 'pnpm.mjs')
  const store = path.join(folder, '.pnpm-store')
  await run(folder, process.execPath, [cli, 'install', '--ignore-scripts', '--no-frozen-lockfile', `--store-dir=${store}`])
  await check(folder)
})
