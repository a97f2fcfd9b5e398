'use strict'

// A registry of npm packages on this machine, with what a test puts into it.

const crypto = require('node:crypto')
const fs = require('node:fs')
const http = require('node:http')

/**
 * Serves packages, a list of `{ manifest, tarball }`, and sends who asks for another one to the
 * registry `others`, if it is given; returns its URL and what closes it.
 */
async function startRegistry (packages, others) {
  const server = http.createServer((request, response) => {
    const name = decodeURIComponent(request.url.slice(1))
    const isAsked = ({ manifest }) => [manifest.name, fileOf(manifest)].includes(name)
    const found = packages.filter(isAsked)
    if (found.length === 0) return goOn(request, response, others)
    if (name === fileOf(found[0].manifest)) return response.end(fs.readFileSync(found[0].tarball))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(packument(found, `http://${request.headers.host}`)))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${server.address().port}/`, close }
}

function goOn ({ url }, response, others) {
  if (others === undefined) return response.writeHead(404).end('{}')
  response.writeHead(302, { location: new URL(url.slice(1), others).href }).end()
}

function fileOf ({ name, version }) {
  return `${name}-${version}.tgz`
}

/** Of all versions of a package, the newest first. */
function packument (found, host) {
  const [{ manifest: { name, version: latest } }] = found
  // Old enough for package managers that wait some days before they take a version.
  const time = { created: '2024-01-01T00:00:00.000Z' }
  const versions = {}
  for (const { manifest, tarball } of found) {
    const hash = crypto.createHash('sha512').update(fs.readFileSync(tarball)).digest('base64')
    const dist = { tarball: `${host}/${fileOf(manifest)}`, integrity: `sha512-${hash}` }
    versions[manifest.version] = { ...manifest, dist }
    time[manifest.version] = '2024-01-01T00:00:00.000Z'
  }
  return { name, 'dist-tags': { latest }, versions, time }
}

module.exports = { startRegistry }
