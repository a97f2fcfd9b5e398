'use strict'

// What the generator believes to be so. It need not be right: it keeps programs meaningful.

class World {
  #next = { db: 0, stmt: 0, iter: 0, table: 0, name: 0 }
  databases = []
  statements = []

  id (kind) {
    return this.#next[kind]++
  }

  addDatabase (fields) {
    const db = {
      id: this.id('db'),
      tables: [],
      user: { functions: [], aggregates: [], tables: [], modules: [] },
      readonly: false,
      open: true,
      ...fields
    }
    this.databases.push(db)
    return db
  }

  open () {
    return this.databases.filter((db) => db.open)
  }

  statementsOf (db, test = () => true) {
    return this.statements.filter((stmt) => stmt.db === db && test(stmt))
  }

  // Old statements go, so that most calls meet a schema that they were made for.
  addStatement (stmt) {
    this.statements.push(stmt)
    if (this.statements.length > 40) this.statements.shift()
    return stmt
  }

  // A close that may be refused: the generator goes on as if it were, and opens another.
  suspect () {}

  close (db) {
    db.open = false
    this.statements = this.statements.filter((stmt) => stmt.db !== db)
  }
}

module.exports = { World }
