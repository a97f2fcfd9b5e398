'use strict'

// A project for each framework of docs/bundlers.md, with what it needs from npm, pinned here: its
// files, how it is built for production, and how the result is started.

// What the route of each project does: it writes and reads with both APIs.
const VISIT = `import Database from 'ferrolite'
import { connect } from 'ferrolite/promise'

export async function visit () {
  const db = new Database('visits.db')
  db.exec('CREATE TABLE IF NOT EXISTS visit (id INTEGER PRIMARY KEY)')
  db.prepare('INSERT INTO visit DEFAULT VALUES').run()
  db.close()
  const promised = await connect('visits.db')
  await promised.run('INSERT INTO visit DEFAULT VALUES')
  const { n } = await promised.get('SELECT count(*) AS n FROM visit')
  await promised.close()
  return \`\${n} visits\`
}
`
// The first and the second visit.
const ANSWERS = ['2 visits', '4 visits']

const REACT = { react: '19.3.1', 'react-dom': '19.3.1' }

const NEXT = {
  packages: { next: '16.4.6', ...REACT },
  files: {
    'app/visit.js': VISIT,
    'app/layout.js': `export default function Layout ({ children }) {
      return <html><body>{children}</body></html>
    }`,
    'app/page.js': `import { visit } from './visit.js'
    export const dynamic = 'force-dynamic'
    export default async function Page () {
      return <p>{await visit()}</p>
    }`,
    'app/api/route.js': `import { visit } from '../visit.js'
    export const dynamic = 'force-dynamic'
    export async function GET () {
      return new Response(await visit())
    }`
  },
  setting: 'next.config.js',
  // What runs where nothing is installed.
  dist: '.next/standalone',
  start: ['server.js'],
  urls: ['/', '/api']
}

const NITRO = {
  packages: { nitropack: '2.13.6' },
  files: {
    'utils/visit.js': VISIT,
    'routes/index.js': "import { visit } from '../utils/visit.js'\nexport default defineEventHandler(() => visit())"
  },
  build: ['nitropack', 'build'],
  dist: '.output',
  start: ['server/index.mjs'],
  urls: ['/', '/']
}

const NUXT = {
  packages: { nuxt: '4.5.2' },
  files: {
    'server/utils/visit.js': VISIT,
    'server/api/visit.get.js': 'export default defineEventHandler(() => visit())',
    'app/app.vue': `<script setup>
      const { data } = await useFetch('/api/visit')
      </script>
      <template><p>{{ data }}</p></template>`
  },
  build: ['nuxt', 'build'],
  dist: '.output',
  start: ['server/index.mjs'],
  urls: ['/', '/api/visit']
}

const ASTRO = {
  packages: { astro: '7.3.5', '@astrojs/node': '11.1.6' },
  files: {
    'src/visit.js': VISIT,
    'src/pages/index.astro': "---\nimport { visit } from '../visit.js'\nconst text = await visit()\n---\n<p>{text}</p>",
    'src/pages/api.js': `import { visit } from '../visit.js'
    export const GET = async () => new Response(await visit())`,
    'astro.config.mjs': `import node from '@astrojs/node'
    export default { output: 'server', adapter: node({ mode: 'standalone' }) }`
  },
  build: ['astro', 'build'],
  start: ['dist/server/entry.mjs'],
  urls: ['/', '/api']
}

const SVELTEKIT = {
  packages: {
    '@sveltejs/kit': '3.2.0', '@sveltejs/adapter-node': '6.0.1', '@sveltejs/vite-plugin-svelte': '7.3.1', svelte: '5.57.3', vite: '8.3.8'
  },
  files: {
    'src/visit.js': VISIT,
    'src/app.html': '<html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
    'src/routes/+page.server.js': `import { visit } from '../visit.js'
    export const load = async () => ({ text: await visit() })`,
    'src/routes/+page.svelte': '<script>\nconst { data } = $props()\n</script>\n<p>{data.text}</p>',
    'src/routes/api/+server.js': `import { visit } from '../../visit.js'
    export const GET = async () => new Response(await visit())`,
    'vite.config.js': `import adapter from '@sveltejs/adapter-node'
    import { sveltekit } from '@sveltejs/kit/vite'
    export default { plugins: [sveltekit({ adapter: adapter() })] }`
  },
  build: ['vite', 'build'],
  start: ['build/index.js'],
  urls: ['/', '/api']
}

// The same files but for the names of the packages.
function reactRouter ({ packages, names, plugin, build, serve, ...more }) {
  return {
    packages: { ...packages, isbot: '5.2.3' },
    files: {
      'app/visit.server.js': VISIT,
      'app/root.jsx': `import { Outlet, Scripts } from '${names.components}'
      export default function Root () { return <html><head/><body><Outlet /><Scripts /></body></html> }`,
      'app/routes/_index.jsx': `import { useLoaderData } from '${names.components}'
      import { visit } from '../visit.server.js'
      export const loader = async () => ({ text: await visit() })
      export default function Home () { return <p>{useLoaderData().text}</p> }`,
      'app/routes/api.jsx': `import { visit } from '../visit.server.js'
      export const loader = async () => new Response(await visit())`,
      'vite.config.js': `import { ${plugin} } from '${names.dev}'
      export default { plugins: [${plugin}()] }`,
      ...more.files
    },
    build,
    start: [serve, 'build/server/index.js'],
    urls: ['/', '/api']
  }
}

const REACT_ROUTER = reactRouter({
  packages: {
    '@react-router/dev': '8.4.0', '@react-router/node': '8.4.0', '@react-router/serve': '8.4.0', 'react-router': '8.4.0', ...REACT, vite: '8.3.8'
  },
  names: { components: 'react-router', dev: '@react-router/dev/vite' },
  plugin: 'reactRouter',
  files: {
    'app/routes.js': `import { index, route } from '@react-router/dev/routes'
    export default [index('routes/_index.jsx'), route('api', 'routes/api.jsx')]`
  },
  build: ['react-router', 'build'],
  serve: 'node_modules/@react-router/serve/bin.cjs'
})

const REMIX = reactRouter({
  packages: {
    '@remix-run/dev': '2.17.5', '@remix-run/node': '2.17.5', '@remix-run/react': '2.17.5', '@remix-run/serve': '2.17.5', react: '18.3.1', 'react-dom': '18.3.1', vite: '6.4.1'
  },
  names: { components: '@remix-run/react', dev: '@remix-run/dev' },
  plugin: 'vitePlugin',
  build: ['remix', 'vite:build'],
  serve: 'node_modules/@remix-run/serve/dist/cli.js'
})

const FRAMEWORKS = {
  'Next.js with Turbopack': { ...NEXT, build: ['next', 'build'] },
  'Next.js with webpack': { ...NEXT, build: ['next', 'build', '--webpack'] },
  Nitro: NITRO,
  Nuxt: NUXT,
  Astro: ASTRO,
  SvelteKit: SVELTEKIT,
  'React Router': REACT_ROUTER,
  'Remix 2': REMIX
}

module.exports = { ANSWERS, FRAMEWORKS }
