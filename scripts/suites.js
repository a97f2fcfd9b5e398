'use strict'

// `npm run suite -- <name> <checkout>`: the own tests of a library, from a checkout of its
// repository that is installed and built as the library says, first with its driver and then with
// Ferrolite in the driver's place. Prints how many pass, and which pass with the driver only. The
// checkout is as before afterwards; nothing of it is kept.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { installed } = require('../test/pack/project')
const { ScriptError, main, say } = require('./run')

const RUNNERS = {
  mocha: {
    program: 'mocha/bin/mocha.js',
    flags: (file) => ['--exit', '--reporter=json', `--reporter-option=output=${file}`],
    read: ({ passes, failures }) => {
      const titles = (tests) => tests.map(({ fullTitle }) => fullTitle)
      return { passed: titles(passes), failed: titles(failures) }
    }
  },
  jest: {
    program: 'jest/bin/jest.js',
    flags: (file) => ['--runInBand', '--json', `--outputFile=${file}`],
    read: assertions
  },
  vitest: {
    program: 'vitest/vitest.mjs',
    flags: (file) => ['--reporter=json', `--outputFile=${file}`],
    read: assertions
  }
}

const KNEX = { folder: '.', runner: 'mocha', args: ['-t', '60000', '--config', 'test/mocha-integration-config-test.js'] }

const SUITES = {
  kysely: {
    driver: 'better-sqlite3', folder: '.', runner: 'mocha', args: ['--timeout', '60000', 'test/node/dist/**/*.test.js'], env: { DIALECTS: 'sqlite' }
  },
  'knex-better-sqlite3': { driver: 'better-sqlite3', ...KNEX, env: { DB: 'better-sqlite3' } },
  'knex-sqlite3': { driver: 'sqlite3', ...KNEX, env: { DB: 'sqlite3' } },
  'libsql-client': {
    driver: 'libsql',
    folder: 'packages/libsql-client',
    runner: 'jest',
    args: [],
    env: { URL: `file:${path.join(os.tmpdir(), 'ferrolite-suite.db')}`, NODE_OPTIONS: '--experimental-vm-modules' }
  },
  'drizzle-better-sqlite3': {
    driver: 'better-sqlite3',
    folder: 'integration-tests',
    runner: 'vitest',
    args: ['run', 'tests/sqlite/better-sqlite.test.ts', 'tests/relational/bettersqlite.test.ts', 'tests/replicas/sqlite.test.ts']
  },
  'drizzle-libsql': {
    driver: 'libsql',
    folder: 'integration-tests',
    runner: 'vitest',
    args: ['run', 'tests/sqlite/libsql-node.test.ts', 'tests/sqlite/libsql-sqlite3.test.ts', 'tests/sqlite/libsql.test.ts', 'tests/sqlite/libsql-batch.test.ts'],
    env: { LIBSQL_URL: `file:${path.join(os.tmpdir(), 'ferrolite-suite.db')}` }
  },
  typeorm: { driver: 'better-sqlite3', folder: '.', runner: 'mocha', args: ['--bail=false'] },
  sequelize: {
    driver: 'sqlite3', folder: 'packages/core', runner: 'mocha', args: ['test/integration/**/*.test.[tj]s'], env: { DIALECT: 'sqlite3' }
  },
  'mikro-orm': { driver: 'better-sqlite3', folder: '.', runner: 'vitest', args: ['run', '-t', 'sqlite'] }
}

function assertions ({ testResults }) {
  const all = testResults.flatMap(({ assertionResults }) => assertionResults)
  const titles = (wanted) => {
    return all.filter(({ status }) => status === wanted).map(({ fullName }) => fullName)
  }
  return { passed: titles('passed'), failed: titles('failed') }
}

/** The folders of a driver below a checkout, whichever package manager made them. */
function placesOf (driver, folder) {
  const found = []
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name)
    if (path.basename(folder) === 'node_modules' && entry.name === driver) {
      // A link leads to a folder that is found as well.
      if (entry.isDirectory()) found.push(file)
    } else if (entry.isDirectory() && entry.name !== '.git') {
      found.push(...placesOf(driver, file))
    }
  }
  return found
}

// Also when the tests are ended by Ctrl-C: it ends them, and this process goes on to put all back.
process.on('SIGINT', () => {}).on('SIGTERM', () => {})

function runTests (checkout, { folder, runner, args, env }) {
  const { program, flags, read } = RUNNERS[runner]
  const cwd = path.join(checkout, folder)
  const results = path.join(os.tmpdir(), `ferrolite-suite-${process.pid}.json`)
  const roots = [cwd, checkout].map((root) => path.join(root, 'node_modules', program))
  const file = roots.find((root) => fs.existsSync(root))
  if (file === undefined) throw new ScriptError(`${runner} is not installed in ${checkout}`)
  const { FERROLITE_BINDING, ...base } = process.env
  const options = { cwd, encoding: 'utf8', maxBuffer: 1 << 30, env: { ...base, ...env } }
  const words = [file, ...args, ...flags(results)]
  const { stdout, stderr } = spawnSync(process.execPath, words, options)
  if (!fs.existsSync(results)) throw new ScriptError(`${runner} did not run\n${stdout}${stderr}`)
  const found = read(JSON.parse(fs.readFileSync(results, 'utf8')))
  fs.rmSync(results)
  return found
}

/** Calls a function while links to the stand-in are where the driver was. */
function inPlace (places, standIn, run) {
  const moved = places.map((place) => [place, path.join(path.dirname(place), `.${path.basename(place)}.kept`)])
  for (const [place, kept] of moved) {
    fs.renameSync(place, kept)
    fs.symlinkSync(standIn, place, 'junction')
  }
  try {
    return run()
  } finally {
    for (const [place, kept] of moved) {
      fs.rmSync(place)
      fs.renameSync(kept, place)
    }
  }
}

async function command () {
  const [name, given] = process.argv.slice(2)
  const suite = SUITES[name]
  if (suite === undefined || given === undefined) {
    const names = Object.keys(SUITES).join('|')
    throw new ScriptError(`Say which tests, and where the checkout is: npm run suite -- <${names}> <checkout>`)
  }
  const checkout = path.resolve(given)
  const places = placesOf(suite.driver, checkout)
  if (places.length === 0) throw new ScriptError(`${checkout} has no ${suite.driver} in node_modules`)
  const { project } = installed([suite.driver])
  try {
    const theirs = runTests(checkout, suite)
    say(`${suite.driver}: ${theirs.passed.length} of ${theirs.passed.length + theirs.failed.length} pass`)
    const standIn = path.join(project, 'node_modules', suite.driver)
    const ours = inPlace(places, standIn, () => runTests(checkout, suite))
    say(`Ferrolite: ${ours.passed.length} of ${ours.passed.length + ours.failed.length} pass`)
    const worse = theirs.passed.filter((title) => !ours.passed.includes(title))
    for (const title of worse) say(`with ${suite.driver} only: ${title}`)
    for (const title of ours.passed.filter((title) => !theirs.passed.includes(title))) say(`with Ferrolite only: ${title}`)
    if (worse.length > 0) process.exitCode = 1
  } finally {
    fs.rmSync(project, { recursive: true, force: true })
  }
}

main(command)
