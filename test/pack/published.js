'use strict'

// A registry that has the packed packages, as if they were published.

const fs = require('node:fs')
const path = require('node:path')
const { pack, packStandIn } = require('../../scripts/pack')
const { STAND_INS } = require('../../scripts/stand-ins')
const { TARGETS } = require('../../scripts/targets')
const { packed } = require('./project')
const { startRegistry } = require('./registry')

const ROOT = path.join(__dirname, '..', '..')

/**
 * Packs into a folder and starts the registry. `folders` are other packages that it has; who asks
 * for one that it has not got is sent to the registry `others`.
 */
async function startPublished (home, folders, others) {
  const [main, platform] = pack(undefined, path.join(home, 'packed'))
  const platforms = Object.keys(TARGETS).map((name) => path.join(ROOT, 'packages', name))
  const drivers = Object.keys(STAND_INS).flatMap((name) => packStandIn(name, path.join(home, 'packed')))
  return await startRegistry([
    ...drivers.map(({ stage, path: tarball }) => ({ manifest: manifest(stage), tarball })),
    { manifest: manifest(path.join(home, 'packed', 'stage', 'ferrolite')), tarball: main.path },
    // Of the others only what they say of themselves is read.
    ...platforms.map((folder) => ({ manifest: manifest(folder), tarball: platform.path })),
    ...folders.map((folder) => ({ manifest: manifest(folder), tarball: packed(home, folder) }))
  ], others)
}

function manifest (folder) {
  const { devDependencies, scripts, ...rest } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
  return rest
}

module.exports = { startPublished }
