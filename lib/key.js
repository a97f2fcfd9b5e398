'use strict'

// Only this package can construct statements and iterators.
const KEY = Symbol('ferrolite')

function requireOurs (isOurs) {
  if (!isOurs) throw new TypeError('Illegal invocation')
}

module.exports = { KEY, requireOurs }
