'use strict'

// What vector search is held to: each line with its target, what was measured, and by how much it
// is better (above 1) or falls short.

const { SETS } = require('./data')

const rawOf = set => SETS[set].rows * SETS[set].dimension * 4
const seconds = ms => ms / 1000

// The speed of an engine at a recall, between two of its points, as a line on a logarithmic scale.
function rateAt (points, recall) {
  const sorted = points.toSorted((a, b) => a.recall - b.recall)
  const above = sorted.findIndex(point => point.recall >= recall)
  if (above < 0) return undefined
  if (above === 0) return Math.max(...sorted.map(point => point.perSecond))
  const [a, b] = [sorted[above - 1], sorted[above]]
  const part = (recall - a.recall) / (b.recall - a.recall)
  return Math.exp(Math.log(a.perSecond) + part * (Math.log(b.perSecond) - Math.log(a.perSecond)))
}

const most = (what, target, value, unit = '') => value === undefined || target === undefined
  ? []
  : [{ what, unit, target, kind: 'at most', value, ratio: value === 0 ? Infinity : target / value }]
const least = (what, target, value, unit = '') => value === undefined || target === undefined
  ? []
  : [{ what, unit, target, kind: 'at least', value, ratio: value / target }]

function find ({ search }, set, engine) {
  return search.find(result => result.set === set && result.engine === engine)
}

function builds (run) {
  const build = (set, engine = 'ferrolite') => seconds(find(run, set, engine)?.build ?? NaN) || undefined
  const libsql = find(run, 'random 10k x 128', 'libsql')
  // As many rows as it had when its time was up, and the rest at the same pace.
  const whole = libsql && seconds(libsql.build) * SETS[libsql.set].rows / libsql.rows
  const peak = find(run, 'wink 1M', 'ferrolite')?.peak
  return [
    ...most('build 10k x 128, 1/25 of libsql', whole && whole / 25, build('random 10k x 128'), 's'),
    ...most('build wink 60k, 0.55 of usearch', build('wink 60k', 'usearch') * 0.55 || undefined, build('wink 60k'), 's'),
    ...most('build wink 60k, 1/3 of vectorlite', build('wink 60k', 'vectorlite') / 3 || undefined, build('wink 60k'), 's'),
    ...most('build wink 340k', 75, build('wink 340k'), 's'),
    ...most('build wink 1M', 200, build('wink 1M'), 's'),
    ...most('memory while 1M is built, in all', 0.9, peak && peak / 1e9, 'GB')
  ]
}

function queries (run) {
  const own = find(run, 'wink 60k', 'ferrolite')
  const at98 = engine => {
    const result = find(run, 'wink 60k', engine)
    return result && rateAt(result.points, 0.98)
  }
  const lines = [
    ...least('wink 60k at recall 0.98, 3 x usearch', 3 * at98('usearch') || undefined, own && rateAt(own.points, 0.98), '/s'),
    ...least('wink 60k at recall 0.98, 1.5 x vectorlite', 1.5 * at98('vectorlite') || undefined, own && rateAt(own.points, 0.98), '/s'),
    ...least('wink 340k at recall 0.95', 1500, rateAt(find(run, 'wink 340k', 'ferrolite')?.points ?? [], 0.95), '/s')
  ]
  for (const kind of ['random', 'clustered', 'low-dimensional']) {
    const set = `${kind} 5k x 768`
    const [mine, theirs] = [find(run, set, 'ferrolite')?.asked, find(run, set, 'libsql')?.points[0]]
    lines.push(...least(`${set}, 20 x libsql`, theirs && 20 * theirs.perSecond, mine?.perSecond, '/s'),
      ...least(`${set}, recall`, 0.97, mine?.recall))
  }
  const { scan, readers } = run
  return [
    ...lines,
    ...least('exact scan, 15 x sqlite-vec', scan && 15 * scan['sqlite-vec'].perSecond, scan?.ferrolite.perSecond, '/s'),
    ...least('two readers, 1.5 x one', readers && 1.5 * readers.one, readers?.two, '/s')
  ]
}

