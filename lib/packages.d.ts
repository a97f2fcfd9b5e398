// What `packages.js` gives: the packages that it names are there on their own platforms only.

export const version: string
export const names: string[]
/** The addon of a platform's package, or the error of requiring it. */
export function requirePackage (name: string): { addon?: import('./engine').Engine, error?: Error }
