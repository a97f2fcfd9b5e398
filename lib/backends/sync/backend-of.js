'use strict'

// A class body is the only place for #private fields, and a function the only constructor that
// works without `new`: this one puts the field on an object that the function made.
class Return {
  constructor (object) {
    return object
  }
}

class Owner extends Return {
  #backend

  constructor (database, backend) {
    super(database)
    this.#backend = backend
  }

  static backendOf (database) {
    if (typeof database !== 'object' || database === null || !(#backend in database)) {
      throw new TypeError('Illegal invocation')
    }
    return database.#backend
  }
}

/** Sets the backend of a Database. */
function setBackend (database, backend) {
  return new Owner(database, backend)
}

module.exports = { backendOf: Owner.backendOf, setBackend }
