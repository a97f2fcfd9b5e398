'use strict'

// The bundlers whose recipes docs/bundlers.md has, from npm into target/tools. Pinned here.

const { npmTools } = require('./runtimes')

const VERSIONS = {
  '@rollup/plugin-commonjs': '29.0.3',
  '@rollup/plugin-node-resolve': '16.0.3',
  '@rspack/cli': '2.2.8',
  '@rspack/core': '2.3.3',
  '@vercel/ncc': '0.45.0',
  '@vercel/nft': '1.11.5',
  esbuild: '0.28.2',
  postject: '1.0.0-alpha.6',
  rolldown: '1.3.2',
  rollup: '4.68.8',
  tsup: '9.0.0',
  typescript: '6.0.3',
  vite: '8.3.8',
  webpack: '5.113.0',
  'webpack-cli': '7.3.1'
}

/** The folder node_modules that has them. */
function bundlers () {
  return npmTools('bundlers', VERSIONS)
}

module.exports = { bundlers, names: Object.keys(VERSIONS) }
