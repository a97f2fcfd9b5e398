'use strict'

// Every workload: a name, the tables it needs, and start(driver, db) -> { run, check, ... }.
// run(n) does n operations; check() gives what one of them answers, to be compared.

module.exports = [
  ...require('./get'),
  ...require('./all'),
  ...require('./iterate'),
  ...require('./write'),
  ...require('./prepare'),
  ...require('./large'),
  ...require('./callback')
]
