'use strict'

// Questions about SQL that is not compiled. The tokenizer of crates/sqlite answers them.

/**
 * The functions of an addon that this environment has loaded; any addon will do.
 * @type {import('./engine').Natives | null}
 */
let natives = null

/** @param {import('./engine').Natives} loaded */
function useNatives (loaded) {
  natives ??= loaded
}

/** The SQL for a log or an error: without anything that may be a key. */
function withoutKeys (sql) {
  return natives.sqlWithoutKeys(sql)
}

/** Whether a statement is a PRAGMA. */
function isPragma (sql) {
  return natives.sqlIsPragma(sql)
}

/** Whether a statement has a parameter of that name, as `:name`, `@name` or `$name`. */
function hasParameter (sql, name) {
  return natives.sqlHasParameter(sql, name)
}

/** The names of a statement's parameters, null for `?`; undefined if it is not one statement. */
function parameterNames (sql) {
  return natives.sqlParameterNames(sql)
}

module.exports = { hasParameter, isPragma, parameterNames, useNatives, withoutKeys }
