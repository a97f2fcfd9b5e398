'use strict'

// Tokens as libSQL server takes them: JWTs signed with Ed25519.

const crypto = require('node:crypto')

/** `publicKey` is for startSqld(): the 32 bytes of the key as base64url. `pem` works there too. */
function makeJwtKey () {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519')
  return {
    privateKey,
    publicKey: publicKey.export({ format: 'jwk' }).x,
    pem: publicKey.export({ format: 'pem', type: 'spki' })
  }
}

/**
 * A token. `expiresIn` counts in seconds from now and may be negative; without it, the token never
 * expires. Claims that sqld knows: `a` is 'rw' or 'ro', `id` is the one namespace it is good for.
 */
function makeJwt ({ privateKey }, { expiresIn, ...claims } = {}) {
  const now = Math.floor(Date.now() / 1000)
  if (expiresIn !== undefined) claims.exp = now + expiresIn
  const parts = [{ alg: 'EdDSA', typ: 'JWT' }, { iat: now, ...claims }]
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const text = parts.map(encode).join('.')
  return `${text}.${crypto.sign(null, Buffer.from(text), privateKey).toString('base64url')}`
}

module.exports = { makeJwt, makeJwtKey }
