'use strict'

// As much of Hrana as tests need: SQL over plain JSON, and edits of a body, JSON or Protobuf.

const BATON = 1 // in both bodies
const BASE_URL = 2 // in the answer

/** Runs requests in one pipeline of a server, and gives the status, headers and parsed body. */
async function pipeline (url, requests, options = {}) {
  const { baton = null, headers = {}, path = '/v2/pipeline', ...rest } = options
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ baton, requests: requests.map(toRequest) }),
    ...rest
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: parsed(text) }
}

/** The rows of one statement as arrays of Hrana values; throws what the server says. */
async function sql (url, text, options) {
  const { status, text: answer, body } = await pipeline(url, [text, { type: 'close' }], options)
  const [result] = body?.results ?? []
  if (result?.type !== 'ok') throw new Error(`${status} ${answer}`)
  return result.response.result.rows.map((row) => row.map((value) => value.value ?? null))
}

function toRequest (request) {
  return typeof request === 'string' ? { type: 'execute', stmt: { sql: request } } : request
}

function parsed (text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The fields of a Protobuf message: `{ number, type, bytes, value }`, `bytes` with the tag. */
function readFields (message) {
  const fields = []
  for (let at = 0; at < message.length;) {
    const tag = readVarint(message, at)
    const type = tag.value & 7
    const { end, value } = readValue(message, tag.end, type)
    fields.push({ number: tag.value >>> 3, type, bytes: message.subarray(at, end), value })
    at = end
  }
  return fields
}

function readValue (message, at, type) {
  if (type === 0) return readVarint(message, at)
  if (type === 1) return { end: at + 8, value: message.subarray(at, at + 8) }
  if (type === 5) return { end: at + 4, value: message.subarray(at, at + 4) }
  if (type !== 2) throw new Error(`Unknown Protobuf wire type ${type}`)
  const length = readVarint(message, at)
  const end = length.end + length.value
  return { end, value: message.subarray(length.end, end) }
}

// Multiplied, not shifted: a length or number can be longer than 32 bits.
function readVarint (message, at) {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = message[at++]
    if (byte === undefined) throw new Error('A Protobuf message ends too early')
    value += (byte & 127) * scale
    if (byte < 128) return { end: at, value }
  }
}

function writeVarint (value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return Buffer.from([...bytes, value])
}

function stringField (number, text) {
  const bytes = Buffer.from(text)
  return Buffer.concat([writeVarint(number * 8 + 2), writeVarint(bytes.length), bytes])
}

/** A body with another `baton` or `baseUrl`; null removes it. */
function edit (message, contentType, { baton, baseUrl }) {
  if (/json/.test(contentType)) {
    const body = JSON.parse(message)
    if (baton !== undefined) body.baton = baton
    if (baseUrl !== undefined) body.base_url = baseUrl
    return Buffer.from(JSON.stringify(body))
  }
  const changes = [[BATON, baton], [BASE_URL, baseUrl]].filter(([, text]) => text !== undefined)
  const changed = changes.map(([number]) => number)
  const kept = readFields(message).filter(({ number }) => !changed.includes(number))
  const added = changes.filter(([, text]) => text !== null)
  return Buffer.concat([
    ...added.map(([number, text]) => stringField(number, text)),
    ...kept.map(({ bytes }) => bytes)
  ])
}

/** The baton of a body, or null. */
function batonOf (message, contentType) {
  if (/json/.test(contentType)) return JSON.parse(message).baton ?? null
  return readFields(message).find(({ number }) => number === BATON)?.value.toString() ?? null
}

module.exports = { batonOf, edit, pipeline, readFields, sql, stringField, writeVarint }
