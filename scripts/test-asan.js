'use strict'

// `npm run test:asan`: the tests of what reads files that others may have changed, under
// AddressSanitizer, which ends the process at the first wrong access to memory: in the engine, in
// its allocator and in Rust. Arguments go to the tests: `npm run test:asan -- damaged`.

const path = require('node:path')
const { engineArguments } = require('./engine')
const { ROOT, ScriptError, main, output, run } = require('./run')
const { toolchain } = require('./toolchain')

const FOLDER = path.join(ROOT, 'target', 'asan')
const CRATES = ['ferrolite-vector', 'ferrolite-kv']
const FLAGS = [
  '-fsanitize=address', '-fno-omit-frame-pointer',
  // The allocator tells what is free, and each small piece of memory is one of its own.
  '-DMI_TRACK_ASAN=1', '-DSQLITE_DEFAULT_LOOKASIDE=0,0'
]

const OPTIONS = [
  // gcc and LLVM register the same constant in two ways.
  'detect_odr_violation=0',
  // A test that kills a writer forgets it.
  'detect_leaks=0'
]

main(async () => {
  if (process.platform !== 'linux') throw new ScriptError('AddressSanitizer is used on Linux alone')
  const tools = await toolchain()
  const [, host] = /^host: (.*)$/m.exec(output('rustc', ['-vV'], { env: tools }))
  const env = {
    VECTOR_MUTATIONS: '2000',
    ...tools,
    CARGO_TARGET_DIR: FOLDER,
    CARGO_PROFILE_RELEASE_LTO: 'off',
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
    CARGO_PROFILE_RELEASE_STRIP: 'none',
    CARGO_PROFILE_RELEASE_DEBUG: 'line-tables-only',
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS: 'true',
    CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS: 'true',
    // The stable compiler has the sanitizer, and keeps the flag for nightly ones.
    RUSTC_BOOTSTRAP: '1',
    RUSTFLAGS: '-Zsanitizer=address',
    ASAN_OPTIONS: [...OPTIONS, process.env.ASAN_OPTIONS].filter(Boolean).join(':')
  }
  const packages = CRATES.flatMap((crate) => ['--package', crate])
  const engine = engineArguments(FOLDER, FLAGS, 'O1')
  const args = ['test', '--release', '--locked', '--target', host, ...packages, ...engine]
  await run('cargo', [...args, '--', ...process.argv.slice(2)], { env })
})
