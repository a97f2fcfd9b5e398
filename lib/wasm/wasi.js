'use strict'

// What the C library and Rust ask of the system.

const { webcrypto } = require('node:crypto')
const { nanoseconds, wallTime } = require('../timers')
const { wasiFiles } = require('./wasi-files')

// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#errno
const SUCCESS = 0
const NOSYS = 52

const { WebAssembly } = /** @type {any} */ (globalThis)

const REALTIME = 0
// Bytes a call of getRandomValues().
const MOST = 65536
const STDERR = 2

function wasi (module, memory) {
  const files = wasiFiles(memory)
  const known = {
    clock_time_get (clock, _, out) {
      const now = clock === REALTIME
        ? BigInt(wallTime()) * 1_000_000n
        : nanoseconds()
      memory.integers()[out >>> 3] = now
      return SUCCESS
    },
    environ_get: () => SUCCESS,
    environ_sizes_get (count, size) {
      const words = memory.words()
      words[count >>> 2] = words[size >>> 2] = 0
      return SUCCESS
    },
    ...files,
    fd_write (fd, vectors, count, out) {
      if (fd > STDERR) return files.write(fd, vectors, count, out)
      const words = memory.words()
      let written = 0
      for (let i = 0; i < count; ++i) {
        const at = words[(vectors >>> 2) + 2 * i]
        const length = words[(vectors >>> 2) + 2 * i + 1]
        process.stderr.write(memory.utf8(at, length))
        written += length
      }
      words[out >>> 2] = written
      return SUCCESS
    },
    // Sleeps: the only subscription that the C library makes.
    poll_oneoff (subscriptions, out, count, events) {
      const ns = memory.integers()[(subscriptions >>> 3) + 3]
      sleep(Number(ns / 1_000_000n))
      memory.bytes().fill(0, out >>> 0, (out >>> 0) + 32)
      memory.words()[events >>> 2] = 1
      return SUCCESS
    },
    random_get (at, length) {
      const bytes = memory.bytes().subarray(at >>> 0, (at >>> 0) + length)
      for (let i = 0; i < length; i += MOST) {
        webcrypto.getRandomValues(bytes.subarray(i, i + MOST))
      }
      return SUCCESS
    },
    proc_exit (code) {
      throw new Error(`exit ${code}`)
    }
  }
  const functions = {}
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from === 'wasi_snapshot_preview1') functions[name] = known[name] ?? (() => NOSYS)
  }
  return functions
}

const SLEEPING = new Int32Array(new SharedArrayBuffer(4))

function sleep (ms) {
  if (ms > 0) Atomics.wait(SLEEPING, 0, 0, ms)
}

module.exports = { sleep, wasi }
