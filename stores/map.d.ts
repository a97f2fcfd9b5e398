import type { StoreMethods } from '..'

/** Keys as text, each with its value. */
type Values = Map<string, Uint8Array>

/**
 * A store in memory, for tests. Databases in it last as long as `map`.
 *
 * @param map default: a new Map.
 * @throws {TypeError} if it is not a Map.
 */
export declare function mapStore (map?: Values): Required<StoreMethods> & { readonly map: Values }
