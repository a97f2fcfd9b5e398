'use strict'

// One shell: its database, its settings, and what runs a statement or a command of it.

const { describe, CliError } = require('./errors')
const { runDot } = require('./dot')
const { Output } = require('./output/output')
const { WRAP } = require('./output/columnar')
const { MODES, openMode } = require('./output/modes')
const { planTree } = require('./output/plan')
const { Progress } = require('./output/progress')
const { Splitter } = require('./sql/splitter')
const { parameters } = require('./sql/parameters')
const { openTarget, shortName } = require('./target')

const PLAN = /^\s*explain\s+query\s+plan\b/i
const PROGRAM = /^\s*explain\s+(?!query\b)/i
const WRITABLE_SCHEMA = /^\s*pragma\s+writable_schema\s*(?:=|\()\s*['"]?(\w+)/i
const DDL = /^\s*(create|drop|alter|attach|detach|rollback|pragma)\b/i

class Session {
  #target = null
  #abort = null
  #isExecuting = false
  errors = 0
  exitCode = null
  depth = 0
  parameters = new Map()
  once = false

  constructor ({ stdout, stderr, isInteractive = false, settings = {} }) {
    this.stderr = stderr
    this.isInteractive = isInteractive
    this.output = new Output(stdout)
    this.progress = new Progress(stderr)
    this.settings = {
      mode: 'list',
      headers: false,
      nullText: '',
      separator: '|',
      rowSeparator: '\n',
      widths: [],
      wrapAt: WRAP,
      byWord: false,
      bail: false,
      changes: false,
      echo: false,
      eqp: 'off',
      explain: 'auto',
      timer: false,
      prompts: ['ferrolite> ', '      ...> '],
      ...settings
    }
  }

  get db () {
    if (this.#target === null) throw new CliError('no database is open: .open FILE')
    return this.#target.db
  }

  get target () { return this.#target }
  get name () { return this.#target === null ? '' : shortName(this.#target.name) }
  get signal () { return this.#abort?.signal }
  /** Runs a function while another program has the terminal. */
  withTerminal = (run) => run()
  /** Called when the schema may have changed. */
  onSchema = () => {}

  /** Opens another database, then closes the one that is open. */
  async open (name, options) {
    await this.#use(await openTarget(name, options))
  }

  /** Opens a database in memory from the bytes of one. */
  async openBytes (bytes) {
    await this.#use(await openTarget(bytes))
  }

  async #use (target) {
    await this.close()
    this.#target = target
    // Servers and replicas have no such event.
    if (['file', 'memory', 'store'].includes(target.kind)) {
      target.db.on('build', ({ table, done, total }) => this.progress.show(`Building ${table}`, done, total))
    }
    this.onSchema()
  }

  async close () {
    const target = this.#target
    this.#target = null
    await target?.close()
  }

  /** Stops what runs; returns whether something did. */
  interrupt () {
    if (this.#abort === null || this.#abort.signal.aborted) return false
    this.#abort.abort()
    return true
  }

  /** Runs a function that interrupt() can stop; returns whether it succeeded. */
  async guard (context, run) {
    const isOuter = this.#abort === null
    this.#abort ??= new AbortController()
    try {
      await run()
      return true
    } catch (error) {
      this.progress.end()
      await this.output.flush().catch(() => {})
      this.fail(error, context)
      return false
    } finally {
      this.progress.end()
      if (isOuter) this.#abort = null
    }
  }

  fail (error, context) {
    this.errors++
    this.lastError = error
    this.stderr.write(describe(error, context))
  }

  /** Runs one line that begins with a point. */
  async dot (text, line = null) {
    if (this.settings.echo) this.output.write(`${text}\n`)
    const isRedirect = /^\s*\.(once|output|o|excel)/.test(text)
    const done = await this.guard({}, async () => {
      await runDot(this, text)
      await this.output.flush()
    })
    if (!isRedirect) await this.#endOnce()
    return done
  }

  /** Runs one statement. */
  async execute (sql, line = null) {
    if (this.settings.echo) this.output.write(`${sql}\n`)
    const context = { sql, line, phase: 'prepare' }
    const done = await this.guard(context, () => this.#statement(sql, context))
    await this.#endOnce()
    if (DDL.test(sql)) this.onSchema()
    return done
  }

  async #endOnce () {
    if (!this.once) return
    this.once = false
    await this.guard({}, () => this.output.redirect(null))
  }

  async #statement (sql, context) {
    const began = performance.now()
    const cpu = process.cpuUsage()
    await this.#allowSchema(sql)
    if (this.settings.eqp !== 'off' && !/^\s*explain\b/i.test(sql)) await this.#plan(sql)
    const statement = await this.db.prepare(sql, { signal: this.signal })
    context.phase = 'step'
    const values = parameters(sql, this.parameters)
    let changes = null
    if (statement.reader) await this.#rows(sql, statement, values)
    else changes = (await statement.run(...values, { signal: this.signal })).changes
    if (this.settings.changes && changes !== null) this.output.write(`changes: ${changes}\n`)
    await this.output.flush()
    if (this.settings.timer) this.output.note(runTime(began, cpu))
  }

  // A dump of virtual tables writes into the schema, which SQLite refuses in its defensive mode.
  async #allowSchema (sql) {
    const [, value] = WRITABLE_SCHEMA.exec(sql) ?? []
    if (value === undefined || this.#target?.kind === 'server') return
    await this.db.unsafeMode(/^(on|1|yes|true)$/i.test(value))
  }

  async #plan (sql) {
    const rows = await (await this.db.prepare(`EXPLAIN QUERY PLAN ${sql}`)).raw().all({ signal: this.signal })
    if (rows.length > 0) this.output.write(planTree(rows))
  }

  async #rows (sql, statement, values) {
    const { output } = this
    const isPlan = PLAN.test(sql) && this.settings.explain !== 'off'
    const options = { signal: this.signal }
    if (isPlan) return output.write(planTree(await statement.raw().all(...values, options)))
    const isProgram = PROGRAM.test(sql) && this.settings.explain !== 'off'
    const program = { mode: 'column', headers: true, widths: [] }
    const settings = this.#modeSettings(isProgram ? program : {})
    const columns = statement.columns().map(({ name }) => name)
    const mode = openMode(settings, columns, output.write)
    const drain = () => this.#drain()
    for await (const row of statement.raw().iterate(...values, options)) {
      await mode.row(row)?.(drain)
      if (output.isFull) await drain()
      if (output.isGone) return
    }
    await mode.end(drain)
  }

  async #drain () {
    if (!this.output.isFull) return
    await this.output.flush()
    // A terminal takes all at once, and Ctrl-C must be heard.
    await new Promise((resolve) => setImmediate(resolve))
    this.signal?.throwIfAborted()
  }

  #modeSettings (changed = {}) {
    const { stdout } = process
    return {
      ...this.settings,
      escape: this.output.isTerminal,
      columns: () => (this.output.isTerminal && stdout.columns) || Infinity,
      ...changed
    }
  }

  /** Writes rows that a command has made, in the mode that is set. */
  async table (columns, rows, changed) {
    const mode = openMode(this.#modeSettings(changed), columns, this.output.write)
    for (const row of rows) mode.row(row)
    await mode.end(async () => {})
  }

  /** Sets the mode, and what belongs to it. */
  setMode (name, { keepHeaders = false } = {}) {
    const { separator, rowSeparator, headers } = MODES[name]
    const { settings } = this
    settings.mode = name
    if (separator !== undefined) settings.separator = separator
    if (rowSeparator !== undefined) settings.rowSeparator = rowSeparator
    if (headers && !keepHeaders && !settings.areHeadersSet) settings.headers = true
  }

  /** Whether the script ends here: after an error with .bail, or by .quit. */
  get isOver () {
    return this.exitCode !== null || this.output.isClosed || (this.settings.bail && this.errors > 0)
  }

  /** Runs lines of SQL and commands, from an iterable or async iterable of lines. */
  async script (lines) {
    const splitter = new Splitter()
    let number = 0
    for await (const line of lines) {
      number++
      if (this.isOver) return
      if (splitter.isEmpty && splitter.open === null && /^\s*[.#]/.test(line)) {
        if (/^\s*\./.test(line)) await this.dot(line.trim(), number)
        splitter.push('\n')
        continue
      }
      for (const { sql, line: at } of splitter.push(`${line}\n`)) {
        if (this.isOver) return
        await this.execute(sql, at)
      }
    }
    const rest = splitter.end()
    if (rest !== null && !this.isOver) await this.execute(rest.sql, rest.line)
  }
}

function runTime (began, cpu) {
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (number, digits) => number.toFixed(digits)
  return `Run Time: real ${seconds((performance.now() - began) / 1000, 3)} user ${seconds(user / 1e6, 6)} sys ${seconds(system / 1e6, 6)}\n`
}

module.exports = { Session }
