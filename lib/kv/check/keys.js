'use strict'

// Keys that differ are other keys: in case, in their last character, however long they are.

// Longer than any of a database: a name of 200 bytes, each as %XX, and what comes behind.
const LONGEST = 650
const LENGTHS = [48, 64, 80, 100, 128, 160, 200, 250, 255, 256, 257, 300, 400, 500, 512, 600, 628]

const CONFUSED = 'keys are confused'

/** Keys that are nearly the same, kept apart by each method. */
async function keys (trial) {
  const start = `${trial.name}.k`
  const numbers = ['00000001', '00000010', '0000000a', '0000000b', '00000011', '10000000']
  const versions = ['0020000000000000', '0020000000000001', 'ffffffffffffffff', 'fffffffffffffffe']
  await areApart(trial, [
    ...['K', 'k'].map((name) => `${start}-${name}/E/00000001`),
    ...['Abc', 'abc', 'ABC', 'aBC'].map((name) => `${start}${name}/P/00000001/0000000100000001`),
    ...['', '.', '..', '-', '_', '0'].map((end) => `${start}${end}/H`),
    ...['I', 'P'].map((family) => `${start}/${family}/00000001/0000000100000001`),
    ...['R', 'D'].map((family) => `${start}/${family}/0000000100000001/00000000`),
    ...['%2F', '%252F', '%25', '%20', '%00', '%C3%A9', '-', '2F'].map((part) => `${start}a${part}b/H`),
    ...numbers.flatMap((number) => [`${start}/E/${number}`, `${start}/L/00000001/${number}`]),
    ...versions.map((version) => `${start}/P/00000001/${version}`)
  ], 'that are nearly the same')
}

/** Keys of all lengths, that differ in their first or their last character. */
async function longKeys (trial) {
  for (const length of trial.some([...LENGTHS, LONGEST])) {
    const made = ['a', 'b'].flatMap((first) => {
      const same = longKey(`${trial.name}${first}`, length)
      return ['0', '1'].map((last) => same.slice(0, -1) + last)
    })
    await areApart(trial, made, `of ${length} bytes`)
  }
}

/** A key of this length, with a name that is as long as it has to be. */
function longKey (start, length) {
  const behind = '/P/0000000a/0000000100000000'
  const room = length - start.length - behind.length
  if (room < 0) return start.padEnd(length, '0')
  return start + '%C3'.repeat(Math.floor(room / 3)) + '-'.repeat(room % 3) + behind
}

/** Each character that a key may have. */
async function namesOfAllKinds (trial) {
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code))
  const some = ascii.filter((char) => /[A-Za-z0-9._-]/.test(char))
  await areApart(trial, trial.some(some).map((char) => `${trial.name}.n${char}/E/00000001`), 'that differ in one character')
}

async function areApart (trial, all, which) {
  const created = all.map((key) => key.replace(trial.name, `${trial.name}.c`))
  await trial.as(CONFUSED, async () => {
    await trial.putAll(all.map((key) => [key, trial.newValue(40)]))
    for (const key of all) await trial.expect(key, `get of keys ${which}`)
    if (trial.fenced) await areCreated(trial, created, which)
    const gone = all.filter((_, at) => at % 2 === 0)
    await trial.deleteAll(gone)
    for (const key of all) await trial.expect(key, `get after deleteBatch of keys ${which}`)
  })
  await trial.expectAll([...all, ...created], `getBatch of keys ${which}`)
}

async function areCreated (trial, keys, which) {
  for (const key of keys) {
    if (!await trial.putIfAbsent(key, trial.newValue(40))) {
      trial.fail(`putIfAbsent: it returned false for a key that was absent, of keys ${which}`)
    }
  }
  for (const key of keys) await trial.expect(key, `get after putIfAbsent of keys ${which}`)
}

module.exports = { keys, longKeys, namesOfAllKinds }
