'use strict'

// The files that list platforms, from the table in targets.js: the entry points in lib/targets, the
// loader's packages, and the exports of package.json.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT } = require('./run')
const { ALIASES, EITHER, TARGETS } = require('./targets')

const HEAD = "'use strict'\n\n// Written by `npm run packages`.\n"
const NAMES = [...Object.keys(TARGETS), ...Object.keys(EITHER), ...Object.keys(ALIASES)]

// Key-value stores, and their check.
const STORES = fs.readdirSync(path.join(ROOT, 'stores'))
  .filter((name) => name.endsWith('.js')).map((name) => path.basename(name, '.js')).sort()

/** The generated files of lib/, by their place in the repository. */
function entryFiles (version) {
  const files = { 'lib/packages.js': packagesFile(version) }
  for (const name of NAMES) {
    files[`lib/targets/${name}.js`] = syncEntry(name)
    files[`lib/targets/promise/${name}.js`] = promiseEntry(name)
  }
  return files
}

/** What package.json says under "exports". */
function exportsField () {
  const sync = (file) => ({ types: './index.d.ts', default: file })
  const promise = (file) => ({ types: './promise.d.ts', default: file })
  return {
    '.': sync('./index.js'),
    './promise': promise('./promise.js'),
    ...Object.fromEntries(STORES.map((name) => {
      return [`./stores/${name}`, { types: `./stores/${name}.d.ts`, default: `./stores/${name}.js` }]
    })),
    ...Object.fromEntries(NAMES.map((name) => [`./${name}`, sync(`./lib/targets/${name}.js`)])),
    ...Object.fromEntries(NAMES.map((name) => {
      return [`./${name}/promise`, promise(`./lib/targets/promise/${name}.js`)]
    })),
    './package.json': './package.json'
  }
}

/** The same for TypeScript's `moduleResolution: node10`, which does not read "exports". */
function typesVersionsField () {
  return typesVersions(exportsField())
}

/** What package.json says under "typesVersions" for entries that are no files of that name. */
function typesVersions (exports) {
  const names = Object.keys(exports).filter((name) => name !== '.' && !/\*|\.json$/.test(name))
  const others = names.filter((name) => exports[name].default !== `${name}.js`)
  return { '*': Object.fromEntries(others.map((name) => [name.slice(2), [exports[name].types]])) }
}

function packagesFile (version) {
  const names = Object.keys(TARGETS)
  // Bundlers show the line on which they fail.
  const hint = '// Leave ferrolite out of the bundle: docs/bundlers.md'
  const cases = names.map((name) => `      case '${name}': return { addon: require('@ferrolite/${name}') } ${hint}`)
  return `${HEAD}
const version = '${version}'

const names = [
${names.map((name) => `  '${name}'`).join(',\n')}
]

/** The addon of a platform's package or the bytes of the one for WASM, or why there is none. */
function requirePackage (name) {
  // Bundlers follow a literal require only; one that finds nothing stops them outside of a \`try\`.
  try {
    switch (name) {
${cases.join('\n')}
      case 'wasm': return { addon: require('@ferrolite/wasm') }
    }
  } catch (error) {
    return { error }
  }
}

module.exports = { names, requirePackage, version }
`
}

function syncEntry (name) {
  const [open, names] = parts('index.js', 'createDatabase(getBinding)')
  const requires = ["createDatabase = require('../create')", "{ platformAddon } = require('../platform-addon')"]
  return entry(name, '..', requires, `${open}createDatabase`, names)
}

function promiseEntry (name) {
  const [open, names] = parts('promise.js', 'createPromiseApi(getBinding)')
  const requires = ["{ platformAddon } = require('../../platform-addon')", "createPromiseApi = require('../../promise/create')"]
  return entry(name, '../..', requires, `${open}createPromiseApi`, names)
}

// From the entry point of all platforms: what names its API, and what exports its parts.
function parts (file, call) {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8').replaceAll('\r\n', '\n')
  const [before, names] = text.split(`${call}\n`)
  return [before.slice(before.lastIndexOf('\n') + 1), names]
}

function entry (name, lib, requires, open, names) {
  const either = EITHER[name] !== undefined
  const all = either ? [...requires, `{ isMusl } = require('${lib}/current-target')`] : requires
  return `${HEAD}
${all.map((line) => `const ${line}`).join('\n')}

${open}(() => platformAddon(load), { allowNativeBinding: false })
${names}
function load () {
  // Bundlers pass over a package that is missing in a \`try\` only.
  try {
${either ? eitherAddon(EITHER[name]) : `    return { addon: require('@ferrolite/${ALIASES[name] ?? name}') }`}
  } catch (error) {
    return { error }
  }
}
`
}

function eitherAddon ([gnu, musl]) {
  return `    return { addon: isMusl() ? require('@ferrolite/${musl}') : require('@ferrolite/${gnu}') }`
}

module.exports = { entryFiles, exportsField, typesVersions, typesVersionsField }
