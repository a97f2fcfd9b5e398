'use strict'

const path = require('node:path')
const { parseArgs } = require('node:util')
const { Session, peers } = require('./session')

// node test/differential/run.js --seeds 200 --ops 500 --seed 1
//   --ours, --theirs   other packages to compare
//   --mutant N         plant a fault in every Nth get() of ours
//   --histogram        print which operations and outcomes were reached
//   --all              go on after a failure
//   --past             look for other causes behind those already found

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: process.env.FERROLITE_SEEDS ?? '20' },
    ops: { type: 'string', default: '500' },
    seed: { type: 'string', default: process.env.FERROLITE_SEED ?? '1' },
    ours: { type: 'string' },
    theirs: { type: 'string' },
    mutant: { type: 'string' },
    histogram: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    past: { type: 'boolean', default: false }
  }
})

function print (title, map, least = 1) {
  const rows = [...map].filter(([, n]) => n >= least).sort((a, b) => b[1] - a[1])
  console.log(`\n${title}`)
  for (const [key, n] of rows) console.log(`${String(n).padStart(8)}  ${key}`)
}

async function main () {
  const from = Number(options.seed)
  const count = Number(options.seeds)
  const sides = await peers({
    ours: options.ours && path.resolve(options.ours),
    theirs: options.theirs && path.resolve(options.theirs),
    args: options.mutant ? [options.mutant] : []
  })
  const session = new Session(sides)
  console.log(`engines: ours ${await sides.ours.version()}, theirs ${await sides.theirs.version()}`)
  console.log(`seeds ${from} to ${from + count - 1}, ${options.ops} operations each`)
  const causes = new Map()
  const passed = new Set()
  let failures = 0
  for (let seed = from; seed < from + count; seed++) {
    const failure = await session.seed(seed, Number(options.ops), passed)
    if (failure === null) continue
    failures++
    const seen = causes.get(failure.cause) ?? []
    causes.set(failure.cause, [...seen, seed])
    if (options.past) passed.add(failure.cause)

    if (!seen.length) console.log(`\nseed ${seed} differs${failure.text}`)
    if (options.past) seed--
    else if (!options.all) break
  }
  session.close()
  if (options.histogram) {
    print('operations and events', session.kinds)
    print('errors', session.outcomes)
  }
  print('known differences', session.known)
  if (causes.size) print('causes', new Map([...causes].map(([cause, seeds]) => [`${cause} (seeds ${seeds.slice(0, 8).join()})`, seeds.length])))
  console.log(failures ? `\n${failures} seeds differ` : '\nno difference')
  process.exitCode = failures ? 1 : 0
}

main()
