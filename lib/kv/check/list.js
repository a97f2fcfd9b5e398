'use strict'

// list gives the keys that begin with a prefix: all of them, and no others.

async function list (trial) {
  if (!trial.lists) return
  const start = `${trial.name}_l%41`
  const own = ['/H', '/E/00000001', '/E/00000002', '/E/ffffffff', '/P/00000001/0000000100000001', '/L/00000001/00000001'].map((end) => `${start}${end}`)
  const others = [
    ...['.', '-', '_', '0', 'A', 'z', '%2F'].map((end) => `${start}${end}/H`),
    // What stands for one character, or for any, in some languages.
    `${trial.name}xl%41/H`, `${trial.name}_lx41/H`, `${trial.name}_l%7841/H`, `${trial.name}_L%41/H`, `${trial.name}_l/H`,
    `${trial.name}/${start}/H`
  ]
  await trial.putAll([...own, ...others].map((key) => [key, trial.newValue(40)]))
  await isListed(trial, `${start}/`, own.sort())
  await trial.deleteBatch(own.slice(0, 1))
  await isListed(trial, `${start}/`, own.slice(1))
  await isListed(trial, `${trial.name}_l-nobody/`, [])
  // Many at once: all that is there by now.
  await isListed(trial, `${trial.name}/`, trial.present(`${trial.name}/`))
}

async function isListed (trial, prefix, expected) {
  const found = await trial.list(prefix)
  if (found.join() === expected.join()) return
  const wrong = found.find((key) => !expected.includes(key))
  const missing = expected.find((key) => !found.includes(key))
  const about = wrong === undefined ? `it lacks ${missing ?? 'none, and has some twice'}` : `it has ${wrong}`
  trial.fail(`list gives ${found.length} keys where ${expected.length} begin with the prefix: ${about}`)
}

module.exports = { list }
