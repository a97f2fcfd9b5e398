'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')

const LIB = path.join(__dirname, '..', '..', 'lib')

// What each file of lib/ requires from lib/, now or when it needs it, by their names in there.
function graph () {
  const files = fs.readdirSync(LIB, { recursive: true }).filter((name) => name.endsWith('.js'))
  return new Map(files.map((name) => {
    const file = path.join(LIB, name)
    const text = fs.readFileSync(file, 'utf8')
    const required = [...text.matchAll(/\brequire\('(\.[^']*)'\)/g)].map(([, place]) => {
      return slashes(path.relative(LIB, require.resolve(path.resolve(path.dirname(file), place))))
    })
    return [slashes(name), required]
  }))
}

function slashes (name) {
  return name.replaceAll(path.sep, '/')
}

// A way from a file to itself, or null.
function circleFrom (start, modules, way = [start], seen = new Set()) {
  for (const next of modules.get(way.at(-1))) {
    if (next === start) return [...way, next]
    if (seen.has(next)) continue
    seen.add(next)
    const circle = circleFrom(start, modules, [...way, next], seen)
    if (circle !== null) return circle
  }
  return null
}

test('a circle is found', () => {
  const modules = new Map([['a', ['b', 'c']], ['b', []], ['c', ['d']], ['d', ['b', 'a']]])
  assert.deepEqual(circleFrom('a', modules), ['a', 'c', 'd', 'a'])
  assert.equal(circleFrom('b', modules), null)
})

test('no file of lib/ requires itself by way of others', () => {
  const modules = graph()
  assert.ok(modules.size > 60, `${modules.size} files`)
  for (const name of modules.keys()) assert.equal(circleFrom(name, modules), null)
})

test('only the promise API and its entry points require from lib/promise/', () => {
  const isOfPromises = (name) => /^(targets\/)?promise\//.test(name)
  const others = [...graph()].filter(([name]) => !isOfPromises(name))
  for (const [name, required] of others) {
    assert.deepEqual(required.filter((other) => other.startsWith('promise/')), [], name)
  }
})

// lib/caller.js finds the method of a frame by the file and the name.
test('no other function has the name of a method that users call', () => {
  const files = [...graph().keys()].filter((name) => fs.readFileSync(path.join(LIB, name), 'utf8').includes("addMethods('"))
  assert.ok(files.length >= 6, `${files}`)
  for (const name of files) {
    const text = fs.readFileSync(path.join(LIB, name), 'utf8')
    const found = [...text.matchAll(/^ +(?:static |async |\* ?)*(\w+) \([^;]*\) \{$|function \*? ?(\w+)/gm)]
    const names = found.map(([, method, fn]) => method ?? fn)
      .filter((word) => !['if', 'for', 'while', 'switch', 'catch', 'with', 'constructor'].includes(word))
    assert.equal(new Set(names).size, names.length, `${name}: ${names}`)
  }
})
