'use strict'

// Stacks of errors that are made here begin with the line that has called this package: V8 keeps
// ten frames, and those inside would take their place.

// How many frames of its own to expect, beside the usual number of others, and how many at most. In
// a bundle, where nobody can tell which are whose, as many more are kept.
const MORE = 16
const MOST = 64

// What has the methods that users call, by their names.
const owners = []

// Shows the frames inside, too.
const isDebugged = /\bferrolite\b/i.test(process.env.NODE_DEBUG ?? '')

/** Says where the methods are that users call. */
function addMethods (...objects) {
  owners.push(...objects)
}

/** Gives an error the frames of who has called this package, and as many of them as usual. */
function atCaller (error) {
  const { stackTraceLimit: limit } = Error
  if (typeof limit !== 'number' || limit < 1) return error
  const sites = sitesBelow(undefined, limit + MORE)
  const folder = folderOf(sites[0])
  if (folder === null) return capture(error, limit + MORE, atCaller)
  return keep(error, sites, folder, limit, sites.length < limit + MORE) ??
    keep(error, sitesBelow(undefined, MOST), folder, limit, true) ?? error
}

/** Keeps what is below the package's own frames; null if more of them are needed, and not all. */
function keep (error, sites, folder, limit, isAll) {
  let inner = 0
  let end = 0
  let left = limit
  for (; end < sites.length && left > 0; ++end) {
    const owner = ownerOf(sites[end], folder)
    if (owner === 'user') left--
    else if (owner === 'package' && left === limit) inner = end
  }
  if (left === limit || (left > 0 && !isAll)) return null
  const method = isDebugged ? undefined : methodOf(sites[inner].getFunctionName(), folder)
  return method === undefined
    ? capture(error, end, atCaller)
    : capture(error, end - inner - 1, method)
}

/** The method of that name that was called from outside last. */
function methodOf (name, folder) {
  if (name === null) return undefined
  for (const owner of owners) {
    const method = Object.getOwnPropertyDescriptor(owner, name)?.value
    if (typeof method !== 'function') continue
    const [site] = sitesBelow(method, 1)
    if (site !== undefined && ownerOf(site, folder) !== 'package') return method
  }
}

/** The frames below the last call of a function, or those of this one and below. */
function sitesBelow (fn, limit) {
  const { prepareStackTrace } = Error
  const holder = { stack: undefined }
  try {
    Error.prepareStackTrace = (_, sites) => sites
    capture(holder, limit, fn)
    const { stack } = holder
    return Array.isArray(stack) ? stack : []
  } catch {
    return []
  } finally {
    try { Error.prepareStackTrace = prepareStackTrace } catch {}
  }
}

function capture (error, limit, fn) {
  const { stackTraceLimit } = Error
  try {
    Error.stackTraceLimit = limit
    Error.captureStackTrace(error, fn)
  } catch {
    // Not every program lets its Error be changed: the stack stays as it is.
  } finally {
    try { Error.stackTraceLimit = stackTraceLimit } catch {}
  }
  return error
}

/** Where this package is, or null if its files have become one with others. */
function folderOf (site) {
  const file = site?.getFileName() ?? ''
  const [end] = /[/\\]lib[/\\]caller\.js$/.exec(file) ?? []
  return end === undefined ? null : file.slice(0, -'caller.js'.length)
}

// What is in no file, or in one of the runtime.
const RUNTIME = /^(node:|internal\/|ext:|bun:|native$|\[native)/

/** Whose code a frame is of: the package's, the runtime's, or the user's. */
function ownerOf (site, folder) {
  const isEval = site.isEval?.()
  const file = isEval ? site.getEvalOrigin() : site.getFileName()
  if (typeof file !== 'string' || file === '') return isEval ? 'user' : 'runtime'
  if (isEval ? file.includes(folder) : file.startsWith(folder)) return 'package'
  return !isEval && RUNTIME.test(file) ? 'runtime' : 'user'
}

module.exports = { addMethods, atCaller }
