'use strict'

// `npm run build:wasm`: the engine in WASM, packages/wasm/ferrolite.wasm. Rust compiles for
// wasm32-wasip1, Zig compiles SQLite, wasm-opt makes it smaller; rustup, pip and npm fetch what is
// missing. What was made of the same sources is not made again. `--quick`, as `npm test` has it:
// larger and slower, built in less than half of the time.

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { fromPyPI } = require('./pip')
const { ROOT, ScriptError, TOOLS, WINDOWS, find, main, output, run, say, seconds } = require('./run')
const { npmTools } = require('./runtimes')
const { toolchain } = require('./toolchain')

const TARGET = 'wasm32-wasip1'
const ZIG_VERSION = '0.17.1'
const BINARYEN_VERSION = '132.0.0'
// What Node.js 20 knows; newer features of Binaryen change the file.
const FEATURES = ['bulk-memory', 'multivalue', 'mutable-globals', 'nontrapping-float-to-int', 'reference-types', 'sign-ext']
const SHRINKING = ['-O2', '-mvp', ...FEATURES.map((name) => `--enable-${name}`), '--strip-debug', '--strip-producers', '--strip-target-features']
const SOURCES = ['.cargo', 'Cargo.lock', 'Cargo.toml', 'crates', 'scripts/wasm.js']
const FOLDER = path.join(ROOT, 'target', 'wasm')
const BINARY = path.join(ROOT, 'packages', 'wasm', 'ferrolite.wasm')
const MADE_OF = path.join(FOLDER, 'made-of')

// No system but ours below it, one thread, temporary files in memory.
const CFLAGS = [
  '-g0', '-D__WASM__', '-DSQLITE_OS_OTHER=1', '-USQLITE_THREADSAFE', '-DSQLITE_THREADSAFE=0',
  '-DLONGDOUBLE_TYPE=double', '-DSQLITE_OMIT_LOAD_EXTENSION', '-USQLITE_TEMP_STORE', '-DSQLITE_TEMP_STORE=3', '-DHAVE_USLEEP=1'
]
// The engine gives four arguments to functions that have three: WASM checks that.
const FOUR_ARGUMENTS = ['sqlite3_series_init', 'sqlite3_uuid_init', 'mcRegisterCodecExtensions']

