'use strict'

// What the C library and Rust ask of the system.

const fs = require('node:fs')
const { nanoseconds, wallTime } = require('../timers')
const { wasiFiles } = require('./wasi-files')

// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#errno
const SUCCESS = 0
const NOSYS = 52

const { WebAssembly } = /** @type {any} */ (globalThis)

const REALTIME = 0
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
      fillRandom(memory.bytes().subarray(at >>> 0, (at >>> 0) + length))
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

// As crypto.randomFillSync() does, which takes 8 ms to load.
function fillRandom (bytes) {
  let fd
  try {
    fd = fs.openSync('/dev/urandom', 'r')
    if (fs.readSync(fd, bytes, 0, bytes.length, null) === bytes.length) return
  } catch {
    // Windows has none, nor may a sandbox.
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
  require('node:crypto').randomFillSync(bytes)
}

const SLEEPING = new Int32Array(new SharedArrayBuffer(4))

function sleep (ms) {
  if (ms > 0) Atomics.wait(SLEEPING, 0, 0, ms)
}

module.exports = { sleep, wasi }
