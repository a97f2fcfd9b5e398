'use strict'

// The platforms that have a package, written down here only. `npm run packages` writes from this
// table packages/<target>, lib/packages.js, lib/targets, the exports of package.json, and the lists
// of the workflow and of docs/api.md.

const TARGETS = {
  'darwin-arm64': { os: 'darwin', cpu: 'arm64', rust: 'aarch64-apple-darwin', words: 'macOS on Apple silicon' },
  'darwin-x64': { os: 'darwin', cpu: 'x64', rust: 'x86_64-apple-darwin', words: 'macOS on Intel' },
  'linux-arm-gnueabihf': {
    os: 'linux', cpu: 'arm', libc: 'glibc', rust: 'armv7-unknown-linux-gnueabihf', words: 'Linux on 32-bit ARM with glibc'
  },
  'linux-arm-musleabihf': {
    os: 'linux', cpu: 'arm', libc: 'musl', rust: 'armv7-unknown-linux-musleabihf', words: 'Linux on 32-bit ARM with musl'
  },
  'linux-arm64-gnu': {
    os: 'linux', cpu: 'arm64', libc: 'glibc', rust: 'aarch64-unknown-linux-gnu', words: 'Linux on 64-bit ARM with glibc'
  },
  'linux-arm64-musl': {
    os: 'linux', cpu: 'arm64', libc: 'musl', rust: 'aarch64-unknown-linux-musl', words: 'Linux on 64-bit ARM with musl'
  },
  'linux-x64-gnu': {
    os: 'linux', cpu: 'x64', libc: 'glibc', rust: 'x86_64-unknown-linux-gnu', words: 'Linux on x64 with glibc'
  },
  'linux-x64-musl': {
    os: 'linux', cpu: 'x64', libc: 'musl', rust: 'x86_64-unknown-linux-musl', words: 'Linux on x64 with musl'
  },
  'win32-arm64-msvc': { os: 'win32', cpu: 'arm64', rust: 'aarch64-pc-windows-msvc', words: 'Windows on ARM' },
  'win32-x64-msvc': { os: 'win32', cpu: 'x64', rust: 'x86_64-pc-windows-msvc', words: 'Windows on x64' }
}

// As better-sqlite3 names them, without the C library, which is found out at run time.
const EITHER = {
  'linux-arm': ['linux-arm-gnueabihf', 'linux-arm-musleabihf'],
  'linux-arm64': ['linux-arm64-gnu', 'linux-arm64-musl'],
  'linux-x64': ['linux-x64-gnu', 'linux-x64-musl']
}

// Names of better-sqlite3's entry points for packages that are named otherwise here.
const ALIASES = {
  'linuxmusl-arm64': 'linux-arm64-musl',
  'linuxmusl-x64': 'linux-x64-musl',
  'win32-arm64': 'win32-arm64-msvc',
  'win32-x64': 'win32-x64-msvc'
}

// What the workflow runs the tests on. 32-bit ARM is only built and checked, for there is no runner
// for it; musl is tested in containers.
const TESTED_ON = {
  'darwin-arm64': 'macos-15',
  'darwin-x64': 'macos-15', // under Rosetta
  'linux-arm64-gnu': 'ubuntu-24.04-arm',
  'linux-x64-gnu': 'ubuntu-24.04',
  'win32-arm64-msvc': 'windows-11-arm',
  'win32-x64-msvc': 'windows-2025'
}

module.exports = { ALIASES, EITHER, TARGETS, TESTED_ON }
