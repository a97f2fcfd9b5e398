'use strict'

// Every ```ts block of the guides compiles with `strict`, and prints what it says.

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const ts = require('typescript')
const { tempDir } = require('../support')

const ROOT = path.join(__dirname, '..', '..')
const GUIDES = path.join(ROOT, 'docs', 'guides')
const OPTIONS = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  target: ts.ScriptTarget.ES2022,
  esModuleInterop: true,
  types: ['node'],
  typeRoots: [path.join(ROOT, 'node_modules', '@types')]
}

function blocks () {
  return fs.readdirSync(GUIDES).flatMap((name) => {
    const text = fs.readFileSync(path.join(GUIDES, name), 'utf8').replaceAll('\r\n', '\n')
    return [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code)
  })
}

test('TypeScript of the guides compiles and prints what it says', (t) => {
  const folder = tempDir(t)
  fs.mkdirSync(path.join(folder, 'node_modules'))
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'ferrolite'), 'junction')
  const list = blocks()
  assert.ok(list.length >= 3)
  const files = list.map((code, i) => {
    const file = path.join(folder, `${i}.ts`)
    fs.writeFileSync(file, code)
    return file
  })
  const found = ts.getPreEmitDiagnostics(ts.createProgram(files, OPTIONS))
  const where = ({ file, start }) => file && `${list[path.basename(file.fileName, '.ts')]?.slice(start, start + 60)}`
  assert.deepEqual(found.map((one) => [ts.flattenDiagnosticMessageText(one.messageText, '\n'), where(one)]), [])
  list.forEach((code, i) => {
    const compilerOptions = { ...OPTIONS, noEmit: false, module: ts.ModuleKind.CommonJS }
    const { outputText } = ts.transpileModule(code, { compilerOptions })
    const file = path.join(folder, `${i}.js`)
    fs.writeFileSync(file, outputText)
    const printed = execFileSync(process.execPath, [file], { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } })
    const expected = [...code.matchAll(/\/\/ -> (.*)$/gm)].map(([, line]) => `${line}\n`).join('')
    assert.equal(printed, expected)
  })
})
