'use strict'

// The servers that the tests of remote databases run against: a real one, and a faulty proxy.

const assert = require('node:assert/strict')
const { once } = require('node:events')
const fs = require('node:fs')
const https = require('node:https')
const net = require('node:net')
const test = require('node:test')
const { makeCertificates } = require('../servers/certificates')
const { PROTOBUF, faults, nobody, startFaulty, startSilent } = require('../servers/faulty')
const { batonOf, edit, pipeline, readFields, sql, stringField } = require('../servers/hrana')
const { makeJwt, makeJwtKey } = require('../servers/jwt')
const { namespaceHeaders, served, sharedSqld, startSqld } = require('../servers/sqld')
const { child, tempDir, until } = require('../support')

const shared = sharedSqld()

// The real server with an empty database, behind a proxy.
async function proxied (t) {
  return startFaulty(t, { target: shared.server.url, namespace: await shared.namespace(t) })
}

function soon () {
  return { signal: AbortSignal.timeout(100) }
}

async function failure (promise) {
  const error = await promise.then(() => assert.fail('expected a rejection'), (error) => error)
  return error.cause?.code ?? error.code ?? error.name
}

const TIMED_OUT = DOMException.TIMEOUT_ERR

function withToken (token) {
  return { headers: { authorization: `Bearer ${token}` } }
}

served('A server keeps what was committed before it was killed', async (t) => {
  const server = await startSqld(t)
  await sql(server.url, 'CREATE TABLE t (a)')
  await sql(server.url, "INSERT INTO t VALUES (1), ('two')")
  const { url, pid } = server
  assert.deepEqual(await server.kill(), { code: null, signal: 'SIGKILL' })
  assert.equal(await failure(fetch(url)), 'ECONNREFUSED')
  await server.restart()
  assert.equal(server.url, url)
  assert.notEqual(server.pid, pid)
  assert.deepEqual(await sql(url, 'SELECT a FROM t'), [['1'], ['two']])
})

served('A server that is stopped ends by itself', async (t) => {
  const server = await startSqld(t)
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  assert.equal(server.pid, null)
  assert.match(server.log(), /gracefully/)
})

served('A paused server is silent until it is resumed', async (t) => {
  const server = await startSqld(t)
  await server.pause()
  assert.equal(await failure(fetch(server.url, soon())), TIMED_OUT)
  server.resume()
  assert.deepEqual(await sql(server.url, 'SELECT 1'), [['1']])
})

served('A server that cannot start says why', async (t) => {
  await assert.rejects(startSqld(t, { flags: ['--no-such-flag'] }), /sqld ended.*--no-such-flag/s)
})

served('A server does not outlive a test that is killed', async (t) => {
  const script = `
    const { startSqld } = require(${JSON.stringify(require.resolve('../servers/sqld'))})
    startSqld({ after () {} }, { dir: ${JSON.stringify(tempDir(t))} }).then(async (server) => {
      await server.pause()
      process.stdout.write(String(server.pid), () => process.kill(process.pid, 'SIGKILL'))
    })
    setInterval(() => {}, 1000)`
  const result = await child(script, { bare: true })
  assert.equal(result.signal, 'SIGKILL', result.stderr)
  const pid = Number(result.stdout)
  assert.ok(pid > 1, result.stdout)
  await until(() => !isAlive(pid), 'the end of the server')
})

