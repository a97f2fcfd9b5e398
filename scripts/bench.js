'use strict'

// `node scripts/bench.js [name]`: runs a bench on Node 24, which all that it compares support.

const path = require('node:path')
const { ROOT, main, run } = require('./run')
const { prepare } = require('./prepare')
const { CURRENT_NODE, node, unavailable } = require('./runtimes')

const NODE_OF_THE_BENCH = 24

async function bench () {
  const [name = 'index', ...args] = process.argv.slice(2)
  await prepare()
  const isCurrent = CURRENT_NODE === NODE_OF_THE_BENCH
  const binary = isCurrent ? process.execPath : await node(NODE_OF_THE_BENCH)
  if (binary === null) throw new Error(`The bench needs Node ${NODE_OF_THE_BENCH}; ${unavailable()}`)
  await run(binary, ['--expose-gc', path.join(ROOT, 'bench', `${name}.js`), ...args])
}

main(bench)
