'use strict'

// `npm run site`: the site of site/, built into target/site, and every link in it followed.
// `-- --look` also opens pages in Chromium, `-- --dev` serves them while they are written.

const fs = require('node:fs')
const path = require('node:path')
const { installPackages } = require('./prepare')
const { ROOT, ScriptError, main, npm, run, say, seconds } = require('./run')

const SITE = path.join(ROOT, 'site')
const LOCKS = ['package-lock.json', path.join('node_modules', '.package-lock.json')]

// As the lock file says; npm leaves one of its own in node_modules.
async function install () {
  const [wanted, installed] = LOCKS.map((name) => {
    try {
      return JSON.parse(fs.readFileSync(path.join(SITE, name), 'utf8')).packages
    } catch {
      return {}
    }
  })
  const isCurrent = Object.entries(wanted).every(([name, { optional, version }]) => {
    return name === '' || optional || installed[name]?.version === version
  })
  if (isCurrent) return
  say('Installing the packages of the site')
  await run(...npm('ci', '--no-audit', '--no-fund', '--loglevel=error'), { cwd: SITE })
}

async function site (args) {
  const unknown = args.find((arg) => !['--dev', '--look'].includes(arg))
  if (unknown) throw new ScriptError(`${unknown} is not --dev or --look`)
  const started = Date.now()
  // The types use those of Node.
  await installPackages()
  await install()
  const inSite = (...command) => run(process.execPath, command, { cwd: SITE })
  const vitepress = path.join('node_modules', 'vitepress', 'bin', 'vitepress.js')
  await inSite('prepare.mjs')
  if (args.includes('--dev')) return inSite(vitepress, 'dev')
  await inSite(vitepress, 'build')
  await inSite('check.mjs')
  if (args.includes('--look')) await inSite('look.mjs')
  say(`The site is in ${path.relative(process.cwd(), path.join(ROOT, 'target', 'site'))}, made in ${seconds(started)}`)
}

if (require.main === module) main(() => site(process.argv.slice(2)))
