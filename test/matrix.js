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
file                              APIs           backends                      Nodes   no eval
api/10.open.js                    sync promise   file wasm                     all     yes
api/10.paths.js                   sync promise   file wasm                     all     yes
api/11.close.js                   sync promise   file wasm                     all     yes
api/12.prepare.js                 sync promise   file server replica kv wasm   all     yes
api/13.exec.js                    sync promise   file server replica kv wasm   all     yes
api/14.explain.js                 sync promise   file server replica kv wasm   all     yes
api/20.run.js                     sync promise   file server replica kv wasm   all     yes
api/21.get.js                     sync promise   file server replica kv wasm   all     yes
api/22.all.js                     sync promise   file server replica kv wasm   all     yes
api/23.iterate.js                 sync promise   file server replica kv wasm   all     yes
api/24.bind.js                    sync promise   file server replica kv wasm   all     yes
api/25.columns.js                 sync promise   file server replica kv wasm   all     yes
api/26.to-string.js               sync promise   file server replica kv wasm   all     yes
api/27.verbose.js                 sync promise   file                          all     yes
api/28.limited.js                 sync promise   file wasm                     all     yes
api/29.timing.js                  sync promise   file server replica kv wasm   all     yes
api/29.views.js                   sync promise   file server replica kv wasm   all     yes
api/30.lost-transaction.js        sync promise   file server replica kv        all     -
api/30.transaction.js             sync promise   file server replica kv wasm   all     yes
api/31.pragma.js                  sync promise   file server replica kv wasm   all     yes
api/32.function.js                sync promise   file wasm                     all     yes
api/32.newer-functions.js         sync promise   file wasm                     all     yes
api/33.aggregate.js               sync promise   file wasm                     all     yes
api/34.table.js                   sync promise   file wasm                     all     yes
api/35.extension.js               sync promise   file                          all     yes
api/36.backup-locks.js            sync promise   file wasm                     all     yes
api/36.backup.js                  sync promise   file wasm                     all     yes
api/36.backup-store.js            sync promise   file kv                       all     -
api/50.flush.js                   sync promise   file                          all     -
api/51.refresh.js                 sync promise   file                          all     -
api/52.history.js                 sync promise   file                          all     -
api/37.serialize.js               sync promise   file wasm                     all     yes
api/38.batch.js                   sync promise   file server replica kv wasm   all     yes
api/39.session.js                 sync promise   file kv wasm                  all     yes
api/40.bigint.js                  sync promise   file server replica kv wasm   all     yes
api/43.values.js                  sync promise   file server replica kv wasm   all     yes
api/45.unsafe.js                  sync promise   file wasm                     all     yes
api/47.authorizer.js              sync promise   file wasm                     all     yes
api/49.update-hook.js             sync promise   file wasm                     all     yes
api/55.error-context.js           sync promise   file server replica kv        all     yes
api/56.tracing.js                 sync promise   file server replica kv wasm   all     yes
api/57.stats.js                   sync promise   file server replica kv wasm   all     yes
api/58.lifecycle.js               sync promise   file server replica kv wasm   all     yes
api/62.encryption.js              sync promise   file                          one     -
api/65.file-descriptor.js         sync promise   file                          all     -
api/73.call-options.js            sync promise   file server replica kv wasm   all     yes
api/74.option-names.js            sync promise   file                          all     yes
cli/10.output.js                  -              -                             one     -
cli/11.scripts.js                 -              -                             one     -
cli/12.dump.js                    -              -                             one     -
cli/20.servers.js                 -              -                             one     -
cli/81.manual.js                  -              -                             one     -
examples/80.examples.js           -              -                             one     -
examples/81.docs.js               -              -                             one     -
examples/82.typescript.js         -              -                             one     -
examples/83.troubleshooting.js    -              -                             one     -
examples/84.operator.js           -              -                             one     -
examples/85.programs.js           -              -                             one     -
fault/90.engine.js                -              -                             one     -
fault/95.backup-s3.js             -              -                             one     -
fault/96.replica-kill.js          -              -                             one     -
fault/97.replica-log.js           -              -                             one     -
kv/13.damage.js                   -              -                             one     -
kv/14.stores.js                   -              -                             one     -
kv/15.kill.js                     -              -                             one     -
kv/16.lifetime.js                 -              -                             one     -
kv/17.pragmas.js                  -              -                             one     -
kv/25.vector.js                   -              -                             one     -
kv/18.check.js                    -              -                             one     -
kv/23.s3.js                       -              -                             one     -
kv/24.unstorage.js                -              -                             one     -
kv/25.races.js                    -              -                             one     -
kv/26.deno-kv.js                  -              -                             one     -
kv/28.differential.js             -              -                             one     -
pack/02.bundlers.js               -              -                             one     -
pack/03.alias.js                  -              -                             one     -
pack/04.runners.js                -              -                             one     -
pack/05.stand-ins.js              -              -                             one     -
project/82.project.js             -              -                             one     -
project/83.links.js               -              -                             one     -
promise/50.promise.js             -              -                             all     yes
promise/54.readers.js             -              -                             all     yes
remote/65.lost-transaction.js     -              -                             one     -
remote/65.server-gone.js          -              -                             one     -
remote/67.hostile-server.js       -              -                             one     -
remote/70.vector.js               -              -                             one     -
project/85.notices.js             -              -                             one     -
replica/61.replica.js             -              -                             one     -
replica/63.read-your-writes.js    -              -                             one     -
replica/66.replica-plain.js       -              -                             one     -
replica/68.sync-events.js         -              -                             one     -
replica/69.error-context.js       -              -                             one     -
sync/44.workers.js                -              -                             all     yes
sync/70.limits.js                 -              -                             one     -
types/70.types.js                 -              -                             one     -
types/71.comments.js              -              -                             one     -
vector/10.vector.js               sync promise   file kv                       all     -
vector/11.input.js                sync promise   file kv                       all     -
vector/12.reading.js              sync promise   file                          one     -
vector/20.build.js                sync promise   file kv                       one     -
vector/20.manual.js               sync promise   file                          all     -
vector/30.concurrency.js          -              -                             one     -
wasm/10.loader.js                 -              -                             one     -
wasm/20.instance.js               -              -                             one     -
wasm/30.files.js                  -              -                             one     -
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
