'use strict'

// Written by `npm run packages`.

const version = '0.1.0'

const names = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm-gnueabihf',
  'linux-arm-musleabihf',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc'
]

/** The addon of a platform's package or the bytes of the one for WASM, or why there is none. */
function requirePackage (name) {
  // Bundlers follow a literal require only; one that finds nothing stops them outside of a `try`.
  try {
    switch (name) {
      case 'darwin-arm64': return { addon: require('@ferrolite/darwin-arm64') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'darwin-x64': return { addon: require('@ferrolite/darwin-x64') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'linux-arm-gnueabihf': return { addon: require('@ferrolite/linux-arm-gnueabihf') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'linux-arm-musleabihf': return { addon: require('@ferrolite/linux-arm-musleabihf') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'linux-arm64-gnu': return { addon: require('@ferrolite/linux-arm64-gnu') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'linux-arm64-musl': return { addon: require('@ferrolite/linux-arm64-musl') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'linux-x64-gnu': return { addon: require('@ferrolite/linux-x64-gnu') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'linux-x64-musl': return { addon: require('@ferrolite/linux-x64-musl') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'win32-arm64-msvc': return { addon: require('@ferrolite/win32-arm64-msvc') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'win32-x64-msvc': return { addon: require('@ferrolite/win32-x64-msvc') } // Leave ferrolite out of the bundle: docs/bundlers.md
      case 'wasm': return { addon: require('@ferrolite/wasm') }
    }
  } catch (error) {
    return { error }
  }
}

module.exports = { names, requirePackage, version }
