'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const test = require('node:test')
const { pathToFileURL } = require('node:url')
const { getBinding, target } = require('../../lib/binding')
const { attach } = require('../../lib/environment')

const LIB = path.join(__dirname, '..', '..', 'lib')
const ROOT = path.join(__dirname, '..', '..')
const TARGET = target()
const LOCAL = path.join(ROOT, 'packages', TARGET, 'ferrolite.node')
const LOADER = ['addon.js', 'binding.js', 'current-target.js', 'packages.js', 'runtime.js']
const LINUX = process.platform === 'linux'

function tempDir (t) {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-binding-')))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

// A stand-in for the platform's package, found through NODE_PATH.
function fakePackage (t, code = "module.exports = { from: 'package' }") {
  const dir = tempDir(t)
  const home = path.join(dir, '@ferrolite', TARGET)
  fs.mkdirSync(home, { recursive: true })
  fs.writeFileSync(path.join(home, 'index.js'), code)
  return dir
}

// As npm installs it: without the packages folder of a source checkout.
function installedCopy (t) {
  const dir = tempDir(t)
  fs.mkdirSync(path.join(dir, 'lib'))
  for (const name of [...LOADER, 'bundled.js']) fs.copyFileSync(path.join(LIB, name), path.join(dir, 'lib', name))
  const neon = path.join('node_modules', '@neon-rs', 'load')
  fs.cpSync(path.join(ROOT, neon), path.join(dir, neon), { recursive: true })
  return path.join(dir, 'lib')
}

// Runs a script that ends in a value, with `binding` and `fs` in scope, and returns that value.
function inChild (script, { lib = LIB, env = {}, cwd } = {}) {
  const body = `
    'use strict'
    const fs = require('node:fs')
    const binding = require(${JSON.stringify(path.join(lib, 'binding.js'))})
    const caught = (fn) => { try { return fn() } catch ({ name, message, code }) { return { name, message, code } } }
    console.log(JSON.stringify((() => { ${script} })()))`
  const base = { ...process.env, NODE_TEST_CONTEXT: undefined, FERROLITE_BINDING: undefined }
  const result = spawnSync(process.execPath, ['-e', body], { encoding: 'utf8', cwd, env: { ...base, ...env } })
  assert.equal(result.signal, null)
  assert.equal(result.status, 0, result.stderr)
  return JSON.parse(result.stdout)
}

test('target() names the package of this machine', () => {
  const { header } = process.report.getReport()
  const libc = header.glibcVersionRuntime ? 'gnu' : 'musl'
  const abi = { linux: process.arch === 'arm' ? `-${libc}eabihf` : `-${libc}`, win32: '-msvc' }
  assert.equal(TARGET, `${process.platform}-${process.arch}${abi[process.platform] ?? ''}`)
})

test('requiring the loader loads nothing else', () => {
  const loaded = inChild(`
    return Object.keys(require.cache).map((file) => require('node:path').basename(file)).sort()`)
  assert.deepEqual(loaded, LOADER)
})

test('an addon object is used as it is', () => {
  assert.equal(inChild('const addon = { init () {} }; return binding.getBinding(addon) === addon'), true)
})

test('a path is loaded with or without its ending, relative to the working directory', (t) => {
  const cwd = tempDir(t)
  fs.copyFileSync(LOCAL, path.join(cwd, 'copy.node'))
  const script = `
    const addons = ['copy', './copy.node', require('node:path').resolve('copy')].map(binding.getBinding)
    return [addons.every((addon) => addon === addons[0]), Object.keys(addons[0]).length > 0]`
  assert.deepEqual(inChild(script, { cwd }), [true, true])
})

test('a path that is missing throws, and nothing else is tried', (t) => {
  const cwd = tempDir(t)
  const error = inChild("return caught(() => binding.getBinding('missing'))", { cwd })
  assert.equal(error.code, 'MODULE_NOT_FOUND')
  assert.ok(error.message.startsWith(`Cannot load the "nativeBinding" option: Cannot find module '${path.join(cwd, 'missing.node')}'`))
})

test('the package of the platform is preferred to a local build, and loaded once', (t) => {
  const env = { NODE_PATH: fakePackage(t, "global.loads = (global.loads ?? 0) + 1; module.exports = { from: 'package' }") }
  const script = 'const addon = binding.getBinding(); return [addon.from, addon === binding.getBinding(null), loads]'
  assert.deepEqual(inChild(script, { env }), ['package', true, 1])
})

test('FERROLITE_BINDING is preferred to the package', (t) => {
  const env = { NODE_PATH: fakePackage(t), FERROLITE_BINDING: LOCAL }
  assert.equal(inChild('return binding.getBinding().from ?? null', { env }), null)
})

test('a FERROLITE_BINDING that does not load is an error, not a fallback', (t) => {
  const env = { NODE_PATH: fakePackage(t), FERROLITE_BINDING: path.join(tempDir(t), 'gone.node') }
  const error = inChild('return caught(binding.getBinding)', { env })
  assert.equal(error.code, 'ERR_FERROLITE_BINDING')
  assert.ok(error.message.includes(`- tried FERROLITE_BINDING=${env.FERROLITE_BINDING}: Cannot find module`))
})

test('a package whose binary does not load gives way to a local build', (t) => {
  const env = { NODE_PATH: fakePackage(t, "throw new Error('invalid ELF header')") }
  assert.equal(inChild('return Object.keys(binding.getBinding()).length > 0', { env }), true)
})

// A bundler leaves a path from the bundle, a URL or the bytes where the package was required.
for (const [what, code] of Object.entries({
  'a path beside the bundle': "'./addon-5A7E.node'",
  'a URL': `'${pathToFileURL(LOCAL)}'`,
  'a module with a URL': `{ default: '${pathToFileURL(LOCAL)}' }`,
  bytes: `new Uint8Array(require('node:fs').readFileSync(${JSON.stringify(LOCAL)}))`
})) {
  test(`${what} in the place of the package is loaded`, (t) => {
    const lib = installedCopy(t)
    fs.copyFileSync(LOCAL, path.join(lib, 'addon-5A7E.node'))
    const temporary = tempDir(t)
    const NODE_PATH = fakePackage(t, `module.exports = ${code}`)
    const env = { NODE_PATH, TMPDIR: temporary, TEMP: temporary, TMP: temporary }
    const script = 'return typeof binding.getBinding().init'
    assert.equal(inChild(script, { lib, env }), 'function')
    // Again, from what the first one has left.
    assert.equal(inChild(script, { lib, env }), 'function')
    const left = fs.readdirSync(temporary, { recursive: true }).filter((name) => name.endsWith('.node'))
    assert.equal(left.length, what === 'bytes' ? 1 : 0)
  })
}

test('bytes are not loaded through a folder that others may write to', (t) => {
  if (process.getuid === undefined) return t.skip('the temporary folder is of one user here')
  const temporary = tempDir(t)
  const home = path.join(temporary, `ferrolite-${process.getuid()}`)
  fs.mkdirSync(home)
  fs.chmodSync(home, 0o777)
  const NODE_PATH = fakePackage(t, 'module.exports = new Uint8Array(1)')
  const error = inChild('return caught(binding.getBinding)', {
    lib: installedCopy(t), env: { NODE_PATH, TMPDIR: temporary }
  })
  assert.ok(error.message.includes(`${home} must be a folder that only this user may open`))
  assert.deepEqual(fs.readdirSync(home), [])
})

for (const place of ['lib', '.']) {
  test(`without the package, ferrolite.node is found in ${place} of a bundle`, (t) => {
    const lib = installedCopy(t)
    fs.copyFileSync(LOCAL, path.join(lib, '..', place, 'ferrolite.node'))
    assert.equal(inChild('return typeof binding.getBinding().init', { lib }), 'function')
  })
}

test('where there is no __dirname, as in a bundled ES module, the folder is found', (t) => {
  const lib = installedCopy(t)
  const text = fs.readFileSync(path.join(LIB, 'addon.js'), 'utf8')
  fs.writeFileSync(path.join(lib, 'addon.mjs'), `
    import * as modules from 'node:module'
    const require = modules.createRequire(import.meta.url)
    const module = {}
    ${text}
    console.log(module.exports.folder())`)
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(lib, 'addon.mjs')], { encoding: 'utf8' })
  assert.equal(stdout.trim(), lib, stderr)
})

