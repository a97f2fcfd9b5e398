import fs from 'node:fs'
import path from 'node:path'
import { defineConfig } from 'vitepress'

const PAGES = path.join(import.meta.dirname, '..', 'pages')
const { version } = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'))

// As GitHub makes them, so that links work in both places.
function slugify (heading) {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-')
}

// Two pages are called "Testing".
const TITLES = { testing: 'Test runners' }
const titleOf = (page) => TITLES[page] ?? fs.readFileSync(path.join(PAGES, `${page}.md`), 'utf8').match(/^# (.*)$/m)[1].replaceAll('`', '')
const pages = (...names) => names.map((name) => ({ text: titleOf(name), link: `/${name}` }))

const guides = [
  {
    text: 'Begin',
    items: pages('guides/quick-start', 'guides/choosing-an-api', 'guides/web-server', 'guides/typescript', 'guides/testing', 'migrating', 'ecosystem')
  },
  {
    text: 'Data',
    items: pages('guides/migrations', 'guides/full-text-search', 'guides/hybrid-search', 'guides/many-tenants', 'guides/backup-and-restore', 'guides/encryption')
  },
  {
    text: 'Run it',
    items: pages('guides/docker', 'guides/electron', 'guides/production', 'guides/shutdown', 'guides/slow-queries', 'observability', 'bundlers', 'testing')
  },
  { text: 'Look it up', items: pages('guides/troubleshooting', 'guides/errors', 'guides/faq') }
]

const manual = [
  { text: 'Manual', items: pages('api', 'promise', 'remote', 'replicas', 'kv', 'vector', 'wasm', 'threads', 'shell') },
  { text: 'About', items: pages('performance', 'differences', 'architecture', 'project/changelog', 'project/contributing', 'project/security', 'project/examples') }
]

// Pages that nobody has put anywhere yet.
const listed = new Set([...guides, ...manual].flatMap(({ items }) => items.map(({ link }) => link)))
const more = ['', 'guides/'].flatMap((folder) => fs.readdirSync(path.join(PAGES, folder))
  .filter((name) => name.endsWith('.md') && name !== 'index.md')
  .map((name) => folder + name.replace(/\.md$/, ''))
  .filter((name) => !listed.has(`/${name}`)))
if (more.length > 0) manual.push({ text: 'More', items: pages(...more) })

// A folder of the reference, with what it has by kind.
function module (name) {
  const folder = path.join(PAGES, 'reference', name)
  const kinds = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => {
    return entry.isDirectory() && !['stores', 'promise', 'namespaces'].includes(entry.name)
  })
  const items = kinds.flatMap(({ name: kind }) => {
    const names = fs.readdirSync(path.join(folder, kind)).map((file) => file.replace(/\.md$/, ''))
    return names.sort().map((text) => ({ text, link: `/reference/${name}/${kind}/${text}` }))
  })
  return { text: name, collapsed: true, link: `/reference/${name}/`, items }
}

const stores = fs.readdirSync(path.join(PAGES, 'reference', 'ferrolite', 'stores'))
  .map((name) => `ferrolite/stores/${name}`)
const reference = [
  { text: 'Reference', link: '/reference/' },
  ...['ferrolite', 'ferrolite/promise', ...stores].map(module)
]

// Where it is served: a project's pages on GitHub are in a folder.
const BASE = process.env.SITE_BASE ?? '/'

export default defineConfig({
  title: 'Ferrolite',
  description: 'SQLite for JavaScript, in Rust: a drop-in for better-sqlite3, with promises, servers, replicas and vectors',
  lang: 'en',
  base: BASE,
  srcDir: 'pages',
  outDir: '../target/site',
  cacheDir: '../target/site-cache',
  cleanUrls: true,
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${BASE}logo.svg` }]],
  // Without it, esbuild reads the tsconfig.json of the repository.
  vite: { esbuild: { tsconfigRaw: '{}' }, build: { chunkSizeWarningLimit: 4000 } },
  markdown: {
    anchor: { slugify }
  },
  themeConfig: {
    logo: '/logo.svg',
    nav: [
      { text: 'Guides', link: '/guides/', activeMatch: '^/(guides|migrating|ecosystem|observability|bundlers|testing)' },
      { text: 'Manual', link: '/api', activeMatch: '^/(api|promise|remote|replicas|kv|vector|threads|shell)' },
      { text: 'Reference', link: '/reference/', activeMatch: '^/reference' },
      { text: 'Performance', link: '/performance' },
      { text: version, link: '/project/changelog' }
    ],
    sidebar: { '/reference/': reference, '/': [...guides, ...manual] },
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        miniSearch: {
          // Guides and manual before the reference, which repeats every name.
          searchOptions: { boostDocument: (id) => id.includes('/reference/') ? 0.2 : 1 }
        }
      }
    },
    socialLinks: [{ icon: 'github', link: 'https://github.com/ferrolite/ferrolite' }],
    footer: { message: 'Released under the MIT License.' }
  }
})
