'use strict'

// Which test files run more than once, and which do not run on every Node.js. A file that is not
// here runs once on each of them, with whatever API it names.
//
//   APIs      once with each: TEST_API; such a test awaits every call (test/support.js)
//   backends  and on each of these: TEST_ON
//   Nodes     `one`: it takes long and is about the engine or servers, not about Node.js
//   no eval   once more on one Node.js where no code may be generated from strings: the plain row
//             decoder takes over from the compiled one
const TABLE = `
file                              APIs           backends              Nodes   no eval
10.open.js                        sync promise   file                  all     yes
10.paths.js                       sync promise   file                  all     yes
11.close.js                       sync promise   file                  all     yes
12.prepare.js                     sync promise   file server replica   all     yes
13.exec.js                        sync promise   file server replica   all     yes
14.explain.js                     sync promise   file server replica   all     yes
20.run.js                         sync promise   file server replica   all     yes
21.get.js                         sync promise   file server replica   all     yes
22.all.js                         sync promise   file server replica   all     yes
23.iterate.js                     sync promise   file server replica   all     yes
24.bind.js                        sync promise   file server replica   all     yes
25.columns.js                     sync promise   file server replica   all     yes
26.to-string.js                   sync promise   file server replica   all     yes
27.verbose.js                     sync promise   file                  all     yes
28.limited.js                     sync promise   file                  all     yes
29.timing.js                      sync promise   file server replica   all     yes
29.views.js                       sync promise   file server replica   all     yes
30.transaction.js                 sync promise   file server replica   all     yes
31.pragma.js                      sync promise   file server replica   all     yes
32.function.js                    sync promise   file                  all     yes
32.newer-functions.js             sync promise   file                  all     yes
33.aggregate.js                   sync promise   file                  all     yes
34.table.js                       sync promise   file                  all     yes
35.extension.js                   sync promise   file                  all     yes
36.backup-locks.js                sync promise   file                  all     yes
36.backup.js                      sync promise   file                  all     yes
37.serialize.js                   sync promise   file                  all     yes
38.batch.js                       sync promise   file server replica   all     yes
39.session.js                     sync promise   file                  all     yes
40.bigint.js                      sync promise   file server replica   all     yes
43.values.js                      sync promise   file server replica   all     yes
44.workers.js                     -              -                     all     yes
45.unsafe.js                      sync promise   file                  all     yes
47.authorizer.js                  sync promise   file                  all     yes
49.update-hook.js                 sync promise   file                  all     yes
50.promise.js                     -              -                     all     yes
54.readers.js                     -              -                     all     yes
56.tracing.js                     sync promise   file server replica   all     yes
57.stats.js                       sync promise   file server replica   all     yes
58.lifecycle.js                   sync promise   file server replica   all     yes
61.replica.js                     -              -                     one     -
62.encryption.js                  sync promise   file                  one     -
63.read-your-writes.js            -              -                     one     -
65.server-gone.js                 -              -                     one     -
66.replica-plain.js               -              -                     one     -
67.hostile-server.js              -              -                     one     -
70.limits.js                      -              -                     one     -
73.call-options.js                sync promise   file server replica   all     yes
74.option-names.js                sync promise   file                  all     yes
examples/80.examples.js           -              -                     one     -
examples/81.docs.js               -              -                     one     -
examples/82.project.js            -              -                     one     -
examples/83.links.js              -              -                     one     -
fault/90.engine.js                -              -                     one     -
fault/95.backup-s3.js             -              -                     one     -
fault/96.replica-kill.js          -              -                     one     -
fault/97.replica-log.js           -              -                     one     -
pack/02.bundlers.js               -              -                     one     -
pack/03.alias.js                  -              -                     one     -
types/70.types.js                 -              -                     one     -
`

const [, ...LINES] = TABLE.trim().split('\n')
const list = (cell) => cell === '-' ? [] : cell.split(' ')

/** `apis`, `backends`, `nodes` and `noEval` of each file that is in the table. */
const MATRIX = new Map(LINES.map((line) => {
  const [file, apis, backends, nodes, noEval] = line.split(/ {2,}/)
  return [file, {
    apis: list(apis),
    backends: list(backends),
    nodes,
    noEval: noEval === 'yes'
  }]
}))

/** What the table says of a file of test/, or undefined. */
function runs (file) {
  return MATRIX.get(file.replaceAll('\\', '/'))
}

module.exports = { MATRIX, runs }