test('without a binary, one error says for what, what was tried and what to run', (t) => {
  const lib = installedCopy(t)
  const { version } = require('../../package.json')
  const libc = LINUX ? `, libc ${TARGET.includes('musl') ? 'musl' : 'glibc'}` : ''
  const lines = inChild('return caught(binding.getBinding)', { lib }).message.split('\n')
  assert.deepEqual(lines, [
    'Ferrolite found no native binary that loads here: ' +
      `platform ${process.platform}, arch ${process.arch}${libc}, Node.js ${process.versions.node}`,
    `- tried @ferrolite/${TARGET}: Cannot find module '@ferrolite/${TARGET}'`,
    `To install it: npm install @ferrolite/${TARGET}@${version} (in a source checkout: npm run build)`,
    `Or, slower, without a native binary: npm install @ferrolite/wasm@${version}`
  ])
})

test('the error gives the reason why an installed binary does not load', (t) => {
  const lib = installedCopy(t)
  const dir = tempDir(t)
  const home = path.join(dir, '@ferrolite', TARGET)
  fs.mkdirSync(home, { recursive: true })
  fs.writeFileSync(path.join(home, 'package.json'), '{ "main": "ferrolite.node" }')
  fs.writeFileSync(path.join(home, 'ferrolite.node'), 'of another machine')
  const error = inChild('return caught(binding.getBinding)', { lib, env: { NODE_PATH: dir } })
  assert.equal(error.name, 'Error')
  assert.match(error.message, LINUX
    ? /- tried @ferrolite\/[\w-]+: .*ferrolite\.node: (file too short|invalid ELF header|.*ELF.*)\n/
    : /- tried @ferrolite\/[\w-]+: .*ferrolite\.node/)
})

