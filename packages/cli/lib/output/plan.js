'use strict'

/** The rows of EXPLAIN QUERY PLAN (id, parent, unused, detail) as a tree, as sqlite3 draws it. */
function planTree (rows) {
  const children = new Map()
  for (const [id, parent, , detail] of rows) {
    if (!children.has(parent)) children.set(parent, [])
    children.get(parent).push({ id, detail })
  }
  const lines = []
  const draw = (parent, indent) => {
    const nodes = children.get(parent) ?? []
    nodes.forEach(({ id, detail }, i) => {
      const isLast = i === nodes.length - 1
      lines.push(`${indent}${isLast ? '`--' : '|--'}${detail}\n`)
      if (id !== parent) draw(id, indent + (isLast ? '   ' : '|  '))
    })
  }
  draw(0n, '')
  return `QUERY PLAN\n${lines.join('')}`
}

module.exports = { planTree }
