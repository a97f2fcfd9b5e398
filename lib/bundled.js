'use strict'

// What to do where a bundler has made this file a part of a program.

const path = require('node:path')
const { folder, isBundled } = require('./addon')

const MANUAL = 'https://github.com/ferrolite/ferrolite/blob/main/docs/bundlers.md'

// What leaves Ferrolite out of a bundle, and a folder that only this framework makes.
/** @type {{ name: string, place?: string, setting: string }[]} */
const FRAMEWORKS = [
  { name: 'Next.js', place: '.next', setting: "serverExternalPackages: ['ferrolite'] in next.config.js" },
  { name: 'Nitro, Nuxt', place: '.output', setting: 'no noExternals, and ferrolite not in externals.inline' },
  { name: 'Vite, Astro, React Router, Remix', setting: "ssr: { external: ['ferrolite'] } of Vite" },
  { name: 'SvelteKit', setting: 'ferrolite in "dependencies" of package.json, not in "devDependencies"' },
  { name: 'esbuild, Bun', setting: '--external ferrolite' },
  { name: 'Rollup, Rolldown, tsup', setting: 'external: [/^ferrolite/]' },
  { name: 'webpack, Rspack', setting: "externals: { ferrolite: 'commonjs ferrolite' }" }
]

/** Lines of an error, if Ferrolite is part of a bundle. */
function advice () {
  if (!isBundled()) return []
  const folders = (folder() ?? '').split(path.sep)
  const known = FRAMEWORKS.filter(({ place }) => place !== undefined && folders.includes(place))
  const settings = (known.length > 0 ? known : FRAMEWORKS).map(({ name, setting }) => `- ${name}: ${setting}`)
  return [
    'Ferrolite is part of a bundle, and the binary is not. Leave Ferrolite out of the bundle, and build again:',
    ...settings,
    `Or put ferrolite.node beside the bundle: ${MANUAL}`
  ]
}

module.exports = { advice }
