'use strict'

// What the demo shows: a line that changes while it runs, where the output is a terminal.

const isTerminal = process.stdout.isTTY === true
const hasColours = isTerminal && !process.env.NO_COLOR
const BARS = '▁▂▃▄▅▆▇█'
const WIDTH = 76

const colour = (code) => (text) => hasColours ? `\x1b[${code}m${text}\x1b[0m` : text
const bold = colour(1)
const dim = colour(2)
const red = colour(31)
const green = colour(32)
const yellow = colour(33)

const say = (text = '') => process.stdout.write(`${text}\n`)

/** Replaces the line that is shown; only in a terminal. */
function live (text) {
  if (isTerminal) process.stdout.write(`\r${text}\x1b[K`)
}

/** The last state of that line, which stays. */
function settle (text) {
  process.stdout.write(isTerminal ? `\r${text}\x1b[K\n` : `${text}\n`)
}

/** Sentences in lines of at most 76 characters. */
function explain (text) {
  let line = ''
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH - 3) {
      say(`   ${line}`)
      line = ''
    }
    line += (line && ' ') + word
  }
  say(`   ${line}\n`)
}

// A bar is eight times as long as another for a time a hundred times as long: 1 ms to 500 ms.
function bar (ms) {
  const height = Math.round(Math.log(Math.max(ms, 1)) / Math.log(500) * (BARS.length - 1))
  return shade(ms)(BARS[Math.min(height, BARS.length - 1)])
}

const shade = (ms) => ms < 20 ? green : ms < 60 ? yellow : red

function time (ms) {
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`
}

/** As `time`, in the colour of how bad it is, with spaces before it. */
function judged (ms, width = 0) {
  const text = time(ms)
  return ' '.repeat(Math.max(0, width - text.length)) + bold(shade(ms)(text))
}

module.exports = { bar, bold, dim, explain, judged, live, say, settle, time }
