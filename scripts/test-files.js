'use strict'

// Which test files there are, and which of them run more than once.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT, ScriptError } = require('./run')

// Anywhere below test/, a test file is named like 20.run.js.
const TEST_FILE = /^\d\d\.[\w-]+\.m?js$/
// What a test file says that runs with the sync API and again with promises: test/support.js.
const SHARED = /^\/\/ Runs with both APIs(, and on servers)?\.$/m
// What takes long and is about the engine and servers, not about the Node that runs it.
const ON_ONE_NODE = /^\/\/ Runs on one Node\.js\.$/m
const ON_SERVERS = /^\/\/ Runs with both APIs, and on servers\.$/m
// What reads rows, beside the tests of both APIs.
const DECODING = ['44.workers.js', '50.promise.js', '54.readers.js']
const BIG = path.join('test', 'big')

function testFiles () {
  const names = fs.readdirSync(path.join(ROOT, 'test'), { recursive: true }).sort()
  const files = names.filter((name) => /\.m?js$/.test(name)).map((name) => path.join('test', name))
  const isTest = (file) => TEST_FILE.test(path.basename(file))
  // A misnamed test file would pass by never running.
  // test/big needs more memory than a test run may take: npm run test:big.
  const missed = files.find((file) => !isTest(file) && !file.startsWith(BIG) && hasTests(file))
  if (missed) throw new ScriptError(`${missed} has tests that would not run: name it like 20.run.js`)
  return files.filter(isTest)
}

function hasTests (file) {
  return /^(test|describe|it)\(/m.test(fs.readFileSync(path.join(ROOT, file), 'utf8'))
}

function isShared (file) {
  return says(file, SHARED)
}

function runsOnServers (file) {
  return says(file, ON_SERVERS)
}

function runsOnOneNode (file) {
  return says(file, ON_ONE_NODE)
}

function runsWithoutEval (file) {
  return (isShared(file) || DECODING.includes(path.basename(file))) && !runsOnOneNode(file)
}

function says (name, line) {
  const file = path.resolve(ROOT, name)
  const isFile = fs.statSync(file, { throwIfNoEntry: false })?.isFile()
  return isFile && line.test(fs.readFileSync(file, 'utf8'))
}

module.exports = { isShared, runsOnOneNode, runsOnServers, runsWithoutEval, testFiles }
