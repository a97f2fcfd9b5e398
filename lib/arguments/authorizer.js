'use strict'

const { Action, Authorization } = require('./constants')

const RULES = ['rules', 'defaultPolicy']
const RULE = ['action', 'table', 'column', 'entity', 'accessor', 'policy']
const CODES = new Set(Object.values(Action))

/**
 * Rules in either of libsql's two shapes, as the addon takes them.
 * @returns {[rules: import('../engine').Rule[] | null, otherwise: number]}
 */
function readRules (rules) {
  if (rules === null) return [null, Authorization.ALLOW]
  if (typeof rules !== 'object' || Array.isArray(rules)) {
    throw new TypeError('Expected first argument to be an object of rules or null')
  }
  if (Array.isArray(rules.rules)) {
    const { rules: list, defaultPolicy } = readKeys(rules, RULES)
    return [list.map(readRule), requirePolicy(defaultPolicy ?? Authorization.DENY)]
  }
  const tables = Object.entries(rules).map(([table, policy]) => readRule({ table, policy }))
  // Actions without a table are denied, except SELECT itself.
  tables.push(readRule({ action: Action.SELECT, policy: Authorization.ALLOW }))
  return [tables, Authorization.DENY]
}

/** @returns {import('../engine').Rule} */
function readRule (rule) {
  if (typeof rule !== 'object' || rule === null) throw new TypeError('Expected each authorizer rule to be an object')
  const { action, table, column, entity, accessor, policy } = readKeys(rule, RULE)
  const [ofTable, ofColumn, ofEntity, ofAccessor] =
    Object.entries({ table, column, entity, accessor }).map(readPattern)
  const actions = readActions(action)
  return [actions, ...ofTable, ...ofColumn, ...ofEntity, ...ofAccessor, requirePolicy(policy)]
}

/** A missing key matches everything, so a misspelt key, or one without a value, is an error. */
function readKeys (object, known) {
  const what = known === RULE ? 'an authorizer rule' : 'an authorizer'
  for (const key in object) {
    if (!known.includes(key)) throw new TypeError(`Unknown key "${key}" of ${what} (it should be one of ${known.join(', ')})`)
  }
  const values = {}
  for (const key of known) {
    if (!(key in object)) continue
    const value = values[key] = object[key]
    if (value == null) throw new TypeError(`Expected the "${key}" of ${what} to be left out or to have a value (is a variable not set?)`)
  }
  return values
}

function readActions (action) {
  if (action === undefined) return null
  const actions = Array.isArray(action) ? [...action] : [action]
  if (!actions.every((code) => CODES.has(code))) throw new TypeError('Expected the "action" of an authorizer rule to be an action code or an array of them')
  return actions
}

/** @returns {[pattern: string | null, isGlob: boolean]} */
function readPattern ([key, pattern]) {
  if (pattern === undefined) return [null, false]
  if (typeof pattern === 'string') return [pattern, false]
  if (typeof pattern === 'object' && Object.keys(pattern).join() === 'glob') {
    const { glob } = pattern
    if (typeof glob === 'string') return [glob, true]
  }
  throw new TypeError(`Expected the "${key}" of an authorizer rule to be a string or { glob }`)
}

function requirePolicy (policy) {
  if (Object.values(Authorization).includes(policy)) return policy
  throw new TypeError('Expected the policy of an authorizer to be ALLOW, DENY or IGNORE of Authorization')
}

module.exports = { readRules }