function recalls ({ search, recall }) {
  const asked = [
    ...search.filter(({ engine }) => engine === 'ferrolite').map(({ set, asked }) => ({ set, asked: 0.98, recall: asked.recall })),
    ...recall
  ]
  if (asked.length === 0) return []
  const worst = asked.toSorted((a, b) => (a.recall - a.asked) - (b.recall - b.asked))[0]
  return least(`recall as asked, the worst of ${asked.length}: ${worst.set}, ${worst.asked} less 0.015`,
    worst.asked - 0.015, worst.recall)
}

function filters ({ filters }) {
  if (!filters) return []
  const own = filters.ferrolite
  const by = (list, key) => list.toSorted((a, b) => a[key] - b[key])[0]
  const name = ({ column, share }) => `${share * 100} % ${column === 'u' ? 'independent' : 'correlated'}`
  const slow = by(own, 'perSecond')
  const bad = by(own, 'recall')
  const times = own.map((part, i) => ({ ...part, times: part.perSecond / filters['sqlite-vec'][i].perSecond }))
  const near = by(times, 'times')
  return [
    ...least('filters: rows of 10, always', 10, by(own, 'least').least),
    ...least(`filters: recall, the worst (${name(bad)})`, 0.97, bad.recall),
    ...least(`filters: the slowest (${name(slow)})`, 2000, slow.perSecond, '/s'),
    ...least(`filters: times sqlite-vec, the least (${name(near)})`, 20, near.times, 'x'),
    ...least('1 % of a joined table: rows of 10', 10, filters.joined.least),
    ...least('1 % of a joined table: recall', 0.97, filters.joined.recall),
    ...least('1 % of a joined table, streaming', 300, filters.joined.perSecond, '/s')
  ]
}

function writes ({ writes }) {
  if (!writes) return []
  const { inserts, updates, deletes, pages, replaced } = writes
  return [
    ...least('inserts, each a transaction, with merges', 3000, inserts.perSecond, '/s'),
    ...most('half of the inserts within', 0.1, inserts.median, 'ms'),
    ...most('the longest insert', 1000, inserts.longest, 'ms'),
    ...most('pages that 99 of 100 inserts write at most, between merges', 6, pages),
    ...least('updates of a vector, each a transaction', 2000, updates.perSecond, '/s'),
    ...least('deletes, each a transaction', 2000, deletes.perSecond, '/s'),
    ...least('recall after half was replaced, less 0.01 of a fresh build', replaced.rebuilt.recall - 0.01, replaced.after.recall),
    ...most('file after half was replaced, to before', 1.1, replaced.bytes / replaced.before, 'x')
  ]
}

function sizes (run) {
  const size = set => {
    const result = find(run, set, 'ferrolite')
    return result && result.bytes / rawOf(set)
  }
  return [
    ...['wink 60k', 'wink 340k', 'wink 1M'].flatMap(set => most(`file, ${set}, to its vectors`, 1.5, size(set), 'x')),
    ...['random', 'clustered', 'low-dimensional'].flatMap(kind => most(`file, ${kind} 20k x 768, to its vectors`, 1.2, size(`${kind} 20k x 768`), 'x')),
    ...run.memory.flatMap(({ set, element, raw, bytes }) => element === 'f16'
      ? most(`memory, ${set}, f16, to vectors of f32`, 0.9, bytes / raw, 'x')
      : most(`memory, ${set}, to its vectors`, 1.5, bytes / raw, 'x'))
  ]
}

function cold ({ cold, foreign }) {
  const limits = { 'wink 60k': 60, 'wink 1M': 800 }
  return [
    ...cold.flatMap(({ set, empty, full }) => most(`first answer of a process, ${set}, beyond an empty one`, limits[set], full - empty, 'ms')),
    ...foreign ? most(`after a commit of another process, ${foreign.set}, beyond the usual`, 1, Math.max(0, foreign.after - foreign.usual), 'ms') : []
  ]
}

function targets (run) {
  return [builds, queries, recalls, filters, writes, sizes, cold].flatMap(part => part(run))
}

module.exports = { rateAt, rawOf, targets }
