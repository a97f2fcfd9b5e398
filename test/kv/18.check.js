'use strict'

// The check of stores finds what they do wrong.

const assert = require('node:assert/strict')
const test = require('node:test')
const { StoreFault, checkStore } = require('../../stores/check')
const { directoryStore } = require('../../stores/directory')
const { mapStore } = require('../../stores/map')
const { tempDir } = require('../support')

const bytes = text => Buffer.from(text)
const textOf = key => Buffer.from(key).toString('latin1')

// As few as there can be: what is slow are the disks.
const QUICK = { rounds: 3, late: 20 }

/** A store that takes keys for others. */
function renamed (store, nameOf, methods = Object.keys(store)) {
  const of = key => bytes(nameOf(textOf(key)))
  const changed = {
    get: key => store.get(of(key)),
    getBatch: keys => store.getBatch(keys.map(of)),
    put: (key, value) => store.put(of(key), value),
    putBatch: entries => store.putBatch(entries.map(([key, value]) => [of(key), value])),
    deleteBatch: keys => store.deleteBatch(keys.map(of)),
    putIfAbsent: (key, value) => store.putIfAbsent(of(key), value)
  }
  return Object.fromEntries(Object.entries(changed).filter(([name]) => methods.includes(name)))
}

/** A store that changes values when they are written. */
function changing (store, change, methods = ['put', 'putBatch', 'putIfAbsent']) {
  const changed = {
    put: (key, value) => store.put(key, change(value)),
    putBatch: entries => store.putBatch(entries.map(([key, value]) => [key, change(value)])),
    putIfAbsent: (key, value) => store.putIfAbsent(key, change(value))
  }
  return Object.fromEntries(Object.entries(changed).filter(([name]) => methods.includes(name)))
}

const sizeOf = entries => entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0)

/** As many of them as fit. */
function upTo (most, entries) {
  let size = 0
  return entries.filter(entry => (size += sizeOf([entry])) <= most)
}

function trimmed (value, byte) {
  let end = value.length
  while (end > 0 && value[end - 1] === byte) end--
  return value.subarray(0, end)
}

/** Keys as patterns of SQL, which are not the keys that begin so. */
function like (store, pattern, flags) {
  const regex = new RegExp(`^${pattern.replace(/[.]/g, '\\.').replace(/_/g, '.').replace(/%/g, '.*')}`, flags)
  return store.list(bytes('')).filter(key => regex.test(textOf(key)))
}

