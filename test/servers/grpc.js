'use strict'

// As much of gRPC-Web as tests need: the replies of a primary's replication log, taken apart and
// put together.

const { readFields, writeVarint } = require('./hrana')

const GRPC = 'application/grpc-web+proto'
const PREFIX = 5
const TRAILERS = 0x80
// Of a frame: number, checksum, page, size of the database, and then the page.
const HEADER = 24
const PAGE = 4096

/** The parts of a body: `{ flags, data }`, messages and then the trailers. */
function readParts (body) {
  const parts = []
  for (let at = 0; at < body.length;) {
    const end = at + PREFIX + body.readUInt32BE(at + 1)
    parts.push({ flags: body[at], data: body.subarray(at + PREFIX, end) })
    at = end
  }
  return parts
}

function writeParts (parts) {
  return Buffer.concat(parts.map(({ flags, data }) => {
    const prefix = Buffer.alloc(PREFIX)
    prefix[0] = flags
    prefix.writeUInt32BE(data.length, 1)
    return Buffer.concat([prefix, data])
  }))
}

/** How a reply ends. */
function trailers (status, text = '') {
  const lines = `grpc-status:${status}\r\ngrpc-message:${encodeURIComponent(text)}\r\n`
  return { flags: TRAILERS, data: Buffer.from(lines) }
}

/** A body without messages. */
function statusBody (status, text) {
  return writeParts([trailers(status, text)])
}

/** The frames of a reply, each `{ number, page, size, bytes }`; `bytes` are those of the frame. */
function readFrames (body) {
  const messages = readParts(body).filter(({ flags }) => flags === 0)
  return readFields(Buffer.concat(messages.map(({ data }) => data))).map(({ value }) => {
    const bytes = Buffer.from(readFields(value)[0].value)
    const number = Number(bytes.readBigUInt64LE(0))
    return { number, page: bytes.readUInt32LE(16), size: bytes.readUInt32LE(20), bytes }
  })
}

/** A reply with frames, which are given by their bytes. */
function framesBody (frames) {
  const field = (bytes) => Buffer.concat([Buffer.of(10), writeVarint(bytes.length), bytes])
  const list = Buffer.concat(frames.map((bytes) => field(field(bytes))))
  return writeParts([{ flags: 0, data: list }, trailers(0)])
}

/** A frame whose checksum is right after that of the frame before it. */
function makeFrame ({ number, page, size }, content, before = 0n) {
  const bytes = Buffer.alloc(HEADER + PAGE)
  content.copy(bytes, HEADER)
  bytes.writeBigUInt64LE(BigInt(number), 0)
  bytes.writeBigUInt64LE(crc64(bytes.subarray(HEADER), before), 8)
  bytes.writeUInt32LE(page, 16)
  bytes.writeUInt32LE(size, 20)
  return bytes
}

const POLYNOMIAL = 0xd800000000000000n
const ALL = 0xffffffffffffffffn
let table = null

// CRC-64/GO-ISO, going on from another checksum.
function crc64 (bytes, before) {
  table ??= Array.from({ length: 256 }, (_, i) => {
    let value = BigInt(i)
    for (let bit = 0; bit < 8; bit++) value = (value >> 1n) ^ (value & 1n ? POLYNOMIAL : 0n)
    return value
  })
  let crc = reverse(before)
  for (const byte of bytes) crc = table[Number(crc & 0xffn) ^ byte] ^ (crc >> 8n)
  return crc ^ ALL
}

// The bits in the opposite order, as the checksum before goes in.
function reverse (value) {
  return BigInt(`0b${[...value.toString(2).padStart(64, '0')].reverse().join('')}`)
}

module.exports = {
  GRPC,
  HEADER,
  PAGE,
  crc64,
  framesBody,
  makeFrame,
  readFrames,
  readParts,
  statusBody,
  trailers,
  writeParts
}
