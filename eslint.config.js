'use strict'

const neostandard = require('neostandard')

module.exports = [
  ...neostandard({ ignores: ['target/', 'coverage/', 'node_modules/'], noJsx: true, semi: false, ts: true }),
  {
    files: ['**/*.js', '**/*.mjs'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@stylistic/max-len': ['error', {
        code: 100,
        ignoreStrings: true,
        ignoreTemplateLiterals: true,
        ignoreRegExpLiterals: true,
        ignoreUrls: true
      }]
    }
  },
  {
    files: ['**/*.js'],
    ignores: ['test/types/**'],
    languageOptions: { sourceType: 'commonjs' },
    rules: { strict: ['error', 'global'] }
  }
]
