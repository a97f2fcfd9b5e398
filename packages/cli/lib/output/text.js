'use strict'

// How wide text is on a terminal, and what of it must not reach one.

const WIDE = /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
const NARROW = /^[\u0020-\u007e\u00a0-\u00ac\u00ae-\u02ff]*$/
// eslint-disable-next-line no-control-regex
const NONE = /[\p{M}\p{Cf}\u0000-\u001f\u007f]/u
// A text may switch a terminal's colours or move its cursor: these are shown as ^[ and the like.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f\u0080-\u009f]/g

/** How many columns of a terminal a text takes. */
function width (text) {
  if (NARROW.test(text)) return text.length
  let sum = 0
  for (const char of text) sum += charWidth(char)
  return sum
}

function charWidth (char) {
  if (NONE.test(char)) return 0
  return WIDE.test(char) ? 2 : 1
}

/** The text, with spaces behind it up to `size` columns; before it if `size` is below zero. */
function pad (text, size) {
  if (size > 0 && NARROW.test(text)) return text.padEnd(size)
  const space = ' '.repeat(Math.max(0, Math.abs(size) - width(text)))
  return size < 0 ? space + text : text + space
}

function center (text, size) {
  const space = Math.max(0, size - width(text))
  const left = Math.floor(space / 2)
  return ' '.repeat(left) + text + ' '.repeat(space - left)
}

/** Cuts text into lines of at most `size` columns, between words if `byWord`; 0 is no limit. */
function wrap (text, size, byWord = false) {
  if (NARROW.test(text) && (size <= 0 || text.length <= size)) return [text]
  const lines = []
  const limit = size > 0 ? size : Infinity
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    let rest = expandTabs(line)
    while (width(rest) > limit) {
      const cut = cutAt(rest, size, byWord)
      lines.push(rest.slice(0, cut).trimEnd())
      rest = byWord ? rest.slice(cut).trimStart() : rest.slice(cut)
    }
    lines.push(rest)
  }
  return lines
}

function expandTabs (line) {
  if (!line.includes('\t')) return line
  return line.split('\t').reduce((text, part) => {
    return text + ' '.repeat(8 - width(text) % 8) + part
  })
}

function cutAt (text, size, byWord) {
  let at = 0
  let columns = 0
  for (const char of text) {
    const more = charWidth(char)
    if (columns + more > size) break
    columns += more
    at += char.length
  }
  at = Math.max(at, 1)
  if (!byWord) return at
  const space = text.lastIndexOf(' ', at)
  return space > size / 2 ? space : at
}

/** The text without characters that a terminal would obey. */
function printable (text) {
  return text.replace(CONTROL, (char) => {
    const code = char.charCodeAt(0)
    return code < 128 ? `^${String.fromCharCode(code ^ 64)}` : `\\x${code.toString(16)}`
  })
}

module.exports = { center, pad, printable, width, wrap }
