'use strict'

const ESCAPES = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v', a: '\x07', '\\': '\\', '"': '"', "'": "'" }
const WORD = /\s*(?:'((?:[^']|'')*)'?|"((?:[^"\\]|\\[^])*)"?|(\S+))/y

/** The words of a command, as sqlite3 reads them: 'plain', "with \n", or bare. */
function words (text) {
  const list = []
  const end = text.trimEnd().length
  WORD.lastIndex = 0
  while (WORD.lastIndex < end) {
    const [, single, double, bare] = WORD.exec(text)
    list.push(single?.replaceAll("''", "'") ?? (double === undefined ? bare : unescape(double)))
  }
  return list
}

function unescape (text) {
  return text.replace(/\\(x[\da-fA-F]{1,2}|[0-7]{1,3}|[^])/g, (_, code) => {
    if (/^x[\da-fA-F]/.test(code)) return String.fromCharCode(parseInt(code.slice(1), 16))
    if (/^[0-7]/.test(code)) return String.fromCharCode(parseInt(code, 8))
    return ESCAPES[code] ?? code
  })
}

module.exports = { unescape, words }