// Wrappers of a good store, each with one fault, and what the check says of it.
const FAULTS = {
  'condition ignored': [/^the condition of putIfAbsent is ignored/, store => ({
    putIfAbsent (key, value) {
      store.put(key, value)
      return true
    }
  })],
  'condition ignored, value kept': [/^the condition of putIfAbsent is ignored/, store => ({
    putIfAbsent (key, value) {
      store.putIfAbsent(key, value)
      return true
    }
  })],
  'condition ignored now and then': [/^the condition of putIfAbsent is ignored/, (store, next) => ({
    putIfAbsent (key, value) {
      if (next(10) !== 0) return store.putIfAbsent(key, value)
      store.put(key, value)
      return true
    }
  })],
  'a race that two win': [/of 8 calls at once/, store => ({
    async putIfAbsent (key, value) {
      if (store.get(key)) return false
      await null
      store.put(key, value)
      return true
    }
  })],
  'batch torn': [/^batches are torn/, store => ({
    putBatch: entries => store.putBatch(entries.slice(0, -1))
  })],
  'batch torn in the middle': [/^batches are torn|^writes are lost/, (store, next) => ({
    putBatch: entries => store.putBatch(entries.filter(() => next(50) !== 0))
  })],
  'batch of more keys than it takes': [/^batches are torn/, store => ({
    putBatch: entries => store.putBatch(entries.slice(0, 100))
  })],
  'answers reordered': [/^answers are reordered/, store => ({
    getBatch: keys => store.getBatch(keys).reverse()
  })],
  'answers without what is missing': [/store.getBatch returned \d+ values/, store => ({
    getBatch: keys => store.getBatch(keys).filter(Boolean)
  })],
  'answers sorted by key': [/^answers are reordered|^writes are lost/, store => ({
    getBatch: keys => store.getBatch([...keys].sort(Buffer.compare))
  })],
  'values truncated': [/^values are truncated/, store => ({
    put: (key, value) => store.put(key, value.subarray(0, 65535))
  })],
  'values truncated at the limit': [/^values are truncated/, store => ({
    get: key => store.get(key)?.subarray(0, 131071)
  })],
  'values as text': [/^values are changed/, store => ({
    put: (key, value) => store.put(key, Buffer.from(Buffer.from(value).toString('utf8')))
  })],
  'values cut at a zero': [/^values are truncated/, store => ({
    put (key, value) {
      const end = value.indexOf(0)
      store.put(key, end === -1 ? value : value.subarray(0, end))
    }
  })],
  'reads stale': [/reads are stale/, (store, next, known = new Map()) => ({
    get (key) {
      const name = key.toString()
      if (!known.has(name) || next(3) === 0) known.set(name, store.get(key))
      return known.get(name)
    }
  })],
  'absence remembered': [/reads are stale/, (store, next, absent = new Set()) => ({
    get (key) {
      const value = absent.has(key.toString()) ? undefined : store.get(key)
      if (value === undefined) absent.add(key.toString())
      return value
    }
  })],
  'deleted values read': [/^reads are stale/, store => ({ deleteBatch () {} })],
  'writes lost': [/^writes are lost/, store => ({ put () {} })],
  'writes lost now and then': [/writes are lost/, (store, next) => ({
    put: (key, value) => next(30) === 0 ? undefined : store.put(key, value)
  })],
  'writes of putIfAbsent lost': [/writes are lost|is ignored/, (store, next) => ({
    putIfAbsent: (key, value) => next(20) === 0 ? true : store.putIfAbsent(key, value)
  })],
  'writes late': [/writes are lost/, store => ({
    put: (key, value) => { setTimeout(() => store.put(key, value), 5) }
  })],
  'writes repeated late': [/^writes come late/, (store, next) => ({
    put (key, value) {
      store.put(key, value)
      if (next(3) === 0) setTimeout(() => store.put(key, value), 10)
    }
  })],
  'wrong types: text': [/store.get returned a string/, store => ({
    get: key => store.get(key)?.toString() ?? null
  })],
  'wrong types: a number': [/store.putIfAbsent returned a number/, store => ({
    putIfAbsent: (key, value) => Number(store.putIfAbsent(key, value))
  })],
  'wrong types: an empty value for none': [/a key that was never written has a value/, store => ({
    get: key => store.get(key) ?? new Uint8Array()
  })],
  'wrong types: false': [/store.put returned false/, store => ({ put: () => false })],
  'a list of all': [/^list gives/, store => ({ list: () => store.list(bytes('')) })],
  'long values lost in batches': [/^batches are torn|^writes are lost/, store => ({
    putBatch: entries => store.putBatch(entries.filter(([, value]) => value.length <= 500))
  })],
  'long values cut in batches': [/^values are truncated/, store => changing(store, value => value.subarray(0, 500), ['putBatch'])],
  'values cut by putIfAbsent': [/^values are truncated/, store => changing(store, value => value.subarray(0, 40000), ['putIfAbsent'])],
  'large batches lost': [/^batches are torn|^writes are lost/, store => ({
    putBatch: entries => { if (sizeOf(entries) <= 38000) store.putBatch(entries) }
  })],
  'the end of large batches lost': [/^batches are torn/, store => ({ putBatch: entries => store.putBatch(upTo(3 << 20, entries)) })],
  'batches of long keys lost': [/^batches are torn/, store => ({
    putBatch (entries) {
      const fitting = new Set(upTo(64 << 10, entries.map(([key]) => [key, ''])).map(([key]) => key))
      store.putBatch(entries.filter(([key]) => fitting.has(key)))
    }
  })],
  'large answers cut': [/^writes are lost/, store => ({
    getBatch (keys) {
      let size = 0
      const fits = value => (size += value?.length ?? 0) <= 6 << 20
      return store.getBatch(keys).map(value => fits(value) ? value : null)
    }
  })],
  'keys cut to 35 bytes': [/^keys are confused/, store => renamed(store, key => key.slice(0, 35))],
  'keys cut to 255 bytes': [/^keys are confused/, store => renamed(store, key => key.slice(0, 255))],
  'keys cut to 627 bytes': [/^keys are confused/, store => renamed(store, key => key.slice(0, 627))],
  'the end of keys alone': [/^keys are confused/, store => renamed(store, key => key.slice(-200))],
  'keys in lower case': [/^keys are confused/, store => renamed(store, key => key.toLowerCase())],
  'keys in upper case': [/^keys are confused/, store => renamed(store, key => key.toUpperCase())],
  'conditions in lower case': [/^keys are confused/, store => {
    const known = new Set()
    return {
      putIfAbsent (key, value) {
        const name = textOf(key).toLowerCase()
        return !known.has(name) && Boolean(known.add(name)) && store.putIfAbsent(key, value)
      }
    }
  }],
  'keys without percent signs': [/^keys are confused/, store => renamed(store, key => key.replace(/%/g, ''))],
  'keys of files of Windows': [/^keys are confused/, store => renamed(store, key => key.replace(/\.+(\/|$)/g, '$1'))],
  'keys with numbers': [/^keys are confused/, store => renamed(store, key => key.replace(/[0-9a-f]{16}/g, digits => Number(`0x${digits}`)))],
  'keys without marks': [/^keys are confused/, store => renamed(store, key => key.replace(/[._-]/g, '_'))],
  'deletes of many keys lost': [/^deletes are lost/, store => ({ deleteBatch: keys => store.deleteBatch(keys.slice(0, 64)) })],
  'the last delete lost': [/^deletes are lost/, store => ({ deleteBatch: keys => store.deleteBatch(keys.slice(0, 127)) })],
  'deletes of long keys lost': [/^deletes are lost|^keys are confused/, store => ({ deleteBatch: keys => store.deleteBatch(keys.filter(key => key.length < 300)) })],
  'deletes of all that begins so': [/^keys are confused|^writes are lost/, store => ({
    deleteBatch (keys) {
      for (const key of keys) store.deleteBatch(store.list(key.subarray(0, key.length - 1)))
    }
  })],
  'deletes remembered': [/putIfAbsent returned false for a key that was deleted/, (store, next, gone = new Set()) => ({
    deleteBatch (keys) {
      for (const key of keys) gone.add(textOf(key))
      store.deleteBatch(keys)
    },
    putIfAbsent: (key, value) => !gone.has(textOf(key)) && store.putIfAbsent(key, value)
  })],
  'empty values lost': [/^writes are lost/, store => ({
    get: key => store.get(key)?.length ? store.get(key) : null,
    getBatch: keys => store.getBatch(keys).map(value => value?.length ? value : null)
  })],
  'empty values taken for none': [/^the condition of putIfAbsent is ignored/, store => ({
    putIfAbsent (key, value) {
      if (store.get(key)?.length) return false
      store.put(key, value)
      return true
    }
  })],
  'conditions that know putIfAbsent alone': [/^the condition of putIfAbsent is ignored/, (store, next, known = new Set()) => ({
    putIfAbsent (key, value) {
      if (known.has(textOf(key))) return false
      known.add(textOf(key))
      store.put(key, value)
      return true
    },
    deleteBatch (keys) {
      for (const key of keys) known.delete(textOf(key))
      store.deleteBatch(keys)
    }
  })],
  'zeros trimmed': [/^values are truncated/, store => changing(store, value => trimmed(value, 0))],
  'spaces trimmed': [/^values are truncated/, store => changing(store, value => trimmed(value, 32))],
  'ends of lines trimmed': [/^values are truncated/, store => changing(store, value => trimmed(value, 10))],
  'ends of lines changed': [/^values are changed/, store => changing(store, value => Buffer.from(textOf(value).replace(/\r\n/g, '\n'), 'latin1'))],
  'marks of byte order dropped': [/^values are changed/, store => changing(store, value => value.length > 3 && textOf(value).startsWith('\xef\xbb\xbf') ? value.subarray(3) : value)],
  'high bytes changed': [/^values are changed/, store => changing(store, value => value.map(byte => byte & 127))],
  'one byte changed': [/^values are changed/, store => changing(store, value => value.map(byte => byte === 255 ? 254 : byte))],
  'texts read': [/^writes are lost|returned/, store => ({ get: key => textOf(store.get(key) ?? []) === 'null' ? null : store.get(key) })],
  'batches of before': [/reads are stale/, (store, next, known = new Map()) => ({
    getBatch (keys) {
      const name = keys.map(textOf).join()
      if (!known.has(name)) known.set(name, store.getBatch(keys))
      return known.get(name)
    }
  })],
  'absence remembered by batches': [/reads are stale/, (store, next, absent = new Set()) => ({
    getBatch: keys => store.getBatch(keys).map((value, at) => {
      if (value === undefined) absent.add(textOf(keys[at]))
      return absent.has(textOf(keys[at])) ? undefined : value
    })
  })],
  'deletes seen by one method alone': [/^reads are stale/, (store, next, known = new Map()) => ({
    get (key) {
      const value = store.get(key) ?? known.get(textOf(key))
      known.set(textOf(key), value)
      return value
    }
  })],
  'the oldest keys dropped': [/^writes are lost|^batches are torn/, (store, next, all = []) => {
    const keep = key => {
      all.push(key)
      if (all.length > 1000) store.deleteBatch([all.shift()])
    }
    return {
      put (key, value) { keep(key); store.put(key, value) },
      putBatch (entries) { entries.forEach(([key]) => keep(key)); store.putBatch(entries) },
      putIfAbsent (key, value) { keep(key); return store.putIfAbsent(key, value) }
    }
  }],
  'answers of others at once': [/^answers are reordered|^writes are lost/, (store, next, last = null) => ({
    async getBatch (keys) {
      last = keys
      await null
      return store.getBatch(last)
    }
  })],
  'one memory for all answers': [/^answers are reordered|^values are/, (store, next, memory = Buffer.alloc(1 << 20)) => ({
    getBatch: keys => store.getBatch(keys).map(value => {
      if (value === undefined) return null
      memory.set(value)
      return memory.subarray(0, value.length)
    })
  })],
  'deletes at once lost': [/^deletes are lost|^reads are stale/, (store, next, running = 0) => ({
    async deleteBatch (keys) {
      if (running++ === 0) store.deleteBatch(keys)
      await null
      running--
    }
  })],
  'one at a time': [/^putIfAbsent returned false for a key that was absent/, (store, next, running = false) => ({
    async putIfAbsent (key, value) {
      if (running) return false
      running = true
      await null
      running = false
      return store.putIfAbsent(key, value)
    }
  })],
  'a list by LIKE': [/^list gives/, store => ({ list: prefix => like(store, textOf(prefix), '') })],
  'a list that ignores case': [/^list gives/, store => ({
    list (prefix) {
      const start = textOf(prefix).toLowerCase()
      return store.list(bytes('')).filter(key => textOf(key).toLowerCase().startsWith(start))
    }
  })],
  'a list of 1,000': [/^list gives/, store => ({ list: prefix => store.list(prefix).slice(0, 1000) })],
  'a list of before': [/^list gives/, (store, next, known = new Map()) => ({
    list (prefix) {
      const name = textOf(prefix)
      if (!known.has(name)) known.set(name, store.list(prefix))
      return known.get(name)
    }
  })],
  'a list of what has one more part': [/^list gives/, store => ({
    list: prefix => store.list(prefix).filter(key => textOf(key).split('/').length < 3)
  })],
  'a list with a key twice': [/^list gives/, store => ({ list: prefix => store.list(prefix).flatMap(key => [key, key]) })],
  'it throws': [/quota/, store => ({ put () { throw new Error('quota') } })],
  // eslint-disable-next-line no-throw-literal
  'it throws null': [/null was thrown/, store => ({ get () { throw null } })]
}

