'use strict'

// Which test files there are, and which of them run more than once: test/matrix.js.

const fs = require('node:fs')
const path = require('node:path')
const { MATRIX, runs } = require('../test/matrix')
const { ROOT, ScriptError } = require('./run')

const TESTS = path.join(ROOT, 'test')
// In a folder of test/, a test file is named like 20.run.js.
const TEST_FILE = /^\d\d\.[\w-]+\.m?js$/
// Databases and statements: what runs on the addon of the debug profile too.
const DEBUG = /^(api|sync)[/\\][12]\d\./
const BIG = path.join('test', 'big')

function testFiles () {
  const names = fs.readdirSync(TESTS, { recursive: true }).sort()
  const files = names.filter((name) => /\.m?js$/.test(name)).map((name) => path.join('test', name))
  const isTest = (file) => TEST_FILE.test(path.basename(file))
  // A misnamed test file would pass by never running.
  // test/big needs more memory than a test run may take: npm run test:big.
  const missed = files.find((file) => !isTest(file) && !file.startsWith(BIG) && hasTests(file))
  if (missed) throw new ScriptError(`${missed} has tests that would not run: name it like 20.run.js`)
  const gone = [...MATRIX.keys()].find((name) => !names.includes(path.normalize(name)))
  if (gone) throw new ScriptError(`test/matrix.js has ${gone}, which is not there`)
  return files.filter(isTest)
}

function hasTests (file) {
  return /^(test|describe|it)\(/m.test(fs.readFileSync(path.join(ROOT, file), 'utf8'))
}

function rulesOf (file) {
  return runs(path.relative(TESTS, path.resolve(ROOT, file)))
}

function isShared (file) {
  return rulesOf(file)?.apis.includes('promise') ?? false
}

function runsOn (backend, file) {
  return rulesOf(file)?.backends.includes(backend) ?? false
}

function runsInDebug (file) {
  return DEBUG.test(path.relative(TESTS, path.resolve(ROOT, file)))
}

function runsOnOneNode (file) {
  return rulesOf(file)?.nodes === 'one'
}

function runsWithoutEval (file) {
  return rulesOf(file)?.noEval ?? false
}

module.exports = { isShared, runsInDebug, runsOn, runsOnOneNode, runsWithoutEval, testFiles }
