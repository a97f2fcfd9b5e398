'use strict'

// `npm run notices` writes THIRD-PARTY-NOTICES.txt: whose code is in the addon, and on which terms.
// Where a crate may be had on terms of one's choice, the first of CHOICES is taken.

const fs = require('node:fs')
const path = require('node:path')
const { crates } = require('./crates')
const { ROOT, ScriptError, main, say } = require('./run')

const FILE = path.join(ROOT, 'THIRD-PARTY-NOTICES.txt')
const CHOICES = ['MIT', 'ISC', 'BSD-3-Clause', 'Zlib', 'Apache-2.0']
const LICENCE_FILE = /^(licen[sc]es?|copying|copyright|notice|unlicense)/i
const RULE = `${'-'.repeat(80)}\n`

// What libsql-ffi compiles beside its own code: name, terms, and the file that has them.
const ENGINE = [
  ['SQLite3 Multiple Ciphers', 'MIT', 'LICENSE'],
  ['SHA-2 by Olivier Gay', 'BSD-3-Clause', 'src/sha2.c'],
  ['SHA-1 by Steve Reid', 'public domain', 'src/sha1.c'],
  ['fast-pbkdf2 by Joseph Birr-Pixton', 'CC0-1.0', 'src/fastpbkdf2.c'],
  ['Rijndael by Szymon Stefanek', 'public domain', 'src/rijndael.c'],
  ['ChaCha20 and Poly1305 of sqleet', 'public domain', 'src/chacha20poly1305.c'],
  ['Ascon', 'public domain', 'src/ascon/aead.c']
]
const SQLITE = `All of the code and documentation in SQLite has been dedicated to the public domain by the authors.
The author disclaims copyright to this source code. In place of a legal notice, here is a blessing:

   May you do good and not evil.
   May you find forgiveness for yourself and forgive others.
   May you share freely, never taking more than you give.
`

// Neither crates nor parts of one.
const OTHERS = [
  { name: 'Rust', text: mit('The Rust Project Contributors') },
  { name: '@types/better-sqlite3', text: mit('Microsoft Corporation.') },
  { name: 'wasi-libc', text: mit('the authors of https://github.com/WebAssembly/wasi-libc') },
  { name: 'musl', text: mit('2005-2020 Rich Felker, et al.') },
  { name: 'cloudlibc', text: read(path.join(__dirname, 'cloudlibc-license.txt')) }
]

/** The text of the file, from the sources that Cargo has. */
function notices (list = crates()) {
  const parts = [...list.flatMap((crate) => partsOf(crate, list)), ...OTHERS]
  // Many have the same text, laid out in another way.
  const texts = new Map()
  for (const { name, text } of parts) {
    const key = text.replaceAll(/\s+/g, ' ').trim()
    if (!texts.has(key)) texts.set(key, { names: [], text: text.trim() })
    texts.get(key).names.push(name)
  }
  const terms = [...texts.values()].map(({ names, text }) => `${RULE}${[...new Set(names)].join(', ')}:\n\n${text}\n`)
  return `Third-party notices

What Ferrolite has of others: these crates are in the native binary, @ferrolite/<platform>, and some
of them in @ferrolite/wasm. Their terms follow the list.

${list.map(listed).join('\n')}

With libsql-ffi:
SQLite (public domain)
${ENGINE.map(([name, terms]) => `${name} (${terms})`).join('\n')}

With libmimalloc-sys:
mimalloc (MIT)

With Rust:
its standard library (MIT OR Apache-2.0)

In @ferrolite/wasm:
wasi-libc (MIT), with musl (MIT), cloudlibc (BSD-2-Clause) and dlmalloc (public domain)

In @ferrolite/better-sqlite3:
the types of @types/better-sqlite3 (MIT)

${terms.join('\n')}`
}

function listed ({ name, version, license }) {
  return `${name} ${version} (${license})`
}

function partsOf (crate, list) {
  const parts = licenceFiles(crate).map((file) => ({ name: crate.name, text: read(file) }))
  if (parts.length === 0) parts.push({ name: crate.name, text: usualText(crate, list) })
  if (crate.name === 'libsql-ffi') parts.push(...engineParts(crate))
  if (crate.name === 'libmimalloc-sys') {
    const text = mit('2018-2025 Microsoft Corporation, Daan Leijen')
    parts.push({ name: 'mimalloc (C)', text })
  }
  return parts
}

function engineParts ({ folder }) {
  return [{ name: 'SQLite', text: SQLITE }, ...ENGINE.map(([name, , file]) => {
    const text = read(path.join(folder, 'bundled', 'SQLite3MultipleCiphers', file))
    return { name, text: file === 'LICENSE' ? text : comments(text) }
  })]
}

// What a C file says before its first line of code.
function comments (text) {
  const [found] = /^(?:\s*\/\*[^]*?\*\/)+/.exec(text) ?? []
  if (found === undefined) throw new ScriptError('A file of the engine does not begin with a comment')
  const marks = /^\s*(\/?\*+\/?|\/\/+)\s?|\s*\*\/\s*$/g
  return found.split('\n').map((line) => line.replaceAll(marks, '')).join('\n')
}

function licenceFiles ({ folder, license }) {
  const names = fs.readdirSync(folder, { recursive: true })
    .filter((name) => LICENCE_FILE.test(path.basename(name)) && /^([^/\\]+|licenses?[/\\][^/\\]+)$/i.test(name))
    .filter((name) => fs.statSync(path.join(folder, name)).isFile()).sort()
  const notices = names.filter((name) => /notice/i.test(name))
  const chosen = /\bAND\b/.test(license) ? [] : names.filter((name) => nameSays(name, choice(license)))
  const all = chosen.length > 0 ? [...chosen, ...notices] : names
  return all.map((name) => path.join(folder, name))
}

function choice (license) {
  const offered = license.split(/ OR |\s*\/\s*/)
  return CHOICES.find((one) => offered.includes(one)) ?? offered[0]
}

function nameSays (name, id) {
  return new RegExp(`\\b${id.split('-')[0]}\\b`, 'i').test(name)
}

// Some crates leave the text out, as everybody knows it.
function usualText (crate, list) {
  const { name, license, authors, repository } = crate
  if (choice(license) === 'MIT') return mit(authors.join(', ') || `the authors of ${repository}`)
  if (license !== 'Apache-2.0') throw new ScriptError(`${name} has no text of ${license}`)
  const others = list.map(({ folder }) => path.join(folder, 'LICENSE-APACHE'))
  const other = others.find((file) => fs.existsSync(file))
  return `Copyright ${authors.join(', ')}\n\n${read(other)}`
}

function mit (holder) {
  const text = read(path.join(ROOT, 'LICENSE'))
  return text.replace(/^Copyright .*$/m, `Copyright (c) ${holder.replaceAll(/ <[^>]+>/g, '')}`)
}

function read (file) {
  return fs.readFileSync(file, 'utf8').replaceAll('\r\n', '\n')
}

/** The crates that the file lists, as `name version (licence)`. */
function listedCrates () {
  const [list] = read(FILE).split('\n\nWith libsql-ffi:')
  return [...list.matchAll(/^\S+ \d\S* \(.+\)$/gm)].map(([line]) => line)
}

async function command () {
  fs.writeFileSync(FILE, notices())
  say(`${path.relative(ROOT, FILE)}: ${listedCrates().length} crates`)
}

if (require.main === module) main(command)

module.exports = { listed, listedCrates, notices }
