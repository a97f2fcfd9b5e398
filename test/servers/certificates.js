'use strict'

// Certificates made by openssl: one authority, and servers that are good and bad in one way each.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const CONFIG = `
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[here]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
[elsewhere]
basicConstraints = CA:FALSE
subjectAltName = DNS:elsewhere.example
[ca]
default_ca = issue
[issue]
database = index.txt
new_certs_dir = .
serial = serial.txt
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`
const PAST = ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z']

/**
 * In `dir`: `ca` (PEM text), and of each of `good`, `expired`, `wrongHost` and `selfSigned` the
 * `{ cert, key }` for a server on localhost and 127.0.0.1. `client` is for mutual TLS.
 */
function makeCertificates (dir) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  // With one name for all, each of them would look signed by itself.
  const request = (name) => {
    return ['req', '-config', 'openssl.cnf', '-subj', `/CN=ferrolite ${name}`, ...newKey]
  }

  function signBySelf (name, extensions) {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`]
    openssl(...request(name), '-x509', '-days', '2', '-extensions', extensions, ...files)
    return { cert: read(`${name}.pem`), key: read(`${name}.key`) }
  }

  function signByAuthority (name, extensions, dates = ['-days', '2']) {
    openssl(...request(name), '-keyout', `${name}.key`, '-out', `${name}.csr`)
    const authority = ['-cert', 'ca.pem', '-keyfile', 'ca.key', '-extensions', extensions]
    const files = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-notext', '-batch']
    openssl('ca', '-config', 'openssl.cnf', ...authority, ...dates, ...files)
    return { cert: read(`${name}.pem`), key: read(`${name}.key`) }
  }

  fs.writeFileSync(path.join(dir, 'openssl.cnf'), CONFIG)
  fs.writeFileSync(path.join(dir, 'index.txt'), '')
  fs.writeFileSync(path.join(dir, 'serial.txt'), '1000\n')
  return {
    ca: signBySelf('ca', 'authority').cert,
    good: signByAuthority('good', 'here'),
    expired: signByAuthority('expired', 'here', PAST),
    wrongHost: signByAuthority('wrong-host', 'elsewhere'),
    selfSigned: signBySelf('self-signed', 'here'),
    client: signByAuthority('client', 'here')
  }
}

module.exports = { makeCertificates }
