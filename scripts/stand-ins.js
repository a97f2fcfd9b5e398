'use strict'

// The packages that stand in the place of other drivers, and what `npm run packages` writes of
// them: their manifests and README files. Their code is in packages/<name>.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT } = require('./run')

const NOTE = 'https://github.com/ferrolite/ferrolite/blob/main/docs/migrating.md'

/**
 * By the name of the driver: the versions that others ask for, up to the last number, which grows
 * with Ferrolite's own, beyond any of the driver. The newest comes first.
 */
const STAND_INS = {
  'better-sqlite3': {
    versions: ['13.100', '12.100'],
    main: './lib/index.js',
    exports: {
      '.': { types: './lib/index.d.ts', default: './lib/index.js' },
      ...Object.fromEntries(platforms().map((name) => {
        return [`./${name}`, { types: './lib/index.d.ts', default: `./lib/${name}.js` }]
      })),
      './lib/*.js': './lib/*.js',
      './lib/*': './lib/*.js'
    },
    files: ['lib']
  },
  libsql: {
    versions: ['0.5'],
    main: './index.js',
    exports: {
      '.': { types: './index.d.ts', default: './index.js' },
      './promise': { types: './promise.d.ts', default: './promise.js' }
    },
    files: ['*.js', '*.d.ts']
  },
  sqlite3: {
    versions: ['5.1'],
    main: './lib/sqlite3.js',
    exports: {
      '.': { types: './lib/sqlite3.d.ts', default: './lib/sqlite3.js' },
      './lib/*.js': './lib/*.js',
      './lib/*': './lib/*.js'
    },
    files: ['lib']
  }
}

function platforms () {
  const { EITHER, ALIASES } = require('./targets')
  return ['darwin-arm64', 'darwin-x64', ...Object.keys(EITHER), ...Object.keys(ALIASES)]
    .filter((name) => name !== 'linux-arm')
}

/** The versions of a stand-in for a version of Ferrolite, the newest first. */
function versionsOf (name, version) {
  const [major, minor, patch] = version.split(/[.-]/).map(Number)
  const number = 1000 + 10_000 * major + 100 * minor + patch
  return STAND_INS[name].versions.map((start) => `${start}.${number}`)
}

/** The generated files of a stand-in, by their name in its folder. */
function standInFiles (name) {
  const { version, license, author, homepage, repository, bugs, engines } =
    JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const { main, exports, files } = STAND_INS[name]
  const [newest] = versionsOf(name, version)
  const manifest = {
    name: `@ferrolite/${name}`,
    version: newest,
    description: `Ferrolite in the place of ${name}`,
    license,
    author,
    homepage,
    repository: { ...repository, directory: `packages/${name}` },
    bugs,
    type: 'commonjs',
    main,
    types: exports['.'].types,
    exports: { ...exports, './package.json': './package.json' },
    ...typesOf(exports),
    files: [...files, 'LICENSE', 'THIRD-PARTY-NOTICES.txt'],
    engines,
    dependencies: { ferrolite: version },
    publishConfig: { access: 'public', provenance: true }
  }
  const readme = `# ${manifest.name}

[Ferrolite](${homepage}) in the place of \`${name}\`: the same names, members and defaults.
[One line of package.json](${NOTE}) gives it to every package that requires \`${name}\`.
`
  return { 'package.json': `${JSON.stringify(manifest, null, 2)}\n`, 'README.md': readme }
}

function typesOf (exports) {
  const field = require('./entries').typesVersions(exports)
  return Object.keys(field['*']).length === 0 ? {} : { typesVersions: field }
}

module.exports = { STAND_INS, standInFiles, versionsOf }
