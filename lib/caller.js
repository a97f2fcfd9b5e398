'use strict'

// Stacks of errors that are made here begin with the line that has called this package: V8 keeps
// ten frames, and those inside would take their place.

// Few calls have more frames of this package than NEAR; to look at all that V8 keeps takes four
// times as long. MORE are expected beside the usual number of others, and MOST at most. In a
// bundle, where nobody can tell which are whose, MORE are kept.
const NEAR = 5
const MORE = 16
const MOST = 64

// The methods that users call, by their file and name: those of one class for each binding.
const methods = new Map()

// Where this package is: undefined until it is known, null if nobody can tell.
let folder

// Shows the frames inside, too.
const isDebugged = /\bferrolite\b/i.test(process.env.NODE_DEBUG ?? '')

// The same, until they are asked for: most programs see no error.
const given = []

/** Says which methods of a file users call; no other function of the file has the name of one. */
function addMethods (file, ...objects) {
  for (const object of objects) given.push([file, Object.getOwnPropertyDescriptors(object)])
}

/** The methods of a file that have a name. */
function methodsOf (file, name) {
  for (const [owner, properties] of given.splice(0)) {
    for (const [own, { value }] of Object.entries(properties)) {
      if (typeof value !== 'function') continue
      const key = `${owner} ${own}`
      const known = methods.get(key)
      if (known === undefined) methods.set(key, [value])
      else known.push(value)
    }
  }
  return methods.get(`${file} ${name}`)
}

/** Gives an error the frames of who has called this package, and as many of them as usual. */
function atCaller (error) {
  const { stackTraceLimit: limit } = Error
  if (typeof limit !== 'number' || limit < 1) return error
  folder ??= folderOf(sitesBelow(undefined, 1)[0])
  if (folder === null) return capture(error, limit + MORE, atCaller)
  if (keepNear(error, limit)) return error
  const sites = sitesBelow(undefined, limit + MORE)
  return keep(error, sites, limit, sites.length < limit + MORE) ??
    keep(error, sitesBelow(undefined, MOST), limit, true) ?? error
}

/** Keeps what is below the package's own frames, if those are few; true if they are. */
function keepNear (error, limit) {
  if (isDebugged) return false
  const sites = sitesBelow(atCaller, NEAR)
  const end = sites.findIndex(site => ownerOf(site) === 'user')
  const own = sites.slice(0, Math.max(end, 0)).findLast(site => ownerOf(site) === 'package')
  const method = own && methodOf(own)
  if (method === undefined) return false
  capture(error, limit, method)
  return true
}

/** Keeps what is below the package's own frames; null if more of them are needed, and not all. */
function keep (error, sites, limit, isAll) {
  let inner = 0
  let end = 0
  // Counted upwards: the limit may be Infinity, as in mocha.
  let kept = 0
  for (; end < sites.length && kept < limit; ++end) {
    const owner = ownerOf(sites[end])
    if (owner === 'user') kept++
    else if (owner === 'package' && kept === 0) inner = end
  }
  if (kept === 0 || (kept < limit && !isAll)) return null
  const method = isDebugged ? undefined : methodOf(sites[inner])
  return method === undefined
    ? capture(error, end, atCaller)
    : capture(error, end - inner - 1, method)
}

/** The method that the frame of a call is of. */
function methodOf (site) {
  const file = site.getFileName().slice(folder.length).replaceAll('\\', '/')
  const all = methodsOf(file, site.getFunctionName())
  return all?.length > 1 ? all.find(method => sitesBelow(method, 1).length > 0) : all?.[0]
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
const RUNTIME = /^(node:|wasm:|internal\/|ext:|bun:|native$|\[native)/

/** Whose code a frame is of: the package's, the runtime's, or the user's. */
function ownerOf (site) {
  const isEval = site.isEval?.()
  const file = isEval ? site.getEvalOrigin() : site.getFileName()
  if (typeof file !== 'string' || file === '') return isEval ? 'user' : 'runtime'
  if (isEval ? file.includes(folder) : file.startsWith(folder)) return 'package'
  return !isEval && RUNTIME.test(file) ? 'runtime' : 'user'
}

module.exports = { addMethods, atCaller }
