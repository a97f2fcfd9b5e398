// Opens pages of the built site in Chromium, light, dark, and as wide as a phone: nothing is wider
// than the window, nothing fails, the search finds. The pictures are in target/site-pictures, to be
// looked at. Chromium is that of the machine, or FERROLITE_CHROMIUM.

import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { chromium } from 'playwright-core'

const ROOT = path.dirname(import.meta.dirname)
const DIST = path.join(ROOT, 'target', 'site')
const PICTURES = path.join(ROOT, 'target', 'site-pictures')
const BASE = process.env.SITE_BASE ?? '/'
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const WINDOWS = {
  light: { viewport: { width: 1280, height: 1000 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 1000 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', isMobile: true }
}
const TYPES = {
  '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.svg': 'image/svg+xml'
}
const pages = [
  '', 'guides/', 'guides/quick-start', 'guides/production', 'guides/docker', 'api', 'promise', 'kv', 'migrating', 'performance',
  'reference/', 'reference/ferrolite/', 'reference/ferrolite/promise/classes/Database'
]

function program () {
  if (process.env.FERROLITE_CHROMIUM) return process.env.FERROLITE_CHROMIUM
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  const files = folders.flatMap((folder) => PROGRAMS.map((name) => path.join(folder, name)))
  const found = files.find((file) => fs.existsSync(file))
  if (!found) throw new Error(`There is no ${PROGRAMS.join(', ')} here: set FERROLITE_CHROMIUM`)
  return found
}

async function serve () {
  const server = http.createServer(({ url }, response) => {
    const place = decodeURI(new URL(url, 'http://site').pathname).slice(BASE.length)
    const names = [place, `${place}.html`, path.join(place, 'index.html')].map((name) => path.join(DIST, name))
    const file = names.find((name) => fs.statSync(name, { throwIfNoEntry: false })?.isFile())
    const type = TYPES[path.extname(file ?? '')] ?? 'application/octet-stream'
    response.writeHead(file ? 200 : 404, { 'content-type': type })
    response.end(file && fs.readFileSync(file))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${server.address().port}${BASE}`, close: () => server.close() }
}

const problems = []

async function look (browser, url, kind) {
  const context = await browser.newContext(WINDOWS[kind])
  for (const where of pages) {
    const page = await context.newPage()
    const say = (text) => problems.push(`${kind} ${where || 'home'}: ${text}`)
    page.on('pageerror', (error) => say(error.message))
    page.on('console', (message) => { if (message.type() === 'error') say(message.text()) })
    await page.goto(url + where, { waitUntil: 'networkidle' })
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    if (over > 0) say(`${over} px wider than the window`)
    const missing = await page.evaluate(() => {
      const isMissing = ({ complete, naturalWidth }) => complete && naturalWidth === 0
      return [...document.images].filter(isMissing).map(({ src }) => src)
    })
    if (missing.length > 0) say(`pictures are missing: ${missing}`)
    await page.screenshot({ path: path.join(PICTURES, `${where.replaceAll('/', '-') || 'home'}-${kind}.png`) })
    await page.close()
  }
  await context.close()
}

// As a reader does it: opens the search, types, and follows the first result.
async function search (browser, url, words, expected) {
  const page = await browser.newPage(WINDOWS.light)
  await page.goto(url, { waitUntil: 'networkidle' })
  await page.click('#local-search button')
  await page.fill('.VPLocalSearchBox input', words)
  await page.waitForSelector('.VPLocalSearchBox .result')
  await page.screenshot({ path: path.join(PICTURES, 'search.png') })
  const titles = (await page.locator('.VPLocalSearchBox .result').allTextContents()).join('\n')
  if (!expected.test(titles)) problems.push(`the search for "${words}" found only:\n${titles}`)
  await page.close()
}

fs.rmSync(PICTURES, { recursive: true, force: true })
fs.mkdirSync(PICTURES, { recursive: true })
const site = await serve()
// Without a sandbox, since root has none.
const browser = await chromium.launch({ executablePath: program(), args: ['--no-sandbox'] })
try {
  for (const kind of Object.keys(WINDOWS)) await look(browser, site.url, kind)
  await search(browser, site.url, 'database is locked', /Locks and transactions/)
  await search(browser, site.url, 'restore', /Restore/)
} finally {
  await browser.close()
  site.close()
}
for (const problem of problems) console.error(problem)
console.log(`${pages.length} pages in ${Object.keys(WINDOWS).join(', ')}: ${problems.length} problems; pictures in ${path.relative(process.cwd(), PICTURES)}`)
if (problems.length > 0) process.exitCode = 1
