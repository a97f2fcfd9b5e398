'use strict'

const Action = require('./actions')

const Authorization = Object.freeze({ ALLOW: 0, DENY: 1, IGNORE: 2 })

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
    const { defaultPolicy = Authorization.DENY } = rules
    return [rules.rules.map(readRule), requirePolicy(defaultPolicy)]
  }
  const tables = Object.entries(rules).map(([table, policy]) => readRule({ table, policy }))
  // What is about no table is denied, except SELECT itself.
  tables.push(readRule({ action: Action.SELECT, policy: Authorization.ALLOW }))
  return [tables, Authorization.DENY]
}

/** @returns {import('../engine').Rule} */
function readRule (rule) {
  if (typeof rule !== 'object' || rule === null) throw new TypeError('Expected each authorizer rule to be an object')
  const { action, table, column, entity, accessor, policy } = rule
  const [ofTable, ofColumn, ofEntity, ofAccessor] =
    Object.entries({ table, column, entity, accessor }).map(readPattern)
  const actions = readActions(action)
  return [actions, ...ofTable, ...ofColumn, ...ofEntity, ...ofAccessor, requirePolicy(policy)]
}

function readActions (action) {
  if (action == null) return null
  const actions = Array.isArray(action) ? [...action] : [action]
  if (!actions.every(Number.isInteger)) throw new TypeError('Expected the "action" of an authorizer rule to be an action code or an array of them')
  return actions
}

/** @returns {[pattern: string | null, isGlob: boolean]} */
function readPattern ([key, pattern]) {
  if (pattern == null) return [null, false]
  if (typeof pattern === 'string') return [pattern, false]
  if (typeof pattern === 'object' && typeof pattern.glob === 'string') return [pattern.glob, true]
  throw new TypeError(`Expected the "${key}" of an authorizer rule to be a string or { glob }`)
}

function requirePolicy (policy) {
  if (Object.values(Authorization).includes(policy)) return policy
  throw new TypeError('Expected the policy of an authorizer to be ALLOW, DENY or IGNORE of Authorization')
}

module.exports = { Action, Authorization, readRules }
