'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { CONNECTION, connection, read } = require('./arguments')
const { CliError } = require('../errors')
const { Progress } = require('../output/progress')
const { isUrl, openTarget } = require('../target')

const HELP = `Usage: ferrolite pull URL FILE [--force] [--token TOKEN] [--namespace NAME] [--key-file FILE]

Copies a database of a server into a plain file, page by page, as a replica does. FILE must not exist,
or --force replaces it. With a key the file is encrypted.
`

async function run (args, { stdout, stderr }) {
  const { values, positionals: [url, file] } = read(args, { ...CONNECTION, force: { type: 'boolean' } }, [2], HELP)
  if (!isUrl(url)) throw new CliError(`"${url}" is not the URL of a server`)
  if (fs.existsSync(file) && !values.force) throw new CliError(`"${file}" exists already: --force replaces it`)
  // Beside the file, and complete before it gets its name.
  const folder = fs.mkdtempSync(path.join(path.dirname(path.resolve(file)), '.ferrolite-pull-'))
  try {
    const fresh = path.join(folder, 'pull.db')
    const pages = await fetch(url, fresh, values, new Progress(stderr))
    await detach(fresh, values)
    for (const end of ['-wal', '-shm', '-journal']) fs.rmSync(file + end, { force: true })
    fs.renameSync(fresh, file)
    stderr.write(`${file}: ${(fs.statSync(file).size / 1e6).toFixed(2)} MB, ${pages} pages\n`)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  return 0
}

async function fetch (url, file, values, progress) {
  const target = await openTarget(file, { ...connection(values), sync: url })
  const watch = setInterval(() => {
    const size = ['', '-wal'].reduce((sum, end) => sum + (fs.statSync(file + end, { throwIfNoEntry: false })?.size ?? 0), 0)
    progress.show('Fetching', size, 0, 'MB')
  }, 100)
  try {
    const { frames_synced: frames } = await target.db.sync()
    return frames
  } finally {
    clearInterval(watch)
    progress.end()
    await target.close()
  }
}

// The file of a replica becomes a plain one, with its log written into it.
async function detach (file, { key, 'key-file': keyFile }) {
  const { load } = require('../driver')
  const { keyOptions } = require('../target')
  const db = await load().connect(file, { detachReplica: true, ...keyOptions({ key, keyFile }) })
  try {
    await db.pragma('wal_checkpoint(TRUNCATE)')
    await db.pragma('journal_mode = DELETE')
  } finally {
    await db.close()
  }
}

module.exports = { HELP, run }
