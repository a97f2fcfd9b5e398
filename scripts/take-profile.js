'use strict'

// `npm run profile`: compiles an engine that counts its branches, has it work, and keeps the
// counts in scripts/profile, for the C compiler of this machine (scripts/profile.js).

const fs = require('node:fs')
const path = require('node:path')
const { hostTarget, libraryName } = require('./build')
const {
  FOLDER, SOURCES, compilerName, engineEnvironment, engineSources, placeFlags, profileFile
} = require('./profile')
const { ROOT, ScriptError, main, run, say, seconds } = require('./run')
const { toolchain } = require('./toolchain')

const WORK = path.join(ROOT, 'target', 'profile')

async function takeProfile () {
  const started = Date.now()
  const name = compilerName()
  if (name === null) throw new ScriptError('Only GCC takes profiles of this kind: set CC to it')
  if (/\s/.test(ROOT)) throw new ScriptError(`The folder has a space in its name: ${ROOT}`)
  fs.rmSync(path.join(WORK, 'counts'), { recursive: true, force: true })
  fs.mkdirSync(path.join(WORK, 'counts'), { recursive: true })
  const place = placeFlags(path.join(WORK, 'counts'), name)
  const counting = ['-fprofile-generate', '-fprofile-update=single', ...place]
  const env = {
    ...await toolchain(),
    ...engineEnvironment(counting),
    CARGO_TARGET_DIR: WORK,
    CARGO_PROFILE_RELEASE_LTO: 'off',
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16'
  }
  say(`Building the addon over an engine that counts, for ${name}`)
  const addonOnly = ['--release', '--locked', '--package', 'ferrolite-node', '--lib']
  await run('cargo', ['rustc', ...addonOnly, '--', '-C', 'link-arg=-lgcov'], { env })
  const addon = path.join(WORK, 'ferrolite.node')
  fs.copyFileSync(path.join(WORK, 'release', libraryName(hostTarget())), addon)
  say('Counting')
  const data = path.join(WORK, 'data')
  const training = { ...process.env, FERROLITE_BINDING: addon }
  await run(process.execPath, [path.join(FOLDER, 'train.js'), data], { env: training })
  fs.rmSync(data, { recursive: true, force: true })
  fs.copyFileSync(path.join(WORK, 'counts', `${name}.gcda`), profileFile(name))
  fs.writeFileSync(SOURCES, JSON.stringify(engineSources(), null, 2) + '\n')
  // Cargo does not see that the flags of the engine have changed.
  await run('cargo', ['clean', '--release', '--package', 'libsql-ffi'])
  say(`Wrote ${path.relative(ROOT, profileFile(name))} in ${seconds(started)}; the next build uses it`)
}

main(takeProfile)
