'use strict'

const Database = require('better-sqlite3')
const { FILE, refused, report } = require('./report')

let auth
const options = { secret: 'a secret of thirty-two characters', baseURL: 'http://localhost', database: new Database(FILE), emailAndPassword: { enabled: true } }
const ada = { email: 'ada@example.com', password: 'correct horse', name: 'Ada' }
const named = ({ user: { email, name } }) => ({ email, name })
let token

report({
  async create () {
    const { betterAuth } = await import('better-auth')
    const { getMigrations } = await import('better-auth/db/migration').catch(() => import('better-auth/db'))
    const { runMigrations, toBeCreated } = await getMigrations(options)
    await runMigrations()
    auth = betterAuth(options)
    return toBeCreated.map(({ table }) => table)
  },
  async insert () {
    const signed = await auth.api.signUpEmail({ body: ada })
    token = signed.token
    return named(signed)
  },
  constraint: () => refused(() => auth.api.signUpEmail({ body: ada })),
  async read () {
    const reply = await auth.api.signInEmail({ body: ada, asResponse: true })
    const cookie = reply.headers.get('set-cookie').split(';')[0]
    const session = await auth.api.getSession({ headers: new Headers({ cookie }) })
    return [named(session), typeof token]
  },
  async delete () {
    const { internalAdapter } = await auth.$context
    const { user } = await internalAdapter.findUserByEmail(ada.email)
    await internalAdapter.deleteUser(user.id)
    return await internalAdapter.findUserByEmail(ada.email)
  }
})
