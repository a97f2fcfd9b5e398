'use strict'

const { SqliteSaver } = require('@langchain/langgraph-checkpoint-sqlite')
const { FILE, collect, report } = require('./report')

const saver = SqliteSaver.fromConnString(FILE)
const config = (id) => ({ configurable: { thread_id: 't', checkpoint_ns: '', ...(id && { checkpoint_id: id }) } })
const checkpoint = (id) => ({ v: 4, id, ts: '2026-01-01T00:00:00.000Z', channel_values: { bytes: new Uint8Array([0, 255]), text: 'ü' }, channel_versions: { text: 1 }, versions_seen: {} })

report({
  create: async () => await saver.getTuple(config()),
  insert: () => saver.put(config(), checkpoint('1'), { source: 'input', step: 0, parents: {} }),
  update: () => saver.put(config('1'), checkpoint('2'), { source: 'loop', step: 1, parents: {} }),
  transaction: () => saver.putWrites(config('2'), [['text', 'a'], ['text', { b: 1 }]], 'task'),
  read: () => saver.getTuple(config()),
  iterate: () => collect(saver.list(config(), { limit: 5, filter: { source: 'loop' } })),
  async delete () {
    await saver.deleteThread('t')
    return await collect(saver.list(config()))
  }
})
