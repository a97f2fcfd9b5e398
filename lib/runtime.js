'use strict'

/** Refuses a runtime that cannot carry the binary, before anything native is loaded. */
function requireSupportedRuntime () {
  const { node, napi } = process.versions
  if (parseInt(node, 10) >= 20 && Number(napi) >= 8) return
  throw new Error('Ferrolite needs Node.js 20 or newer with Node-API 8 or newer; ' +
    `this is Node.js ${node} with Node-API ${napi ?? 'missing'}`)
}

module.exports = { requireSupportedRuntime }
