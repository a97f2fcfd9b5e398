'use strict'

// Colours of what is typed. readline writes the line; this writes it again over it, in colours,
// with the same width.

const readline = require('node:readline')
const { isKeyword } = require('../sql/keywords')
const { tokens } = require('../sql/tokens')
const { width } = require('../output/text')

const COLOURS = {
  keyword: 34, string: 32, blob: 32, number: 33, variable: 35, comment: 90, quoted: 36, command: 36
}

/** A line in colours; `before` is what was typed of the statement in other lines. */
function colour (line, before = '') {
  if (before === '' && /^\s*\./.test(line)) return paint(line, 'command')
  const text = before === '' ? line : `${before}\n${line}`
  const start = text.length - line.length
  return tokens(text).map(({ type, text, start: at }) => {
    const shown = text.slice(Math.max(0, start - at))
    return shown === '' ? '' : paint(shown, type === 'word' && isKeyword(text) ? 'keyword' : type)
  }).join('')
}

function paint (text, kind) {
  const code = COLOURS[kind]
  return code === undefined ? text : `\x1b[${code}m${text}\x1b[39m`
}

const LONGEST = 2000 // characters that are coloured at each key

/** Colours the line of `rl` at each key. */
function highlight (rl, stdin, stdout, before) {
  let last = null
  const draw = () => {
    const { line } = rl
    if (rl.closed || line === '' || line.length > LONGEST || line === last) return
    last = line
    const prompt = rl.getPrompt()
    // At the right edge terminals differ in where the cursor is.
    if (stdout.columns && (width(prompt) + width(line)) % stdout.columns === 0) return
    const { rows, cols } = rl.getCursorPos()
    readline.moveCursor(stdout, 0, -rows)
    readline.cursorTo(stdout, 0)
    stdout.write(prompt + colour(line, before()))
    const end = Math.floor((width(prompt) + width(line)) / (stdout.columns || Infinity)) || 0
    readline.moveCursor(stdout, 0, rows - end)
    readline.cursorTo(stdout, cols)
  }
  // readline's own listener comes first. After Enter the line is empty.
  stdin.on('keypress', (_, key) => {
    if (key?.name === 'return' || key?.name === 'enter') last = null
    else draw()
  })
}

module.exports = { colour, highlight }