function isAlive (pid) {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (process.platform !== 'linux') return true
  // In a container whose init takes no notice, a process that has ended stays as a zombie.
  try {
    return !/^State:\s*Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

served('Namespaces of one server are separate databases', async (t) => {
  const [one, two] = [await shared.namespace(t), await shared.namespace(t)]
  const at = (namespace) => ({ headers: namespaceHeaders(namespace) })
  await sql(shared.server.url, 'CREATE TABLE t (a)', at(one))
  await sql(shared.server.url, 'CREATE TABLE t (a)', at(two))
  assert.equal((await pipeline(shared.server.url, ['SELECT 1'], at('none'))).status, 404)
})

served('A replica shows what its primary has', async (t) => {
  const primary = await startSqld(t)
  await sql(primary.url, 'CREATE TABLE t (a)')
  const replica = await startSqld(t, { primary: primary.grpcUrl })
  await sql(replica.url, 'INSERT INTO t VALUES (1)')
  assert.deepEqual(await sql(primary.url, 'SELECT a FROM t'), [['1']])
  await until(async () => (await sql(replica.url, 'SELECT a FROM t')).length === 1)
})

served('A token opens a server, unless it is expired, of another key, or missing', async (t) => {
  const key = makeJwtKey()
  for (const jwtKey of [key.publicKey, key.pem]) {
    const { url } = await startSqld(t, { jwtKey })
    const status = async (options) => (await pipeline(url, ['CREATE TABLE t (a)'], options)).status
    assert.equal(await status(), 401)
    assert.equal(await status(withToken(makeJwt(key, { expiresIn: -120 }))), 401)
    assert.equal(await status(withToken(makeJwt(makeJwtKey()))), 401)
    assert.equal(await status(withToken(makeJwt(key, { expiresIn: 60 }))), 200)
    assert.equal(await status(withToken(makeJwt(key, { a: 'ro' }))), 403)
  }
})

served('The proxy passes requests on and records them', async (t) => {
  const proxy = await proxied(t)
  await sql(proxy.url, 'CREATE TABLE t (a)', withToken('secret'))
  assert.deepEqual(await sql(proxy.url, 'SELECT name FROM sqlite_schema'), [['t']])
  const [{ method, path, headers, size, body, fault }] = proxy.requests
  assert.deepEqual({ method, path, fault }, { method: 'POST', path: '/v2/pipeline', fault: 'pass' })
  assert.equal(headers.authorization, 'Bearer secret')
  assert.equal(size, body.length)
  assert.equal(JSON.parse(body).requests[0].stmt.sql, 'CREATE TABLE t (a)')
  assert.equal(proxy.requests.length, 2)
})

served('The script has one fault for each request, and then all pass', async (t) => {
  const proxy = await proxied(t)
  proxy.script(faults.status(500), faults.pass, faults.status(429, 'text'))
  const status = async () => (await pipeline(proxy.url, ['SELECT 1'])).status
  const statuses = [await status(), await status(), await status(), await status()]
  assert.deepEqual(statuses, [500, 200, 429, 200])
  assert.deepEqual(proxy.requests.map(({ fault }) => fault), ['status', 'pass', 'status', 'pass'])
  proxy.always(faults.status(404, 'empty'))
  assert.deepEqual([await status(), await status()], [404, 404])
})

test('A proxy before nothing says so', async (t) => {
  const proxy = await startFaulty(t)
  const answer = await pipeline(proxy.url, ['SELECT 1'])
  assert.equal(answer.status, 502)
  assert.equal(answer.text, 'faulty proxy: there is no server behind it')
})

test('Statuses come with their bodies', async (t) => {
  const proxy = await startFaulty(t)
  const kinds = { empty: 0, html: 44, json: 42, nonUtf8: 5, text: 9 }
  for (const [kind, length] of Object.entries(kinds)) {
    proxy.script(faults.status(403, kind))
    const response = await fetch(proxy.url)
    assert.equal(response.status, 403)
    assert.equal((await response.arrayBuffer()).byteLength, length, kind)
  }
})

test('Bodies that are no answer', async (t) => {
  const proxy = await startFaulty(t)
  proxy.script(faults.nonUtf8, faults.empty, faults.wrongJson, faults.garbage, faults.answer('x'))
  const read = async () => Buffer.from(await (await fetch(proxy.url)).arrayBuffer())
  assert.throws(() => new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from([0xff, 0xfe])))
  const nonUtf8 = await read()
  assert.throws(() => new TextDecoder('utf-8', { fatal: true }).decode(nonUtf8))
  assert.equal((await read()).length, 0)
  assert.deepEqual(JSON.parse(await read()), { results: { no: 'list' } })
  const garbage = await read()
  assert.throws(() => readFields(garbage))
  assert.equal((await read()).toString(), 'x')
})

test('Connections that fail', async (t) => {
  const proxy = await startFaulty(t)
  assert.equal(await failure(fetch(await nobody())), 'ECONNREFUSED')
  const silent = await startSilent(t)
  assert.equal(await failure(fetch(silent.url, soon())), TIMED_OUT)
  assert.equal(silent.connections, 1)
  proxy.script(faults.refuse)
  assert.match(await failure(fetch(proxy.url)), /UND_ERR_SOCKET|ECONNRESET/)
  assert.deepEqual([proxy.connections, proxy.requests.length], [1, 0])
  proxy.script(faults.silent, faults.slowHeaders(10), faults.resetBefore)
  assert.equal(await failure(fetch(proxy.url, soon())), TIMED_OUT)
  assert.equal(await failure(fetch(proxy.url, soon())), TIMED_OUT)
  assert.equal(await failure(fetch(proxy.url)), 'ECONNRESET')
})

test('Headers come slowly, byte by byte', async (t) => {
  const proxy = await startFaulty(t)
  proxy.script(faults.slowHeaders(1))
  const socket = net.connect(proxy.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  let text = ''
  socket.on('data', (chunk) => { text += chunk })
  await until(() => text.startsWith('HTTP/1.1 200 OK\r\nx-filler: xxx'))
})

served('An answer comes byte by byte, or only half', async (t) => {
  const proxy = await proxied(t)
  proxy.script(faults.trickle(1), faults.trickle(), faults.truncate)
  assert.deepEqual(await sql(proxy.url, 'SELECT 1'), [['1']])
  const slow = pipeline(proxy.url, ['SELECT 1'], soon())
  assert.equal(await failure(slow), TIMED_OUT)
  assert.match(await failure(pipeline(proxy.url, ['SELECT 1'])), /UND_ERR_SOCKET|TypeError/)
})

served('Before a reset the server has done nothing or all', async (t) => {
  const proxy = await proxied(t)
  await sql(proxy.url, 'CREATE TABLE t (a)')
  proxy.script(faults.resetBefore, faults.resetAfter)
  assert.equal(await failure(sql(proxy.url, 'INSERT INTO t VALUES (1)')), 'ECONNRESET')
  assert.equal(await failure(sql(proxy.url, 'INSERT INTO t VALUES (2)')), 'ECONNRESET')
  assert.deepEqual(await sql(proxy.url, 'SELECT a FROM t'), [['2']])
})

served('Delays come before the server has done anything, or after', async (t) => {
  const proxy = await proxied(t)
  await sql(proxy.url, 'CREATE TABLE t (a)')
  const insert = (a, options) => sql(proxy.url, `INSERT INTO t VALUES (${a})`, options)
  const rows = () => sql(proxy.url, 'SELECT a FROM t')
  proxy.script(faults.delay(60_000))
  assert.equal(await failure(insert(1, soon())), TIMED_OUT)
  proxy.script(faults.delayAnswer(60_000))
  const controller = new AbortController()
  const late = failure(insert(2, { signal: controller.signal }))
  // The fault is for the insert, which must therefore come first.
  await until(() => proxy.requests.at(-1).fault === 'delayAnswer')
  await until(async () => (await rows()).length === 1)
  controller.abort()
  assert.equal(await late, DOMException.ABORT_ERR)
  proxy.script(faults.delay(1), faults.delayAnswer(1))
  await insert(3)
  await insert(4)
  assert.deepEqual(await rows(), [['2'], ['3'], ['4']])
})

test('Redirects go where they are told', async (t) => {
  const [there, here] = [await startFaulty(t), await startFaulty(t)]
  for (const status of [302, 307, 308]) {
    here.script(faults.redirect(`${there.url}/x`, status), faults.redirect('/y', status))
    for (const location of [`${there.url}/x`, '/y']) {
      const response = await fetch(here.url, { redirect: 'manual' })
      assert.deepEqual([response.status, response.headers.get('location')], [status, location])
    }
  }
  assert.deepEqual(there.requests, [])
})

test('A huge body is whole, and ends with its reader', async (t) => {
  const proxy = await startFaulty(t)
  proxy.script(faults.huge(), faults.huge())
  let size = 0
  for await (const chunk of (await fetch(proxy.url)).body) size += chunk.length
  assert.equal(size, 100 * 1024 * 1024)
  const response = await fetch(proxy.url)
  await response.body.cancel()
  await until(() => proxy.requests[1].error !== undefined)
})

served('Batons and base URLs are replaced, in JSON and Protobuf', async (t) => {
  const proxy = await proxied(t)
  const first = await pipeline(proxy.url, ['BEGIN'])
  assert.equal(typeof first.body.baton, 'string')
  const again = () => pipeline(proxy.url, ['COMMIT'], { baton: first.body.baton })
  proxy.script(faults.wrongBaton)
  assert.equal((await again()).status, 400)
  assert.equal((await again()).status, 200)

  const pipe = async (fault, body = '') => {
    proxy.script(fault)
    const request = { method: 'POST', headers: { 'content-type': PROTOBUF }, body }
    const response = await fetch(`${proxy.url}/v3-protobuf/pipeline`, request)
    return { status: response.status, body: Buffer.from(await response.arrayBuffer()) }
  }
  const good = await pipe(faults.pass)
  const baton = batonOf(good.body, PROTOBUF)
  assert.equal((await pipe(faults.wrongBaton, stringField(1, baton))).status, 400)
  const moved = await pipe(faults.baseUrl('http://elsewhere.example'), stringField(1, baton))
  const named = readFields(moved.body).filter(({ number }) => number === 2)
  assert.deepEqual(named.map(({ value }) => value.toString()), ['http://elsewhere.example'])
  assert.equal(batonOf((await pipe(faults.answerBaton('mine'))).body, PROTOBUF), 'mine')
  assert.equal(batonOf((await pipe(faults.answerBaton(null))).body, PROTOBUF), null)
})

test('An edit of a Protobuf message leaves all other fields as they were', () => {
  const long = stringField(300, 'x'.repeat(70_000))
  const numbers = Buffer.from([0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])
  const message = Buffer.concat([stringField(1, 'old'), numbers, long])
  const edited = edit(message, PROTOBUF, { baton: 'new' })
  assert.deepEqual(edited, Buffer.concat([stringField(1, 'new'), numbers, long]))
  assert.deepEqual(edit(message, PROTOBUF, { baton: null }), Buffer.concat([numbers, long]))
})

served('Certificates are refused for the one thing that is wrong with them', async (t) => {
  const certificates = makeCertificates(tempDir(t))
  const { ca } = certificates
  const code = async (name) => {
    const proxy = await startFaulty(t, { tls: certificates[name] })
    proxy.script(faults.status(200))
    const request = https.get(proxy.url, { ca, agent: false })
    const response = once(request, 'response').finally(() => request.destroy())
    return await response.then(([{ statusCode }]) => statusCode, (error) => error.code)
  }
  assert.equal(await code('good'), 200)
  assert.equal(await code('expired'), 'CERT_HAS_EXPIRED')
  assert.equal(await code('wrongHost'), 'ERR_TLS_CERT_ALTNAME_INVALID')
  assert.equal(await code('selfSigned'), 'DEPTH_ZERO_SELF_SIGNED_CERT')
})

served('A proxy with TLS can ask for a certificate of the client', async (t) => {
  const { ca, client, good } = makeCertificates(tempDir(t))
  const tls = { ...good, ca, requestCert: true, rejectUnauthorized: true }
  const proxy = await startFaulty(t, { tls })
  proxy.always(faults.status(200))
  const status = async (own) => {
    const request = https.get(proxy.url, { ca, agent: false, ...own })
    const [{ statusCode }] = await once(request, 'response').finally(() => request.destroy())
    return statusCode
  }
  assert.equal(await status(client), 200)
  await assert.rejects(status({}))
})
