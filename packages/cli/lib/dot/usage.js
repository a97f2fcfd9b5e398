'use strict'

const { CliError } = require('../errors')

/** Reads on/off of a command. */
function onOff (text, command) {
  if (/^(on|yes|true|1)$/i.test(text ?? '')) return true
  if (/^(off|no|false|0)$/i.test(text ?? '')) return false
  throw new CliError(`${command} takes on or off`)
}

/** Takes options such as `--skip 1` out of arguments; `kinds` says which take a value. */
function options (args, kinds, command) {
  const found = {}
  const rest = []
  for (let i = 0; i < args.length; i++) {
    const [, name] = /^--?([a-z][\w-]*)$/i.exec(args[i]) ?? []
    if (name === undefined) {
      rest.push(args[i])
      continue
    }
    if (!Object.hasOwn(kinds, name)) {
      throw new CliError(`${command} has no option ${args[i]}: there are ${Object.keys(kinds).map((kind) => `--${kind}`).join(', ') || 'none'}`)
    }
    if (!kinds[name]) found[name] = true
    else if (++i < args.length) found[name] = args[i]
    else throw new CliError(`${args[i - 1]} takes a value`)
  }
  return [found, rest]
}

function count (text, what, min = 0) {
  const number = Number(text)
  if (/^-?\d+$/.test(text ?? '') && number >= min) return number
  throw new CliError(`${what} takes a whole number${min === 0 ? '' : ` from ${min}`}`)
}

module.exports = { count, onOff, options }
