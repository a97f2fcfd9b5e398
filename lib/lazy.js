'use strict'

/**
 * Modules that most programs do not need, or not at once: each is loaded at its first use, which
 * makes require() fast. Later uses cost no more than those of any property.
 * @template {Record<string, () => any>} T
 * @param {T} loaders
 * @returns {{ [K in keyof T]: ReturnType<T[K]> }}
 */
function lazy (loaders) {
  const modules = /** @type {any} */ ({})
  for (const name of Object.keys(loaders)) {
    const get = () => {
      const value = loaders[name]()
      Object.defineProperty(modules, name, { value, enumerable: true })
      return value
    }
    Object.defineProperty(modules, name, { get, enumerable: true, configurable: true })
  }
  return modules
}

module.exports = { lazy }
