'use strict'

const { isAsyncFunction, isGeneratorFunction } = require('node:util').types
const { getLength } = require('./function')
const { checkNames } = require('./names')

const TABLE = ['rows', 'columns', 'parameters', 'safeIntegers', 'directOnly']

const { apply } = Function.prototype

/**
 * Arguments of `db.table()`, checked: a factory for the addon, and whether the table is eponymous.
 */
function readTable (name, definition, defaultInt64) {
  if (typeof name !== 'string') throw new TypeError('Expected first argument to be a string')
  if (!name) throw new TypeError('Virtual table module name cannot be an empty string')
  if (typeof definition === 'object' && definition !== null) {
    const parsed = parseDefinition(definition, 'used', name)
    return [() => resolve(parsed, defaultInt64), name, true]
  }
  if (typeof definition !== 'function') {
    throw new TypeError('Expected second argument to be a function or a table definition object')
  }
  return [wrapFactory(definition, defaultInt64), name, false]
}

function wrapFactory (factory, defaultInt64) {
  return (module, database, table, ...args) => {
    const definition = apply.call(factory, { module, database, table }, args)
    if (typeof definition !== 'object' || definition === null) {
      throw new TypeError(`Virtual table module "${module}" did not return a table definition object`)
    }
    return resolve(parseDefinition(definition, 'returned', module), defaultInt64)
  }
}

/** The connection's default applies when a table is first used, not when it is defined. */
function resolve ([sql, generator, parameters, int64, directOnly], defaultInt64) {
  return [sql, generator, parameters, int64 ?? defaultInt64(), directOnly]
}

/**
 * @returns {[
 *   sql: string, rows: Function, parameters: string[], int64: boolean | null, directOnly: boolean
 * ]}
 */
function parseDefinition (definition, verb, moduleName) {
  const fail = (what, Type = TypeError) => {
    throw new Type(`Virtual table module "${moduleName}" ${verb} a table definition ${what}`)
  }
  const own = (key) => Object.hasOwn(definition, key)
  checkNames(definition, TABLE)
  if (!own('rows')) fail('without a "rows" property')
  if (!own('columns')) fail('without a "columns" property')

  const { rows } = definition
  if (typeof rows !== 'function' || !isGeneratorFunction(rows) || isAsyncFunction(rows)) {
    fail('with an invalid "rows" property (should be a generator function)')
  }
  const columns = copyStrings(definition.columns)
  if (columns === null) fail('with an invalid "columns" property (should be an array of strings)')
  if (columns.length !== new Set(columns).size) fail('with duplicate column names')
  if (columns.length === 0) fail('with zero columns', RangeError)

  const parameters = own('parameters') ? copyStrings(definition.parameters) : inferParameters(rows)
  if (parameters === null) fail('with an invalid "parameters" property (should be an array of strings)')
  if (parameters.length !== new Set(parameters).size) fail('with duplicate parameter names')
  if (parameters.length > 32) fail('with more than the maximum number of 32 parameters', RangeError)
  for (const parameter of parameters) {
    if (columns.includes(parameter)) {
      fail(`with column "${parameter}" which was ambiguously defined as both a column and parameter`)
    }
  }
  const readBoolean = (key, otherwise) => {
    if (!own(key)) return otherwise
    const value = definition[key]
    if (typeof value !== 'boolean') fail(`with an invalid "${key}" property (should be a boolean)`)
    return value
  }
  const int64 = readBoolean('safeIntegers', null)
  const directOnly = readBoolean('directOnly', false)
  const fields = [...parameters.map((name) => `${identifier(name)} HIDDEN`), ...columns.map(identifier)]
  const positions = new Map(columns.map((column, i) => [column, parameters.length + i]))
  return [
    `CREATE TABLE x(${fields.join(', ')});`,
    Object.assign(wrapGenerator(rows, positions, moduleName), { width: fields.length }),
    parameters,
    int64,
    directOnly
  ]
}

const identifier = (name) => `"${name.replace(/"/g, '""')}"`

/** A plain copy of an array of strings, or null; nothing of Array.prototype is trusted. */
function copyStrings (value) {
  if (!Array.isArray(value)) return null
  const copy = [...value]
  for (let i = 0; i < copy.length; ++i) if (typeof copy[i] !== 'string') return null
  return copy
}

function inferParameters (rows) {
  const count = getLength(rows)
  const parameters = []
  for (let i = 1; i <= count; ++i) parameters.push(`$${i}`)
  return parameters
}

function wrapGenerator (generator, positions, moduleName) {
  return function * virtualTable (...args) {
    // Hidden columns return the arguments, so the generator must not be able to change them.
    const output = args.map((arg) => Buffer.isBuffer(arg) ? Buffer.from(arg) : arg)
    for (let i = 0; i < positions.size; ++i) output.push(null)
    for (const row of generator(...args)) {
      if (Array.isArray(row)) {
        copyArray(row, output, positions.size, moduleName)
      } else if (typeof row === 'object' && row !== null) {
        copyObject(row, output, positions, moduleName)
      } else {
        throw new TypeError(`Virtual table module "${moduleName}" yielded something that isn't a valid row object`)
      }
      yield output
    }
  }
}

function copyArray (row, output, count, moduleName) {
  if (row.length !== count) {
    throw new TypeError(`Virtual table module "${moduleName}" yielded a row with an incorrect number of columns`)
  }
  const offset = output.length - count
  for (let i = 0; i < count; ++i) output[i + offset] = row[i]
}

function copyObject (row, output, positions, moduleName) {
  let count = 0
  for (const key of Object.keys(row)) {
    const position = positions.get(key)
    if (position === undefined) {
      throw new TypeError(`Virtual table module "${moduleName}" yielded a row with an undeclared column "${key}"`)
    }
    output[position] = row[key]
    count += 1
  }
  if (count !== positions.size) {
    throw new TypeError(`Virtual table module "${moduleName}" yielded a row with missing columns`)
  }
}

module.exports = { readTable }
