'use strict'

// `npm run typos`: misspelled words, as typos.toml has it; `--fix` mends them. The program is from
// PyPI.

const fs = require('node:fs')
const path = require('node:path')
const { fromPyPI } = require('./pip')
const { ROOT, TOOLS, WINDOWS, main, output, run, say } = require('./run')

const VERSION = '1.52.0'

async function typos (fix = false) {
  const args = fix ? ['--write-changes'] : []
  await run(await program(), ['--config', path.join(ROOT, 'typos.toml'), ...args, '.'])
}

async function program () {
  const home = path.join(TOOLS, `typos-${VERSION}`)
  const file = path.join(home, 'bin', WINDOWS ? 'typos.exe' : 'typos')
  if (fs.existsSync(file)) return file
  say(`Fetching typos ${VERSION} into ${path.relative(process.cwd(), home)}`)
  await fromPyPI(`typos==${VERSION}`, home, () => output(file, ['--version']) !== null)
  return file
}

if (require.main === module) main(() => typos(process.argv.includes('--fix')))

module.exports = { typos: () => typos() }
