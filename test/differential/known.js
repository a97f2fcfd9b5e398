'use strict'

// The differences that are meant. Each has its heading in docs/differences.md, where its reason is,
// and a matcher that lets nothing else through: it gets [path, kind, seen] of both sides and the
// operation.

// Properties that errors have beyond those of better-sqlite3.
const EXTRAS = { error: ['rawCode'] }

function withoutProto (seen) {
  if (Array.isArray(seen)) return seen.map(withoutProto)
  if (typeof seen !== 'object' || seen === null) return seen
  if (!Array.isArray(seen.o)) return seen
  const { p, tag, ...rest } = seen
  const kept = seen.o.filter(([key]) => key !== '__proto__')
  return { ...rest, o: kept.map(([key, value, ...odd]) => [key, withoutProto(value), ...odd]) }
}

const hasProto = (seen) => JSON.stringify(seen).includes('["__proto__",')
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)

const STATEMENT_PROPERTIES = ['reader', 'readonly', 'source', 'database', 'busy']

// A statement without `busy` and without the attributes of its properties.
function plainProperties (seen) {
  if (!Array.isArray(seen)) {
    return seen?.p === 'Statement' ? { ...seen, o: withoutAttributes(seen.o) } : seen
  }
  return seen[1] === 'Statement' ? [withoutAttributes(seen[0]), ...seen.slice(1)] : seen.map(plainProperties)
}

const withoutAttributes = (properties) => properties
  .filter(([key]) => key !== 'busy')
  .map(([key, value]) => STATEMENT_PROPERTIES.includes(key) ? [key, value] : [key, value, 'other'])

const pages = (seen) => seen?.o?.find(([key]) => key === 'totalPages')?.[1]

// Real numbers with all digits, and with the 15 that older engines write.
const rounded = (seen) => JSON.stringify(seen).replace(/-?\d+\.\d+(e[+-]?\d+)?/g, (digits) =>
  Number(Number(digits).toPrecision(15)))

const KNOWN = [
  {
    heading: 'A column named __proto__',
    matches: ([, kind, seen], [, otherKind, other]) =>
      kind === otherKind && hasProto(seen) && same(withoutProto(seen), withoutProto(other))
  },
  {
    heading: 'NUL in SQL and in paths',
    matches: ([, kind, seen], theirs, op) => kind.endsWith(' throws') &&
      JSON.stringify(op ?? null).includes('\\u0000') && / a NUL character$/.test(seen.m)
  },
  {
    heading: 'Real numbers as text',
    matches: ([, kind, seen], [, otherKind, other]) => kind === otherKind &&
      ['toString', 'call verbose'].includes(kind) && rounded(seen) === rounded(other)
  },
  {
    heading: 'Properties of a statement',
    matches: ([, kind, seen], [, otherKind, other]) => kind === otherKind &&
      same(plainProperties(seen), plainProperties(other))
  },
  {
    heading: 'Commits that fail after a row',
    matches: ([, kind, seen], [, otherKind]) => kind === `${otherKind} throws` &&
      ['get', 'return', 'next'].includes(otherKind) && seen.c === 'SQLITE_CONSTRAINT_FOREIGNKEY'
  },
  {
    heading: 'Failures of a table that SQLite ignores',
    // There the exception that was swallowed before keeps the next error from being thrown.
    matches: ([, kind], [, otherKind, other]) => kind === `${otherKind} throws` && other?.u === 1 &&
      ['run', 'get', 'all'].includes(otherKind)
  },
  {
    heading: 'Backups that do not start',
    matches: ([, kind, seen], [, otherKind, other]) => kind === 'files' && otherKind === kind &&
      same(seen, other.filter(([file]) => !/^(copy\d*| trimmed)\.db$/.test(file) ||
        seen.some(([ours]) => ours === file)))
  },
  {
    heading: 'Backups of locked databases',
    matches: ([, kind, seen], [, otherKind, other]) => kind === 'backup rejects' && seen.c === 'SQLITE_BUSY' &&
      otherKind === 'backup resolves' && pages(other) === 0
  },
  {
    heading: 'Idle statements',
    matches: ([, kind, seen], [, otherKind, other]) => otherKind === 'columns' &&
      (kind === 'columns' ? seen.length !== other.length : kind === 'columns throws' && seen.c === 'SQLITE_ERROR')
  },
  {
    heading: 'The engine',
    matches: ([, kind, seen], [, otherKind, other]) => kind === otherKind && (
      // unicode() of the noncharacter U+FFFF
      same(JSON.parse(JSON.stringify(seen).replaceAll('65533', '65535')), other) ||
      // The same content in a page more or less
      (kind === 'backup resolves' && Math.abs(pages(seen) - pages(other)) === 1))
  },
  {
    heading: 'Files that cannot be opened',
    matches: ([, kind, seen], [, otherKind, other]) => kind === otherKind &&
      (other?.c === 'SQLITE_CANTOPEN' || /the directory does not exist$/.test(other?.m)) &&
      seen?.c === other.c && seen.m.startsWith(other.m)
  },
  {
    heading: 'Names of savepoints',
    matches: ([, kind, seen], [, otherKind, other]) => kind === otherKind &&
      same(seen, JSON.parse(JSON.stringify(other).replaceAll('_bs3.', '_ferrolite.')))
  },
  {
    heading: 'Errors without a code',
    matches: ([, kind, seen], [, otherKind, other]) => kind === otherKind &&
      other?.c === 'SQLITE_OK' && other.m === 'not an error' && seen?.c === 'SQLITE_MISUSE'
  }
]

// The heading of the difference, or undefined when it is none that we mean.
function known (ours, theirs, op) {
  // What the engine in WASM lacks: lib/capabilities.js has it.
  if (/ is not available in WASM: /.test(ours[2]?.m)) return 'Not in WASM'
  return KNOWN.find(({ matches }) => matches(ours, theirs, op))?.heading
}

module.exports = { EXTRAS, KNOWN, known }