for (const [name, [message, plant]] of Object.entries(FAULTS)) {
  test(`the check finds a planted fault: ${name}`, async () => {
    const store = mapStore()
    const options = { late: 50 }
    let calls = 0
    const faulty = { ...store, ...plant(store, every => ++calls % every) }
    await assert.rejects(checkStore(faulty, options), error => {
      assert.ok(error instanceof StoreFault, error.stack)
      assert.equal(error.name, 'StoreFault')
      assert.ok(error.faults.some(fault => message.test(fault)), error.message)
      return true
    })
  })
}

test('the check takes stores of promises, those with small limits, and those without putIfAbsent', async t => {
  const store = mapStore()
  const methods = Object.entries(store).filter(([, method]) => typeof method === 'function')
  const later = Object.fromEntries(methods.map(([name, method]) => [name, async (...args) => {
    await new Promise(resolve => setImmediate(resolve))
    return method(...args)
  }]))
  await checkStore(later, QUICK)
  const { putIfAbsent, list, ...plain } = store
  const limits = { maxKeys: 1, maxReadKeys: 10, maxValueBytes: 65536 }
  assert.equal((await checkStore({ ...plain, limits }, QUICK)).fenced, false)
})

test('the check opens the store again, and sees what was lost', async t => {
  const folder = tempDir(t)
  await checkStore(directoryStore(folder), { ...QUICK, reopen: () => directoryStore(folder) })
  const forgetful = checkStore(mapStore(), { ...QUICK, reopen: () => mapStore() })
  await assert.rejects(forgetful, /writes are lost.*: getBatch after opening again/)
  await assert.rejects(checkStore({}), { name: 'TypeError', message: /^The store lacks get/ })
})

test('what is wrong with the options of the check is said', async () => {
  for (const options of [5, null, 'x', () => {}]) {
    await assert.rejects(checkStore(mapStore(), options), { name: 'TypeError', message: 'Expected second argument to be an options object' })
  }
  const wrong = { reopen: 5, rounds: 1.5, late: '5', singleWriter: 1 }
  for (const [name, value] of Object.entries(wrong)) {
    await assert.rejects(checkStore(mapStore(), { [name]: value }), { name: 'TypeError', message: new RegExp(`^Expected the "${name}" option`) })
  }
  for (const [name, value] of [['rounds', 0], ['late', 2 ** 31]]) {
    await assert.rejects(checkStore(mapStore(), { [name]: value }), { name: 'RangeError' })
  }
  await assert.rejects(checkStore(mapStore(), { round: 5 }), { name: 'TypeError', message: /^Unknown option "round"/ })
})
