'use strict'

// Writes packages/<target>/{package.json,README.md} from the table in targets.js and package.json.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT, say } = require('./run')
const { TARGETS } = require('./targets')

/** The committed files of one platform package, by name. */
function packageFiles (target) {
  const { name, version, license, author, homepage, repository, bugs, engines } =
    JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const { os, cpu, libc, words } = TARGETS[target]
  const manifest = {
    name: `@${name}/${target}`,
    version,
    description: `The native binary of ${name} for ${words}`,
    license,
    author,
    homepage,
    repository: { ...repository, directory: `packages/${target}` },
    bugs,
    main: 'ferrolite.node',
    files: ['ferrolite.node', 'LICENSE'],
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    engines,
    publishConfig: { access: 'public', provenance: true }
  }
  const readme = `# ${manifest.name}

The native binary of [${name}](${homepage}) for ${words}.

npm installs it together with \`${name}\`; there is no need to name it. If it is missing, as after
\`npm install --omit=optional\`, add it with \`npm install ${manifest.name}\`.
`
  return { 'package.json': `${JSON.stringify(manifest, null, 2)}\n`, 'README.md': readme }
}

function main () {
  for (const target of Object.keys(TARGETS)) {
    const folder = path.join(ROOT, 'packages', target)
    fs.mkdirSync(folder, { recursive: true })
    for (const [name, text] of Object.entries(packageFiles(target))) {
      fs.writeFileSync(path.join(folder, name), text)
    }
    say(`packages/${target}`)
  }
}

if (require.main === module) main()

module.exports = { packageFiles }
