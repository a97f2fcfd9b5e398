'use strict'

// The lists of platforms in the workflow and the manual, from the table in targets.js, and the
// table of what works where, from lib/capabilities.js: each between two lines that name it.

const fs = require('node:fs')
const path = require('node:path')
const { capabilityTable } = require('./capabilities')
const { ROOT } = require('./run')
const { ALIASES, EITHER, TARGETS, TESTED_ON } = require('./targets')

const WORKFLOW = '.github/workflows/ci.yml'
const MANUAL = 'docs/api.md'
const LINUX = 'ubuntu-24.04'

/** The files that have such lists, with the lists as they should be. */
function listFiles () {
  return {
    [WORKFLOW]: fill(fill(read(WORKFLOW), 'built', builtList()), 'tested', testedList()),
    [MANUAL]: fill(fill(read(MANUAL), 'platforms', platformTable()), 'capabilities', capabilityTable())
  }
}

function read (name) {
  return fs.readFileSync(path.join(ROOT, name), 'utf8').replaceAll('\r\n', '\n')
}

function fill (text, name, list) {
  const marks = new RegExp(`(^.*\\bnpm run packages: ${name}\\b.*\\n)[^]*?(^.*\\bend of npm run packages: ${name}\\b)`, 'm')
  if (!marks.test(text)) throw new Error(`The marks of the list "${name}" are missing`)
  return text.replace(marks, (_, start, end) => `${start}${list.join('\n')}\n${end}`)
}

function builtList () {
  return Object.entries(TARGETS).map(([target, { os, rust }]) => {
    // Zig cross-compiles for Linux, and links against the oldest glibc that is supported.
    const [runner, flags] = os === 'linux' ? [LINUX, ', flags: --zig'] : [TESTED_ON[target], '']
    return `          - { target: ${target}, rust: ${rust}, runner: ${runner}${flags} }`
  })
}

function testedList () {
  const runners = Object.entries(TESTED_ON).map(([target, runner]) => {
    return `          - { target: ${target}, runner: ${runner}, arch: ${TARGETS[target].cpu} }`
  })
  return [`        target: [${Object.keys(TESTED_ON).join(', ')}]`, '        include:', ...runners]
}

function platformTable () {
  const rows = Object.entries(TARGETS).map(([target, { words }]) => {
    const own = Object.keys(ALIASES).filter((name) => ALIASES[name] === target)
    // One name for both C libraries: which is there is found out at run time.
    const either = Object.keys(EITHER).filter((name) => EITHER[name].includes(target))
    const others = [...own, ...either].map((name) => `\`${name}\``).join(', ')
    return `| \`ferrolite/${target}\` | ${words} | ${others} |`
  })
  return ['', "| entry point | for | better-sqlite3's name |", '|---|---|---|', ...rows, '']
}

module.exports = { listFiles }
