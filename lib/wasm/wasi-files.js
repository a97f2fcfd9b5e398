'use strict'

// The few files that Rust itself looks at: whether a name is a folder, what a journal begins with,
// a copy to remove.

const fs = require('node:fs')

// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#errno
const ERRNO = { EACCES: 2, EEXIST: 20, EISDIR: 31, ENOENT: 44, ENOTDIR: 54, EPERM: 63, EROFS: 69 }
const SUCCESS = 0
const BADF = 8
const IO = 29

// The folder that names begin in: "/".
const ROOT = 3
const [DIRECTORY, REGULAR] = [3, 4]
const [CREATE, EXCLUSIVE, TRUNCATE] = [1, 4, 8]
const CAN_WRITE = 64n
const FROM_CURRENT = 1
const FROM_END = 2

function wasiFiles (memory) {
  const files = new Map()
  let last = ROOT
  const guarded = (body) => {
    try {
      return body() ?? SUCCESS
    } catch (error) {
      return ERRNO[error.code] ?? IO
    }
  }
  const open = (fd, body) => guarded(() => files.has(fd) ? body(files.get(fd)) : BADF)
  const nameAt = (at, length) => `/${memory.utf8(at, length)}`
  const view = () => memory.view()
  const writeStat = (out, stats) => {
    const data = view()
    memory.bytes().fill(0, out >>> 0, (out >>> 0) + 64)
    data.setUint8(out + 16, stats.isDirectory() ? DIRECTORY : REGULAR)
    data.setBigUint64(out + 32, BigInt(stats.size), true)
  }
  const vectors = (at, count, use) => {
    let total = 0
    for (let i = 0; i < count; ++i) {
      const start = view().getUint32(at + 8 * i, true)
      const length = view().getUint32(at + 8 * i + 4, true)
      total += use(memory.bytes().subarray(start, start + length))
    }
    return total
  }

  return {
    fd_prestat_get (fd, out) {
      if (fd !== ROOT) return BADF
      view().setUint32(out, 0, true)
      view().setUint32(out + 4, 1, true)
      return SUCCESS
    },
    fd_prestat_dir_name (fd, at) {
      view().setUint8(at, 47)
      return SUCCESS
    },
    fd_fdstat_get (fd, out) {
      memory.bytes().fill(0, out >>> 0, (out >>> 0) + 24)
      view().setUint8(out, fd === ROOT ? DIRECTORY : REGULAR)
      view().setBigUint64(out + 8, ~0n & 0xffffffffffffffffn, true)
      view().setBigUint64(out + 16, ~0n & 0xffffffffffffffffn, true)
      return SUCCESS
    },
    path_filestat_get: (fd, flags, at, length, out) => guarded(() => {
      writeStat(out, fs.statSync(nameAt(at, length)))
    }),
    path_unlink_file: (fd, at, length) => guarded(() => fs.unlinkSync(nameAt(at, length))),
    path_open: (fd, how, at, length, flags, rights, more, fdFlags, out) => guarded(() => {
      const { O_CREAT, O_EXCL, O_TRUNC, O_RDONLY, O_RDWR } = fs.constants
      const mode = (rights & CAN_WRITE) !== 0n ? O_RDWR : O_RDONLY
      const create = (flags & CREATE ? O_CREAT : 0) | (flags & EXCLUSIVE ? O_EXCL : 0)
      const asked = create | (flags & TRUNCATE ? O_TRUNC : 0)
      files.set(++last, { fd: fs.openSync(nameAt(at, length), mode | asked, 0o600), at: 0 })
      view().setUint32(out, last, true)
    }),
    fd_filestat_get: (fd, out) => open(fd, (file) => writeStat(out, fs.fstatSync(file.fd))),
    fd_read: (fd, at, count, out) => open(fd, (file) => {
      view().setUint32(out, vectors(at, count, (bytes) => {
        const got = fs.readSync(file.fd, bytes, 0, bytes.length, file.at)
        file.at += got
        return got
      }), true)
    }),
    write: (fd, at, count, out) => open(fd, (file) => {
      view().setUint32(out, vectors(at, count, (bytes) => {
        const done = fs.writeSync(file.fd, bytes, 0, bytes.length, file.at)
        file.at += done
        return done
      }), true)
    }),
    fd_seek: (fd, offset, whence, out) => open(fd, (file) => {
      const end = () => fs.fstatSync(file.fd).size
      const from = whence === FROM_END ? end() : whence === FROM_CURRENT ? file.at : 0
      file.at = from + Number(offset)
      view().setBigUint64(out, BigInt(file.at), true)
    }),
    fd_close: (fd) => open(fd, (file) => {
      files.delete(fd)
      fs.closeSync(file.fd)
    })
  }
}

module.exports = { wasiFiles }
