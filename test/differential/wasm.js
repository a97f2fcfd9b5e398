'use strict'

// Ferrolite in WASM, to compare with the native one:
// FERROLITE_NO_WAL=1 node test/differential/run.js --ours test/differential/wasm.js --theirs .

process.env.FERROLITE_BACKEND = 'wasm'

module.exports = require('../..')
