'use strict'

// Writes packages/*/{package.json,README.md}, lib/packages.js, the entry points of
// lib/targets, the exports of package.json, and the lists of platforms in the workflow and in
// docs/api.md: from the table in targets.js and from package.json. And the table in docs/api.md of
// what works where, from lib/capabilities.js.

const fs = require('node:fs')
const path = require('node:path')
const { cliFiles } = require('./cli')
const { entryFiles, exportsField, typesVersionsField } = require('./entries')
const { ROOT, say } = require('./run')
const { STAND_INS, standInFiles } = require('./stand-ins')
const { TARGETS } = require('./targets')
const { listFiles } = require('./lists')

const MANIFEST = path.join(ROOT, 'package.json')

/** The committed files of one platform package, by name. */
function packageFiles (target) {
  const { name, version, license, author, homepage, repository, bugs, engines } =
    JSON.parse(fs.readFileSync(MANIFEST, 'utf8'))
  const { os, cpu, libc, words } = TARGETS[target]
  const manifest = {
    name: `@${name}/${target}`,
    version,
    description: `The native binary of ${name} for ${words}`,
    license,
    author,
    homepage,
    repository: { ...repository, directory: `packages/${target}` },
    bugs,
    type: 'commonjs',
    main: 'ferrolite.node',
    files: ['ferrolite.node', 'LICENSE', 'THIRD-PARTY-NOTICES.txt'],
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    engines,
    publishConfig: { access: 'public', provenance: true }
  }
  const readme = `# ${manifest.name}

The native binary of [${name}](${homepage}) for ${words}.

npm installs it together with \`${name}\`; there is no need to name it. If it is missing, as after
\`npm install --omit=optional\`, add it with \`npm install ${manifest.name}\`.
`
  return { 'package.json': `${JSON.stringify(manifest, null, 2)}\n`, 'README.md': readme }
}

/** Those of the package of the engine in WASM. */
function wasmFiles () {
  const { name, version, license, author, homepage, repository, bugs, engines } =
    JSON.parse(fs.readFileSync(MANIFEST, 'utf8'))
  const manifest = {
    name: `@${name}/wasm`,
    version,
    description: `The engine of ${name} in WASM, for where no native binary fits`,
    license,
    author,
    homepage,
    repository: { ...repository, directory: 'packages/wasm' },
    bugs,
    type: 'commonjs',
    main: './index.js',
    files: ['index.js', 'ferrolite.wasm', 'LICENSE', 'THIRD-PARTY-NOTICES.txt'],
    engines,
    publishConfig: { access: 'public', provenance: true }
  }
  const readme = `# ${manifest.name}

The engine of [${name}](${homepage}) in WASM. \`${name}\` uses it where its native binary is missing or cannot be
loaded: \`npm install ${name} ${manifest.name}\`.
`
  return { 'package.json': `${JSON.stringify(manifest, null, 2)}\n`, 'README.md': readme }
}

/** All generated files, by their place in the repository. */
function generatedFiles () {
  const manifest = JSON.parse(fs.readFileSync(MANIFEST, 'utf8'))
  const files = entryFiles(manifest.version)
  for (const target of Object.keys(TARGETS)) {
    for (const [name, text] of Object.entries(packageFiles(target))) {
      files[`packages/${target}/${name}`] = text
    }
  }
  for (const [name, text] of Object.entries(wasmFiles())) files[`packages/wasm/${name}`] = text
  for (const name of Object.keys(STAND_INS)) {
    for (const [file, text] of Object.entries(standInFiles(name))) files[`packages/${name}/${file}`] = text
  }
  Object.assign(files, cliFiles())
  const entries = { exports: exportsField(), typesVersions: typesVersionsField() }
  files['package.json'] = `${JSON.stringify({ ...manifest, ...entries }, null, 2)}\n`
  return { ...files, ...listFiles() }
}

function main () {
  for (const [name, text] of Object.entries(generatedFiles())) {
    const file = path.join(ROOT, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) continue
    fs.writeFileSync(file, text)
    say(name)
  }
}

if (require.main === module) main()

module.exports = { generatedFiles }