const FULL = { name: 'full', c: '-Os', rust: { CARGO_PROFILE_RELEASE_OPT_LEVEL: 's' }, shrinks: true }
const QUICK = {
  name: 'quick',
  c: '-O1',
  rust: { CARGO_PROFILE_RELEASE_LTO: 'off', CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16', CARGO_PROFILE_RELEASE_OPT_LEVEL: '1' },
  shrinks: false
}

/** Builds it, unless it is there. A quick one will do where a full one is there. */
async function buildWasm (quick = false) {
  const started = Date.now()
  const env = await toolchain()
  const reason = await missing(env)
  if (reason !== null) throw new ScriptError(`The engine in WASM cannot be built: ${reason}`)
  const kind = quick ? QUICK : FULL
  if (isMadeOf(env, FULL) || isMadeOf(env, kind)) return BINARY
  // What runs in the build itself is shared with that of the addon.
  env.CARGO_TARGET_DIR ??= path.join(ROOT, 'target')
  Object.assign(env, kind.rust, compilers(await zig(), kind.c))
  say(`Building the engine in WASM (${TARGET}, ${kind.name})`)
  forgetOtherC(env, kind)
  const flags = ['--release', '--locked', '--package', 'ferrolite-node', '--target', TARGET]
  await run('cargo', ['build', ...flags], { env })
  const built = path.join(env.CARGO_TARGET_DIR, TARGET, 'release', 'ferrolite_node.wasm')
  const fresh = `${BINARY}.tmp`
  if (kind.shrinks) await shrink(built, fresh)
  else fs.copyFileSync(built, fresh)
  fs.renameSync(fresh, BINARY)
  fs.writeFileSync(MADE_OF, madeOf(env, kind))
  const size = (fs.statSync(BINARY).size / 1e6).toFixed(2)
  say(`Built ${path.relative(ROOT, BINARY)}, ${size} MB, in ${seconds(started)}`)
  return BINARY
}

/** What is missing to build it, once rustup and pip were asked for it; or null. */
async function missing (env) {
  const reason = unavailable()
  if (reason !== null) return reason
  try {
    if (!hasTarget(env)) await run('rustup', ['target', 'add', TARGET], { env })
    await zig()
    return null
  } catch (error) {
    return `${error.message}. Install the target by \`rustup target add ${TARGET}\`, and Zig by \`pip install ziglang==${ZIG_VERSION}\``
  }
}

/** Why it cannot be built here, or null. */
function unavailable () {
  if (WINDOWS) return 'Windows has no /bin/sh, which the build of it needs'
  if (find('cargo') === null) return 'Rust is missing: install it from https://rustup.rs'
  if (find('python3') === null) return 'Python 3, which fetches Zig, is missing: install it'
  if (hasTarget(process.env) || find('rustup') !== null) return null
  return `Rust has no standard library for ${TARGET}: install Rust from https://rustup.rs`
}

function hasTarget (env) {
  const folder = output('rustc', ['--print', 'target-libdir', '--target', TARGET], { env })
  return folder !== null && fs.existsSync(folder.trim())
}

// Cargo does not know what the C compiler is called with.
function forgetOtherC (env, { c }) {
  const file = path.join(FOLDER, 'c-flags')
  const wanted = JSON.stringify([ZIG_VERSION, CFLAGS, c])
  if (fs.existsSync(file) && fs.readFileSync(file, 'latin1') === wanted) return
  for (const folder of ['.fingerprint', 'build']) {
    const home = path.join(env.CARGO_TARGET_DIR, TARGET, 'release', folder)
    if (!fs.existsSync(home)) continue
    for (const name of fs.readdirSync(home).filter((one) => one.startsWith('libsql-ffi-'))) {
      fs.rmSync(path.join(home, name), { recursive: true })
    }
  }
  fs.writeFileSync(file, wanted)
}

async function shrink (from, to) {
  const modules = await npmTools('binaryen', { binaryen: BINARYEN_VERSION })
  const program = path.join(modules, 'binaryen', 'bin', 'wasm-opt')
  await run(process.execPath, [program, ...SHRINKING, from, '-o', to])
}

async function zig () {
  const home = path.join(TOOLS, `ziglang-${ZIG_VERSION}`)
  const binary = path.join(home, 'ziglang', 'zig')
  const provided = () => output(binary, ['version'])?.trim() === ZIG_VERSION
  if (provided()) return binary
  say(`Fetching Zig ${ZIG_VERSION}, which compiles C for WASM, into ${path.relative(ROOT, home)}`)
  await fromPyPI(`ziglang==${ZIG_VERSION}`, home, provided)
  return binary
}

// Commands of one word, as cargo and CMake want them. The engine's CMakeLists.txt has flags of x86
// for any clang.
function compilers (binary, optimized) {
  const folder = path.join(FOLDER, 'bin')
  fs.mkdirSync(folder, { recursive: true })
  const defines = FOUR_ARGUMENTS.map((name) => `'-D${name}(a,b,c)=${name}(a,b,c,void*t)'`).join(' ')
  const command = (name, text) => {
    const file = path.join(folder, name)
    fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    return file
  }
  const cc = command('cc', `
for arg; do
  shift
  case "$arg" in -msse4.2|-maes|--target=*) ;; *) set -- "$@" "$arg";; esac
done
exec '${binary}' cc --target=wasm32-wasi "$@" ${CFLAGS.join(' ')} ${optimized} ${defines}`)
  const ar = command('ar', `exec '${binary}' ar "$@"`)
  const ranlib = command('ranlib', `exec '${binary}' ranlib "$@"`)
  const cmake = path.join(folder, 'toolchain.cmake')
  fs.writeFileSync(cmake, `set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER ${cc})
set(CMAKE_CXX_COMPILER ${cc})
set(CMAKE_AR ${ar})
set(CMAKE_RANLIB ${ranlib})
`)
  return {
    AR_wasm32_wasip1: ar,
    CC_wasm32_wasip1: cc,
    RANLIB_wasm32_wasip1: ranlib,
    CMAKE_TOOLCHAIN_FILE_wasm32_wasip1: cmake
  }
}

function isMadeOf (env, kind) {
  if (!fs.existsSync(BINARY) || !fs.existsSync(MADE_OF)) return false
  return fs.readFileSync(MADE_OF, 'latin1') === madeOf(env, kind)
}

function madeOf (env, kind) {
  const hash = createHash('sha256').update(JSON.stringify([ZIG_VERSION, BINARYEN_VERSION, kind]))
  hash.update(output('rustc', ['--version'], { env }) ?? '')
  for (const name of SOURCES) add(hash, path.join(ROOT, name))
  return hash.digest('hex')
}

function add (hash, file) {
  if (!fs.statSync(file).isDirectory()) {
    hash.update(path.relative(ROOT, file)).update(fs.readFileSync(file))
    return
  }
  for (const name of fs.readdirSync(file).sort()) add(hash, path.join(file, name))
}

if (require.main === module) main(() => buildWasm(process.argv.includes('--quick')))

module.exports = { BINARY, buildWasm, missing, unavailable }
