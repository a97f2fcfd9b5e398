'use strict'

// Makes the tarballs that npm publishes, in target/pack: the main package, the stand-ins, the
// shell, this machine's own, and the engine in WASM if it was built.
// `npm run pack -- --all` makes all ten platform packages from binaries built elsewhere.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT, ScriptError, main, npm, output, say } = require('./run')
const { binaryFile, hostTarget } = require('./build')
const { STAND_INS, versionsOf } = require('./stand-ins')
const { TARGETS } = require('./targets')

const FOLDER = path.join(ROOT, 'target', 'pack')
// In the main package they are among its files.
const LEGAL = ['LICENSE', 'THIRD-PARTY-NOTICES.txt']

/** Packs the main package and the given platform packages; returns the paths of the tarballs. */
function pack (targets = [hostTarget()], folder = FOLDER) {
  const manifest = readJson(path.join(ROOT, 'package.json'))
  fs.mkdirSync(folder, { recursive: true })
  const platforms = targets.map((target) => stagePlatform(target, manifest, folder))
  return [stageMain(manifest, folder), ...platforms].map((stage) => tarball(stage, folder))
}

// The platform packages stand only in the packed package.json: in the repository's, npm would look
// for versions that are not published yet, and `npm ci` would refuse a lock file without them.
function stageMain (manifest, folder) {
  const { scripts, devDependencies, ...published } = manifest
  const names = Object.keys(TARGETS).map((target) => `@${manifest.name}/${target}`)
  published.optionalDependencies = Object.fromEntries(names.map((name) => [name, manifest.version]))
  const stage = emptyStage(folder, 'ferrolite')
  // What is left out is left out by npm.
  for (const name of manifest.files.filter((name) => !name.startsWith('!'))) {
    const source = path.join(ROOT, name)
    if (!fs.existsSync(source)) throw new ScriptError(`${name} is missing, and package.json lists it in files`)
    fs.cpSync(source, path.join(stage, name), { recursive: true })
  }
  writeJson(path.join(stage, 'package.json'), published)
  return stage
}

function stagePlatform (target, { version }, folder) {
  const source = path.join(ROOT, 'packages', target)
  const published = readJson(path.join(source, 'package.json'))
  if (published.version !== version) throw new ScriptError(`packages/${target} is not at ${version}: npm run packages`)
  if (!fs.existsSync(binaryFile(target))) throw new ScriptError(`packages/${target} has no binary: npm run build`)
  const stage = emptyStage(folder, target)
  for (const name of ['package.json', 'README.md', 'ferrolite.node']) {
    fs.copyFileSync(path.join(source, name), path.join(stage, name))
  }
  addLegal(stage)
  return stage
}

/** Packs a stand-in in each of its versions; returns the tarballs, the newest first. */
function packStandIn (name, folder = FOLDER) {
  const manifest = readJson(path.join(ROOT, 'package.json'))
  const source = path.join(ROOT, 'packages', name)
  const published = readJson(path.join(source, 'package.json'))
  const versions = versionsOf(name, manifest.version)
  if (published.version !== versions[0]) throw new ScriptError(`packages/${name} is not at ${versions[0]}: npm run packages`)
  return versions.map((version) => {
    const stage = emptyStage(folder, `${name}-${version}`)
    fs.cpSync(source, stage, { recursive: true })
    addLegal(stage)
    const tag = version === versions[0] ? {} : { tag: `v${parseInt(version, 10)}` }
    const publishConfig = { ...published.publishConfig, ...tag }
    writeJson(path.join(stage, 'package.json'), { ...published, version, publishConfig })
    return { ...tarball(stage, folder), stage }
  })
}

/** Packs the shell. */
function packCli (folder = FOLDER) {
  const stage = emptyStage(folder, 'cli')
  fs.cpSync(path.join(ROOT, 'packages', 'cli'), stage, { recursive: true })
  addLegal(stage)
  return tarball(stage, folder)
}

/** Packs the engine in WASM; null where it was not built and need not be. */
function packWasm (isNeeded = false, folder = FOLDER) {
  const source = path.join(ROOT, 'packages', 'wasm')
  if (!fs.existsSync(path.join(source, 'ferrolite.wasm'))) {
    if (isNeeded) throw new ScriptError('packages/wasm has no ferrolite.wasm: npm run build:wasm')
    return null
  }
  const stage = emptyStage(folder, 'wasm')
  fs.cpSync(source, stage, { recursive: true })
  addLegal(stage)
  return tarball(stage, folder)
}

function addLegal (stage) {
  for (const name of LEGAL) fs.copyFileSync(path.join(ROOT, name), path.join(stage, name))
}

function emptyStage (folder, name) {
  const stage = path.join(folder, 'stage', name)
  fs.rmSync(stage, { recursive: true, force: true })
  fs.mkdirSync(stage, { recursive: true })
  return stage
}

function tarball (stage, folder) {
  const [command, args] = npm('pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder)
  const text = output(command, args, { cwd: stage })
  if (text === null) throw new ScriptError(`npm pack failed in ${stage}`)
  // npm 11 and older print a list, npm 12 an object with a key for each package.
  const [packed] = Object.values(JSON.parse(text))
  return { ...packed, path: path.join(folder, packed.filename) }
}

function readJson (file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

function writeJson (file, value) {
  fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
}

async function command () {
  const all = process.argv.includes('--all')
  if (!all) await require('./prepare').prepare()
  const standIns = Object.keys(STAND_INS).flatMap((name) => packStandIn(name))
  const platforms = pack(all ? Object.keys(TARGETS) : undefined)
  const tarballs = [...platforms, packWasm(all), ...standIns, packCli()]
  for (const { path: file, size, files } of tarballs.filter((one) => one !== null)) {
    say(`${path.relative(ROOT, file)}  ${(size / 1e6).toFixed(2)} MB, ${files.length} files`)
  }
}

if (require.main === module) main(command)

module.exports = { LEGAL, pack, packCli, packStandIn, packWasm }
