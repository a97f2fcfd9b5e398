'use strict'

// `npm run matrix:managers`: what docs/migrating.md says to write for each package manager, in a
// project whose libraries ask for other drivers, with the packed packages; prints a table. A word
// chooses: `npm run matrix:managers -- pnp`.

const { testTable } = require('./test-table')

testTable('package manager', 'test/pack/03.alias.js', /^(.+) puts Ferrolite in the place of other drivers/)