test('a platform without a package is named, with those that have one', (t) => {
  const error = inChild(`
    Object.defineProperty(process, 'platform', { value: 'freebsd' })
    return caught(binding.getBinding)`, { lib: installedCopy(t) })
  assert.match(error.message, /platform freebsd, arch \w+, Node\.js/)
  assert.match(error.message, /no package for freebsd-\w+, only for darwin-arm64, .*, win32-x64-msvc/)
  assert.match(error.message, /FERROLITE_BINDING/)
})

for (const [name, versions] of Object.entries({
  'Node.js 18': { node: '18.20.8', napi: '9' },
  'a Node-API below 8': { node: '20.0.0', napi: '7' },
  'a runtime without Node-API': { node: '24.0.0' }
})) {
  test(`${name} is refused before the binary is loaded`, (t) => {
    const env = { NODE_PATH: fakePackage(t, 'global.loaded = true') }
    const [error, given, loaded] = inChild(`
      Object.defineProperty(process, 'versions', { value: ${JSON.stringify(versions)} })
      const tries = [undefined, ${JSON.stringify(LOCAL)}].map((option) => caught(() => binding.getBinding(option)))
      return [...tries, Boolean(global.loaded)]`, { env })
    assert.equal(error.message, 'Ferrolite needs Node.js 20 or newer with Node-API 8 or newer; ' +
      `this is Node.js ${versions.node} with Node-API ${versions.napi ?? 'missing'}`)
    assert.equal(given.message, error.message)
    assert.equal(loaded, false)
  })
}

// What the process has mapped, or null when that cannot be read.
function targetWith (maps, report) {
  return inChild(`
    const { readFileSync } = fs
    fs.readFileSync = (file, ...rest) => {
      if (file !== '/proc/self/maps') return readFileSync(file, ...rest)
      const maps = ${JSON.stringify(maps)}
      if (maps === null) throw new Error('EACCES')
      return maps
    }
    const seen = []
    const report = { excludeNetwork: false, ${report} }
    Object.defineProperty(process, 'report', { value: report })
    return [binding.target(), seen, report.excludeNetwork]`)
}

const LINE = '7f0000000000-7f0000001000 r-xp 00000000 08:01 42 '

test('on Linux the C library is seen in /proc/self/maps, without a report', { skip: !LINUX }, () => {
  const abi = process.arch === 'arm' ? 'eabihf' : ''
  const report = "getReport () { seen.push('report') }"
  const musl = targetWith(`${LINE}/lib/ld-musl-x86_64.so.1\n`, report)
  assert.deepEqual(musl, [`linux-${process.arch}-musl${abi}`, [], false])
  const glibc = targetWith(`${LINE}/usr/lib/x86_64-linux-gnu/libc.so.6\n`, report)
  assert.deepEqual(glibc, [`linux-${process.arch}-gnu${abi}`, [], false])
})

test('where it is not seen, a report without the network decides', { skip: !LINUX }, (t) => {
  if (process.arch === 'arm') return t.skip('@neon-rs/load knows only glibc on 32-bit ARM')
  const reporting = (header) => `getReport () { seen.push(this.excludeNetwork); return { header: ${header} } }`
  assert.deepEqual(targetWith(null, reporting("{ glibcVersionRuntime: '2.36' }")),
    [`linux-${process.arch}-gnu`, [true], false])
  assert.deepEqual(targetWith(`${LINE}/usr/bin/node\n`, reporting('{}')),
    [`linux-${process.arch}-musl`, [true], false])
})

test('a runtime without reports is taken for one with glibc', { skip: !LINUX }, () => {
  assert.match(targetWith(null, '')[0], /^linux-\w+-gnu/)
})

test('the addon has the functions that its contract names, and no others', () => {
  const contract = fs.readFileSync(path.join(LIB, 'engine.d.ts'), 'utf8').replaceAll('\r\n', '\n')
  const [, body] = /^export interface Natives \{\n(.*?)^\}/ms.exec(contract)
  const names = [...body.matchAll(/^ {2}(\w+)(?: \(|: Execute<)/gm)].map(([, name]) => name)
  const { natives } = attach(getBinding())
  assert.deepEqual(names.sort(), Object.keys(natives).sort())
})
