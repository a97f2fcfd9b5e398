'use strict'

// `npm run matrix:bundlers`: every recipe of docs/bundlers.md, with the packed packages; prints a
// table. A word chooses recipes: `npm run matrix:bundlers -- Vite`.

const { testTable } = require('./test-table')

testTable('bundler', 'test/pack/02.bundlers.js', /^the recipes for (.+) make what runs in an empty folder/)
