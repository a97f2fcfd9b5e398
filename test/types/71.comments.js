'use strict'

// Every declaration of the public types has a comment, and every method says what it throws.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const ts = require('typescript')

const ROOT = path.join(__dirname, '..', '..')

// Names in options that take a number of something, and the words that say of what.
const UNITS = { timeout: /millisecond/i, Timeout: /millisecond/i, Period: /seconds/ }

function read (file) {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8')
  return declarations(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
}

/** Of each declaration its name, its comment, whether it is called and whether it is an option. */
function declarations (source) {
  const found = []
  const add = (node, owner, member = null) => {
    const name = member === null ? owner : `${owner}.${nameOf(member)}`
    const comment = ts.getJSDocCommentsAndTags(member ?? node).map((doc) => doc.getText()).join('\n')
    const isOption = /Options$/.test(owner) && member !== null
    found.push({ name, comment, isCalled: isCalled(member ?? node), isOption })
  }
  const visit = (node) => {
    if (ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node)) {
      add(node, node.name.text)
      for (const member of node.members) add(node, node.name.text, member)
    } else if (ts.isTypeAliasDeclaration(node) || ts.isFunctionDeclaration(node)) {
      add(node, node.name.text)
    } else if (ts.isVariableStatement(node)) {
      add(node, node.declarationList.declarations[0].name.getText())
    } else {
      ts.forEachChild(node, visit)
    }
  }
  visit(source)
  return found
}

function nameOf (member) {
  return member.name?.getText() ?? (ts.isCallSignatureDeclaration(member) ? '()' : 'new')
}

function isCalled (node) {
  return ts.isMethodSignature(node) || ts.isMethodDeclaration(node) ||
    ts.isFunctionDeclaration(node) || ts.isConstructorDeclaration(node) ||
    ts.isCallSignatureDeclaration(node) || ts.isConstructSignatureDeclaration(node)
}

function faults ({ name, comment, isCalled, isOption }) {
  const wrong = []
  const unit = Object.keys(UNITS).find((end) => name.endsWith(end))
  const text = comment.replaceAll(/\s+\*?\s+/g, ' ')
  if (comment === '') wrong.push(`${name}: no comment`)
  // A function of the user's options throws what it likes.
  if (isCalled && !isOption && !/@throws|Never throws/.test(text)) wrong.push(`${name}: no @throws`)
  if (isOption && unit !== undefined && !UNITS[unit].test(text) && !/The same as/.test(text)) {
    wrong.push(`${name}: no unit`)
  }
  return wrong
}

for (const file of ['index.d.ts', 'promise.d.ts']) {
  test(`${file} explains every declaration, and what each method throws`, () => {
    const found = read(file)
    assert.ok(found.length > 100, `${found.length} declarations`)
    assert.deepEqual(found.flatMap(faults), [])
  })
}

test('what is not explained is found', () => {
  const text = 'interface CallOptions {\n/** How long. */\ntimeout?: number }\nclass A { b (): void }'
  const found = declarations(ts.createSourceFile('a.d.ts', text, ts.ScriptTarget.Latest, true))
  const expected = ['CallOptions: no comment', 'CallOptions.timeout: no unit', 'A: no comment', 'A.b: no comment', 'A.b: no @throws']
  assert.deepEqual(found.flatMap(faults), expected)
})
