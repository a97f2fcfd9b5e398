'use strict'

const neostandard = require('neostandard')

const REPLACED = [
  'AbortController', 'AbortSignal', 'Blob', 'BroadcastChannel', 'Event', 'EventTarget', 'MessageChannel', 'TextDecoder',
  'TextEncoder', 'URL', 'URLSearchParams', 'clearImmediate', 'clearInterval', 'clearTimeout', 'crypto', 'fetch', 'performance',
  'queueMicrotask', 'setImmediate', 'setInterval', 'setTimeout', 'structuredClone'
]

module.exports = [
  ...neostandard({ ignores: ['target/', 'coverage/', 'node_modules/', 'site/pages/', 'site/types/', 'packages/better-sqlite3/lib/index.d.ts'], noJsx: true, semi: false, ts: true }),
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
  },
  {
    // Test runners put fakes or what a browser has in the place of globals.
    files: ['lib/**/*.js', 'stores/**/*.js', 'packages/**/*.js', '*.js'],
    // A program of its own.
    ignores: ['packages/cli/**'],
    rules: {
      'no-restricted-globals': ['error', ...REPLACED.map((name) => ({
        name, message: 'Take it from lib/timers.js or a module of Node: a test runner may have replaced it.'
      }))],
      'no-restricted-properties': ['error', ...['hrtime', 'nextTick'].map((property) => ({
        object: 'process', property, message: 'A test runner may have replaced it: see lib/timers.js.'
      })), {
        object: 'Date', property: 'now', message: 'A test runner may have replaced it: see lib/timers.js.'
      }],
      'no-restricted-syntax': ['error', {
        selector: "CallExpression[callee.name='require'][arguments.0.value=/^(node:)?(timers|perf_hooks)/]",
        message: 'Fakes replace what these modules have: see lib/timers.js.'
      }]
    }
  },
  {
    files: ['lib/timers.js', 'lib/other-timers.js'],
    rules: { 'no-restricted-syntax': 'off' }
  }
]
