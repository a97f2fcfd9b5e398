'use strict'

const { createPrivateKey, generateKeyPairSync, sign } = require('node:crypto')
const fs = require('node:fs')
const { read } = require('./arguments')
const { CliError } = require('../errors')

const HELP = `Usage: ferrolite token --new-keys NAME
       ferrolite token --private-key FILE [--access rw|ro] [--days N] [--namespace NAME]

The first makes a pair of Ed25519 keys: NAME-private.pem, for this command, and NAME-public.pem, for
sqld --auth-jwt-key-file. The second prints a token for clients: for reading and writing (rw) or
reading only (ro), for 30 days unless --days says otherwise (0 is for ever).
`

const OPTIONS = {
  'new-keys': { type: 'string' },
  'private-key': { type: 'string' },
  access: { type: 'string', default: 'rw' },
  days: { type: 'string', default: '30' },
  namespace: { type: 'string' }
}

async function run (args, { stdout, stderr }) {
  const { values } = read(args, OPTIONS, [0], HELP)
  if (values['new-keys'] !== undefined) return makeKeys(values['new-keys'], stderr)
  if (values['private-key'] === undefined) throw new CliError(`--private-key or --new-keys is missing\n${HELP}`)
  if (!['rw', 'ro'].includes(values.access)) throw new CliError('--access takes rw or ro')
  if (!/^\d+$/.test(values.days)) throw new CliError('--days takes a whole number')
  stdout.write(`${makeToken(readKey(values['private-key']), values)}\n`)
  return 0
}

function makeKeys (name, stderr) {
  const pair = generateKeyPairSync('ed25519')
  const files = { [`${name}-private.pem`]: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }), [`${name}-public.pem`]: pair.publicKey.export({ format: 'pem', type: 'spki' }) }
  for (const file of Object.keys(files)) {
    if (fs.existsSync(file)) throw new CliError(`"${file}" exists already`)
  }
  for (const [file, text] of Object.entries(files)) {
    fs.writeFileSync(file, text, { mode: file.endsWith('-private.pem') ? 0o600 : 0o644, flag: 'wx' })
    stderr.write(`${file}\n`)
  }
  return 0
}

function readKey (file) {
  try {
    const key = createPrivateKey(fs.readFileSync(file))
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch (error) {
    throw new CliError(`cannot read the private key "${file}": ${error.message}`)
  }
  throw new CliError(`"${file}" is not an Ed25519 key: --new-keys makes one`)
}

function makeToken (key, { access, days, namespace }) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { a: access, iat: now, ...(days !== '0' && { exp: now + Number(days) * 86_400 }), ...(namespace && { id: namespace }) }
  const text = [{ alg: 'EdDSA', typ: 'JWT' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`
}

module.exports = { HELP, makeToken, run }
